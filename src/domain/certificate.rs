//! Public X.509 certificates of mirroring endpoints: parsed for real, public half only.
//!
//! What a caller uploads passes through [`Certificate::from_upload`]; what a server told us through [`Certificate::from_der`].

mod issuer_serial;

use chrono::{DateTime, Utc};
use rustls_pki_types::pem::{self, PemObject, SectionKind};
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

pub use self::issuer_serial::IssuerSerial;
use super::hash::{Sha256, Thumbprint};

/// The largest DER mirrorgate takes.
pub const MAX_DER_BYTES: usize = 16 * 1024;

/// What a certificate is uploaded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The certificate the endpoint uses now: the last such upload is the instance's pin.
    Current,
    /// The certificate of a renewal to come; distributed beside the current one.
    Next,
}

impl Purpose {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
        }
    }
}

/// Where a stored certificate came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Uploaded,
    /// Read from the instance's endpoint. Never a pin.
    Obtained,
}

impl Source {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::Obtained => "obtained",
        }
    }
}

/// One parsed certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub der: Vec<u8>,
    pub sha256: Sha256,
    pub thumbprint: Thumbprint,
    pub subject: String,
    pub issuer: String,
    /// Hexadecimal, lower case, bytes as encoded.
    pub serial: String,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
    /// RSA modulus size in bits.
    pub key_bits: u32,
    /// The algorithm's dotted object identifier.
    pub signature_algorithm: String,
}

/// Why bytes are not taken as an endpoint certificate. No variant carries the bytes: they may be a private key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedCertificate {
    #[error("the upload is empty; wanted is one X.509 certificate in DER or PEM")]
    Empty,
    #[error(
        "the upload holds a private key; it was not stored. Upload the public certificate only (BACKUP CERTIFICATE … TO FILE without PRIVATE KEY) and treat the key as exposed"
    )]
    PrivateKey,
    #[error(
        "the upload is a PKCS#12 container, which holds a private key; it was not stored. Upload the public certificate only"
    )]
    Pkcs12,
    #[error("the upload holds {found} certificates; wanted is exactly one, the endpoint's own")]
    Several { found: usize },
    #[error("{bytes} bytes follow the certificate; wanted is the certificate alone")]
    TrailingBytes { bytes: usize },
    #[error("the certificate has {bytes} bytes; at most {MAX_DER_BYTES} are taken")]
    TooLarge { bytes: usize },
    #[error("the upload is not an X.509 certificate in DER or PEM")]
    NotACertificate,
    #[error("the certificate's key is {found}; SQL Server endpoints take RSA keys only")]
    NotRsa { found: String },
    #[error("the RSA key has {bits} bits; SQL Server takes 384 to 4096 bits in steps of 64")]
    KeySize { bits: u32 },
    #[error(
        "the certificate expired on {not_after}; an endpoint that uses it admits nobody. Upload the renewed one, or add allow_expired=true"
    )]
    Expired { not_after: DateTime<Utc> },
}

impl RefusedCertificate {
    /// The stable code of this refusal.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "certificate_empty",
            Self::PrivateKey => "private_key_refused",
            Self::Pkcs12 => "pkcs12_refused",
            Self::Several { .. } => "several_certificates",
            Self::TrailingBytes { .. } => "trailing_bytes",
            Self::TooLarge { .. } => "certificate_too_large",
            Self::NotACertificate => "not_a_certificate",
            Self::NotRsa { .. } => "key_not_rsa",
            Self::KeySize { .. } => "key_size_refused",
            Self::Expired { .. } => "certificate_expired",
        }
    }
}

impl Certificate {
    /// Reads an upload, DER or PEM by its content.
    ///
    /// # Errors
    /// See [`RefusedCertificate`]; a private key anywhere in the upload is refused before anything else is looked at.
    pub fn from_upload(
        bytes: &[u8],
        allow_expired: bool,
        now: DateTime<Utc>,
    ) -> Result<Self, RefusedCertificate> {
        // Anywhere, in any dress: indented, behind a certificate, inside other text.
        if contains(bytes, b"PRIVATE KEY-----") {
            return Err(RefusedCertificate::PrivateKey);
        }
        let certificate = if looks_like_pem(bytes) {
            Self::from_der(&sole_pem_certificate(bytes)?)?
        } else {
            Self::from_der(bytes)?
        };
        if certificate.not_after < now && !allow_expired {
            return Err(RefusedCertificate::Expired {
                not_after: certificate.not_after,
            });
        }
        Ok(certificate)
    }

    /// Parses exactly one certificate.
    ///
    /// # Errors
    /// See [`RefusedCertificate`].
    pub fn from_der(der: &[u8]) -> Result<Self, RefusedCertificate> {
        if der.is_empty() {
            return Err(RefusedCertificate::Empty);
        }
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| refuse_other_der(der))?;
        if !rest.is_empty() {
            return Err(trailing(rest));
        }
        if der.len() > MAX_DER_BYTES {
            return Err(RefusedCertificate::TooLarge { bytes: der.len() });
        }
        let key_bits = rsa_bits(&parsed)?;
        Ok(Self {
            sha256: Sha256::of(der),
            thumbprint: Thumbprint::of(der),
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            serial: hex::encode(parsed.raw_serial()),
            not_before: moment(parsed.validity().not_before.timestamp())?,
            not_after: moment(parsed.validity().not_after.timestamp())?,
            key_bits,
            signature_algorithm: parsed.signature_algorithm.algorithm.to_id_string(),
            der: der.to_vec(),
        })
    }

    #[must_use]
    pub fn to_pem(&self) -> String {
        use base64::Engine;
        let body = base64::engine::general_purpose::STANDARD.encode(&self.der);
        let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
        let mut rest = body.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            out.push_str(line);
            out.push('\n');
            rest = after;
        }
        out.push_str("-----END CERTIFICATE-----\n");
        out
    }
}

