//! RSA keys for engine-made certificates, optionally kept between processes.
//!
//! Making a 3072-bit key takes a noticeable part of a second in a debug build. With `SQLSERVER_SIM_KEY_CACHE` naming a
//! directory, the n-th key of a process is read from there, and written when it is missing. Keys of a simulator guard nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::signature::RsaKeyPair;
use rcgen::{KeyPair, PKCS_RSA_SHA256};
use rustls_pki_types::PrivatePkcs8KeyDer;

use super::state::certificate::{BadCertificate, generate_key};

static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Keys in use several times, in PKCS #8, by their bits.
static SHARED: Mutex<BTreeMap<u16, Vec<Vec<u8>>>> = Mutex::new(BTreeMap::new());

/// How many keys of each size are made before they come round again.
const SHARED_KEYS: usize = 8;

static SHARED_TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Keys as they sign, by their PKCS #8: reading one checks it, which costs more than a signature.
static PARSED: Mutex<BTreeMap<Vec<u8>, Arc<RsaKeyPair>>> = Mutex::new(BTreeMap::new());

/// Beyond that all are read again.
const PARSED_AT_MOST: usize = 64;

/// The key of these bytes; `None` when the crypto library takes no such key (under 2048 bits).
pub fn parsed(pkcs8: &[u8]) -> Option<Arc<RsaKeyPair>> {
    let mut all = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(key) = all.get(pkcs8) {
        return Some(Arc::clone(key));
    }
    let key = Arc::new(RsaKeyPair::from_pkcs8(pkcs8).ok()?);
    if all.len() >= PARSED_AT_MOST {
        all.clear();
    }
    all.insert(pkcs8.to_vec(), Arc::clone(&key));
    Some(key)
}

/// One of a few keys that every caller in this process shares; certificates made with it still differ.
///
/// # Errors
/// When no key can be generated.
pub fn take_shared(bits: u16) -> Result<KeyPair, BadCertificate> {
    let mut all = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let made = all.entry(bits).or_default();
    if made.len() < SHARED_KEYS {
        let key = take(bits)?;
        made.push(key.serialize_der());
        return Ok(key);
    }
    let n = SHARED_TAKEN.fetch_add(1, Ordering::Relaxed) % SHARED_KEYS;
    let der = made.get(n).cloned().unwrap_or_default();
    let der = PrivatePkcs8KeyDer::from(der);
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).or_else(|_| take(bits))
}

/// A key no other caller in this process has.
///
/// # Errors
/// When no key can be generated.
pub fn take(bits: u16) -> Result<KeyPair, BadCertificate> {
    let n = TAKEN.fetch_add(1, Ordering::Relaxed);
    let Some(directory) = std::env::var_os("SQLSERVER_SIM_KEY_CACHE").map(PathBuf::from) else {
        return generate_key(bits);
    };
    let path = directory.join(format!("rsa-{bits}-{n}.p8"));
    let stored = std::fs::read(&path).ok().and_then(|der| {
        KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der), &PKCS_RSA_SHA256).ok()
    });
    if let Some(key) = stored {
        return Ok(key);
    }
    let key = generate_key(bits)?;
    // Written aside and renamed: another process must never read half a key.
    let aside = directory.join(format!("rsa-{bits}-{n}.{}", std::process::id()));
    let kept = std::fs::create_dir_all(&directory)
        .and_then(|()| std::fs::write(&aside, key.serialized_der()))
        .and_then(|()| std::fs::rename(&aside, &path));
    if let Err(error) = kept {
        tracing::debug!(%error, "a generated key was not cached");
    }
    Ok(key)
}
