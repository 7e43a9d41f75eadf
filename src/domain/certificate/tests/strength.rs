//! Signatures that hold and that do not; what is weak where; names as people read them; issuer and serial.

use rcgen::{DistinguishedName, DnType, DnValue, SerialNumber};

use super::*;

fn fixture(pem: &str) -> Certificate {
    match taken(pem.as_bytes()) {
        Ok(certificate) => certificate,
        Err(refused) => panic!("{refused}"),
    }
}

const MD5: &str = include_str!("../fixtures/md5.pem");
const SHA1: &str = include_str!("../fixtures/sha1.pem");
const SMALL: &str = include_str!("../fixtures/rsa512.pem");
const PSS: &str = include_str!("../fixtures/pss.pem");
const PSS_384: &str = include_str!("../fixtures/pss384.pem");
const PSS_512: &str = include_str!("../fixtures/pss512.pem");
const V1: &str = include_str!("../fixtures/v1.pem");

#[test]
fn a_self_signature_is_checked_whatever_its_hash_and_key() {
    for (pem, hash) in [
        (MD5, SignatureHash::Md5),
        (SHA1, SignatureHash::Sha1),
        (SMALL, SignatureHash::Sha1),
        (PSS, SignatureHash::Sha256),
        (PSS_384, SignatureHash::Sha384),
        (PSS_512, SignatureHash::Sha512),
        (V1, SignatureHash::Sha256),
    ] {
        let certificate = fixture(pem);
        assert_eq!(certificate.signature_hash, hash);
        assert_eq!(certificate.self_signature(), SelfSignature::True, "{hash}");
        // The last byte is the signature's.
        let mut hurt = certificate.der.clone();
        *hurt.last_mut().unwrap() ^= 1;
        assert_eq!(
            taken(&hurt).unwrap_err().code(),
            "certificate_damaged",
            "{hash}"
        );
    }
}

#[test]
fn one_that_somebody_else_signed_is_not_judged() {
    let (ca_key, key) = (rsa(), rsa());
    let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "CA");
    let issuer = rcgen::Issuer::from_params(&ca, &ca_key);
    let mut leaf = CertificateParams::new(Vec::<String>::new()).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, "HOST_A");
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let certificate = taken(leaf.der()).unwrap();
    assert_eq!(certificate.self_signature(), SelfSignature::ByAnother);
}

#[test]
fn what_a_version_makes_itself_is_not_weak_there() {
    let by = |policy: WeaknessPolicy, pem: &str, major| {
        policy
            .weaknesses(&fixture(pem), major)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let usual = WeaknessPolicy::default();
    for major in [11, 12, 13, 14, 16] {
        assert!(by(usual, MD5, major).contains(&"is signed over MD5".to_owned()));
        assert!(by(usual, SMALL, major).contains(&"has a key of 512 bits".to_owned()));
        assert!(by(usual, V1, major).is_empty(), "2048 bits over SHA-256");
    }
    // 1024 bits over SHA-1: what 2012 and 2014 make.
    assert!(by(usual, SHA1, 11).is_empty());
    assert!(by(usual, SHA1, 12).is_empty());
    assert_eq!(by(usual, SHA1, 13), ["has a key of 1024 bits"]);
    assert_eq!(
        by(usual, SHA1, 14),
        ["is signed over SHA-1", "has a key of 1024 bits"]
    );
    assert!(by(WeaknessPolicy::Broken, SHA1, 16).is_empty());
    assert_eq!(by(WeaknessPolicy::Strict, SHA1, 11).len(), 2);
}

fn named(attributes: Vec<(DnType, DnValue)>) -> String {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in attributes {
        params.distinguished_name.push(kind, value);
    }
    let made = params.self_signed(&rsa()).unwrap();
    taken(made.der()).unwrap().subject
}

#[test]
fn names_read_as_people_wrote_them() {
    let custom = |oid: &[u64]| DnType::CustomDnType(oid.to_vec());
    let utf8 = |text: &str| DnValue::Utf8String(text.to_owned());
    assert_eq!(
        named(vec![
            (DnType::CommonName, utf8("Corp, Inc. + Sons")),
            (
                custom(&[1, 2, 840, 113_549, 1, 9, 1]),
                utf8("dba@corp.example")
            ),
            (custom(&[0, 9, 2342, 19_200_300, 100, 1, 25]), utf8("corp")),
            (custom(&[1, 3, 6, 1, 4, 1, 99_999, 1]), utf8("#x")),
        ]),
        "CN=Corp\\, Inc. \\+ Sons, emailAddress=dba@corp.example, DC=corp, 1.3.6.1.4.1.99999.1=\\#x"
    );
    let wide = rcgen::string::BmpString::try_from("H\u{f6}st \u{4e2d}").unwrap();
    assert_eq!(
        named(vec![(DnType::CommonName, DnValue::BmpString(wide))]),
        "CN=H\u{f6}st \u{4e2d}"
    );
    let very_wide = rcgen::string::UniversalString::try_from("a\u{1f512}").unwrap();
    assert_eq!(
        named(vec![(
            DnType::CommonName,
            DnValue::UniversalString(very_wide)
        )]),
        "CN=a\u{1f512}"
    );
    let teletex = rcgen::string::TeletexString::try_from("HOST_T").unwrap();
    assert_eq!(
        named(vec![(DnType::CommonName, DnValue::TeletexString(teletex))]),
        "CN=HOST_T"
    );
}

#[test]
fn issuer_and_serial_tell_two_apart_or_not() {
    let of = |name: &str, serial: u64| {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(serial));
        taken(params.self_signed(&rsa()).unwrap().der()).unwrap()
    };
    let (one, twin) = (of("dbm", 7), of("dbm", 7));
    assert_ne!(one.sha256, twin.sha256);
    assert_eq!(one.issuer_serial, twin.issuer_serial);
    assert_eq!(IssuerSerial::of(&one.der), Some(one.issuer_serial));
    assert_ne!(one.issuer_serial, of("dbm", 8).issuer_serial);
    assert_ne!(one.issuer_serial, of("dbn", 7).issuer_serial);
    // Kept as the bytes of a SHA-256, and read back as the same key.
    let kept = one.issuer_serial.as_bytes();
    assert_eq!(kept.len(), 32);
    assert_eq!(IssuerSerial::from_bytes(kept), Ok(one.issuer_serial));
    assert!(IssuerSerial::from_bytes(&kept[1..]).is_err());
    assert_eq!(format!("{:?}", one.issuer_serial), hex::encode(kept));
}
