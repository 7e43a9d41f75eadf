//! Public X.509 certificates of mirroring endpoints: parsed for real, public half only.
//!
//! What a caller uploads passes through [`Certificate::from_upload`] (encoding, kind, signature, dates); what a server told us
//! through [`Certificate::from_der`].

mod dates;
mod der;
mod distinguished_name;
mod encoding;
mod foreign;
mod issuer_serial;
mod pem;
mod pins;
mod presented;
mod refused;
mod signature;
mod upload;
mod weakness;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

pub use self::issuer_serial::IssuerSerial;
pub use self::pins::{Acceptance, PinHashes};
pub use self::presented::{Presented, PublicKeyBytes};
pub use self::refused::RefusedCertificate;
pub use self::signature::SelfSignature;
pub use self::upload::{CLOCK_TOLERANCE_SECONDS, UploadTerms};
pub use self::weakness::{SignatureHash, Weakness, WeaknessPolicy};
use super::hash::{Sha256, Thumbprint};
use crate::domain::words::words;

/// The largest DER mirrorgate takes.
pub const MAX_DER_BYTES: usize = 16 * 1024;

/// What a certificate is uploaded for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Purpose {
    /// The certificate the endpoint uses now: the last such upload is the instance's pin.
    Current,
    /// The certificate of a renewal to come; distributed beside the current one.
    Next,
}

words!(Purpose);

/// Where a stored certificate came from.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Source {
    Uploaded,
    /// Read from the instance's endpoint. Never a pin.
    Obtained,
}

words!(Source);

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
    /// What the signature is made over.
    pub signature_hash: SignatureHash,
    /// By what a handshake looks it up.
    pub issuer_serial: IssuerSerial,
}

impl Certificate {
    /// Parses exactly one certificate.
    ///
    /// # Errors
    /// See [`RefusedCertificate`].
    pub fn from_der(der: &[u8]) -> Result<Self, RefusedCertificate> {
        if der.is_empty() {
            return Err(RefusedCertificate::Empty);
        }
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| foreign::named(der))?;
        if !rest.is_empty() {
            return Err(foreign::behind(rest));
        }
        if der.len() > MAX_DER_BYTES {
            return Err(RefusedCertificate::TooLarge { bytes: der.len() });
        }
        let key_bits = rsa_bits(&parsed)?;
        Ok(Self {
            sha256: Sha256::of(der),
            thumbprint: Thumbprint::of(der),
            subject: distinguished_name::text(parsed.subject()),
            issuer: distinguished_name::text(parsed.issuer()),
            serial: hex::encode(parsed.raw_serial()),
            not_before: moment(parsed.validity().not_before.timestamp())?,
            not_after: moment(parsed.validity().not_after.timestamp())?,
            key_bits,
            signature_algorithm: parsed.signature_algorithm.algorithm.to_id_string(),
            signature_hash: SignatureHash::of(&parsed.signature_algorithm),
            issuer_serial: IssuerSerial::of_parsed(&parsed),
            der: der.to_vec(),
        })
    }

    /// Whether it is signed by its own key, and truly.
    #[must_use]
    pub fn self_signature(&self) -> SelfSignature {
        SelfSignature::of(&self.der)
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
