//! How steps ended, gathered until the next exchange with PostgreSQL takes them along. What is known of one is not kept from the
//! history for long by others that are slow.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Interrupted, Journal};
use crate::domain::step::StepEnd;

/// How long an end waits for others, so that they are written down together.
const GATHER: Duration = Duration::from_millis(100);

/// Ends that are not written down yet.
#[derive(Debug, Default)]
pub(in crate::worker::attempt) struct Ends {
    waiting: Mutex<Vec<StepEnd>>,
    added: Notify,
}

impl Ends {
    pub(in crate::worker::attempt) fn add(&self, ends: impl IntoIterator<Item = StepEnd>) {
        self.lock().extend(ends);
        self.added.notify_one();
    }

    /// Those that are left, for who writes something anyway.
    pub(in crate::worker::attempt) fn take(&self) -> Vec<StepEnd> {
        std::mem::take(&mut *self.lock())
    }

    /// Does `work`, which adds ends; those that have waited for long enough are written down meanwhile.
    pub(in crate::worker::attempt) async fn while_gathering<T>(
        &self,
        journal: &Journal<'_>,
        work: impl Future<Output = Result<T, Interrupted>>,
    ) -> Result<T, Interrupted> {
        tokio::select! {
            done = work => done,
            never = self.write(journal) => never.and_then(|()| Err(Interrupted::LeaseLost)),
        }
    }

    /// Ends only when the lease is lost. Dropped in the middle of writing, it leaves what it was at to the next one, who writes it
    /// again: that changes nothing.
    async fn write(&self, journal: &Journal<'_>) -> Result<(), Interrupted> {
        loop {
            self.added.notified().await;
            tokio::time::sleep(GATHER).await;
            let some = self.lock().clone();
            if some.is_empty() {
                continue;
            }
            journal.end_steps(&some).await?;
            self.lock()
                .retain(|end| some.iter().all(|written| written.id != end.id));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<StepEnd>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
