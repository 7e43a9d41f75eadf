//! What certificate a server presented in its TLS handshake, as far as people need it to know it again. Judges nothing.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::distinguished_name;
use crate::domain::hash::Sha256;

/// The subject of the certificate SQL Server makes for itself where it was given none: another one at every start.
const FALLBACK: &str = "SSL_Self_Signed_Fallback";
/// Names shown of one certificate.
const MOST_NAMES: usize = 8;

/// One server certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presented {
    pub subject: String,
    pub issuer: String,
    /// 1 or 3.
    pub version: u32,
    /// `None` where it is no time at all.
    pub not_before: Option<DateTime<Utc>>,
    pub not_after: Option<DateTime<Utc>>,
    /// Marked as an authority's (CA:TRUE), as `openssl req -x509` does by itself.
    pub is_authority: bool,
    /// Size of an RSA key; `None` for one of another kind.
    pub rsa_bits: Option<usize>,
    /// Host names and addresses it is for (subject alternative names), the first eight.
    pub names: Vec<String>,
    /// Over its DER: what a pin is.
    pub sha256: Sha256,
}

impl Presented {
    /// Reads any X.509 certificate, whether or not TLS could use it.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let moment = |seconds| DateTime::from_timestamp(seconds, 0);
        Some(Self {
            subject: distinguished_name::text(parsed.subject()),
            issuer: distinguished_name::text(parsed.issuer()),
            version: parsed.version().0.saturating_add(1),
            not_before: moment(parsed.validity().not_before.timestamp()),
            not_after: moment(parsed.validity().not_after.timestamp()),
            is_authority: parsed.is_ca(),
            rsa_bits: rsa_bits(&parsed),
            names: names(&parsed),
            sha256: Sha256::of(der),
        })
    }

    /// Made by SQL Server at its start.
    #[must_use]
    pub fn is_fallback(&self) -> bool {
        self.subject.contains(FALLBACK)
    }

    /// It names itself as its issuer.
    #[must_use]
    pub fn is_self_made(&self) -> bool {
        self.subject == self.issuer
    }

    /// On one line: `CN=a, issued by CN=b, X.509 v3, valid 2026-01-01 to 2027-01-01 UTC, for a.corp; SHA-256 …`.
    #[must_use]
    pub fn describe(&self) -> String {
        let day = |moment: Option<DateTime<Utc>>| {
            moment.map_or("?".to_owned(), |at| at.format("%Y-%m-%d %H:%M").to_string())
        };
        let issuer = match self.is_self_made() {
            true => "self-signed".to_owned(),
            false => format!("issued by {}", self.issuer),
        };
        let names = match self.names.as_slice() {
            [] => "without any subject alternative name".to_owned(),
            names => format!("for {}", names.join(", ")),
        };
        format!(
            "{} ({issuer}, X.509 v{}, valid {} to {} UTC, {names}, SHA-256 {})",
            self.subject,
            self.version,
            day(self.not_before),
            day(self.not_after),
            self.sha256
        )
    }
}

fn rsa_bits(parsed: &X509Certificate<'_>) -> Option<usize> {
    match parsed.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(super::significant_bits(key.modulus)),
        _ => None,
    }
}

fn names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let of = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    let extensions = parsed.extensions().iter();
    extensions
        .filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
            _ => None,
        })
        .flatten()
        .filter_map(of)
        .take(MOST_NAMES)
        .collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(sixteen).to_string())
}

/// A certificate's public key: the OID of its algorithm, that algorithm with its parameters as encoded (without the outer
/// tag), and the key's own bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeyBytes {
    pub is_rsa: bool,
    pub algorithm: Vec<u8>,
    pub key: Vec<u8>,
}

impl PublicKeyBytes {
    /// Of any X.509 certificate, version 1 included.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Self> {
        const RSA: &str = "1.2.840.113549.1.1.1";
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let info = parsed.public_key();
        let (outer, _) = super::der::element(info.raw)?;
        let algorithm = super::der::elements(outer.content).first()?.content;
        Some(Self {
            is_rsa: info.algorithm.algorithm.to_id_string() == RSA,
            algorithm: algorithm.to_vec(),
            key: info.subject_public_key.data.to_vec(),
        })
    }
}
