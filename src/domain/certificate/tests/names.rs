//! Subjects and issuers as people read them.

use rcgen::{DistinguishedName, DnType, DnValue};

use super::*;

/// The subject of a certificate with these attributes, as it is shown.
fn shown(attributes: &[(&[u64], &str)]) -> String {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    for (identifier, value) in attributes {
        params.distinguished_name.push(
            DnType::CustomDnType(identifier.to_vec()),
            DnValue::Utf8String((*value).to_owned()),
        );
    }
    let made = params.self_signed(&rsa()).unwrap();
    taken(made.der()).unwrap().subject
}

/// Each value is what the standard that defines the attribute calls it (X.520, RFC 4519, RFC 2985, the EV guidelines).
#[test]
fn the_attributes_that_people_know_have_their_usual_short_names() {
    const X520: [u64; 3] = [2, 5, 4];
    const PILOT: [u64; 6] = [0, 9, 2342, 19_200_300, 100, 1];
    const PKCS9: [u64; 6] = [1, 2, 840, 113_549, 1, 9];
    const JURISDICTION: [u64; 10] = [1, 3, 6, 1, 4, 1, 311, 60, 2, 1];
    let attributes: [(&[u64], u64, &str, &str); 28] = [
        (&X520, 3, "CN", "commonName"),
        (&X520, 4, "SN", "surname"),
        (&X520, 5, "serialNumber", "serialNumber"),
        (&X520, 6, "C", "countryName"),
        (&X520, 7, "L", "localityName"),
        (&X520, 8, "ST", "stateOrProvinceName"),
        (&X520, 9, "street", "streetAddress"),
        (&X520, 10, "O", "organizationName"),
        (&X520, 11, "OU", "organizationalUnitName"),
        (&X520, 12, "title", "title"),
        (&X520, 13, "description", "description"),
        (&X520, 15, "businessCategory", "businessCategory"),
        (&X520, 17, "postalCode", "postalCode"),
        (&X520, 41, "name", "name"),
        (&X520, 42, "givenName", "givenName"),
        (&X520, 43, "initials", "initials"),
        (&X520, 44, "generationQualifier", "generationQualifier"),
        (&X520, 46, "dnQualifier", "dnQualifier"),
        (&X520, 65, "pseudonym", "pseudonym"),
        (
            &X520,
            97,
            "organizationIdentifier",
            "organizationIdentifier",
        ),
        (&PILOT, 1, "UID", "userId"),
        (&PILOT, 25, "DC", "domainComponent"),
        (&PKCS9, 1, "emailAddress", "emailAddress"),
        (&PKCS9, 2, "unstructuredName", "unstructuredName"),
        (&PKCS9, 8, "unstructuredAddress", "unstructuredAddress"),
        (&JURISDICTION, 1, "jurisdictionL", "jurisdictionLocality"),
        (&JURISDICTION, 2, "jurisdictionST", "jurisdictionState"),
        (&JURISDICTION, 3, "jurisdictionC", "jurisdictionCountry"),
    ];
    let identifiers = attributes.map(|(arc, last, _, _)| [arc, &[last]].concat());
    let named: Vec<(&[u64], &str)> = identifiers
        .iter()
        .zip(attributes)
        .map(|(identifier, (_, _, _, value))| (identifier.as_slice(), value))
        .collect();
    let wanted = attributes.map(|(_, _, short, value)| format!("{short}={value}"));
    assert_eq!(shown(&named), wanted.join(", "));
}

/// A blank that a reader would not see at the end of a value, and a `#` that would make it hexadecimal.
#[test]
fn only_the_outer_blanks_and_a_leading_hash_of_a_value_are_escaped() {
    for (value, escaped) in [
        ("a b", "a b"),
        (" a b ", "\\ a b\\ "),
        ("  a", "\\  a"),
        (" ", "\\ "),
        ("#a#", "\\#a#"),
        (" é", "\\ é"),
        ("é ", "é\\ "),
    ] {
        assert_eq!(shown(&[(&[2, 5, 4, 3], value)]), format!("CN={escaped}"));
    }
}
