//! What bytes are that are no certificate: called by their name, and where they are one that was hurt, by what was done to it.

use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::der::{self, BIT_STRING, CONTEXT_0, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use super::{RefusedCertificate, dates};

/// 1.2.840.113549.1.7, in DER: everything that PKCS#7 defines.
const PKCS7: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];

/// How files begin that are no ASN.1.
const MAGIC: &[(&[u8], RefusedCertificate)] = &[
    (&[0x1e, 0xf1, 0xb5, 0xb0], RefusedCertificate::Pvk),
    (&[0x07, 0x02, 0, 0], RefusedCertificate::PrivateKey),
    (b"openssh-key-v1\0", RefusedCertificate::PrivateKey),
    (&[0xfe, 0xed, 0xfe, 0xed], RefusedCertificate::KeyStore),
    (&[0xce, 0xce, 0xce, 0xce], RefusedCertificate::KeyStore),
    (b"PK\x03\x04", other("a ZIP archive")),
    (&[0x1f, 0x8b], other("a gzip archive")),
    (b"%PDF", other("a PDF document")),
    (
        b"\0\0\0\0CERT",
        other("a serialized certificate store (.sst)"),
    ),
    (b"\x89PNG", other("a picture")),
];

/// What UTF-8 puts in the place of what is no text.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

const fn other(what: &'static str) -> RefusedCertificate {
    RefusedCertificate::SomethingElse { what }
}

/// Bytes that cannot be read as a certificate.
pub(super) fn named(bytes: &[u8]) -> RefusedCertificate {
    if let Some((_, what)) = MAGIC.iter().find(|(start, _)| bytes.starts_with(start)) {
        return what.clone();
    }
    if count(bytes, REPLACEMENT) > 3 {
        return damaged(
            "it was read as text on the way, and bytes that are no text are lost. Send the file as it is",
        );
    }
    let head = der::head(bytes).filter(|head| head.tag == SEQUENCE);
    let Some(head) = head else {
        return without_beginning(bytes);
    };
    if let Some(secret) = secret(bytes, head) {
        return secret;
    }
    let Some(announced) = head.whole() else {
        return RefusedCertificate::Ber;
    };
    if has_new_line_ends(bytes, announced) {
        return damaged(
            "every line feed in it was made CR LF on the way. Transfer it as binary, not as text",
        );
    }
    match der::element(bytes) {
        Some((whole, [])) => sequence(&whole),
        // What is to be signed stands first in a certificate whose own head is gone.
        Some(_) => without_beginning(bytes),
        None if looks_begun(bytes, head) => RefusedCertificate::CutAtEnd {
            announced,
            found: bytes.len(),
        },
        None => without_beginning(bytes),
    }
}

/// What stands behind a certificate.
pub(super) fn behind(rest: &[u8]) -> RefusedCertificate {
    if X509Certificate::from_der(rest).is_ok() {
        return RefusedCertificate::Several { found: 2 };
    }
    match named(rest) {
        secret @ (RefusedCertificate::PrivateKey
        | RefusedCertificate::Pvk
        | RefusedCertificate::Pkcs12
        | RefusedCertificate::KeyStore) => secret,
        _ => RefusedCertificate::TrailingBytes { bytes: rest.len() },
    }
}

/// Text that is no encoding of anything.
pub(super) fn named_text(text: &str) -> RefusedCertificate {
    let start: String = text.chars().take(512).collect::<String>().to_lowercase();
    let is_one_line = text.lines().count() == 1;
    let is_file = [".cer", ".crt", ".pem", ".der", ".pfx", ".p7b", ".txt"]
        .iter()
        .any(|extension| start.ends_with(extension));
    match text.chars().next() {
        Some('<') if start.contains("<!doctype html") || start.contains("<html") => {
            RefusedCertificate::Html
        }
        Some('<') if start.contains("<head") || start.contains("<body") => RefusedCertificate::Html,
        Some('<') => other("XML"),
        Some('{' | '[') => other("JSON (send it with Content-Type: application/json)"),
        _ if start.starts_with("ssh-") => RefusedCertificate::PublicKey,
        _ if start == "null" => other(
            "NULL (CERTENCODED gives it for a certificate that is not in the current database or not to be seen)",
        ),
        _ if is_one_line && is_file && start.len() < 300 => {
            other("the name of a file and not its content (with curl: --data-binary @FILE)")
        }
        _ => RefusedCertificate::NotACertificate,
    }
}

