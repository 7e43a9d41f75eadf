//! Whether a self-signed certificate's signature is true: it notices damage. Who signed, and whether to trust him, it does not ask.
//!
//! Done by hand for PKCS#1 v1.5, because endpoints use keys and hashes that no library takes any more (512 bits, MD5, SHA-1).

use aws_lc_rs::{digest, signature};
use md5::Digest as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::num_bigint::BigUint;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::{PublicKey, RSAPublicKey};

use super::der;
use super::weakness::SignatureHash;

/// A larger exponent is nobody's, and would take long.
const MOST_EXPONENT_BYTES: usize = 8;

/// What a certificate's own key says of its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelfSignature {
    True,
    /// It is not what it was when it was signed.
    Damaged {
        /// For people.
        how: String,
    },
    /// Somebody else signed it.
    ByAnother,
    /// Signed in a way that cannot be checked here.
    Unknown,
}

impl SelfSignature {
    pub(super) fn of(whole: &[u8]) -> Self {
        let Ok((_, certificate)) = X509Certificate::from_der(whole) else {
            return Self::Unknown;
        };
        if !names_one_algorithm(whole, &certificate) {
            return damaged(
                "its outer form or its signature's algorithm is no longer what was signed",
            );
        }
        let Ok(PublicKey::RSA(key)) = certificate.public_key().parsed() else {
            return Self::Unknown;
        };
        let says_so = is_issued_by_its_subject(&certificate);
        match Opened::by_its_own_key(&certificate, &key) {
            Opened::True => Self::True,
            Opened::OverOther => damaged(CHANGED),
            Opened::Rubbish if says_so => damaged(CHANGED),
            Opened::Rubbish => Self::ByAnother,
            Opened::Unknown if says_so => Self::Unknown,
            Opened::Unknown => Self::ByAnother,
        }
    }
}

const CHANGED: &str =
    "its signature is not one over what it says, so some of its bytes were changed";

/// What stands outside what is signed is guarded by this alone.
fn names_one_algorithm(whole: &[u8], certificate: &X509Certificate<'_>) -> bool {
    let members = |bytes| {
        let (outer, _) = der::element(bytes).filter(|(outer, _)| outer.tag == der::SEQUENCE)?;
        Some(der::elements(outer.content))
    };
    let outer = members(whole)
        .filter(|parts| parts.len() == 3 && parts[2].tag == der::BIT_STRING)
        .map(|parts| parts[1].whole);
    let inner = members(certificate.tbs_certificate.as_ref()).and_then(|parts| {
        let has_version = parts.first()?.tag == der::CONTEXT_0;
        Some(parts.get(1 + usize::from(has_version))?.whole)
    });
    outer.is_some() && outer == inner
}

fn damaged(how: &str) -> SelfSignature {
    SelfSignature::Damaged {
        how: how.to_owned(),
    }
}

/// What the certificate's own key makes of its signature.
enum Opened {
    /// The hash of what was signed.
    True,
    /// The hash of something else: this key did sign, and not this.
    OverOther,
    /// Nothing that a signature holds: another key signed, or key or signature are no longer what they were.
    Rubbish,
    /// It cannot be opened here.
    Unknown,
}

impl Opened {
    fn by_its_own_key(certificate: &X509Certificate<'_>, key: &RSAPublicKey<'_>) -> Self {
        let signed: &[u8] = certificate.tbs_certificate.as_ref();
        let signature = &certificate.signature_value;
        if signature.unused_bits != 0 {
            return Self::Rubbish;
        }
        let hash = SignatureHash::of(&certificate.signature_algorithm);
        if let Some(parameters) = super::weakness::pss(&certificate.signature_algorithm) {
            let whole_key: &[u8] = &certificate.public_key().subject_public_key.data;
            let salt = parameters.salt_length();
            return match by_pss(hash, salt, whole_key, signed, &signature.data) {
                Some(true) => Self::True,
                Some(false) => Self::Rubbish,
                None => Self::Unknown,
            };
        }
        let Some((infos, opened)) = digest_info(hash, signed).zip(opened(key, &signature.data))
        else {
            return Self::Unknown;
        };
        if infos
            .iter()
            .any(|info| opened == padded(info, opened.len()))
        {
            return Self::True;
        }
        // Nobody finds a padding by chance.
        let is_padded = infos.iter().any(|info| {
            let like = padded(info, opened.len());
            let filling = like.len().saturating_sub(info.len());
            opened.starts_with(&like[..filling])
        });
        if is_padded {
            Self::OverOther
        } else {
            Self::Rubbish
        }
    }
}

