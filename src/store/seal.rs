//! The seal on stored secrets: AES-256-GCM under a key from a file, bound to the place where the secret is kept.
//!
//! A sealed value opens only beside everything it was sealed with: moved to another row, or with its row turned, it is worthless. How long
//! it is does not show.
//! Nothing here has a `Debug` that could show a key, and no error carries a byte of what was sealed.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// More than any form of a key takes; whatever is longer is some other file.
const MOST_FILE_BYTES: u64 = 4096;

/// Bytes of a secret's length inside its seal.
const LENGTH_BYTES: usize = 4;
/// Sealed secrets are as long as a multiple of this.
const STEP: usize = 64;
/// What stands before the key's id in a row whose seal is [`Form::Bound`].
const BOUND: &str = "2:";

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
    pub form: Form,
    pub nonce: Vec<u8>,
    /// With its tag.
    pub ciphertext: Vec<u8>,
}

/// What a seal holds together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Releases up to 0.1.0: the secret and the name of its place. Read, and no more written.
    Named,
    /// The secret and everything that decides where it may go.
    Bound,
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

    /// Seals `secret` for a place: what it is, its name, and whatever else must not be changed beside it.
    ///
    /// # Errors
    /// When the cryptography library refuses.
    pub fn seal(&self, place: &[&str], secret: &SecretString) -> Result<Sealed, SealError> {
        let mut in_out = padded(secret.expose_secret().as_bytes());
        let sealed = self
            .cipher()?
            .seal_in_place_append_tag(self.place(Form::Bound, place), &mut in_out);
        match sealed {
            Ok(nonce) => Ok(Sealed {
                key_id: self.id.clone(),
                form: Form::Bound,
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
    pub fn open(&self, place: &[&str], sealed: &Sealed) -> Result<SecretString, SealError> {
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
            .open_in_place(nonce, self.place(sealed.form, place), &mut in_out)
            .map_err(|_| SealError::DoesNotOpen)?;
        let secret = match sealed.form {
            Form::Named => &*opened,
            Form::Bound => unpadded(opened).ok_or(SealError::DoesNotOpen)?,
        };
        let text = std::str::from_utf8(secret).map_err(|_| SealError::DoesNotOpen)?;
        Ok(SecretString::from(text))
    }

    /// As releases up to 0.1.0 sealed.
    #[cfg(test)]
    pub(crate) fn seal_named(&self, place: &[&str], secret: &str) -> Sealed {
        let mut in_out = secret.as_bytes().to_vec();
        let cipher = self.cipher().unwrap();
        let nonce = cipher
            .seal_in_place_append_tag(self.place(Form::Named, place), &mut in_out)
            .unwrap();
        Sealed {
            key_id: self.id.clone(),
            form: Form::Named,
            nonce: nonce.as_ref().to_vec(),
            ciphertext: in_out,
        }
    }

    /// A tag that shows later that this key's holder wrote these parts, and that none has changed.
    #[must_use]
    pub fn authenticate(&self, parts: &[String]) -> Vec<u8> {
        let signed = hmac::sign(&self.authentication(), &joined(parts));
        signed.as_ref().to_vec()
    }

    /// Whether `tag` was made by [`Self::authenticate`] of these parts.
    #[must_use]
    pub fn authenticates(&self, parts: &[String], tag: &[u8]) -> bool {
        hmac::verify(&self.authentication(), &joined(parts), tag).is_ok()
    }

    /// A key of its own: no tag is of any use where something is sealed.
    fn authentication(&self) -> hmac::Key {
        let root = hmac::Key::new(hmac::HMAC_SHA256, self.bytes.as_slice());
        let derived = hmac::sign(&root, b"mirrorgate authentication 1");
        hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
    }

    fn cipher(&self) -> Result<RandomizedNonceKey, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, self.bytes.as_slice())
            .map_err(|_| SealError::CannotSeal)
    }

    /// The associated data. Of a [`Form::Named`] seal only what the place is and its name are in it.
    fn place(&self, form: Form, place: &[&str]) -> Aad<Vec<u8>> {
        let (mut data, parts) = match form {
            Form::Named => (b"mirrorgate seal 1".to_vec(), &place[..place.len().min(2)]),
            Form::Bound => (b"mirrorgate seal 2".to_vec(), place),
        };
        data.extend(joined(parts));
        data.extend(joined(&[&self.id]));
        Aad::from(data)
    }
}

impl Sealed {
    /// How its row names key and form; a release that does not know the form finds no such key.
    #[must_use]
    pub(super) fn named_key(&self) -> String {
        match self.form {
            Form::Named => self.key_id.clone(),
            Form::Bound => format!("{BOUND}{}", self.key_id),
        }
    }

    /// What a row holds.
    pub(super) fn stored(named_key: &str, nonce: Vec<u8>, ciphertext: Vec<u8>) -> Self {
        let (form, key_id) = match named_key.strip_prefix(BOUND) {
            Some(key_id) => (Form::Bound, key_id),
            None => (Form::Named, named_key),
        };
        Self {
            key_id: key_id.to_owned(),
            form,
            nonce,
            ciphertext,
        }
    }
}

/// Each part with its length in front, so that no two lists have the same bytes.
fn joined<T: AsRef<str>>(parts: &[T]) -> Vec<u8> {
    let mut joined = Vec::new();
    for part in parts {
        joined.extend_from_slice(&(part.as_ref().len() as u64).to_be_bytes());
        joined.extend_from_slice(part.as_ref().as_bytes());
    }
    joined
}

/// The secret with its length in front, and so many zeros behind it that only a rough length shows. There is room for the tag from the
/// start: growing would leave a copy of the secret behind.
fn padded(secret: &[u8]) -> Vec<u8> {
    let length = (LENGTH_BYTES + secret.len()).next_multiple_of(STEP);
    let mut padded = Vec::with_capacity(length + AES_256_GCM.tag_len());
    padded.extend_from_slice(&(secret.len() as u32).to_be_bytes());
    padded.extend_from_slice(secret);
    padded.resize(length, 0);
    padded
}

fn unpadded(padded: &[u8]) -> Option<&[u8]> {
    let (length, rest) = padded.split_first_chunk::<LENGTH_BYTES>()?;
    rest.get(..u32::from_be_bytes(*length) as usize)
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
