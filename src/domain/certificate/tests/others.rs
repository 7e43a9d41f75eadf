//! What is no certificate and what it is called, by how it begins, by its labels, by what is in it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

type Refused = RefusedCertificate;

/// An element of less than 128 bytes.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
}

fn sequence(members: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &members.concat())
}

fn refused(upload: impl AsRef<[u8]>) -> Refused {
    taken(upload.as_ref()).unwrap_err()
}

fn something(what: &'static str) -> Refused {
    Refused::SomethingElse { what }
}

#[test]
fn other_pem_is_called_by_its_label() {
    let parameters = "a set of key parameters";
    for (label, wanted) in [
        ("PKCS12", Refused::Pkcs12),
        ("PFX", Refused::Pkcs12),
        ("X509 CRL", Refused::RevocationList),
        ("PUBLIC KEY", Refused::PublicKey),
        ("RSA PUBLIC KEY", Refused::PublicKey),
        ("SSH2 PUBLIC KEY", Refused::PublicKey),
        ("NEW CERTIFICATE REQUEST", Refused::Request),
        ("CMS", Refused::Pkcs7 { certificates: 0 }),
        (
            "ATTRIBUTE CERTIFICATE",
            something("an attribute certificate"),
        ),
        ("DH PARAMETERS", something(parameters)),
        ("EC PARAMETERS", something(parameters)),
        ("DSA PARAMETERS", something(parameters)),
        ("PGP PUBLIC KEY BLOCK", something("made by PGP")),
        ("PGP MESSAGE", something("made by PGP")),
        ("PGP SIGNATURE", something("made by PGP")),
        ("SOMETHING NEW", something("PEM of another kind")),
    ] {
        // `!` is no base64: nothing is known of it but its label.
        let pem = format!("-----BEGIN {label}-----\n!!!!\n-----END {label}-----\n");
        assert_eq!(refused(&pem), wanted, "{label}");
    }
}

