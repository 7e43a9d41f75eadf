//! Which certificates count as weak: a stated policy over what a certificate says and which server uses it. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::AlgorithmIdentifier;

use super::Certificate;
use crate::domain::words::words;

const PSS: &str = "1.2.840.113549.1.1.10";

/// SQL Server 2016: the first that makes keys of 2048 bits.
const MAJOR_2016: u32 = 13;
/// SQL Server 2017: the first that signs with SHA-256.
const MAJOR_2017: u32 = 14;

/// The hash a signature is made over, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignatureHash {
    Md2,
    Md4,
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    /// None of these: nothing is said about its strength.
    Other,
}

impl SignatureHash {
    pub(super) fn of(algorithm: &AlgorithmIdentifier<'_>) -> Self {
        match algorithm.algorithm.to_id_string().as_str() {
            "1.2.840.113549.1.1.2" => Self::Md2,
            "1.2.840.113549.1.1.3" | "1.3.14.3.2.2" => Self::Md4,
            "1.2.840.113549.1.1.4" | "1.3.14.3.2.3" => Self::Md5,
            "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => Self::Sha1,
            "1.2.840.113549.1.1.14" => Self::Sha224,
            "1.2.840.113549.1.1.11" => Self::Sha256,
            "1.2.840.113549.1.1.12" => Self::Sha384,
            "1.2.840.113549.1.1.13" => Self::Sha512,
            PSS => of_pss(algorithm),
            _ => Self::Other,
        }
    }
}

/// The parameters of a signature by RSASSA-PSS.
pub(super) fn pss<'a>(algorithm: &'a AlgorithmIdentifier<'a>) -> Option<RsaSsaPssParams<'a>> {
    if algorithm.algorithm.to_id_string() != PSS {
        return None;
    }
    RsaSsaPssParams::try_from(algorithm.parameters.as_ref()?).ok()
}

fn of_pss(algorithm: &AlgorithmIdentifier<'_>) -> SignatureHash {
    let Some(parameters) = pss(algorithm) else {
        return SignatureHash::Other;
    };
    match parameters.hash_algorithm_oid().to_id_string().as_str() {
        "1.3.14.3.2.26" => SignatureHash::Sha1,
        "2.16.840.1.101.3.4.2.4" => SignatureHash::Sha224,
        "2.16.840.1.101.3.4.2.1" => SignatureHash::Sha256,
        "2.16.840.1.101.3.4.2.2" => SignatureHash::Sha384,
        "2.16.840.1.101.3.4.2.3" => SignatureHash::Sha512,
        _ => SignatureHash::Other,
    }
}

impl fmt::Display for SignatureHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Md2 => "MD2",
            Self::Md4 => "MD4",
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Other => "an unknown hash",
        })
    }
}

/// What counts as weak.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum WeaknessPolicy {
    /// MD5 and older, keys under 1024 bits; whatever the server.
    Broken,
    /// That, and what is weaker than the server's own version makes: SHA-1 from 2017, keys under 2048 bits from 2016. That
    /// 2022 makes 3072 bits itself does not make 2048 weak.
    #[default]
    ServerVersion,
    /// SHA-1 and keys under 2048 bits, whatever the server.
    Strict,
}

/// One thing that is weak about a certificate. Reads as `is signed with SHA-1 …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    Hash {
        found: SignatureHash,
        /// The weakest that is not weak.
        least: SignatureHash,
    },
    ShortKey {
        bits: u32,
        /// The shortest that is not weak.
        least: u32,
    },
}

words!(WeaknessPolicy);

impl WeaknessPolicy {
    /// What is weak about `certificate` where a SQL Server of this major version (13 is 2016) uses it.
    #[must_use]
    pub fn weaknesses(self, certificate: &Certificate, major: u32) -> Vec<Weakness> {
        let (hash, bits) = self.least(major);
        let found = certificate.signature_hash;
        let by_hash = (found < hash).then_some(Weakness::Hash { found, least: hash });
        let by_key = (certificate.key_bits < bits).then_some(Weakness::ShortKey {
            bits: certificate.key_bits,
            least: bits,
        });
        by_hash.into_iter().chain(by_key).collect()
    }

    /// What this policy asks for on a server of this major version, in words.
    #[must_use]
    pub fn describe(self, major: u32) -> String {
        let (hash, bits) = self.least(major);
        // No server makes SHA-224; it is only where SHA-2 begins.
        let hash = if hash > SignatureHash::Sha1 {
            "SHA-2"
        } else {
            "SHA-1"
        };
        format!("a signature over {hash} or better and a key of {bits} bits or more")
    }

    fn least(self, major: u32) -> (SignatureHash, u32) {
        let is_at_least =
            |since: u32| self == Self::Strict || (self == Self::ServerVersion && major >= since);
        let hash = if is_at_least(MAJOR_2017) {
            SignatureHash::Sha224
        } else {
            SignatureHash::Sha1
        };
        let bits = if is_at_least(MAJOR_2016) { 2048 } else { 1024 };
        (hash, bits)
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash { found, .. } => write!(f, "is signed over {found}"),
            Self::ShortKey { bits, .. } => write!(f, "has a key of {bits} bits"),
        }
    }
}
