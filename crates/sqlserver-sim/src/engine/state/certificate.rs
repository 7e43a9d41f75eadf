//! Certificates: parsed from DER, and what they can sign and verify with real RSA keys. `issue` makes them.
//!
//! No catalog and no permissions; a certificate here does not know its database.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use chrono::{DateTime, NaiveDateTime};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::super::keys::parsed;

/// How a private key is guarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyProtection {
    MasterKey,
    Password(String),
}

/// A private key.
#[derive(Clone)]
pub struct PrivateKey {
    pub pkcs8: Arc<Vec<u8>>,
    pub protection: KeyProtection,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({:?})", self.protection)
    }
}

/// A certificate in a database.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub id: i32,
    pub name: String,
    /// `principal_id` of a user of the same database.
    pub owner: i32,
    pub facts: Arc<Facts>,
    pub private_key: Option<PrivateKey>,
    pub active_for_dialog: bool,
    pub last_key_backup: Option<NaiveDateTime>,
}

/// What the bytes of a certificate say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub der: Vec<u8>,
    /// SHA-1 of the DER.
    pub thumbprint: Vec<u8>,
    pub subject: String,
    pub issuer: String,
    /// Issuer as encoded, for exact comparison.
    pub issuer_raw: Vec<u8>,
    pub serial: Vec<u8>,
    pub start: NaiveDateTime,
    pub expiry: NaiveDateTime,
    pub key_length: i32,
    /// RSAPublicKey as encoded.
    pub public_key: Vec<u8>,
}

/// Why bytes are not a certificate the engine takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    #[error("not one X.509 certificate in DER")]
    Encoding,
    #[error("the public key is not RSA of 384 to 4096 bits in steps of 64")]
    Key,
    #[error("the key could not be generated or the certificate not signed")]
    Generation,
}

/// Reads DER: exactly one certificate and nothing after it.
///
/// # Errors
/// [`BadCertificate::Encoding`] or [`BadCertificate::Key`].
pub fn parse(der: &[u8]) -> Result<Facts, BadCertificate> {
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|_| BadCertificate::Encoding)?;
    if !rest.is_empty() {
        return Err(BadCertificate::Encoding);
    }
    let key = certificate.public_key();
    let Ok(PublicKey::RSA(rsa)) = key.parsed() else {
        return Err(BadCertificate::Key);
    };
    let bits = rsa.key_size();
    if !(384..=4096).contains(&bits) || bits % 64 != 0 {
        return Err(BadCertificate::Key);
    }
    let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).map(|t| t.naive_utc());
    let validity = certificate.validity();
    Ok(Facts {
        der: der.to_vec(),
        thumbprint: sha1(der),
        subject: display_name(certificate.subject()),
        issuer: display_name(certificate.issuer()),
        issuer_raw: certificate.issuer().as_raw().to_vec(),
        serial: certificate.raw_serial().to_vec(),
        start: at(validity.not_before.timestamp()).ok_or(BadCertificate::Encoding)?,
        expiry: at(validity.not_after.timestamp()).ok_or(BadCertificate::Encoding)?,
        key_length: i32::try_from(bits).map_err(|_| BadCertificate::Key)?,
        public_key: key.subject_public_key.data.to_vec(),
    })
}

/// SQL Server shows a lone common name without its `CN=`.
fn display_name(name: &x509_parser::x509::X509Name<'_>) -> String {
    let mut attributes = name.iter_attributes();
    match (attributes.next(), attributes.next()) {
        (Some(only), None) => only
            .as_str()
            .map_or_else(|_| name.to_string(), str::to_owned),
        _ => name.to_string(),
    }
}

pub fn sha1(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes)
        .as_ref()
        .to_vec()
}

/// A fresh RSA key.
///
/// # Errors
/// [`BadCertificate::Generation`].
pub fn generate_key(bits: u16) -> Result<KeyPair, BadCertificate> {
    let size = match bits {
        0..=2048 => RsaKeySize::_2048,
        2049..=3072 => RsaKeySize::_3072,
        _ => RsaKeySize::_4096,
    };
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size).map_err(|_| BadCertificate::Generation)
}

impl Facts {
    /// Whether `now` lies within the validity.
    pub fn valid_at(&self, now: NaiveDateTime) -> bool {
        self.start <= now && now <= self.expiry
    }

    /// Checks a signature of [`sign`] with the certificate's public key.
    pub fn verifies(&self, challenge: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public_key)
            .verify(challenge, signature)
            .is_ok()
    }

    /// The subject as the catalog keeps it: beyond 128 characters only the certificate itself has it.
    pub fn catalog_subject(&self) -> String {
        self.subject.chars().take(128).collect()
    }

    /// `5d 1a ...`.
    pub fn serial_text(&self) -> String {
        let pairs: Vec<String> = self.serial.iter().map(|b| format!("{b:02x}")).collect();
        pairs.join(" ")
    }

    /// The SID and its text that SQL Server derives from the thumbprint.
    pub fn sid(&self) -> (Vec<u8>, String) {
        let mut sid = vec![1, 6, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0];
        sid.extend(&self.thumbprint);
        let mut text = "S-1-9-1".to_owned();
        for part in self.thumbprint.chunks_exact(4) {
            let number = u32::from_le_bytes([part[0], part[1], part[2], part[3]]);
            text.push_str(&format!("-{number}"));
        }
        (sid, text)
    }
}

impl PrivateKey {
    /// Signs a challenge; `None` when the key is not one the crypto library signs with (under 2048 bits).
    pub fn sign(&self, challenge: &[u8]) -> Option<Vec<u8>> {
        let key = parsed(&self.pkcs8)?;
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            challenge,
            &mut signature,
        )
        .ok()?;
        Some(signature)
    }

    /// Whether the key belongs to the certificate.
    pub fn matches(&self, facts: &Facts) -> bool {
        let challenge = b"possession";
        self.sign(challenge)
            .is_some_and(|s| facts.verifies(challenge, &s))
    }
}