#[test]
fn a_revocation_list_is_called_one() {
    let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rsa();
    let list = rcgen::CertificateRevocationListParams {
        this_update: time_of(now()),
        next_update: time_of(now() + Duration::days(1)),
        crl_number: rcgen::SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let list = list
        .signed_by(&rcgen::Issuer::from_params(&ca, &key))
        .unwrap();
    assert_eq!(refused(list.der()), Refused::RevocationList);
    assert_eq!(refused(list.pem().unwrap()), Refused::RevocationList);
}

#[test]
fn a_certificate_beside_a_trusted_one_is_one_of_two() {
    let pem = valid(&rsa()).pem();
    let both = format!("{pem}{}", include_str!("../fixtures/trusted.pem"));
    assert_eq!(refused(both), Refused::Several { found: 2 });
}

/// Counted in characters, wherever in the text it is, so that an editor finds it.
#[test]
fn an_end_line_without_its_begin_line_is_told_where_it_stands() {
    let pem = valid(&rsa()).pem();
    let cut = "MIIé\n-----END CERTIFICATE-----\n";
    for (text, characters) in [
        (cut.to_owned(), 5),
        // What follows is whole, and might be another than the one that was cut.
        (format!("{cut}{pem}"), 5),
        (format!("{pem}{cut}"), pem.len() + 5),
        (format!("{pem}{pem}{cut}"), 2 * pem.len() + 5),
    ] {
        assert_eq!(refused(text), Refused::BeginLineMissing { characters });
    }
}

#[test]
fn any_part_of_an_html_page_is_called_html() {
    for page in [
        "<!DOCTYPE html>\n<title>Sign in</title>",
        "<html lang=en><title>Sign in</title>",
        "<HEAD><title>Sign in</title>",
        "<body>Sign in",
    ] {
        assert_eq!(refused(page), Refused::Html, "{page}");
    }
}

#[test]
fn xml_is_a_private_key_only_with_the_private_part_of_one() {
    for xml in [
        "<RSAKeyValue><Modulus>x</Modulus></RSAKeyValue>",
        "<List><D>y</D></List>",
    ] {
        assert_eq!(refused(xml), something("XML"), "{xml}");
    }
}

#[test]
fn an_ssh_key_is_a_public_key() {
    let line = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ dba@host";
    assert_eq!(refused(line), Refused::PublicKey);
}

#[test]
fn only_a_short_line_is_the_name_of_a_file() {
    let path = |length: usize| format!("/{}.pem", "x.".repeat(length)[..length - 5].to_owned());
    let called_file = |length| matches!(refused(path(length)), Refused::SomethingElse { .. });
    assert!(called_file(299));
    assert!(!called_file(300));
}

#[test]
fn text_that_begins_like_hexadecimal_is_not_called_cut_hexadecimal() {
    for text in ["30 days left", "0xyz"] {
        assert_eq!(refused(text), Refused::NotACertificate, "{text}");
    }
}

#[test]
fn only_a_data_url_is_opened_behind_its_mark() {
    let body = STANDARD.encode(valid(&rsa()).der());
    assert!(taken(format!("data:;base64,{body}").as_bytes()).is_ok());
    assert_eq!(
        refused(format!("certificate;base64,{body}")),
        Refused::NotACertificate
    );
}

/// One character more than whole bytes need: what it would have been is not known, and the bytes before it tell enough.
#[test]
fn base64_that_breaks_off_within_a_byte_is_told_by_its_whole_bytes() {
    let der = valid(&rsa()).der().to_vec();
    let base64 = STANDARD.encode(&der);
    assert_eq!(
        refused(&base64[..401]),
        Refused::CutAtEnd {
            announced: der.len(),
            found: 300
        }
    );
}

#[test]
fn four_encodings_in_each_other_are_taken_off_and_no_fifth() {
    let der = valid(&rsa()).der().to_vec();
    let encoded = |bytes: &[u8], times| {
        (0..times).fold(bytes.to_vec(), |inner, _| {
            STANDARD.encode(inner).into_bytes()
        })
    };
    for times in 1..=4 {
        assert!(taken(&encoded(&der, times)).is_ok(), "{times}");
    }
    assert_eq!(refused(encoded(&der, 5)), Refused::NotACertificate);
    for times in 0..=4 {
        assert_eq!(refused(encoded(b"0x", times)), Refused::Empty, "{times}");
    }
}

#[test]
fn what_is_lost_by_reading_it_as_text_is_told_by_four_lost_characters() {
    let lossy = |lost| [&[1], "\u{fffd}".repeat(lost).as_bytes()].concat();
    assert_eq!(refused(lossy(3)), Refused::NotACertificate);
    assert_eq!(refused(lossy(4)).code(), "certificate_damaged");
}

/// By the shapes of RFC 5208, 7292, 8017 and 5280; a number of several bytes is no version, whatever its first byte.
#[test]
fn der_is_called_a_secret_by_its_version_and_what_follows() {
    let (oid, octets) = (tlv(0x06, &[0x2a, 3]), tlv(0x04, &[1]));
    let number = |bytes: &[u8]| tlv(0x02, bytes);
    let empty = sequence(&[]);
    let cases: Vec<(&str, Vec<u8>, Refused)> = vec![
        (
            "PKCS#1 private key",
            sequence(&[&number(&[0]), &number(&[0, 0xc3])]),
            Refused::PrivateKey,
        ),
        (
            "PKCS#8 private key",
            sequence(&[&number(&[0]), &empty, &octets]),
            Refused::PrivateKey,
        ),
        (
            "elliptic private key",
            sequence(&[&number(&[1]), &octets]),
            Refused::PrivateKey,
        ),
        (
            "PKCS#12",
            sequence(&[&number(&[3]), &empty]),
            Refused::Pkcs12,
        ),
        (
            "PKCS#1 public key",
            sequence(&[&number(&[0, 0xc3]), &number(&[1, 0, 1])]),
            Refused::PublicKey,
        ),
        (
            "serial number 0x0301 and an algorithm",
            sequence(&[&number(&[3, 1]), &sequence(&[&oid])]),
            Refused::NotACertificate,
        ),
        (
            "a truth in a version's place",
            sequence(&[&tlv(0x01, &[3]), &empty]),
            Refused::NotACertificate,
        ),
        (
            "an object of another kind than PKCS#7's",
            sequence(&[&oid, &empty]),
            Refused::NotACertificate,
        ),
    ];
    for (what, der, wanted) in cases {
        assert_eq!(refused(&der), wanted, "{what}");
    }
}

#[test]
fn der_that_is_cut_is_a_certificate_only_where_it_begins_like_one() {
    // All say that 256 bytes follow.
    let cut = |content: &[u8]| refused([&[0x30, 0x82, 1, 0], content].concat());
    for begun in [
        vec![],
        vec![0x30, 0x81, 0xf0],
        vec![0x30, 0x81, 0xf0, 0xa0, 3, 2, 1, 2],
        vec![0x30, 0x81, 0xf0, 0x02, 1, 7],
    ] {
        let found = 4 + begun.len();
        assert_eq!(
            cut(&begun),
            Refused::CutAtEnd {
                announced: 260,
                found
            }
        );
    }
    for other in [
        vec![0x04, 0x81, 0xf0, 7],
        vec![0x30, 0x81, 0xf0, 0x0c, 1, b'x'],
    ] {
        assert_eq!(cut(&other), Refused::NotACertificate, "{other:x?}");
    }
}

/// A certificate that lost its front still ends with an algorithm and a bit string; nothing else is called one.
#[test]
fn only_an_algorithm_and_a_bit_string_at_the_very_end_are_a_signature() {
    let algorithm = sequence(&[&tlv(0x06, &[0x2a, 3])]);
    let (bits, octets) = (tlv(0x03, &[0, 7]), tlv(0x04, &[0, 7]));
    let end = [&[0xff][..], &algorithm, &bits].concat();
    assert_eq!(
        refused(&end),
        Refused::CutAtFront {
            found: end.len(),
            signature_at: 1
        }
    );
    for other in [
        [&[0xff][..], &algorithm, &octets].concat(),
        [&[0xff][..], &algorithm, &bits, &[7]].concat(),
        [&[0xff][..], &sequence(&[&octets]), &bits].concat(),
    ] {
        assert_eq!(refused(&other), Refused::NotACertificate, "{other:x?}");
    }
}
