//! Application locks: what `sp_getapplock` takes and `sp_releaseapplock` gives back.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Who holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holder {
    spid: u16,
    exclusive: bool,
    /// Ends with the transaction rather than the session.
    transactional: bool,
}

/// All application locks of an instance, by database and resource.
#[derive(Debug, Default)]
pub struct AppLocks {
    held: Mutex<HashMap<(i32, String), Vec<Holder>>>,
    changed: tokio::sync::Notify,
}

impl AppLocks {
    fn lock(&self) -> MutexGuard<'_, HashMap<(i32, String), Vec<Holder>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_take(&self, key: &(i32, String), wanted: Holder) -> bool {
        let mut held = self.lock();
        let holders = held.entry(key.clone()).or_default();
        let free = holders
            .iter()
            .all(|h| h.spid == wanted.spid || !(h.exclusive || wanted.exclusive));
        if free {
            holders.push(wanted);
        }
        free
    }

    /// The procedure's return code: 0 at once, 1 after waiting, -1 when the time ran out.
    pub async fn take(
        &self,
        database: i32,
        resource: &str,
        spid: u16,
        exclusive: bool,
        transactional: bool,
        timeout: Option<Duration>,
    ) -> i32 {
        let key = (database, resource.to_owned());
        let wanted = Holder {
            spid,
            exclusive,
            transactional,
        };
        if self.try_take(&key, wanted) {
            return 0;
        }
        let waiting = async {
            loop {
                let notified = self.changed.notified();
                tokio::pin!(notified);
                notified.as_mut().enable();
                if self.try_take(&key, wanted) {
                    return;
                }
                notified.await;
            }
        };
        match timeout {
            None => {
                waiting.await;
                1
            }
            Some(limit) => match tokio::time::timeout(limit, waiting).await {
                Ok(()) => 1,
                Err(_) => -1,
            },
        }
    }

    /// Releases one hold; tells whether there was one.
    pub fn release(&self, database: i32, resource: &str, spid: u16, transactional: bool) -> bool {
        let mut held = self.lock();
        let Some(holders) = held.get_mut(&(database, resource.to_owned())) else {
            return false;
        };
        let found = holders
            .iter()
            .position(|h| h.spid == spid && h.transactional == transactional);
        if let Some(at) = found {
            holders.remove(at);
        }
        drop(held);
        self.changed.notify_waiters();
        found.is_some()
    }

    /// Releases what a session's transaction holds, or with `all` everything of the session.
    pub fn release_session(&self, spid: u16, all: bool) {
        let mut held = self.lock();
        for holders in held.values_mut() {
            holders.retain(|h| h.spid != spid || !(all || h.transactional));
        }
        held.retain(|_, holders| !holders.is_empty());
        drop(held);
        self.changed.notify_waiters();
    }
}
