//! Dresses × certificates are taken; what else comes, and what was hurt, is called by its name.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

const SHA1: &str = include_str!("../fixtures/sha1.pem");
const CSR: &str = include_str!("../fixtures/csr.pem");
const TRUSTED: &str = include_str!("../fixtures/trusted.pem");
const TWO: &str = include_str!("../fixtures/two.p7b");

fn der_of(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.contains("-----")).collect();
    STANDARD.decode(body).unwrap()
}

fn utf_16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

fn utf_32(text: &str, unit: fn(u32) -> [u8; 4]) -> Vec<u8> {
    text.chars().flat_map(|c| unit(u32::from(c))).collect()
}

/// As viewers of certificates show bytes.
fn spaced(bytes: &[u8], between: &str) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(between)
}

const DRESSES: usize = 35;

/// The same certificate in every dress that people send.
fn dresses(der: &[u8], pem: &str) -> Vec<(&'static str, Vec<u8>)> {
    let hex = hex::encode_upper(der);
    let base64 = STANDARD.encode(der);
    let text = |text: String| text.into_bytes();
    vec![
        ("DER", der.to_vec()),
        ("DER, line end", [der, b"\r\n"].concat()),
        ("DER, line feed", [der, b"\n"].concat()),
        ("PEM", text(pem.to_owned())),
        ("PEM, CRLF", text(pem.replace('\n', "\r\n"))),
        ("PEM, CR", text(pem.replace('\n', "\r"))),
        ("PEM, no line ends", text(pem.replace('\n', ""))),
        ("PEM, blanks for line ends", text(pem.replace('\n', " "))),
        ("PEM, escaped line ends", text(pem.replace('\n', "\\n"))),
        ("PEM, quoted", text(format!("\"{pem}\""))),
        ("PEM, indented", text(pem.replace('\n', "\n    "))),
        (
            "PEM, X509",
            text(pem.replace("CERTIFICATE", "X509 CERTIFICATE")),
        ),
        ("PEM, explained", text(format!("subject=CN=\u{e9}\n{pem}"))),
        (
            "PEM, explained in Latin-1",
            [b"subject=CN=\xe9\n", pem.as_bytes()].concat(),
        ),
        ("PEM, BOM", text(format!("\u{feff}{pem}"))),
        (
            "PEM, UTF-16LE, BOM",
            [&[0xff, 0xfe], &*utf_16(pem, u16::to_le_bytes)].concat(),
        ),
        (
            "PEM, UTF-16BE, BOM",
            [&[0xfe, 0xff], &*utf_16(pem, u16::to_be_bytes)].concat(),
        ),
        (
            "PEM, UTF-32LE, BOM",
            utf_32(&format!("\u{feff}{pem}"), u32::to_le_bytes),
        ),
        (
            "PEM, UTF-32BE, BOM",
            utf_32(&format!("\u{feff}{pem}"), u32::to_be_bytes),
        ),
        ("PEM, UTF-16LE", utf_16(pem, u16::to_le_bytes)),
        ("PEM, UTF-16BE", utf_16(pem, u16::to_be_bytes)),
        ("hexadecimal", text(format!("0x{hex}\r\n"))),
        (
            "hexadecimal, lower case, semicolon",
            text(format!("0x{};", hex::encode(der))),
        ),
        (
            "hexadecimal, UTF-16",
            utf_16(&format!("\u{feff}0x{hex}"), u16::to_le_bytes),
        ),
        ("hexadecimal, no 0x", text(hex.clone())),
        ("hexadecimal, colons", text(spaced(der, ":"))),
        ("hexadecimal, blanks", text(spaced(der, " "))),
        ("hexadecimal, dashes", text(spaced(der, "-"))),
        (
            "sqlcmd's answer",
            text(format!("der\n-----\n0x{hex}\n\n(1 rows affected)\n")),
        ),
        ("base64", text(base64.clone())),
        (
            "base64, no padding",
            text(base64.trim_end_matches('=').to_owned()),
        ),
        ("base64, URL alphabet", text(URL_SAFE_NO_PAD.encode(der))),
        (
            "base64, lines",
            text(
                base64
                    .as_bytes()
                    .chunks(76)
                    .flat_map(|l| [l, b"\r\n"].concat())
                    .map(char::from)
                    .collect(),
            ),
        ),
        ("base64 of PEM", text(STANDARD.encode(pem))),
        (
            "data URL",
            text(format!("data:application/pkix-cert;base64,{base64}")),
        ),
    ]
}

