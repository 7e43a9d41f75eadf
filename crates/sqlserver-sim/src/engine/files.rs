//! The instance's virtual file system: what FROM FILE, BACKUP CERTIFICATE and BACKUP DATABASE see.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub bytes: Vec<u8>,
    /// Whether the service account may read it.
    pub readable: bool,
}

/// Files by path as written in statements, compared without regard to case.
#[derive(Debug, Default)]
pub struct Files {
    by_path: Mutex<BTreeMap<String, File>>,
}

impl Files {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, File>> {
        self.by_path.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts or replaces a readable file.
    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        let file = File {
            bytes: bytes.into(),
            readable: true,
        };
        self.lock().insert(path.to_lowercase(), file);
    }

    /// Changes whether the service account may read a file; nothing happens when there is none.
    pub fn set_readable(&self, path: &str, readable: bool) {
        if let Some(file) = self.lock().get_mut(&path.to_lowercase()) {
            file.readable = readable;
        }
    }

    pub fn remove(&self, path: &str) {
        self.lock().remove(&path.to_lowercase());
    }

    pub fn get(&self, path: &str) -> Option<File> {
        self.lock().get(&path.to_lowercase()).cloned()
    }

    /// What the service account can read.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.get(path).filter(|f| f.readable).map(|f| f.bytes)
    }

    /// Writes a file that must not exist yet; tells whether it could.
    pub fn write_new(&self, path: &str, bytes: &[u8]) -> bool {
        if path.is_empty() || self.get(path).is_some() {
            return false;
        }
        self.put(path, bytes);
        true
    }
}
