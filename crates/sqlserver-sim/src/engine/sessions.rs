//! Who is logged in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::NaiveDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The first number after those of the system's own sessions.
const FIRST_SPID: u16 = 51;

/// A row of `sys.dm_exec_sessions`.
#[derive(Debug, Clone)]
pub struct OpenSession {
    pub spid: u16,
    pub login: i32,
    pub login_name: String,
    pub sid: Vec<u8>,
    pub application: String,
    pub client_host: String,
    pub encrypted: bool,
    pub packet_size: u16,
    pub since: NaiveDateTime,
    pub connection: Uuid,
    /// Cancelled by KILL.
    pub ended: CancellationToken,
}

/// The sessions that are logged in, and the numbers given out.
#[derive(Debug)]
pub struct Sessions {
    open: Mutex<BTreeMap<u16, OpenSession>>,
    next: AtomicU16,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            next: AtomicU16::new(FIRST_SPID),
        }
    }
}

impl Sessions {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u16, OpenSession>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By number.
    pub fn all(&self) -> BTreeMap<u16, OpenSession> {
        self.open().clone()
    }

    /// A number that no open session has.
    pub fn next_spid(&self) -> u16 {
        let open = self.open();
        loop {
            let spid = self.next.fetch_add(1, Ordering::Relaxed);
            if (FIRST_SPID..32767).contains(&spid) && !open.contains_key(&spid) {
                return spid;
            }
            if spid >= 32766 {
                self.next.store(FIRST_SPID, Ordering::Relaxed);
            }
        }
    }

    pub fn add(&self, session: OpenSession) {
        self.open().insert(session.spid, session);
    }

    pub fn remove(&self, spid: u16) {
        self.open().remove(&spid);
    }
}
