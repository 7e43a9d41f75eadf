//! What a server presented, told so that people know it again.

use rcgen::{BasicConstraints, DistinguishedName, DnType, IsCa, Issuer, SanType};

use super::*;

fn params(subject: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    params.not_before = time_of(now());
    params.not_after = time_of(now() + Duration::days(365));
    params
}

fn der_of(pem: &str) -> Vec<u8> {
    x509_parser::pem::parse_x509_pem(pem.as_bytes())
        .unwrap()
        .1
        .contents
}

#[test]
fn a_presented_certificate_is_told_by_its_names_dates_key_and_hash() {
    let mut of_host = params("sql1.corp");
    of_host.subject_alt_names = vec![
        SanType::Rfc822Name("dba@corp.example".try_into().unwrap()),
        SanType::DnsName("sql1.corp".try_into().unwrap()),
        SanType::IpAddress([10, 0, 0, 7].into()),
        SanType::IpAddress("fd00::7".parse().unwrap()),
    ];
    let (authority, key) = (params("Corp CA"), rsa());
    let issuer = Issuer::from_params(&authority, &key);
    let made = of_host.signed_by(&rsa(), &issuer).unwrap();
    let presented = Presented::from_der(made.der()).unwrap();
    assert_eq!(
        presented,
        Presented {
            subject: "CN=sql1.corp".to_owned(),
            issuer: "CN=Corp CA".to_owned(),
            version: 3,
            not_before: Some(now()),
            not_after: Some(now() + Duration::days(365)),
            is_authority: false,
            rsa_bits: Some(2048),
            // No mail address: it is for no host.
            names: ["sql1.corp", "10.0.0.7", "fd00::7"]
                .map(str::to_owned)
                .to_vec(),
            sha256: Sha256::of(made.der()),
        }
    );
    assert_eq!(
        presented.describe(),
        format!(
            "CN=sql1.corp (issued by CN=Corp CA, X.509 v3, valid 2027-01-23 12:00 to 2028-01-23 12:00 UTC, \
             for sql1.corp, 10.0.0.7, fd00::7, SHA-256 {})",
            presented.sha256
        )
    );
}

#[test]
fn one_without_names_or_issuer_says_so() {
    let presented =
        Presented::from_der(params("HOST_A").self_signed(&rsa()).unwrap().der()).unwrap();
    assert!(presented.is_self_made());
    let told = presented.describe();
    assert!(told.starts_with("CN=HOST_A (self-signed, "), "{told}");
    assert!(
        told.contains("without any subject alternative name"),
        "{told}"
    );
    let timeless = Presented {
        not_after: None,
        ..presented
    };
    assert!(timeless.describe().contains(" to ? UTC"));
}

#[test]
fn at_most_eight_names_are_shown() {
    let names: Vec<String> = (1..=9).map(|n| format!("sql{n}")).collect();
    let mut many = CertificateParams::new(names.clone()).unwrap();
    many.not_after = time_of(now());
    let made = many.self_signed(&rsa()).unwrap();
    assert_eq!(Presented::from_der(made.der()).unwrap().names, names[..8]);
}

#[test]
fn an_authority_an_elliptic_key_and_version_1_are_told_apart_from_the_usual() {
    let elliptic = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut authority = params("Corp CA");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let made = authority.self_signed(&elliptic).unwrap();
    let presented = Presented::from_der(made.der()).unwrap();
    assert_eq!((presented.is_authority, presented.rsa_bits), (true, None));
    let old = Presented::from_der(&der_of(include_str!("../fixtures/v1.pem"))).unwrap();
    assert_eq!((old.version, old.rsa_bits), (1, Some(2048)));
    assert_eq!(Presented::from_der(b"no certificate"), None);
}

#[test]
fn what_sql_server_makes_at_its_start_is_known_by_its_subject() {
    for (subject, is_fallback) in [("SSL_Self_Signed_Fallback", true), ("HOST_A", false)] {
        let made = params(subject).self_signed(&rsa()).unwrap();
        let presented = Presented::from_der(made.der()).unwrap();
        assert_eq!(presented.is_fallback(), is_fallback, "{subject}");
    }
}

/// The algorithms as RFC 3279 and RFC 5480 write them: `rsaEncryption` with NULL, `id-ecPublicKey` on P-256.
#[test]
fn a_public_key_is_its_algorithm_as_encoded_and_its_own_bytes() {
    let elliptic = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    for (key, is_rsa, algorithm) in [
        (rsa(), true, "06092a864886f70d0101010500"),
        (elliptic, false, "06072a8648ce3d020106082a8648ce3d030107"),
    ] {
        let wanted = PublicKeyBytes {
            is_rsa,
            algorithm: hex::decode(algorithm).unwrap(),
            key: key.public_key_raw().to_vec(),
        };
        assert_eq!(PublicKeyBytes::of(valid(&key).der()), Some(wanted));
    }
    assert_eq!(PublicKeyBytes::of(b"no certificate"), None);
}
