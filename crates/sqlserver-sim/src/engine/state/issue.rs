//! Self-signed certificates as the engine makes them, encoded by hand: X.509 v1 with serials of either sign on Linux, v3 with
//! positive ones on Windows, signed with SHA-1 where the version did so.
//!
//! No certificate library writes v1, negative serials or SHA-1 any more. What a certificate says once made is `certificate`'s to read.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use chrono::{Datelike, NaiveDateTime};
use rcgen::KeyPair;
use x509_parser::num_bigint::BigUint;

use super::certificate::{BadCertificate, Facts, parse, sha1};

/// How an engine makes certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// X.509 v1, and a serial whose top bit is left to chance.
    pub linux: bool,
    /// Signed with SHA-1 rather than SHA-256.
    pub sha1: bool,
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// Tag, length and content of the object identifiers, NULL parameters behind those that want them.
const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];
const RSA: &[u8] = &[
    0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0,
];
const SHA1_WITH_RSA: &[u8] = &[
    0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5, 0x05, 0,
];
const SHA256_WITH_RSA: &[u8] = &[
    0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 0x05, 0,
];
/// DigestInfo up to the digest.
const SHA1_DIGEST: &[u8] = &[
    0x30, 0x21, 0x30, 9, 0x06, 5, 0x2b, 0x0e, 3, 2, 0x1a, 0x05, 0, 0x04, 0x14,
];

/// Makes a self-signed certificate of `key`.
///
/// # Errors
/// [`BadCertificate::Generation`].
pub fn make(
    subject: &str,
    start: NaiveDateTime,
    expiry: NaiveDateTime,
    key: &KeyPair,
    style: Style,
) -> Result<Facts, BadCertificate> {
    let mut serial = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| BadCertificate::Generation)?;
    if !style.linux {
        serial[0] &= 0x7f;
    }
    // The shortest encoding of an INTEGER does not begin with nine equal bits.
    if matches!(serial[0], 0x00 | 0xff) {
        serial[0] ^= 0x40;
    }
    let algorithm = tagged(
        SEQUENCE,
        if style.sha1 {
            SHA1_WITH_RSA
        } else {
            SHA256_WITH_RSA
        },
    );
    let name = common_name(subject);
    let validity = tagged(SEQUENCE, &[time(start), time(expiry)].concat());
    let public_key = [&[0], key.public_key_raw()].concat();
    let public_key = tagged(
        SEQUENCE,
        &[tagged(SEQUENCE, RSA), tagged(BIT_STRING, &public_key)].concat(),
    );
    let version = if style.linux {
        Vec::new()
    } else {
        vec![0xa0, 3, INTEGER, 1, 2]
    };
    let body = tagged(
        SEQUENCE,
        &[
            version,
            tagged(INTEGER, &serial),
            algorithm.clone(),
            name.clone(),
            validity,
            name,
            public_key,
        ]
        .concat(),
    );
    let signature = sign(&body, key, style.sha1).ok_or(BadCertificate::Generation)?;
    let signature = tagged(BIT_STRING, &[&[0], signature.as_slice()].concat());
    parse(&tagged(SEQUENCE, &[body, algorithm, signature].concat()))
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    if let Ok(short) = u8::try_from(length)
        && short < 0x80
    {
        out.push(short);
    } else {
        let bytes: Vec<u8> = length
            .to_be_bytes()
            .into_iter()
            .skip_while(|b| *b == 0)
            .collect();
        out.push(0x80 | u8::try_from(bytes.len()).unwrap_or(8));
        out.extend(bytes);
    }
    out.extend(content);
    out
}

fn common_name(subject: &str) -> Vec<u8> {
    let attribute = [
        COMMON_NAME,
        tagged(UTF8_STRING, subject.as_bytes()).as_slice(),
    ]
    .concat();
    tagged(SEQUENCE, &tagged(SET, &tagged(SEQUENCE, &attribute)))
}

/// UTCTime where two digits for the year will do.
fn time(at: NaiveDateTime) -> Vec<u8> {
    if (1950..2050).contains(&at.year()) {
        tagged(UTC_TIME, at.format("%y%m%d%H%M%SZ").to_string().as_bytes())
    } else {
        let text = at.format("%Y%m%d%H%M%SZ").to_string();
        tagged(GENERALIZED_TIME, text.as_bytes())
    }
}

