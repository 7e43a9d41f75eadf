//! An open transaction: a private copy of the state, and the one writer's lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::OwnedMutexGuard;

use crate::engine::Engine;
use crate::engine::errors::Raise;
use crate::engine::state::State;
use crate::engine::switches::Unverified;

static DESCRIPTORS: AtomicU64 = AtomicU64::new(0x0000_0031_0000_0001);

/// An open transaction. It holds the instance's writer lock from its first change to its end.
pub struct Transaction {
    pub descriptor: u64,
    /// What it has changed so far; `None` before the first change.
    pub(super) working: Option<Arc<State>>,
    pub(super) guard: Option<OwnedMutexGuard<()>>,
}

impl Transaction {
    pub(super) fn begin() -> Self {
        Self {
            descriptor: DESCRIPTORS.fetch_add(1, Ordering::Relaxed),
            working: None,
            guard: None,
        }
    }

    pub fn visible(&self, instance: &Engine) -> Arc<State> {
        self.working.clone().unwrap_or_else(|| instance.committed())
    }
}

/// What a rolled back transaction leaves behind under the switches for it.
pub(super) fn survivors(mut base: State, working: &State, switches: Unverified) -> State {
    if switches.user_and_certificate_survive_rollback {
        for (id, database) in &working.databases {
            if let Some(own) = base.databases.get_mut(id) {
                *own = database.clone();
            }
        }
    }
    if switches.endpoint_grant_survives_rollback {
        base.permissions.retain(|p| p.class != 105);
        let kept = working.permissions.iter().filter(|p| p.class == 105);
        base.permissions.extend(kept.cloned());
        let principals = &base.principals;
        base.permissions
            .retain(|p| principals.contains_key(&p.grantee));
    }
    base
}

/// What a transaction that can only be rolled back answers to everything else.
pub(super) fn doomed() -> Raise {
    Raise::new(
        3930,
        16,
        "The current transaction cannot be committed and cannot support operations that write to the log file. Roll back the transaction.",
    )
}
