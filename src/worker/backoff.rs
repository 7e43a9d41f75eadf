//! How long to pause before another attempt. Pure: the same job and attempt give the same pause.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use uuid::Uuid;

/// `base` doubled for each attempt that failed, at most `cap`, of which half is left to chance.
///
/// The chance comes from the job's id: jobs that failed together at one instance do not come back together.
#[must_use]
pub(super) fn pause(job: Uuid, attempts: i32, base: Duration, cap: Duration) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1))
        .unwrap_or(0)
        .min(20);
    let full = base.saturating_mul(1 << doublings).min(cap);
    full.mul_f64(0.5 + 0.5 * chance(job, attempts))
}

fn chance(job: Uuid, attempts: i32) -> f64 {
    let mut hasher = DefaultHasher::new();
    (job, attempts).hash(&mut hasher);
    f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_secs(1);
    const CAP: Duration = Duration::from_secs(60);

    #[test]
    fn pauses_grow_to_the_cap_and_no_further() {
        let job = Uuid::from_u128(7);
        for (attempts, full) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (40, 60), (0, 1)] {
            let pause = pause(job, attempts, BASE, CAP);
            let full = Duration::from_secs(full);
            assert!(pause >= full / 2 && pause <= full, "{attempts}: {pause:?}");
        }
    }

    #[test]
    fn jobs_that_failed_together_come_back_apart() {
        let pauses: std::collections::HashSet<_> = (0..50)
            .map(|n| pause(Uuid::from_u128(n), 3, BASE, CAP))
            .collect();
        assert!(pauses.len() > 40);
    }
}
