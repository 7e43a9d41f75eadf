//! Points in time as DATETIME and DATETIME2 count them.
//!
//! Only arithmetic between chrono's types and the wire's counts; lengths and NULLs are the callers'.

use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

const SECONDS_PER_DAY: u64 = 86_400;
const NANOS: u64 = 1_000_000_000;

/// Days since 1900-01-01 and 1/300 seconds since midnight, rounded as DATETIME does; `None` before 1753.
pub(super) fn to_datetime(at: NaiveDateTime) -> Option<(i32, u32)> {
    let (date, ticks) = count(at, 300)?;
    if date.year() < 1753 {
        return None;
    }
    let days = i32::try_from((date - epoch_1900()?).num_days()).ok()?;
    Some((days, u32::try_from(ticks).ok()?))
}

pub(super) fn from_datetime(days: i32, ticks: u32) -> Option<NaiveDateTime> {
    let nanos = (u64::from(ticks) * NANOS + 150) / 300;
    // DATETIME is shown in milliseconds, rounded to .000, .003 and .007.
    let millis = (nanos + 500_000) / 1_000_000;
    from_parts(epoch_1900()?, i64::from(days), millis * 1_000_000)
}

/// SMALLDATETIME: days since 1900-01-01 and minutes since midnight.
pub(super) fn from_smalldatetime(days: u16, minutes: u16) -> Option<NaiveDateTime> {
    from_parts(
        epoch_1900()?,
        i64::from(days),
        u64::from(minutes) * 60 * NANOS,
    )
}

/// Days since 0001-01-01 and 10^-`scale` seconds since midnight, rounded; `None` outside years 1 to 9999.
pub(super) fn to_datetime2(at: NaiveDateTime, scale: u8) -> Option<(u32, u64)> {
    let (date, units) = count(at, 10_u64.checked_pow(u32::from(scale))?)?;
    let days = u32::try_from(date.num_days_from_ce() - 1).ok()?;
    (1..=9999).contains(&date.year()).then_some((days, units))
}

pub(super) fn from_datetime2(days: u32, units: u64, scale: u8) -> Option<NaiveDateTime> {
    let nanos = units.checked_mul(10_u64.checked_pow(9_u32.checked_sub(u32::from(scale))?)?)?;
    from_parts(NaiveDate::from_ymd_opt(1, 1, 1)?, i64::from(days), nanos)
}

/// Bytes that DATETIME2 of this scale uses for the time of day.
pub(super) fn time_bytes(scale: u8) -> usize {
    match scale {
        0..=2 => 3,
        3 | 4 => 4,
        _ => 5,
    }
}

/// The date, and the time of day in units of 1/`per_second` seconds; rounding up at midnight moves to the next day.
fn count(at: NaiveDateTime, per_second: u64) -> Option<(NaiveDate, u64)> {
    // A leap second, which chrono shows as nanoseconds over 10^9, counts as the last instant before the next.
    let nanos = u64::from(at.nanosecond()).min(NANOS - 1);
    let fraction = (nanos * per_second + NANOS / 2) / NANOS;
    let units = u64::from(at.num_seconds_from_midnight()) * per_second + fraction;
    if units >= SECONDS_PER_DAY * per_second {
        return Some((at.date().succ_opt()?, 0));
    }
    Some((at.date(), units))
}

fn from_parts(epoch: NaiveDate, days: i64, nanos: u64) -> Option<NaiveDateTime> {
    let date = epoch.checked_add_signed(Duration::try_days(days)?)?;
    let seconds = u32::try_from(nanos / NANOS).ok()?;
    let time =
        NaiveTime::from_num_seconds_from_midnight_opt(seconds, u32::try_from(nanos % NANOS).ok()?)?;
    Some(date.and_time(time))
}

fn epoch_1900() -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(1900, 1, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").unwrap()
    }

    #[test]
    fn datetime_rounds_to_a_three_hundredth() {
        assert_eq!(to_datetime(at("1900-01-01 00:00:01")), Some((0, 300)));
        assert_eq!(
            to_datetime(at("1899-12-31 23:59:59.999")),
            Some((0, 0)),
            "23:59:59.999 becomes midnight"
        );
        assert_eq!(to_datetime(at("1752-12-31 00:00:00")), None);
        let shown = from_datetime(0, 1).unwrap();
        assert_eq!(shown, at("1900-01-01 00:00:00.003"));
    }

    #[test]
    fn datetime2_keeps_its_scale() {
        let moment = at("2026-11-22 21:40:03.1234567");
        let (days, units) = to_datetime2(moment, 7).unwrap();
        assert_eq!(from_datetime2(days, units, 7), Some(moment));
        let (days, units) = to_datetime2(at("2026-12-31 23:59:59.96"), 1).unwrap();
        assert_eq!(
            from_datetime2(days, units, 1),
            Some(at("2027-01-01 00:00:00"))
        );
        assert_eq!(to_datetime2(at("0001-01-01 00:00:00"), 0), Some((0, 0)));
    }

    #[test]
    fn impossible_counts_are_none() {
        assert_eq!(from_datetime(i32::MAX, 0), None);
        assert_eq!(from_datetime(0, u32::MAX), None);
        assert_eq!(from_datetime2(u32::MAX, 0, 7), None);
        assert_eq!(from_datetime2(0, u64::MAX, 0), None);
        assert_eq!(from_datetime2(0, 0, 12), None);
    }
}
