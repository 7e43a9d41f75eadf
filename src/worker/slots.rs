//! How many jobs a process works on at the same time. An attempt that only waits for a SQL Server lends its slot to others: dead
//! instances must not keep the living ones waiting.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How many attempts may wait without a slot, for each slot there is.
const WAITING_PER_SLOT: usize = 64;
/// However many are silent: a server nearby answers within that.
const LEAST_PATIENCE: Duration = Duration::from_millis(20);
/// Who answers within that is alive, if slow; what takes longer ends by a limit of its own.
const SLOW: Duration = Duration::from_secs(5);

/// The slots of one process. Cloning shares them.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    working: Arc<Semaphore>,
    /// Half of them: what has failed before never keeps what has not been tried from being tried.
    retries: Arc<Semaphore>,
    /// One suspect at a time: see `Terms::suspects`.
    suspects: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    freed: Arc<Notify>,
    patience: Arc<Patience>,
}

/// How long an attempt waits for SQL Servers with its slot. Whoever is not answered within it makes it shorter for those who come next, so that a
/// fifth of a fleet that falls silent at once is found out in a moment; whoever is answered after all makes it long enough for
/// an answer like that, so that what is slow but alive keeps its slot.
#[derive(Debug)]
struct Patience {
    now: Mutex<Duration>,
    most: Duration,
}

/// What a claim may take, and keeps if it takes it.
#[derive(Debug)]
pub(super) struct FreeSlot {
    slots: Slots,
    working: OwnedSemaphorePermit,
    retry: Option<OwnedSemaphorePermit>,
    suspect: Option<OwnedSemaphorePermit>,
}

/// One attempt's slot, until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Slot {
    slots: Option<Slots>,
    lendable: Mutex<Vec<OwnedSemaphorePermit>>,
    kept: Mutex<Vec<OwnedSemaphorePermit>>,
}

impl Slots {
    /// `lend_after`: how long an attempt waits for SQL Servers with its slot, at most.
    pub(super) fn new(concurrency: usize, lend_after: Duration) -> Self {
        let semaphore = |places| Arc::new(Semaphore::new(places));
        Self {
            working: semaphore(concurrency),
            retries: semaphore((concurrency / 2).max(1)),
            suspects: semaphore(1),
            waiting: semaphore(concurrency * WAITING_PER_SLOT),
            freed: Arc::new(Notify::new()),
            patience: Arc::new(Patience {
                now: Mutex::new(lend_after),
                most: lend_after,
            }),
        }
    }

    /// At most `most` slots that nobody has, all of them for retries too or none of them; none when all are in use.
    pub(super) fn free(&self, most: usize) -> Vec<FreeSlot> {
        let mut free: Vec<FreeSlot> = Vec::new();
        while free.len() < most
            && let Some(one) = self.free_one()
            && free
                .first()
                .is_none_or(|first| first.may_retry() == one.may_retry())
        {
            free.push(one);
        }
        free
    }

    fn free_one(&self) -> Option<FreeSlot> {
        let take = |of: &Arc<Semaphore>| Arc::clone(of).try_acquire_owned().ok();
        Some(FreeSlot {
            working: take(&self.working)?,
            retry: take(&self.retries),
            suspect: take(&self.suspects),
            slots: self.clone(),
        })
    }

    /// Ends when a slot has become free since the last time.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }
}

impl FreeSlot {
    pub(super) fn may_retry(&self) -> bool {
        self.retry.is_some()
    }

    pub(super) fn may_be_suspect(&self) -> bool {
        self.suspect.is_some()
    }

    /// For the attempt that was claimed for it.
    pub(super) fn take(self, is_retry: bool, is_suspect: bool) -> Slot {
        let retry = self.retry.filter(|_| is_retry);
        let lendable = retry.into_iter().chain([self.working]).collect();
        let kept = self.suspect.filter(|_| is_suspect).into_iter().collect();
        Slot {
            slots: Some(self.slots),
            lendable: Mutex::new(lendable),
            kept: Mutex::new(kept),
        }
    }
}

impl Slot {
    /// Does `asking`, which waits for SQL Servers. When that takes long, somebody else gets the slot, and this attempt goes on
    /// without one.
    pub(super) async fn while_asking<T>(&self, asking: impl Future<Output = T>) -> T {
        let Some(slots) = &self.slots else {
            return asking.await;
        };
        let began = Instant::now();
        let mut asking = pin!(asking);
        tokio::select! {
            answer = &mut asking => return answer,
            () = tokio::time::sleep(slots.patience.now()) => self.lend(slots),
        }
        let answer = asking.await;
        slots.patience.answered_after(began.elapsed());
        answer
    }

    /// Keeps the slot where too many wait without one already: each of them has a lease to be kept alive.
    fn lend(&self, slots: &Slots) {
        let mut lendable = locked(&self.lendable);
        if lendable.is_empty() {
            return;
        }
        if let Ok(waiting) = Arc::clone(&slots.waiting).try_acquire_owned() {
            locked(&self.kept).push(waiting);
            lendable.clear();
            slots.patience.wear();
            slots.freed.notify_one();
        }
    }
}

