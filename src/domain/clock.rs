//! Where mirrorgate gets the time. Lease times are not taken from here: they are PostgreSQL's clock alone.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};

/// The time source of one process. Tests hold the manual one and move it.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    #[default]
    System,
    Manual(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    #[must_use]
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self::Manual(Arc::new(Mutex::new(start)))
    }

    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that reads the system clock"
            )]
            Self::System => Utc::now(),
            Self::Manual(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a manual clock; the system clock goes its own way.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(at) = self {
            *at.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_until_it_is_moved() {
        let start = DateTime::UNIX_EPOCH;
        let clock = Clock::manual(start);
        let same = clock.clone();
        assert_eq!(clock.now(), start);
        clock.advance(Duration::seconds(90));
        clock.advance(Duration::seconds(10));
        assert_eq!(same.now(), start + Duration::seconds(100));
    }
}
