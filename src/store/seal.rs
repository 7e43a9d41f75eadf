//! The seal on stored secrets: AES-256-GCM under a key from a file, bound to the place where the secret is kept.
//!
//! A sealed value opens only under the kind, name and key id it was sealed with: moved to another row it is worthless.
//! Nothing here has a `Debug` that could show a key, and no error carries a byte of what was sealed.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// More than any form of a key takes; whatever is longer is some other file.
const MOST_FILE_BYTES: u64 = 4096;

/// The key that secrets are sealed with. All replicas on one database need the same.
#[derive(Clone)]
pub struct SealKey {
    bytes: Arc<Zeroizing<[u8; KEY_BYTES]>>,
    id: String,
}

/// A sealed secret as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key it was sealed with.
    pub key_id: String,
    pub nonce: Vec<u8>,
    /// With its tag.
    pub ciphertext: Vec<u8>,
}

/// Why a key file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SealKeyError {
    #[error("there is no seal key file {}; make one with: (umask 077 && openssl rand -hex 32 > {})", path.display(), path.display())]
    Missing { path: PathBuf },
    #[error("the seal key file {} has mode {mode:03o}, so others than its owner can read it; run: chmod 600 {} (and use another key if that was so for long)", path.display(), path.display())]
    Readable { path: PathBuf, mode: u32 },
    #[error("the seal key file {} holds {found}; wanted are {KEY_BYTES} random bytes, raw, in hexadecimal or in base64", path.display())]
    Shape { path: PathBuf, found: String },
    #[error("{} is there already; a seal key is never overwritten, because what it sealed could not be opened again", path.display())]
    Exists { path: PathBuf },
    #[error("the seal key file {} cannot be used", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("no random bytes could be had for a seal key")]
    NoRandomness,
}

/// Why a secret cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("it was sealed with key {wanted}; this process has key {found}")]
    OtherKey { wanted: String, found: String },
    #[error("it does not open: it was changed, or it was sealed for something else")]
    DoesNotOpen,
    #[error("it could not be sealed")]
    CannotSeal,
}

impl SealKey {
    /// Reads the key.
    ///
    /// # Errors
    /// When the file is missing, can be read by group or others, or holds no key.
    pub fn from_file(path: &Path) -> Result<Self, SealKeyError> {
        let file = File::open(path).map_err(|source| unusable(path, source))?;
        // Asked of the open file, not of the path: it cannot be exchanged in between.
        let about = file.metadata().map_err(|source| unusable(path, source))?;
        let mode = about.mode() & 0o777;
        if mode & 0o077 != 0 {
            let path = path.to_owned();
            return Err(SealKeyError::Readable { path, mode });
        }
        let mut text = Zeroizing::new(Vec::with_capacity(256));
        file.take(MOST_FILE_BYTES)
            .read_to_end(&mut text)
            .map_err(|source| unusable(path, source))?;
        match decode(&text) {
            Some(bytes) if !is_random(&bytes) => Err(SealKeyError::Shape {
                path: path.to_owned(),
                found: "32 bytes that are anything but random".to_owned(),
            }),
            Some(bytes) => Ok(Self::from_bytes(bytes)),
            None => Err(SealKeyError::Shape {
                path: path.to_owned(),
                found: format!("{} bytes that are no such key", text.len()),
            }),
        }
    }