/// The subject of any X.509 certificate, whether or not an endpoint could use it.
#[must_use]
pub fn subject_of(der: &[u8]) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    Some(parsed.subject().to_string())
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn looks_like_pem(bytes: &[u8]) -> bool {
    contains(&bytes[..bytes.len().min(4096)], b"-----BEGIN ")
}

/// What stands behind the last section. Text in front of the first is explanation, as PEM allows.
fn behind_pem(bytes: &[u8]) -> usize {
    const END: &[u8] = b"-----END CERTIFICATE-----";
    let end = bytes
        .windows(END.len())
        .rposition(|window| window == END)
        .map_or(bytes.len(), |at| at + END.len());
    bytes[end..].trim_ascii().len()
}

fn sole_pem_certificate(bytes: &[u8]) -> Result<Vec<u8>, RefusedCertificate> {
    let mut certificates = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes) {
        match section {
            Ok((SectionKind::Certificate, der)) => certificates.push(der),
            Ok(_) | Err(pem::Error::NoItemsFound) => {}
            Err(_) => return Err(RefusedCertificate::NotACertificate),
        }
    }
    match certificates.len() {
        1 if behind_pem(bytes) > 0 => Err(RefusedCertificate::TrailingBytes {
            bytes: behind_pem(bytes),
        }),
        1 => Ok(certificates.swap_remove(0)),
        0 => Err(RefusedCertificate::NotACertificate),
        found => Err(RefusedCertificate::Several { found }),
    }
}

/// Bytes that are no certificate: say so, unless they are something that must be named (a key, a PKCS#12).
fn refuse_other_der(der: &[u8]) -> RefusedCertificate {
    use x509_parser::der_parser::asn1_rs::{Any, FromDer as _};
    let Ok((_, outer)) = Any::from_der(der) else {
        return RefusedCertificate::NotACertificate;
    };
    let mut members = Vec::new();
    let mut rest: &[u8] = outer.data;
    while members.len() < 3
        && let Ok((after, member)) = Any::from_der(rest)
    {
        members.push((member.tag().0, member.data.to_vec()));
        rest = after;
    }
    let first_is_version = |versions: &[u8]| {
        members
            .first()
            .is_some_and(|(tag, data)| *tag == 2 && data.len() == 1 && versions.contains(&data[0]))
    };
    let first = members.first().map(|(tag, _)| *tag);
    let second = members.get(1).map(|(tag, _)| *tag);
    // An encrypted key: an algorithm and an octet string, nothing else.
    if first == Some(16) && second == Some(4) && members.len() == 2 {
        return RefusedCertificate::PrivateKey;
    }
    if first_is_version(&[3]) && second == Some(16) {
        RefusedCertificate::Pkcs12
    } else if first_is_version(&[0, 1]) && matches!(second, Some(2 | 4 | 16)) {
        RefusedCertificate::PrivateKey
    } else {
        RefusedCertificate::NotACertificate
    }
}

fn trailing(rest: &[u8]) -> RefusedCertificate {
    if let Ok((_, _)) = X509Certificate::from_der(rest) {
        return RefusedCertificate::Several { found: 2 };
    }
    match refuse_other_der(rest) {
        RefusedCertificate::NotACertificate => {
            RefusedCertificate::TrailingBytes { bytes: rest.len() }
        }
        secret => secret,
    }
}

fn rsa_bits(parsed: &X509Certificate<'_>) -> Result<u32, RefusedCertificate> {
    let key = parsed.public_key();
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let bits = u32::try_from(significant_bits(rsa.modulus)).unwrap_or(u32::MAX);
            if (384..=4096).contains(&bits) && bits.is_multiple_of(64) {
                Ok(bits)
            } else {
                Err(RefusedCertificate::KeySize { bits })
            }
        }
        Ok(PublicKey::EC(_)) => Err(RefusedCertificate::NotRsa {
            found: "an elliptic-curve key".to_owned(),
        }),
        _ => Err(RefusedCertificate::NotRsa {
            found: format!("of algorithm {}", key.algorithm.algorithm.to_id_string()),
        }),
    }
}

fn significant_bits(modulus: &[u8]) -> usize {
    let from = modulus
        .iter()
        .position(|b| *b != 0)
        .unwrap_or(modulus.len());
    match modulus.get(from) {
        Some(first) => (modulus.len() - from) * 8 - first.leading_zeros() as usize,
        None => 0,
    }
}

fn moment(seconds: i64) -> Result<DateTime<Utc>, RefusedCertificate> {
    DateTime::from_timestamp(seconds, 0).ok_or(RefusedCertificate::NotACertificate)
}

#[cfg(test)]
mod tests;
