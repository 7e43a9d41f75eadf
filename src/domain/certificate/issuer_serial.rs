//! Issuer and serial number: the key by which an endpoint's handshake looks a peer's certificate up among those it holds.
//!
//! Two certificates of one issuer and serial and other bytes are in each other's way there (28045).

use std::fmt;

use serde::{Deserialize, Serialize};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::domain::hash::{InvalidHash, Sha256};

/// A digest over issuer and serial number, as they are encoded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IssuerSerial(Sha256);

impl IssuerSerial {
    /// That of any X.509 certificate, whether or not an endpoint could use it.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        Some(Self::of_parsed(&parsed))
    }

    pub(super) fn of_parsed(parsed: &X509Certificate<'_>) -> Self {
        // A name is a SEQUENCE with its own length, so where it ends and the serial begins is never in doubt.
        Self(Sha256::of(
            &[parsed.issuer().as_raw(), parsed.raw_serial()].concat(),
        ))
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Takes over stored bytes.
    ///
    /// # Errors
    /// When they are not of the right length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidHash> {
        Sha256::from_bytes(bytes).map(Self)
    }
}

impl fmt::Debug for IssuerSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