fn sign(body: &[u8], key: &KeyPair, with_sha1: bool) -> Option<Vec<u8>> {
    let pkcs8 = key.serialize_der();
    if with_sha1 {
        return sign_sha1(body, &pkcs8);
    }
    let pair = RsaKeyPair::from_pkcs8(&pkcs8).ok()?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        body,
        &mut signature,
    )
    .ok()?;
    Some(signature)
}

/// PKCS #1 v1.5 with SHA-1, which the crypto library checks but does not make.
fn sign_sha1(body: &[u8], pkcs8: &[u8]) -> Option<Vec<u8>> {
    let (modulus, exponent) = private_key(pkcs8)?;
    let size = usize::try_from(modulus.bits().div_ceil(8)).ok()?;
    let digest = [SHA1_DIGEST, sha1(body).as_slice()].concat();
    let padding = size.checked_sub(digest.len() + 3)?;
    let mut padded = vec![0xff; size];
    padded[0] = 0;
    padded[1] = 1;
    padded[2 + padding] = 0;
    padded[3 + padding..].copy_from_slice(&digest);
    let signed = BigUint::from_bytes_be(&padded).modpow(&exponent, &modulus);
    let signed = signed.to_bytes_be();
    let mut signature = vec![0; size.checked_sub(signed.len())?];
    signature.extend(signed);
    Some(signature)
}

/// Modulus and private exponent of a key in PKCS #8.
fn private_key(pkcs8: &[u8]) -> Option<(BigUint, BigUint)> {
    let (outer, _) = element(pkcs8, SEQUENCE)?;
    let (_version, rest) = element(outer, INTEGER)?;
    let (_algorithm, rest) = element(rest, SEQUENCE)?;
    let (key, _) = element(rest, OCTET_STRING)?;
    let (key, _) = element(key, SEQUENCE)?;
    let (_version, rest) = element(key, INTEGER)?;
    let (modulus, rest) = element(rest, INTEGER)?;
    let (_public, rest) = element(rest, INTEGER)?;
    let (private, _) = element(rest, INTEGER)?;
    Some((
        BigUint::from_bytes_be(modulus),
        BigUint::from_bytes_be(private),
    ))
}

/// The content of the first element, which must have this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    if first != tag {
        return None;
    }
    if length < 0x80 {
        return rest.split_at_checked(usize::from(length));
    }
    let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
    let length = bytes.iter().try_fold(0_usize, |n, b| {
        n.checked_mul(256)?.checked_add(usize::from(*b))
    })?;
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::state::certificate::generate_key;
    use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

    fn day(year: i32) -> NaiveDateTime {
        chrono::NaiveDate::from_ymd_opt(year, 1, 31)
            .unwrap()
            .and_hms_opt(13, 14, 15)
            .unwrap()
    }

    #[test]
    fn every_style_is_a_certificate_whose_signature_verifies() {
        let key = generate_key(2048).unwrap();
        for (linux, sha1) in [(false, false), (false, true), (true, false), (true, true)] {
            let made = make(
                "HOST_A certificate",
                day(2020),
                day(2060),
                &key,
                Style { linux, sha1 },
            )
            .unwrap();
            assert_eq!((made.start, made.expiry), (day(2020), day(2060)));
            assert_eq!(
                (made.subject.as_str(), made.serial.len()),
                ("HOST_A certificate", 16)
            );
            let (_, read) = X509Certificate::from_der(&made.der).unwrap();
            let version = if linux {
                X509Version::V1
            } else {
                X509Version::V3
            };
            assert_eq!(read.version(), version);
            let oid = read.signature_algorithm.algorithm.to_id_string();
            assert_eq!(
                oid,
                if sha1 {
                    "1.2.840.113549.1.1.5"
                } else {
                    "1.2.840.113549.1.1.11"
                }
            );
            let algorithm = if sha1 {
                &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY
            } else {
                &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256
            };
            let body = read.tbs_certificate.as_ref();
            aws_lc_rs::signature::UnparsedPublicKey::new(algorithm, &made.public_key)
                .verify(body, &read.signature_value.data)
                .unwrap();
        }
    }

    #[test]
    fn serials_are_of_either_sign_on_linux_only() {
        let key = generate_key(2048).unwrap();
        let negative = |linux: bool| {
            let made = (0..40).map(|_| {
                make(
                    "c",
                    day(2020),
                    day(2030),
                    &key,
                    Style { linux, sha1: false },
                )
                .unwrap()
            });
            made.filter(|m| m.serial[0] >= 0x80).count()
        };
        assert_eq!(negative(false), 0);
        assert!((5..=35).contains(&negative(true)));
    }
}
