//! Who signed, and over what hash, by what a certificate says of its signature.

use rcgen::{BasicConstraints, DnType, IsCa, Issuer};
use x509_parser::x509::AlgorithmIdentifier;

use super::*;

/// An element of less than 128 bytes.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
}

/// The DER of `SEQUENCE { OBJECT IDENTIFIER, parameters }`.
fn algorithm(oid: &str, parameters: &[u8]) -> Vec<u8> {
    let mut parts = oid.split('.').map(|part| part.parse::<u32>().unwrap());
    let mut encoded =
        vec![u8::try_from(parts.next().unwrap() * 40 + parts.next().unwrap()).unwrap()];
    for part in parts {
        let septets: Vec<u32> = (0..5).rev().map(|n| part >> (7 * n) & 0x7f).collect();
        let from = septets.iter().position(|s| *s != 0).unwrap_or(4);
        for (at, septet) in septets.iter().enumerate().skip(from) {
            let more = if at < 4 { 0x80 } else { 0 };
            encoded.push(u8::try_from(*septet).unwrap() | more);
        }
    }
    tlv(0x30, &[tlv(0x06, &encoded), parameters.to_vec()].concat())
}

fn hash_of(oid: &str, parameters: &[u8]) -> SignatureHash {
    let der = algorithm(oid, parameters);
    let (_, parsed) = AlgorithmIdentifier::from_der(&der).unwrap();
    assert_eq!(parsed.algorithm.to_id_string(), oid);
    SignatureHash::of(&parsed)
}

/// PKCS#1's own identifiers (RFC 8017) and OIW's older ones.
#[test]
fn the_hash_of_a_signature_is_known_by_its_algorithm() {
    for (oid, hash) in [
        ("1.2.840.113549.1.1.2", "MD2"),
        ("1.2.840.113549.1.1.3", "MD4"),
        ("1.2.840.113549.1.1.4", "MD5"),
        ("1.2.840.113549.1.1.5", "SHA-1"),
        ("1.2.840.113549.1.1.14", "SHA-224"),
        ("1.2.840.113549.1.1.11", "SHA-256"),
        ("1.2.840.113549.1.1.12", "SHA-384"),
        ("1.2.840.113549.1.1.13", "SHA-512"),
        ("1.3.14.3.2.2", "MD4"),
        ("1.3.14.3.2.3", "MD5"),
        ("1.3.14.3.2.29", "SHA-1"),
        ("1.2.840.113549.1.1.15", "an unknown hash"),
    ] {
        assert_eq!(hash_of(oid, &[5, 0]).to_string(), hash, "{oid}");
    }
}

/// RSASSA-PSS is one algorithm for all hashes; `[0]` of its parameters names the hash, SHA-1 where it is left out.
#[test]
fn the_hash_of_a_pss_signature_stands_in_its_parameters() {
    const PSS: &str = "1.2.840.113549.1.1.10";
    for (oid, hash) in [
        ("1.3.14.3.2.26", "SHA-1"),
        ("2.16.840.1.101.3.4.2.4", "SHA-224"),
        ("2.16.840.1.101.3.4.2.1", "SHA-256"),
        ("2.16.840.1.101.3.4.2.2", "SHA-384"),
        ("2.16.840.1.101.3.4.2.3", "SHA-512"),
        ("2.16.840.1.101.3.4.2.8", "an unknown hash"),
    ] {
        let parameters = tlv(0x30, &tlv(0xa0, &algorithm(oid, &[5, 0])));
        assert_eq!(hash_of(PSS, &parameters).to_string(), hash, "{oid}");
    }
    assert_eq!(hash_of(PSS, &tlv(0x30, &[])), SignatureHash::Sha1);
    assert_eq!(hash_of(PSS, &[]), SignatureHash::Other);
}

fn self_signature(made: &rcgen::Certificate) -> SelfSignature {
    taken(made.der()).unwrap().self_signature()
}

fn called(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// The key identifiers tell a signer of the same name from the certificate itself: it is not called damaged.
#[test]
fn a_signer_of_the_same_name_with_another_key_is_another() {
    let ca_key = rsa();
    let mut leaf = called("dbm");
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.use_authority_key_identifier_extension = true;
    let ca = called("dbm");
    let made = leaf
        .signed_by(&rsa(), &Issuer::from_params(&ca, &ca_key))
        .unwrap();
    assert_eq!(self_signature(&made), SelfSignature::ByAnother);
    // Without them it says that it signed itself, and it did not.
    let plain = called("dbm");
    let made = plain
        .signed_by(&rsa(), &Issuer::from_params(&ca, &ca_key))
        .unwrap();
    assert_eq!(taken(made.der()).unwrap_err().code(), "certificate_damaged");
    // Its own key's identifier on both sides: it is its own signer.
    let mut own = called("dbm");
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    own.use_authority_key_identifier_extension = true;
    assert_eq!(
        self_signature(&own.self_signed(&rsa()).unwrap()),
        SelfSignature::True
    );
}

/// What cannot be checked is unknown only where the certificate says that it signed itself.
#[test]
fn a_signature_that_cannot_be_opened_is_unknown_or_anothers() {
    // A salt shorter than its hash: allowed, and not checked here.
    let short_salt = taken(include_bytes!("../fixtures/pss_short_salt.pem")).unwrap();
    assert_eq!(short_salt.self_signature(), SelfSignature::Unknown);
    let ca_key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let ca = called("Corp CA");
    let made = called("HOST_A")
        .signed_by(&rsa(), &Issuer::from_params(&ca, &ca_key))
        .unwrap();
    assert_eq!(self_signature(&made), SelfSignature::ByAnother);
}
