//! The gate before a log-in nobody has seen work yet: one at a time, and whoever waited behind a refusal shares it.
//!
//! Without it, jobs that run side by side would each try the same wrong password, and lock the account out. Knows
//! nothing of sessions; what a refusal means beyond this process is the store's to remember.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::failure::{Failure, FailureClass};

#[derive(Default)]
pub(super) struct Gate {
    /// Held by the one that tries.
    turn: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// This version of the credential has been let in, and not been refused since.
    works: bool,
    refusals: u64,
    last: Option<Failure>,
}

/// What a caller goes through the gate with.
pub(super) enum Pass<'a> {
    Open,
    Alone(
        #[expect(dead_code, reason = "held until the log-in has been tried")]
        tokio::sync::MutexGuard<'a, ()>,
    ),
}

impl Gate {
    /// Refusals so far.
    pub(super) fn refusals(&self) -> u64 {
        self.known().refusals
    }

    /// Waits for its turn, unless the log-in is known to work. Whoever knew of only `before` refusals shares the one
    /// that came since.
    pub(super) async fn pass(&self, before: u64) -> Result<Pass<'_>, Failure> {
        if self.known().works {
            return Ok(Pass::Open);
        }
        let turn = self.turn.lock().await;
        let known = self.known();
        match &known.last {
            Some(refused) if known.refusals != before => Err(refused.clone()),
            _ => Ok(Pass::Alone(turn)),
        }
    }

    /// Learns from how it went; failures that say nothing about the password teach nothing.
    pub(super) fn learn<T>(&self, outcome: &Result<T, Failure>) {
        let mut known = self.known();
        match outcome {
            Ok(_) => known.works = true,
            Err(failure) if failure.class == FailureClass::LoginRefused => {
                known.works = false;
                known.refusals += 1;
                known.last = Some(failure.clone());
            }
            Err(_) => {}
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
