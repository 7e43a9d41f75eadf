//! The two hashes of a certificate: SHA-256 is its identity, SHA-1 is how SQL Server shows it.

use std::fmt;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

/// SHA-256 over the DER bytes: the identity of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

/// SHA-1 over the DER bytes: SQL Server's `thumbprint`. Never an identity.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Thumbprint([u8; 20]);

/// A text that is not the hexadecimal form of a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not a hash of {digits} hexadecimal digits")]
pub struct InvalidHash {
    pub found: String,
    pub digits: usize,
}

macro_rules! hash_type {
    ($name:ident, $bytes:literal, $algorithm:expr, $hex:ident) => {
        impl $name {
            #[must_use]
            pub fn of(bytes: &[u8]) -> Self {
                let mut out = [0; $bytes];
                out.copy_from_slice(digest::digest($algorithm, bytes).as_ref());
                Self(out)
            }

            /// Reads the hexadecimal form, in either case.
            ///
            /// # Errors
            /// When the text is not of the right length or not hexadecimal.
            pub fn parse(text: &str) -> Result<Self, InvalidHash> {
                let mut out = [0; $bytes];
                hex::decode_to_slice(text, &mut out).map_err(|_| InvalidHash {
                    found: text.chars().take(80).collect(),
                    digits: 2 * $bytes,
                })?;
                Ok(Self(out))
            }

            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// Takes over stored bytes.
            ///
            /// # Errors
            /// When they are not of the right length.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidHash> {
                <[u8; $bytes]>::try_from(bytes)
                    .map(Self)
                    .map_err(|_| InvalidHash {
                        found: hex::encode(bytes),
                        digits: 2 * $bytes,
                    })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::$hex(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidHash;

            fn try_from(text: String) -> Result<Self, InvalidHash> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(hash: $name) -> Self {
                hash.to_string()
            }
        }
    };
}

hash_type!(Sha256, 32, &digest::SHA256, encode);
hash_type!(
    Thumbprint,
    20,
    &digest::SHA1_FOR_LEGACY_USE_ONLY,
    encode_upper
);

impl Thumbprint {
    /// The first eight digits, lower case: what a renewed certificate's name ends with.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..4])
    }
}
