//! How long something takes from now on, as people say it. No clock here.

use chrono::Duration;

/// `in 12 days`, `in 5 hours`, `in 40 minutes`, `in less than a minute`: never `in 0 days`.
#[must_use]
pub fn remaining(left: Duration) -> String {
    let (days, hours, minutes) = (left.num_days(), left.num_hours(), left.num_minutes());
    let (count, unit) = if days >= 2 {
        (days, "day")
    } else if hours >= 1 {
        (hours, "hour")
    } else if minutes >= 1 {
        (minutes, "minute")
    } else {
        return "in less than a minute".to_owned();
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("in {count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_told_in_smaller_units() {
        for (left, words) in [
            (Duration::days(30), "in 30 days"),
            (Duration::hours(47), "in 47 hours"),
            (Duration::hours(1), "in 1 hour"),
            (Duration::minutes(59), "in 59 minutes"),
            (Duration::seconds(59), "in less than a minute"),
            (Duration::zero(), "in less than a minute"),
        ] {
            assert_eq!(remaining(left), words);
        }
    }
}