impl Patience {
    fn now(&self) -> Duration {
        *locked(&self.now)
    }

    /// A slot was lent: a fifth less.
    fn wear(&self) {
        let mut now = locked(&self.now);
        *now = (*now * 4 / 5).max(LEAST_PATIENCE).min(self.most);
    }

    /// Whoever lent a slot had an answer, or gave up, after `took`. A machine that has too much to do makes all answers late: then
    /// more attempts at a time would only make them later.
    fn answered_after(&self, took: Duration) {
        let mut now = locked(&self.now);
        if took <= SLOW {
            *now = (*now).max(took * 2).min(self.most);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        locked(&self.lendable).clear();
        locked(&self.kept).clear();
        if let Some(slots) = &self.slots {
            slots.freed.notify_one();
        }
    }
}

fn locked<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const SOON: Duration = Duration::from_millis(500);

    fn taken(slots: &Slots, is_retry: bool) -> Slot {
        slots.free_one().unwrap().take(is_retry, false)
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_long_lends_the_slot_and_who_is_answered_keeps_it() {
        let slots = Slots::new(1, SOON);
        let slot = taken(&slots, false);
        slot.while_asking(ready(())).await;
        assert!(slots.free_one().is_none());
        let long = slot.while_asking(pending::<()>());
        let other = async {
            slots.freed().await;
            slots.free_one().unwrap()
        };
        let other = tokio::select! {
            () = long => unreachable!("nobody answers"),
            other = other => other,
        };
        drop((slot, other));
        assert!(
            slots.free_one().is_some(),
            "and no more than one is there then"
        );
        let _one = taken(&slots, false);
        assert!(slots.free_one().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_fifth_of_a_thousand_that_falls_silent_is_found_out_within_seconds() {
        let slots = Slots::new(8, SOON);
        let mut silent = tokio::task::JoinSet::new();
        let began = Instant::now();
        while silent.len() < 200 {
            match slots.free_one() {
                Some(free) => {
                    let slot = free.take(false, false);
                    silent.spawn(async move { slot.while_asking(pending::<()>()).await });
                }
                None => slots.freed().await,
            }
        }
        assert!(
            began.elapsed() < Duration::from_millis(1500),
            "{:?}",
            began.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_comes_late_makes_everybody_wait_for_the_like_again() {
        let slots = Slots::new(8, SOON);
        let answer_after = async |took| {
            let slot = taken(&slots, false);
            slot.while_asking(tokio::time::sleep(took)).await;
            slots.patience.now()
        };
        for _ in 0..100 {
            slots.patience.wear();
        }
        assert_eq!(slots.patience.now(), LEAST_PATIENCE);
        let quick = LEAST_PATIENCE / 2;
        assert_eq!(answer_after(quick).await, LEAST_PATIENCE);
        assert_eq!(answer_after(SOON / 4).await, SOON / 2);
        assert_eq!(answer_after(SOON * 3).await, SOON, "at most");
        assert_eq!(
            answer_after(SLOW * 2).await,
            SOON * 4 / 5,
            "nobody answered"
        );
        assert_eq!(answer_after(SOON / 2).await, SOON * 4 / 5);
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_wait_without_a_slot() {
        let slots = Slots::new(1, SOON);
        let mut waiting = Vec::new();
        for _ in 0..WAITING_PER_SLOT {
            let slot = taken(&slots, false);
            let asked = tokio::time::timeout(SOON * 2, slot.while_asking(pending::<()>()));
            assert!(asked.await.is_err());
            waiting.push(slot);
        }
        let last = taken(&slots, false);
        let asked = tokio::time::timeout(SOON * 2, last.while_asking(pending::<()>()));
        assert!(asked.await.is_err());
        assert!(slots.free_one().is_none(), "it keeps its slot");
        waiting.pop();
        let asked = tokio::time::timeout(SOON * 2, last.while_asking(pending::<()>()));
        assert!(asked.await.is_err());
        assert!(slots.free_one().is_some());
    }

    #[tokio::test]
    async fn retries_have_half_of_the_slots_and_suspects_one() {
        let slots = Slots::new(4, SOON);
        let retries = [taken(&slots, true), taken(&slots, true)];
        assert!(!slots.free_one().unwrap().may_retry());
        drop(retries);
        assert!(slots.free_one().unwrap().may_retry());
        let suspect = slots.free_one().unwrap().take(false, true);
        let free = slots.free_one().unwrap();
        assert!(free.may_retry() && !free.may_be_suspect());
        drop((suspect, free));
        assert!(slots.free_one().unwrap().may_be_suspect());
        assert_eq!(slots.free(9).len(), 2, "those for retries first");
        let retries = [taken(&slots, true), taken(&slots, true)];
        assert_eq!(slots.free(9).len(), 2);
        assert_eq!(slots.free(1).len(), 1);
        drop(retries);
        let alone = Slots::new(1, SOON);
        assert!(alone.free_one().unwrap().may_retry(), "one slot is for all");
    }
}
