//! Every refusal of an upload, with real keys and certificates.

use chrono::{Duration, TimeZone, Utc};
use rcgen::{CertificateParams, KeyPair, RsaKeySize};

use super::*;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 12, 0, 0).unwrap()
}

fn rsa() -> KeyPair {
    KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}

fn made_with(key: &KeyPair, ends: DateTime<Utc>) -> rcgen::Certificate {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "HOST_A certificate");
    params.not_before = time_of(now() - Duration::days(400));
    params.not_after = time_of(ends);
    params.self_signed(key).unwrap()
}

fn time_of(at: DateTime<Utc>) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(at.timestamp()).unwrap()
}

fn valid(key: &KeyPair) -> rcgen::Certificate {
    made_with(key, now() + Duration::days(30))
}

#[test]
fn der_and_pem_of_one_certificate_are_the_same_certificate() {
    let made = valid(&rsa());
    let der = Certificate::from_upload(made.der(), false, now()).unwrap();
    let pem = Certificate::from_upload(made.pem().as_bytes(), false, now()).unwrap();
    assert_eq!(der, pem);
    assert_eq!(der.subject, "CN=HOST_A certificate");
    assert_eq!(der.key_bits, 2048);
    assert_eq!(der.not_after, now() + Duration::days(30));
    assert_eq!(
        Certificate::from_upload(der.to_pem().as_bytes(), false, now()),
        Ok(der)
    );
}

#[test]
fn a_private_key_is_refused_in_every_dress() {
    let key = rsa();
    let with_key = format!("{}{}", valid(&key).pem(), key.serialize_pem());
    for upload in [
        key.serialize_der(),
        key.serialize_pem().into_bytes(),
        with_key.into_bytes(),
        [valid(&key).der().to_vec(), key.serialize_der()].concat(),
        [valid(&key).der().to_vec(), key.serialize_pem().into_bytes()].concat(),
        format!(
            "{}{}",
            key.serialize_pem().replace('\n', "\n  "),
            valid(&key).pem()
        )
        .into_bytes(),
        // SEQUENCE { SEQUENCE {}, OCTET STRING }: how an encrypted PKCS#8 key begins.
        vec![0x30, 0x05, 0x30, 0x00, 0x04, 0x01, 0x00],
    ] {
        assert_eq!(
            Certificate::from_upload(&upload, false, now()),
            Err(RefusedCertificate::PrivateKey)
        );
    }
}

#[test]
fn a_pkcs12_container_is_named_as_such() {
    // SEQUENCE { INTEGER 3, SEQUENCE {} }: how every PFX begins.
    let pfx = [0x30, 0x05, 0x02, 0x01, 0x03, 0x30, 0x00];
    assert_eq!(
        Certificate::from_upload(&pfx, false, now()),
        Err(RefusedCertificate::Pkcs12)
    );
}

#[test]
fn exactly_one_certificate_is_taken() {
    let key = rsa();
    let twice = format!("{}{}", valid(&key).pem(), valid(&key).pem());
    assert_eq!(
        Certificate::from_upload(twice.as_bytes(), false, now()),
        Err(RefusedCertificate::Several { found: 2 })
    );
    let mut long = valid(&key).der().to_vec();
    long.extend_from_slice(b"xyz");
    assert_eq!(
        Certificate::from_upload(&long, false, now()),
        Err(RefusedCertificate::TrailingBytes { bytes: 3 })
    );
    let behind = format!("{}xyz\n", valid(&key).pem());
    assert_eq!(
        Certificate::from_upload(behind.as_bytes(), false, now()),
        Err(RefusedCertificate::TrailingBytes { bytes: 3 })
    );
    for nothing in [&b"hello"[..], b"-----BEGIN CERTIFICATE-----\nAAAA\n"] {
        assert_eq!(
            Certificate::from_upload(nothing, false, now()),
            Err(RefusedCertificate::NotACertificate)
        );
    }
    assert_eq!(
        Certificate::from_upload(b"", false, now()),
        Err(RefusedCertificate::Empty)
    );
}

#[test]
fn only_rsa_keys_are_taken() {
    let elliptic = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    assert!(matches!(
        Certificate::from_upload(valid(&elliptic).der(), false, now()),
        Err(RefusedCertificate::NotRsa { .. })
    ));
}

#[test]
fn key_sizes_are_what_sql_server_takes() {
    assert_eq!(significant_bits(&[0, 0x80, 0]), 16);
    assert_eq!(significant_bits(&[0x7f, 0]), 15);
    assert_eq!(significant_bits(&[0, 0]), 0);
    // 1000 is no multiple of 64.
    let odd = include_bytes!("rsa_1000_bits.pem");
    assert_eq!(
        Certificate::from_upload(odd, true, now()),
        Err(RefusedCertificate::KeySize { bits: 1000 })
    );
}

#[test]
fn an_expired_certificate_needs_a_word() {
    let made = made_with(&rsa(), now() - Duration::days(1));
    assert!(matches!(
        Certificate::from_upload(made.der(), false, now()),
        Err(RefusedCertificate::Expired { .. })
    ));
    assert!(Certificate::from_upload(made.der(), true, now()).is_ok());
}

#[test]
fn a_certificate_over_16_kib_is_refused() {
    let key = rsa();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::OrganizationName, "x".repeat(MAX_DER_BYTES));
    let made = params.self_signed(&key).unwrap();
    assert!(matches!(
        Certificate::from_upload(made.der(), true, now()),
        Err(RefusedCertificate::TooLarge { .. })
    ));
}