#[test]
fn every_dress_is_the_same_certificate() {
    let made = valid(&rsa());
    let mut sql_servers_own = vec![(made.der().to_vec(), made.pem())];
    // Made by SQL Server on Linux: version 1, a negative serial, no extensions.
    for fixture in [
        include_str!("../fixtures/v1.pem"),
        SHA1,
        include_str!("../fixtures/rsa512.pem"),
    ] {
        sql_servers_own.push((der_of(fixture), fixture.to_owned()));
    }
    for (der, pem) in sql_servers_own {
        let dresses = dresses(&der, &pem);
        assert_eq!(dresses.len(), DRESSES);
        for (dress, upload) in dresses {
            match taken(&upload) {
                Ok(certificate) => assert_eq!(certificate.der, der, "{dress}"),
                Err(refused) => panic!("{dress}: {refused}"),
            }
        }
    }
}

#[test]
fn a_private_key_is_refused_in_every_dress_of_text() {
    let key = rsa();
    let der = key.serialize_der();
    for (dress, upload) in dresses(&der, &key.serialize_pem()) {
        let refused = taken(&upload).expect_err(dress);
        assert_eq!(refused.code(), "private_key_refused", "{dress}: {refused}");
    }
    let hex = hex::encode(valid(&key).der());
    for text in [
        format!("CREATE CERTIFICATE c FROM BINARY = 0x{hex} WITH PRIVATE KEY (BINARY = 0x{hex})"),
        "PuTTY-User-Key-File-2: ssh-rsa".to_owned(),
        "<RSAKeyValue><Modulus>x</Modulus><D>y</D></RSAKeyValue>".to_owned(),
    ] {
        assert_eq!(taken(text.as_bytes()), Err(RefusedCertificate::PrivateKey));
    }
    // Cut, it is a key all the same.
    assert_eq!(taken(&der[..200]), Err(RefusedCertificate::PrivateKey));
    let pvk = [&[0x1e, 0xf1, 0xb5, 0xb0, 0, 0, 0, 0][..], &[7; 64]].concat();
    assert_eq!(taken(&pvk), Err(RefusedCertificate::Pvk));
}

#[test]
fn what_else_it_is_is_called_by_its_name() {
    let csr = der_of(CSR);
    let p7b = der_of(TWO);
    let public = der_of(SHA1);
    let (_, parsed) = X509Certificate::from_der(&public).unwrap();
    let spki = parsed.public_key().raw.to_vec();
    let indefinite = [&[0x30, 0x80], &public[4..], &[0, 0]].concat();
    let named: Vec<(&str, Vec<u8>, &str, &str)> = vec![
        ("CSR", CSR.into(), "certificate_request_refused", "CSR"),
        ("CSR in DER", csr, "certificate_request_refused", "CSR"),
        (
            "PKCS#7",
            TWO.into(),
            "pkcs7_refused",
            "with 2 certificate(s)",
        ),
        (
            "PKCS#7 in DER",
            p7b.clone(),
            "pkcs7_refused",
            "with 2 certificate(s)",
        ),
        (
            "PKCS#7 in base64",
            STANDARD.encode(&p7b).into(),
            "pkcs7_refused",
            "with 2 certificate(s)",
        ),
        (
            "TRUSTED",
            TRUSTED.into(),
            "trusted_certificate_refused",
            "TRUSTED CERTIFICATE",
        ),
        ("BER", indefinite, "ber_refused", "indefinite length"),
        (
            "HTML",
            "<!DOCTYPE html>\n<html><body>Sign in".into(),
            "html_refused",
            "HTML page",
        ),
        ("public key", spki, "public_key_refused", "public key"),
        (
            "XML",
            "<?xml version=\"1.0\"?>".into(),
            "not_a_certificate",
            "XML",
        ),
        (
            "JSON",
            "{\"certificate\": 1}".into(),
            "not_a_certificate",
            "JSON",
        ),
        (
            "NULL",
            "NULL\r\n".into(),
            "not_a_certificate",
            "CERTENCODED",
        ),
        (
            "a path",
            r"C:\certs\HOST_A.cer".into(),
            "not_a_certificate",
            "name of a file",
        ),
        (
            "ZIP",
            b"PK\x03\x04\x14\0\0\0\x08\0".to_vec(),
            "not_a_certificate",
            "ZIP",
        ),
        (
            "key store",
            b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x01".to_vec(),
            "private_key_refused",
            "key store",
        ),
        ("blank", b" \r\n\0".to_vec(), "certificate_empty", "empty"),
        ("0x", b"0x".to_vec(), "certificate_empty", "empty"),
        (
            "nothing in PEM",
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----".into(),
            "certificate_empty",
            "empty",
        ),
    ];
    for (what, upload, code, words) in named {
        let refused = taken(&upload).expect_err(what);
        assert_eq!(refused.code(), code, "{what}: {refused}");
        assert!(refused.to_string().contains(words), "{what}: {refused}");
    }
}