    /// Makes a new key in a new file that only its owner can read.
    ///
    /// # Errors
    /// When the file is there already or cannot be written.
    pub fn create_file(path: &Path) -> Result<Self, SealKeyError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| SealKeyError::NoRandomness)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|source| unusable(path, source))?;
        let line = Zeroizing::new(format!("{}\n", hex::encode(*bytes)));
        file.write_all(line.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|source| unusable(path, source))?;
        Ok(Self::from_bytes(bytes))
    }

    pub(super) fn from_bytes(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let mut named = digest::Context::new(&digest::SHA256);
        named.update(b"mirrorgate seal key id\0");
        named.update(bytes.as_slice());
        let id = hex::encode(&named.finish().as_ref()[..4]);
        Self {
            bytes: Arc::new(bytes),
            id,
        }
    }

    /// Names the key without telling anything of it: eight hexadecimal digits.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.id
    }

    /// Seals `secret` for the place that `kind` and `name` stand for.
    ///
    /// # Errors
    /// When the cryptography library refuses.
    pub fn seal(&self, kind: &str, name: &str, secret: &SecretString) -> Result<Sealed, SealError> {
        let secret = secret.expose_secret().as_bytes();
        // Room for the tag from the start: growing would leave a copy of the secret behind.
        let mut in_out = Vec::with_capacity(secret.len() + AES_256_GCM.tag_len());
        in_out.extend_from_slice(secret);
        let sealed = self
            .cipher()?
            .seal_in_place_append_tag(self.place(kind, name), &mut in_out);
        match sealed {
            Ok(nonce) => Ok(Sealed {
                key_id: self.id.clone(),
                nonce: nonce.as_ref().to_vec(),
                ciphertext: in_out,
            }),
            Err(_) => {
                in_out.zeroize();
                Err(SealError::CannotSeal)
            }
        }
    }

    /// Opens what was sealed for the same place with the same key.
    ///
    /// # Errors
    /// When it was not, or was changed since.
    pub fn open(&self, kind: &str, name: &str, sealed: &Sealed) -> Result<SecretString, SealError> {
        if sealed.key_id != self.id {
            return Err(SealError::OtherKey {
                wanted: sealed.key_id.clone(),
                found: self.id.clone(),
            });
        }
        let nonce =
            Nonce::try_assume_unique_for_key(&sealed.nonce).map_err(|_| SealError::DoesNotOpen)?;
        let mut in_out = Zeroizing::new(sealed.ciphertext.clone());
        let opened = self
            .cipher()?
            .open_in_place(nonce, self.place(kind, name), &mut in_out)
            .map_err(|_| SealError::DoesNotOpen)?;
        let text = std::str::from_utf8(opened).map_err(|_| SealError::DoesNotOpen)?;
        Ok(SecretString::from(text))
    }

    fn cipher(&self) -> Result<RandomizedNonceKey, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, self.bytes.as_slice())
            .map_err(|_| SealError::CannotSeal)
    }

    /// The associated data. Each part goes in with its length, so that no two places have the same.
    fn place(&self, kind: &str, name: &str) -> Aad<Vec<u8>> {
        let mut place = b"mirrorgate seal 1".to_vec();
        for part in [kind, name, &self.id] {
            place.extend_from_slice(&(part.len() as u64).to_be_bytes());
            place.extend_from_slice(part.as_bytes());
        }
        Aad::from(place)
    }
}

/// Zeros, one letter, a word again and again. Of 32 random bytes, fewer than 16 different ones are never seen.
fn is_random(bytes: &[u8; KEY_BYTES]) -> bool {
    let different: std::collections::HashSet<_> = bytes.iter().collect();
    different.len() >= 16
}

fn decode(text: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    if text.len() == KEY_BYTES {
        bytes.copy_from_slice(text);
        return Some(bytes);
    }
    let line = text.trim_ascii();
    if hex::decode_to_slice(line, bytes.as_mut_slice()).is_ok() {
        return Some(bytes);
    }
    let decoded = Zeroizing::new(STANDARD.decode(line).ok()?);
    if decoded.len() != KEY_BYTES {
        return None;
    }
    bytes.copy_from_slice(&decoded);
    Some(bytes)
}

fn unusable(path: &Path, source: std::io::Error) -> SealKeyError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::NotFound => SealKeyError::Missing { path },
        ErrorKind::AlreadyExists => SealKeyError::Exists { path },
        _ => SealKeyError::Io { path, source },
    }
}

#[cfg(test)]
mod tests;
