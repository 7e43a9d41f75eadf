//! Every refusal of an upload, with real keys and certificates.

mod dresses;
mod limits;
mod names;
mod others;
mod presented;
mod signers;
mod strength;

use chrono::{Duration, TimeZone, Utc};
use rcgen::{CertificateParams, KeyPair, RsaKeySize};

use super::*;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2027, 1, 23, 12, 0, 0).unwrap()
}

fn terms() -> UploadTerms {
    UploadTerms {
        purpose: Purpose::Current,
        allow_expired: false,
        allow_not_yet_valid: false,
        now: now(),
    }
}

fn taken(upload: &[u8]) -> Result<Certificate, RefusedCertificate> {
    Certificate::from_upload(upload, &terms())
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
    let der = taken(made.der()).unwrap();
    let pem = taken(made.pem().as_bytes()).unwrap();
    assert_eq!(der, pem);
    assert_eq!(der.subject, "CN=HOST_A certificate");
    assert_eq!(der.key_bits, 2048);
    assert_eq!(der.not_after, now() + Duration::days(30));
    assert_eq!(taken(der.to_pem().as_bytes()), Ok(der));
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
        assert_eq!(taken(&upload), Err(RefusedCertificate::PrivateKey));
    }
}

#[test]
fn a_pkcs12_container_is_named_as_such() {
    // SEQUENCE { INTEGER 3, SEQUENCE {} }: how every PFX begins.
    let pfx = [0x30, 0x05, 0x02, 0x01, 0x03, 0x30, 0x00];
    assert_eq!(taken(&pfx), Err(RefusedCertificate::Pkcs12));
}

#[test]
fn exactly_one_certificate_is_taken() {
    let key = rsa();
    let twice = format!("{}{}", valid(&key).pem(), valid(&key).pem());
    assert_eq!(
        taken(twice.as_bytes()),
        Err(RefusedCertificate::Several { found: 2 })
    );
    let mut long = valid(&key).der().to_vec();
    long.extend_from_slice(b"xyz");
    assert_eq!(
        taken(&long),
        Err(RefusedCertificate::TrailingBytes { bytes: 3 })
    );
    let behind = format!("{}xyz\n", valid(&key).pem());
    assert_eq!(
        taken(behind.as_bytes()),
        Err(RefusedCertificate::TrailingBytes { bytes: 3 })
    );
    assert_eq!(taken(b"hello"), Err(RefusedCertificate::NotACertificate));
    assert_eq!(taken(b""), Err(RefusedCertificate::Empty));
}

#[test]
fn only_rsa_keys_are_taken() {
    let elliptic = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let edwards = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    for (key, found) in [
        (elliptic, "an elliptic-curve key"),
        (edwards, "of algorithm 1.3.101.112"),
    ] {
        let found = found.to_owned();
        assert_eq!(
            taken(valid(&key).der()),
            Err(RefusedCertificate::NotRsa { found })
        );
    }
}

#[test]
fn key_sizes_are_what_sql_server_takes() {
    assert_eq!(significant_bits(&[0, 0x80, 0]), 16);
    assert_eq!(significant_bits(&[0x7f, 0]), 15);
    assert_eq!(significant_bits(&[0, 0]), 0);
    // 1000 is no multiple of 64.
    let odd = include_bytes!("fixtures/rsa_1000_bits.pem");
    assert_eq!(
        Certificate::from_upload(
            odd,
            &UploadTerms {
                allow_expired: true,
                ..terms()
            }
        ),
        Err(RefusedCertificate::KeySize { bits: 1000 })
    );
}

#[test]
fn an_expired_certificate_needs_a_word() {
    let made = made_with(&rsa(), now() - Duration::days(1));
    assert!(matches!(
        taken(made.der()),
        Err(RefusedCertificate::Expired { .. })
    ));
    assert!(
        Certificate::from_upload(
            made.der(),
            &UploadTerms {
                allow_expired: true,
                ..terms()
            }
        )
        .is_ok()
    );
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
        Certificate::from_upload(
            made.der(),
            &UploadTerms {
                allow_expired: true,
                ..terms()
            }
        ),
        Err(RefusedCertificate::TooLarge { .. })
    ));
}
