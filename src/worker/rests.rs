//! Instances that did not answer rest for a while: their jobs wait without taking a slot, until one of them looks again. What one
//! process has met; another one finds out for itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

/// The instances that rest. Cloning shares them.
#[derive(Debug, Clone)]
pub(super) struct Rests {
    at: Arc<Mutex<HashMap<Uuid, Rest>>>,
    base: Duration,
    cap: Duration,
}

#[derive(Debug)]
struct Rest {
    until: Instant,
    pause: Duration,
    /// Its end has been told.
    is_over: bool,
}

impl Rests {
    /// The first rest lasts for `base`, each further one in a row twice as long, at most `cap`.
    pub(super) fn new(base: Duration, cap: Duration) -> Self {
        Self {
            at: Arc::default(),
            base,
            cap,
        }
    }

    /// It did not answer.
    pub(super) fn begin(&self, instance: Uuid) {
        let now = Instant::now();
        let mut at = self.lock();
        let pause = match at.get(&instance) {
            // Another attempt was there at the same time, and told the same.
            Some(rest) if rest.until > now => return,
            // Of one that nobody has asked for long it is not known how long it has been away.
            Some(rest) if rest.until + rest.pause * 4 > now => (rest.pause * 2).min(self.cap),
            Some(_) | None => self.base.min(self.cap),
        };
        let rest = Rest {
            until: now + pause,
            pause,
            is_over: false,
        };
        at.insert(instance, rest);
    }

    /// It answered; whether it was resting until then.
    pub(super) fn end(&self, instance: Uuid) -> bool {
        self.lock().remove(&instance).is_some()
    }

    /// Those whose jobs wait: they rest, or somebody (`busy`) is just finding out whether they answer again.
    pub(super) fn waited_for(&self, busy: impl Fn(Uuid) -> bool) -> Vec<Uuid> {
        let now = Instant::now();
        let at = self.lock();
        let waiting = at
            .iter()
            .filter(|(id, rest)| rest.until > now || busy(**id));
        waiting.map(|(id, _)| *id).collect()
    }

    /// Those whose rest has ended since the last time, so that one of their jobs shall look.
    pub(super) fn over(&self) -> Vec<Uuid> {
        let now = Instant::now();
        let mut at = self.lock();
        let over = at
            .iter_mut()
            .filter(|(_, rest)| rest.until <= now && !rest.is_over);
        over.map(|(id, rest)| {
            rest.is_over = true;
            *id
        })
        .collect()
    }

    /// Whether [`Self::over`] has something to tell.
    pub(super) fn is_any_over(&self) -> bool {
        let now = Instant::now();
        let at = self.lock();
        at.values().any(|rest| rest.until <= now && !rest.is_over)
    }

    /// Ends when the next rest does; never while nothing rests.
    pub(super) async fn next_over(&self) {
        let next = {
            let at = self.lock();
            let resting = at.values().filter(|rest| !rest.is_over);
            resting.map(|rest| rest.until).min()
        };
        match next {
            Some(until) => tokio::time::sleep_until(until).await,
            None => std::future::pending().await,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Rest>> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_silent_instance_rests_for_longer_each_time_until_it_answers() {
        let rests = Rests::new(SECOND, SECOND * 3);
        let id = Uuid::from_u128(7);
        let nobody = |_| false;
        for pause in [1, 2, 3, 3] {
            rests.begin(id);
            rests.begin(id);
            let began = Instant::now();
            assert_eq!(rests.waited_for(nobody), [id]);
            assert!(rests.over().is_empty());
            assert!(!rests.is_any_over());
            rests.next_over().await;
            assert!(rests.is_any_over());
            assert_eq!(began.elapsed().as_secs(), pause);
            assert_eq!(rests.over(), [id]);
            assert!(rests.over().is_empty(), "told once");
            assert!(rests.waited_for(nobody).is_empty());
            assert_eq!(
                rests.waited_for(|_| true),
                [id],
                "one probes, the others wait"
            );
        }
        assert!(rests.end(id));
        assert!(!rests.end(id));
        assert!(rests.waited_for(|_| true).is_empty());
        rests.begin(id);
        assert!(
            tokio::time::timeout(SECOND * 2, rests.next_over())
                .await
                .is_ok(),
            "from the beginning again"
        );
    }
}