fn is_issued_by_its_subject(certificate: &X509Certificate<'_>) -> bool {
    let mut own = None;
    let mut issuers = None;
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => own = Some(id.0),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                issuers = id.key_identifier.as_ref().map(|id| id.0);
            }
            _ => {}
        }
    }
    match (own, issuers) {
        // Under another key of the same name's.
        (Some(own), Some(issuers)) if own != issuers => false,
        _ => certificate.subject().as_raw() == certificate.issuer().as_raw(),
    }
}

/// With a salt as long as the digest, which is all that the library takes.
fn by_pss(hash: SignatureHash, salt: u32, key: &[u8], signed: &[u8], mark: &[u8]) -> Option<bool> {
    let parameters = match (hash, salt) {
        (SignatureHash::Sha256, 32) => &signature::RSA_PSS_2048_8192_SHA256,
        (SignatureHash::Sha384, 48) => &signature::RSA_PSS_2048_8192_SHA384,
        (SignatureHash::Sha512, 64) => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    };
    let key = signature::UnparsedPublicKey::new(parameters, key);
    Some(key.verify(signed, mark).is_ok())
}

/// `signature ^ exponent mod modulus`, as long as the modulus. Only public numbers go in.
fn opened(key: &RSAPublicKey<'_>, signature: &[u8]) -> Option<Vec<u8>> {
    let significant = |bytes: &[u8]| bytes.iter().skip_while(|b| **b == 0).count();
    if significant(key.exponent) > MOST_EXPONENT_BYTES {
        return None;
    }
    let modulus = BigUint::from_bytes_be(key.modulus);
    let length = significant(key.modulus);
    if length == 0 {
        return None;
    }
    let exponent = BigUint::from_bytes_be(key.exponent);
    let bytes = BigUint::from_bytes_be(signature)
        .modpow(&exponent, &modulus)
        .to_bytes_be();
    let mut out = vec![0; length.saturating_sub(bytes.len())];
    out.extend_from_slice(&bytes);
    Some(out)
}

/// `00 01 FF … FF 00` and the digest.
fn padded(info: &[u8], length: usize) -> Vec<u8> {
    let filling = length.saturating_sub(info.len() + 3);
    let mut out = vec![0, 1];
    out.resize(2 + filling, 0xff);
    out.push(0);
    out.extend_from_slice(info);
    out
}

/// The digest with its algorithm, with NULL parameters and without any: both are in use.
fn digest_info(hash: SignatureHash, signed: &[u8]) -> Option<[Vec<u8>; 2]> {
    let by = |algorithm| digest::digest(algorithm, signed).as_ref().to_vec();
    let sha2 = |last: u8| vec![0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last];
    let (oid, digest) = match hash {
        SignatureHash::Md5 => (
            vec![0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05],
            md5::Md5::digest(signed).to_vec(),
        ),
        SignatureHash::Sha1 => (
            vec![0x2b, 0x0e, 0x03, 0x02, 0x1a],
            by(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        ),
        SignatureHash::Sha224 => (sha2(4), by(&digest::SHA224)),
        SignatureHash::Sha256 => (sha2(1), by(&digest::SHA256)),
        SignatureHash::Sha384 => (sha2(2), by(&digest::SHA384)),
        SignatureHash::Sha512 => (sha2(3), by(&digest::SHA512)),
        SignatureHash::Md2 | SignatureHash::Md4 | SignatureHash::Other => return None,
    };
    let oid = [vec![0x06, short(&oid)], oid].concat();
    Some([[oid.clone(), vec![5, 0]].concat(), oid].map(|algorithm| {
        let algorithm = [vec![0x30, short(&algorithm)], algorithm].concat();
        let content = [algorithm, vec![0x04, short(&digest)], digest.clone()].concat();
        [vec![0x30, short(&content)], content].concat()
    }))
}

/// A length below 128.
fn short(content: &[u8]) -> u8 {
    u8::try_from(content.len()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With 3233 = 61 × 53, the modulus of textbooks: 65 to the 17th is 2790. Leading zeros do not count.
    #[test]
    fn an_exponent_of_more_than_eight_bytes_is_not_tried() {
        let by = |exponent: &[u8]| {
            let modulus = &[0x0c, 0xa1][..];
            opened(&RSAPublicKey { modulus, exponent }, &[65])
        };
        let textbook = 2790_u16.to_be_bytes();
        assert_eq!(by(&[17]), Some(textbook.to_vec()));
        assert_eq!(
            by(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 17]),
            Some(textbook.to_vec())
        );
        assert!(by(&[1; 8]).is_some());
        assert_eq!(by(&[1; 9]), None);
        assert_eq!(by(&[1; 10]), None);
    }
}
