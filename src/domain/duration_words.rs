//! How long something takes, as people say it. No clock here.

use chrono::Duration;

/// `1 database`, `2 databases`: for nouns whose plural is an s.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// `in 12 days`, `in 5 hours`, `in 40 minutes`, `in less than a minute`: never `in 0 days`.
#[must_use]
pub fn remaining(left: Duration) -> String {
    match left.num_minutes() {
        ..1 => "in less than a minute".to_owned(),
        _ => format!("in {}", span(left)),
    }
}

/// `12 days`, `5 hours`, `40 minutes`, `61 s`: the largest unit that says enough, and no more than that.
#[must_use]
pub fn span(long: Duration) -> String {
    let (days, hours, minutes) = (long.num_days(), long.num_hours(), long.num_minutes());
    let (count, unit) = if days >= 2 {
        (days, "day")
    } else if hours >= 1 {
        (hours, "hour")
    } else if minutes >= 1 {
        (minutes, "minute")
    } else {
        return format!("{} s", long.num_seconds());
    };
    counted(usize::try_from(count).unwrap_or(0), unit)
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
