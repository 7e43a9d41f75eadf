//! PEM as people have it: any line ends or none, indented, quoted, with text in front. Exactly one certificate comes out of it.

use super::RefusedCertificate;
use super::encoding::{base64, trim};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

struct Section<'a> {
    label: &'a str,
    body: &'a str,
}

/// Whether `text` has a line of PEM in it.
pub(super) fn is_in(text: &str) -> bool {
    text.contains(BEGIN) || text.contains(END)
}

/// The DER of the one certificate in `text`.
pub(super) fn sole_certificate(text: &str) -> Result<Vec<u8>, RefusedCertificate> {
    let (sections, behind) = sections(text)?;
    let of = |wanted: fn(&str) -> bool| sections.iter().filter(move |s| wanted(s.label));
    let (plain, trusted) = (of(is_certificate).count(), of(is_trusted).count());
    match (plain, trusted) {
        (1, 0) => {}
        (0, 1) => return Err(RefusedCertificate::Trusted),
        (0, 0) => return Err(named(&sections)),
        (plain, trusted) => {
            return Err(RefusedCertificate::Several {
                found: plain + trusted,
            });
        }
    }
    let behind = behind.replace("\\r", "").replace("\\n", "");
    let behind = trim(&behind).len();
    if behind > 0 {
        return Err(RefusedCertificate::TrailingBytes { bytes: behind });
    }
    match of(is_certificate).next() {
        Some(section) => decoded(section.body),
        None => Err(RefusedCertificate::NotACertificate),
    }
}

fn is_certificate(label: &str) -> bool {
    matches!(label, "CERTIFICATE" | "X509 CERTIFICATE")
}

fn is_trusted(label: &str) -> bool {
    label == "TRUSTED CERTIFICATE"
}

/// All sections, and what stands behind the last one. Text in front of the first is explanation, as PEM allows.
fn sections(text: &str) -> Result<(Vec<Section<'_>>, &str), RefusedCertificate> {
    let characters = |at: usize| text[..at].chars().count();
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let (begin, end) = (rest.find(BEGIN), rest.find(END));
        if let Some(end) = end.filter(|end| begin.is_none_or(|begin| *end < begin)) {
            let at = text.len() - rest.len() + end;
            return Err(RefusedCertificate::BeginLineMissing {
                characters: characters(at),
            });
        }
        let Some(begin) = begin else {
            return Ok((found, rest));
        };
        let head = &rest[begin + BEGIN.len()..];
        let Some((label, body)) = head.split_once(DASHES) else {
            return Err(broken_off(text, ""));
        };
        let end = body.find(END);
        let another = body.find(BEGIN);
        let Some(end) = end.filter(|end| another.is_none_or(|another| *end < another)) else {
            return Err(broken_off(text, body));
        };
        found.push(Section {
            label: label.trim(),
            body: &body[..end],
        });
        let tail = &body[end + END.len()..];
        rest = tail.split_once(DASHES).map_or("", |(_, rest)| rest);
    }
}

/// By the sizes where enough is there to tell them.
fn broken_off(text: &str, body: &str) -> RefusedCertificate {
    let announced = base64(body)
        .and_then(|der| Some((super::der::head(&der)?.whole()?, der.len())))
        .filter(|(announced, found)| announced > found);
    match announced {
        Some((announced, found)) => RefusedCertificate::CutAtEnd { announced, found },
        None => RefusedCertificate::EndLineMissing {
            characters: text.trim_end().chars().count(),
        },
    }
}

fn decoded(body: &str) -> Result<Vec<u8>, RefusedCertificate> {
    // `Name: value` lines between the BEGIN line and the base64, as RFC 1421 has them.
    let kept: String = body
        .lines()
        .filter(|line| !line.contains(": "))
        .collect::<Vec<_>>()
        .join("\n");
    base64(&kept).ok_or_else(|| RefusedCertificate::Damaged {
        how: "between its BEGIN and END lines stands something that is not base64".to_owned(),
    })
}

fn named(sections: &[Section<'_>]) -> RefusedCertificate {
    let what = match sections.first().map(|section| section.label) {
        Some("CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") => {
            return RefusedCertificate::Request;
        }
        Some("PKCS7" | "CMS" | "PKCS #7 SIGNED DATA") => {
            let der = sections.first().and_then(|s| base64(s.body));
            return der.map_or(RefusedCertificate::Pkcs7 { certificates: 0 }, |der| {
                super::foreign::named(&der)
            });
        }
        Some("PKCS12" | "PFX") => return RefusedCertificate::Pkcs12,
        Some("X509 CRL") => return RefusedCertificate::RevocationList,
        Some("PUBLIC KEY" | "RSA PUBLIC KEY" | "SSH2 PUBLIC KEY") => {
            return RefusedCertificate::PublicKey;
        }
        Some("ATTRIBUTE CERTIFICATE") => "an attribute certificate",
        Some("DH PARAMETERS" | "EC PARAMETERS" | "DSA PARAMETERS") => "a set of key parameters",
        Some("PGP PUBLIC KEY BLOCK" | "PGP MESSAGE" | "PGP SIGNATURE") => "made by PGP",
        _ => "PEM of another kind",
    };
    RefusedCertificate::SomethingElse { what }
}
