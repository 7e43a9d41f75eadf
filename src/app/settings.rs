//! From flags to the settings of workers: the flags' defaults are the only ones there are.

use std::time::Duration;

use crate::config::WorkerConfig;
use crate::domain::desired_state::Thresholds;
use crate::sqlserver::{PoolSettings, Timeouts};
use crate::worker::{Bounds, Settings};

/// How often to look for work that nobody announced.
const POLL: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl From<&WorkerConfig> for Settings {
    fn from(given: &WorkerConfig) -> Self {
        Self {
            name: process_name(),
            application: given.application_name.clone(),
            concurrency: usize::from(given.concurrency()),
            lease: given.lease,
            max_attempts: i32::from(given.max_attempts),
            poison_after: i32::from(given.poison_after),
            retry_base: given.retry_base,
            retry_cap: given.retry_cap,
            retry_total: given.retry_total,
            poll: POLL,
            grace: given.grace,
            history_retention: given.history_retention.map(|days| DAY * days),
            timeouts: Timeouts {
                connect: given.connect_timeout,
                log_in: given.connect_timeout,
                observe: given.observe_timeout.min(given.batch_timeout),
                apply: given.batch_timeout,
                ..Timeouts::default()
            },
            pool: PoolSettings {
                per_instance: usize::from(given.pool_size),
                ..PoolSettings::default()
            },
            thresholds: Thresholds::from(given),
            bounds: Bounds::default(),
        }
    }
}

impl From<&WorkerConfig> for Thresholds {
    fn from(given: &WorkerConfig) -> Self {
        Self {
            expires_soon: chrono::Duration::days(i64::from(given.expires_soon_days)),
            weak_certificates: given.weak_certificates,
            ..Self::default()
        }
    }
}

/// Who carried an attempt out, as the history shows it: the machine and the process.
fn process_name() -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", machine.trim(), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_is_the_same_everywhere() {
        let settings = Settings::from(&WorkerConfig::default());
        assert_eq!(settings.timeouts, Timeouts::default());
        assert_eq!(settings.thresholds, Thresholds::default());
        assert_eq!(
            settings.pool.per_instance,
            PoolSettings::default().per_instance
        );
    }

    #[test]
    fn looking_never_takes_longer_than_a_batch_may() {
        let seconds = Duration::from_secs;
        for (observe, batch, expected) in [(15, 60, 15), (15, 2, 2)] {
            let given = WorkerConfig {
                observe_timeout: seconds(observe),
                batch_timeout: seconds(batch),
                ..WorkerConfig::default()
            };
            let timeouts = Settings::from(&given).timeouts;
            assert_eq!(timeouts.observe, seconds(expected));
            assert_eq!(timeouts.apply, seconds(batch));
        }
    }
}