#[test]
fn a_cut_certificate_is_told_where_it_was_cut() {
    let der = der_of(SHA1);
    let whole = der.len();
    let end = |found| RefusedCertificate::CutAtEnd {
        announced: whole,
        found,
    };
    assert_eq!(taken(&der[..300]), Err(end(300)));
    assert_eq!(
        taken(format!("0x{}", hex::encode(&der[..127])).as_bytes()),
        Err(end(127))
    );
    assert_eq!(
        taken(STANDARD.encode(&der[..300]).as_bytes()),
        Err(end(300))
    );
    let at = SHA1.len() - 100;
    let refused = taken(&SHA1.as_bytes()[..at]).unwrap_err();
    assert!(
        matches!(refused, RefusedCertificate::CutAtEnd { announced, .. } if announced == whole),
        "{refused}"
    );
    let without_end_line = SHA1.replace("-----END CERTIFICATE-----", "");
    assert!(matches!(
        taken(without_end_line.as_bytes()),
        Err(RefusedCertificate::EndLineMissing { .. })
    ));
    let hex = hex::encode(&der);
    assert_eq!(
        taken(format!("0x{}", &hex[..255]).as_bytes()),
        Err(RefusedCertificate::OddHexadecimal { digits: 255 })
    );
    // An algorithm (SHA-1 with RSA, NULL), then a bit string of 1024 bits.
    let signature = 15 + 132;
    for cut in [1, 2, 3, 4, 5, 100] {
        let found = whole - cut;
        let cut_at_front = RefusedCertificate::CutAtFront {
            found,
            signature_at: found - signature,
        };
        for upload in [
            der[cut..].to_vec(),
            hex.as_bytes()[2 * cut..].to_vec(),
            STANDARD.encode(&der[cut..]).into_bytes(),
        ] {
            assert_eq!(taken(&upload), Err(cut_at_front.clone()), "{cut}");
        }
    }
    let base64 = STANDARD.encode(&der);
    for cut in 1..9 {
        assert_eq!(
            taken(&base64.as_bytes()[cut..]).unwrap_err().code(),
            "certificate_cut",
            "{cut}"
        );
    }
    let behind = &SHA1["-----BEGIN CERTIFICATE-----".len()..];
    assert!(matches!(
        taken(behind.as_bytes()),
        Err(RefusedCertificate::BeginLineMissing { .. })
    ));
}

#[test]
fn what_was_done_to_all_its_bytes_is_recognised() {
    let mut der = der_of(SHA1);
    der.extend_from_slice(b"\r\n");
    let lossy = String::from_utf8_lossy(&der).into_owned();
    let refused = taken(lossy.as_bytes()).unwrap_err();
    assert_eq!(refused.code(), "certificate_damaged", "{refused}");
    assert!(refused.to_string().contains("read as text"), "{refused}");
    for fixture in [SHA1, include_str!("../fixtures/pss.pem")] {
        let der = der_of(fixture);
        let as_text: Vec<u8> = der
            .iter()
            .flat_map(|byte| match byte {
                b'\n' => b"\r\n".to_vec(),
                _ => vec![*byte],
            })
            .collect();
        assert_ne!(as_text, der, "it has a line feed");
        let refused = taken(&as_text).unwrap_err();
        assert_eq!(refused.code(), "certificate_damaged", "{refused}");
        assert!(refused.to_string().contains("CR LF"), "{refused}");
    }
}

