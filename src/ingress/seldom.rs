//! A log line that an attacker can cause is written seldom, and says how often it would have been.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const PAUSE: Duration = Duration::from_secs(10);

/// Lets the first one through, and then one every 10 s.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    told: Option<Instant>,
    untold: u64,
}

impl Seldom {
    /// How often it happened since the last time it was told, this time included; `None` when it is not to be told now.
    pub(super) fn now(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.untold += 1;
        if state.told.is_some_and(|told| told.elapsed() < PAUSE) {
            return None;
        }
        state.told = Some(Instant::now());
        Some(std::mem::take(&mut state.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_one_line_and_then_a_number() {
        let seldom = Seldom::default();
        assert_eq!(seldom.now(), Some(1));
        for _ in 0..1_000 {
            assert_eq!(seldom.now(), None);
        }
        tokio::time::advance(PAUSE).await;
        assert_eq!(seldom.now(), Some(1_001));
        assert_eq!(seldom.now(), None);
    }
}
