//! How the workers behave, and every time they wait for. Values only; where they come from is the configuration's
//! business.

use std::time::Duration;

use crate::domain::desired_state::Thresholds;
use crate::sqlserver::{PoolSettings, Timeouts};

/// Settings of all workers of one process.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Shown in the history as who carried an attempt out.
    pub name: String,
    /// What it calls itself to the instances.
    pub application: String,
    /// Jobs worked on at the same time.
    pub concurrency: usize,
    /// How long a claim lasts without a sign of life; renewed at a third of it.
    pub lease: Duration,
    /// Attempts that count, before a job whose failures could have passed is given up.
    pub max_attempts: i32,
    /// Claims that never ended (the process died), before a job is given up as poisoned.
    pub poison_after: i32,
    /// Pause before the second attempt; doubled for each further one.
    pub retry_base: Duration,
    /// How long after its first attempt began a job may still begin another one.
    pub retry_total: Duration,
    /// The longest such pause.
    pub retry_cap: Duration,
    /// How often to look for work that nobody announced.
    pub poll: Duration,
    /// How long a stopping worker waits for running attempts.
    pub grace: Duration,
    /// How long ended jobs are kept; for ever when absent.
    pub history_retention: Option<Duration>,
    pub timeouts: Timeouts,
    pub pool: PoolSettings,
    pub thresholds: Thresholds,
    pub bounds: Bounds,
}

impl Settings {
    /// How often a lease is renewed. No renewal waits for longer: a line that is dead must not use up the whole lease.
    pub(super) fn renewal(&self) -> Duration {
        self.lease / 3
    }

    /// How long claiming one job may take, before its connection is taken for dead.
    pub(super) fn claim(&self) -> Duration {
        self.bounds.claim.min(self.lease)
    }

    /// The longest rest of an instance that does not answer.
    pub(super) fn rest_cap(&self) -> Duration {
        self.bounds.rest_cap.min(self.retry_cap)
    }

    /// The pause after a claim that failed.
    pub(super) fn claim_again(&self) -> Duration {
        self.bounds.claim_again.min(self.poll)
    }

    /// The pause after a renewal that failed.
    pub(super) fn renew_again(&self) -> Duration {
        self.bounds.renew_again.min(self.renewal())
    }

    /// How much of the grace running attempts have; what is left is for handing back those that do not end in time.
    pub(super) fn patience(&self) -> Duration {
        self.grace - self.bounds.release.min(self.grace / 4)
    }
}

/// How long a worker waits, mostly for PostgreSQL. What follows from others is computed, here and in [`Settings`].
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Claiming, and ending what is overdue, before the connection is taken for dead.
    pub claim: Duration,
    /// After a claim that failed. Sooner than the poll: whoever was woken for a job must not lose it to a line that
    /// died.
    pub claim_again: Duration,
    /// After a renewal that failed. Soon: what is left of the lease may be little, and a write of the attempt's own
    /// may have been in the way.
    pub renew_again: Duration,
    /// One exchange of an attempt, before its connection is taken for dead.
    pub exchange: Duration,
    /// Between two tries of it.
    pub exchange_again: Duration,
    /// Handing a job back: the process is to stop, and the lease runs out anyway.
    pub release: Duration,
    /// Between two looks for how much time a deadline leaves, at most: PostgreSQL's clock may be set meanwhile.
    pub deadline_again: Duration,
    /// For SQL Servers, before an attempt lends its slot, at most. An observation or an apply that goes well takes a fraction of it.
    pub lend_after: Duration,
    /// The longest rest of an instance that does not answer: so long a server that is back may be waited for in vain.
    pub rest_cap: Duration,
    /// Removing one piece of old history.
    pub prune: Duration,
    /// Between two pieces, so that the others are served in between.
    pub prune_again: Duration,
    /// Between two looks for old history.
    pub prune_every: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            claim: Duration::from_secs(5),
            claim_again: Duration::from_millis(200),
            renew_again: Duration::from_millis(250),
            exchange: Duration::from_secs(4),
            exchange_again: Duration::from_millis(200),
            release: Duration::from_secs(2),
            deadline_again: Duration::from_secs(10),
            lend_after: Duration::from_millis(500),
            rest_cap: Duration::from_secs(30),
            prune: Duration::from_secs(40),
            prune_again: Duration::from_millis(100),
            prune_every: Duration::from_secs(10 * 60),
        }
    }
}

impl Bounds {
    /// How long after PostgreSQL's return the last attempt that tries to reach it has done so: a try that was under
    /// way, the pause after it, and as much again for the one that is answered.
    pub(super) fn all_back(&self) -> Duration {
        self.exchange + self.exchange_again * 2
    }
}