/// The two dates of SHA1's fixture are UTCTimes; each is found by its tag and length.
fn with_date(which: usize, text: &[u8; 13]) -> Vec<u8> {
    let mut der = der_of(SHA1);
    let at = der
        .windows(2)
        .enumerate()
        .filter(|(_, w)| *w == [0x17, 13])
        .nth(which)
        .unwrap()
        .0;
    der[at + 2..at + 15].copy_from_slice(text);
    der
}

#[test]
fn a_bad_date_is_named_with_what_it_says() {
    for (which, field) in [(0, "notBefore"), (1, "notAfter")] {
        let refused = taken(&with_date(which, b"261399000000Z")).unwrap_err();
        let RefusedCertificate::BadDate {
            field: named,
            found,
        } = &refused
        else {
            panic!("{refused}")
        };
        assert_eq!((*named, found.contains("261399000000Z")), (field, true));
    }
    // A date that can be read, in a signature that was made over another.
    let refused = taken(&with_date(1, b"010101000000Z")).unwrap_err();
    assert_eq!(refused.code(), "certificate_damaged");
}

#[test]
fn one_that_ends_before_it_begins_is_refused() {
    let key = rsa();
    let made = made_with(&key, now() - Duration::days(500));
    let refused = taken(made.der()).unwrap_err();
    assert_eq!(refused.code(), "bad_validity", "{refused}");
}

#[test]
fn not_yet_valid_as_current_needs_a_word_and_a_small_skew_none() {
    let key = rsa();
    let begins_in = |seconds: i64| {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.not_before = time_of(now() + Duration::seconds(seconds));
        params.not_after = time_of(now() + Duration::days(365));
        params.self_signed(&key).unwrap().der().to_vec()
    };
    let late = begins_in(CLOCK_TOLERANCE_SECONDS + 1);
    let refused = taken(&late).unwrap_err();
    assert_eq!(refused.code(), "certificate_not_yet_valid");
    assert!(
        refused.to_string().contains("2027-01-23 12:00:00 UTC"),
        "the clock: {refused}"
    );
    for terms in [
        UploadTerms {
            purpose: Purpose::Next,
            ..terms()
        },
        UploadTerms {
            allow_not_yet_valid: true,
            ..terms()
        },
    ] {
        assert!(Certificate::from_upload(&late, &terms).is_ok());
    }
    assert!(taken(&begins_in(CLOCK_TOLERANCE_SECONDS)).is_ok());
}

#[test]
fn no_byte_of_it_can_be_another() {
    for fixture in [SHA1, include_str!("../fixtures/v1.pem")] {
        let der = der_of(fixture);
        for at in 0..der.len() {
            for flip in [1, 0x80, 0xff] {
                let mut hurt = der.clone();
                hurt[at] ^= flip;
                assert!(taken(&hurt).is_err(), "byte {at} ^ {flip:02x}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::domain::cases(300)))]

    /// Whatever one byte becomes: refused, never taken as another certificate, never a panic.
    #[test]
    fn one_changed_byte_is_never_taken(at in 0usize..528, to in any::<u8>(), dress in 0usize..DRESSES) {
        let mut der = der_of(SHA1);
        let at = at % der.len();
        prop_assume!(der[at] != to);
        der[at] = to;
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(&der));
        let (name, upload) = dresses(&der, &pem).swap_remove(dress);
        prop_assert!(taken(&upload).is_err(), "byte {at} as {name}");
    }

    /// Any cut is refused, and by its name unless hardly anything is left.
    #[test]
    fn any_cut_is_refused(from in 0usize..500, to in 0usize..529, dress in 0usize..DRESSES) {
        let der = der_of(SHA1);
        let to = to.min(der.len());
        prop_assume!(from < to && (from, to) != (0, der.len()));
        let part = &der[from..to];
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(part));
        let (name, upload) = dresses(part, &pem).swap_remove(dress);
        let refused = taken(&upload);
        prop_assert!(refused.is_err(), "{from}..{to} as {name}");
        if from == 0 && to > 4 {
            prop_assert_eq!(refused.unwrap_err().code(), "certificate_cut", "..{} as {}", to, name);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(taken(&bytes).is_err());
    }
}
