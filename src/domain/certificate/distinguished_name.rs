//! Subjects and issuers as text: names for the attributes people know, values as they are, whatever their encoding.

use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// `CN=HOST_A, O=Corp`: in the order of the encoding, as RFC 4514 escapes.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let one = |rdn: &x509_parser::x509::RelativeDistinguishedName<'_>| {
        let attributes: Vec<String> = rdn.iter().map(attribute).collect();
        attributes.join(" + ")
    };
    let all: Vec<String> = name.iter_rdn().map(one).collect();
    all.join(", ")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    let value = match characters(attribute) {
        Some(value) => escaped(&value),
        None => format!("#{}", hex::encode(attribute.as_slice())),
    };
    format!("{}={value}", short_name(&oid).unwrap_or(&oid))
}

/// As SQL Server and Windows abbreviate them; others keep their dotted identifier.
fn short_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.13" => "description",
        "2.5.4.15" => "businessCategory",
        "2.5.4.17" => "postalCode",
        "2.5.4.41" => "name",
        "2.5.4.42" => "givenName",
        "2.5.4.43" => "initials",
        "2.5.4.44" => "generationQualifier",
        "2.5.4.46" => "dnQualifier",
        "2.5.4.65" => "pseudonym",
        "2.5.4.97" => "organizationIdentifier",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        "1.2.840.113549.1.9.2" => "unstructuredName",
        "1.2.840.113549.1.9.8" => "unstructuredAddress",
        "1.3.6.1.4.1.311.60.2.1.1" => "jurisdictionL",
        "1.3.6.1.4.1.311.60.2.1.2" => "jurisdictionST",
        "1.3.6.1.4.1.311.60.2.1.3" => "jurisdictionC",
        _ => return None,
    })
}

/// The value's characters; `None` where it is no text at all.
fn characters(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let bytes = attribute.as_slice();
    match attribute.attr_value().tag() {
        Tag::BmpString => {
            let units = bytes
                .chunks_exact(2)
                .map(|b| u16::from_be_bytes([b[0], b[1]]));
            let decoded = char::decode_utf16(units);
            Some(
                decoded
                    .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect(),
            )
        }
        Tag::UniversalString => bytes
            .chunks_exact(4)
            .map(|b| char::from_u32(u32::from_be_bytes([b[0], b[1], b[2], b[3]])))
            .collect(),
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::NumericString
        | Tag::Ia5String
        | Tag::VisibleString
        | Tag::GeneralString
        | Tag::GraphicString
        | Tag::VideotexString
        | Tag::T61String => Some(match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            // Windows and old tools write Latin-1 into these.
            Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        }),
        _ => None,
    }
}

/// What would read as the next attribute is escaped; nothing else is.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for (at, c) in value.char_indices() {
        let outer_blank = c == ' ' && (at == 0 || at + 1 == value.len());
        let leading_hash = c == '#' && at == 0;
        if outer_blank || leading_hash || matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
