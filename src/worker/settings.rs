//! How the workers behave. Values only; where they come from is the configuration's business.

use std::time::Duration;

use crate::domain::wish::Thresholds;
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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "mirrorgate".to_owned(),
            application: "mirrorgate".to_owned(),
            concurrency: 8,
            lease: Duration::from_secs(10),
            max_attempts: 10,
            poison_after: 5,
            retry_base: Duration::from_secs(1),
            retry_total: Duration::from_secs(30 * 60),
            retry_cap: Duration::from_secs(60),
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(10),
            history_retention: None,
            timeouts: Timeouts::default(),
            pool: PoolSettings::default(),
            thresholds: Thresholds::default(),
        }
    }
}