/// Keys and containers of keys, by how they begin, so that one that is cut is named as well.
fn secret(bytes: &[u8], head: der::Head) -> Option<RefusedCertificate> {
    let members = der::beginnings(bytes.get(head.header..)?);
    let first_is_version = |versions: &[u8]| {
        members.first().is_some_and(|(tag, data)| {
            *tag == INTEGER && data.len() == 1 && versions.contains(&data[0])
        })
    };
    let first = members.first().map(|(tag, _)| *tag);
    let second = members.get(1).map(|(tag, _)| *tag);
    // An encrypted key: an algorithm and an octet string, nothing else.
    let is_encrypted_key =
        first == Some(SEQUENCE) && second == Some(OCTET_STRING) && members.len() == 2;
    if first_is_version(&[3]) && second == Some(SEQUENCE) {
        Some(RefusedCertificate::Pkcs12)
    } else if is_encrypted_key
        || (first_is_version(&[0, 1]) && matches!(second, Some(INTEGER | OCTET_STRING | SEQUENCE)))
    {
        Some(RefusedCertificate::PrivateKey)
    } else {
        None
    }
}

/// As long as it would be if every line feed had got a carriage return.
fn has_new_line_ends(bytes: &[u8], announced: usize) -> bool {
    let line_ends = count(bytes, b"\r\n");
    line_ends > 0 && bytes.len() == announced + line_ends
}

fn count(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes
        .windows(wanted.len())
        .filter(|window| *window == wanted)
        .count()
}

fn damaged(how: &str) -> RefusedCertificate {
    RefusedCertificate::Damaged {
        how: how.to_owned(),
    }
}

/// One whole sequence.
fn sequence(whole: &der::Element<'_>) -> RefusedCertificate {
    let members = der::elements(whole.content);
    let tags: Vec<u8> = members.iter().map(|member| member.tag).collect();
    match tags.as_slice() {
        [OBJECT_IDENTIFIER, ..] if members[0].content.starts_with(&PKCS7) => {
            RefusedCertificate::Pkcs7 {
                certificates: certificates_in(&members),
            }
        }
        [SEQUENCE, SEQUENCE, BIT_STRING]
            if X509CertificationRequest::from_der(whole.whole).is_ok() =>
        {
            RefusedCertificate::Request
        }
        [SEQUENCE, SEQUENCE, BIT_STRING]
            if CertificateRevocationList::from_der(whole.whole).is_ok() =>
        {
            RefusedCertificate::RevocationList
        }
        [SEQUENCE, SEQUENCE, BIT_STRING] => dates::unreadable(whole).unwrap_or_else(|| {
            damaged("what it says cannot be read, though its outer form is a certificate's")
        }),
        [SEQUENCE, BIT_STRING] | [INTEGER, INTEGER] => RefusedCertificate::PublicKey,
        _ => RefusedCertificate::NotACertificate,
    }
}

/// SignedData: version, digest algorithms, content, then `[0]` with the certificates.
fn certificates_in(content_info: &[der::Element<'_>]) -> usize {
    content_info
        .iter()
        .find(|member| member.tag == CONTEXT_0)
        .and_then(|explicit| der::element(explicit.content))
        .map(|(signed, _)| der::elements(signed.content))
        .and_then(|parts| parts.into_iter().find(|part| part.tag == CONTEXT_0))
        .map_or(0, |certificates| der::elements(certificates.content).len())
}

/// A certificate begins with a sequence in which a version or a serial number stands first.
fn looks_begun(bytes: &[u8], head: der::Head) -> bool {
    let content = bytes.get(head.header..).unwrap_or_default();
    let Some(inner) = der::head(content).filter(|inner| inner.tag == SEQUENCE) else {
        return content.is_empty();
    };
    let first = content.get(inner.header).copied();
    matches!(first, None | Some(CONTEXT_0 | INTEGER | SEQUENCE))
}

/// The end of a certificate: an algorithm and a signature that reach to the last byte, and no whole certificate before them.
fn without_beginning(bytes: &[u8]) -> RefusedCertificate {
    let signature_at = (0..bytes.len()).find(|at| is_signature(&bytes[*at..]));
    match signature_at {
        Some(signature_at) => RefusedCertificate::CutAtFront {
            found: bytes.len(),
            signature_at,
        },
        None => RefusedCertificate::NotACertificate,
    }
}

fn is_signature(bytes: &[u8]) -> bool {
    let Some((algorithm, rest)) = der::element(bytes).filter(|(e, _)| e.tag == SEQUENCE) else {
        return false;
    };
    let names_one =
        der::element(algorithm.content).is_some_and(|(first, _)| first.tag == OBJECT_IDENTIFIER);
    let reaches_the_end = der::element(rest)
        .is_some_and(|(signature, rest)| signature.tag == BIT_STRING && rest.is_empty());
    names_one && reaches_the_end
}
