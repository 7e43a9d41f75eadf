//! How steps ended, gathered until the next exchange with PostgreSQL takes them along. What is known of one is not kept from the
//! history for long by others that are slow, nor lost when the attempt is dropped where it stands.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Interrupted, Journal};
use crate::domain::step::StepEnd;
use crate::store::{StoreError, steps};

/// How long an end waits for others, so that they are written down together.
const GATHER: Duration = Duration::from_millis(100);

/// Ends that are not written down yet. They are removed only once they are: written twice, they change nothing.
#[derive(Debug, Default)]
pub(super) struct Ends {
    waiting: Mutex<Vec<StepEnd>>,
    added: Notify,
}

impl Ends {
    pub(super) fn waiting(&self) -> Vec<StepEnd> {
        self.lock().clone()
    }

    pub(super) fn remove(&self, written: &[StepEnd]) {
        self.lock()
            .retain(|end| written.iter().all(|written| written.id != end.id));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<StepEnd>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal<'_> {
    pub(in crate::worker::attempt) fn add_ends(&self, ends: impl IntoIterator<Item = StepEnd>) {
        self.ends.lock().extend(ends);
        self.ends.added.notify_one();
    }

    /// Does `work`, which adds ends; those that have waited for long enough are written down meanwhile.
    pub(in crate::worker::attempt) async fn while_gathering_ends<T>(
        &self,
        work: impl Future<Output = Result<T, Interrupted>>,
    ) -> Result<T, Interrupted> {
        tokio::select! {
            done = work => done,
            never = self.write_while_gathering() => never.and_then(|()| Err(Interrupted::LeaseLost)),
        }
    }

    /// Ends only when the lease is lost.
    async fn write_while_gathering(&self) -> Result<(), Interrupted> {
        loop {
            self.ends.added.notified().await;
            tokio::time::sleep(GATHER).await;
            self.settle_ends().await?;
        }
    }

    /// Writes down what is left: before an attempt ends that was dropped where it stood.
    pub(super) async fn settle_ends(&self) -> Result<(), Interrupted> {
        let ends = self.ends.waiting();
        if ends.is_empty() {
            return Ok(());
        }
        let writing = || async {
            let mut conn = self.store.acquire().await?;
            steps::end(&mut conn, self.lease, &ends).await?;
            Ok::<_, StoreError>(())
        };
        self.while_held(writing).await?;
        self.ends.remove(&ends);
        Ok(())
    }
}
