//! Dates as text and back, date arithmetic, and the resolution of `datetime`.

use chrono::{Datelike, Duration, Months, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

/// Reads the date formats SQL Server takes with us_english settings.
pub fn parse(text: &str) -> Option<NaiveDateTime> {
    let spelt = text.trim();
    if let Some(at) = parse_named(spelt) {
        return Some(at);
    }
    let text = spelt.trim_end_matches(['Z', 'z']);
    if text.is_empty() {
        return NaiveDate::from_ymd_opt(1900, 1, 1).map(|d| d.and_time(NaiveTime::MIN));
    }
    let split = text.find(['T', ' ']);
    let (date, time) = match split {
        Some(at) => (&text[..at], text[at + 1..].trim()),
        None => (text, ""),
    };
    let date = parse_date(date)?;
    if time.is_empty() {
        return Some(date.and_time(NaiveTime::MIN));
    }
    parse_time(time).map(|t| date.and_time(t))
}

/// Dates with the month's name, whole or its first three letters: `Oct 31, 2030`, `31 October 2030 13:45`, `2030 Oct 31`,
/// `October 2030` (its first day), in any order that leaves no doubt.
fn parse_named(text: &str) -> Option<NaiveDateTime> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let lower = text.to_ascii_lowercase();
    let (date, time) = match lower.find(':') {
        // The hour stands before the first colon.
        Some(colon) => {
            let hour = lower[..colon].trim_end_matches(|c: char| c.is_ascii_digit());
            lower.split_at(hour.len())
        }
        None => (lower.as_str(), ""),
    };
    let spaced: String = date
        .chars()
        .map(|c| {
            if matches!(c, ',' | '-' | '/' | '.') {
                ' '
            } else {
                c
            }
        })
        .collect();
    let (mut month, mut day, mut year) = (None, None, None);
    for word in spaced.split_whitespace() {
        let named = MONTHS
            .iter()
            .position(|m| *m == word || (word.len() == 3 && m.starts_with(word)));
        match (named, word.parse::<i32>(), word.len()) {
            (Some(n), ..) if month.is_none() => month = u32::try_from(n + 1).ok(),
            (None, Ok(number), 4) if year.is_none() => year = Some(number),
            (None, Ok(number), 1 | 2) if day.is_none() => day = u32::try_from(number).ok(),
            // Two digits for a year: 2049 is the last.
            (None, Ok(number), 2) if year.is_none() => {
                year = Some(if number < 50 { 2000 } else { 1900 } + number);
            }
            _ => return None,
        }
    }
    let date = NaiveDate::from_ymd_opt(year?, month?, day.unwrap_or(1))?;
    match time.trim() {
        "" => Some(date.and_time(NaiveTime::MIN)),
        time => parse_time(&time.to_ascii_uppercase()).map(|t| date.and_time(t)),
    }
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return NaiveDate::parse_from_str(text, "%Y%m%d").ok();
    }
    ["%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%m-%d-%Y", "%Y.%m.%d"]
        .iter()
        .find_map(|f| NaiveDate::parse_from_str(text, f).ok())
        .filter(|d| d.year() > 0)
}

fn parse_time(text: &str) -> Option<NaiveTime> {
    [
        "%H:%M:%S%.f",
        "%H:%M:%S",
        "%H:%M",
        "%I:%M:%S %p",
        "%I:%M %p",
        "%I:%M%p",
    ]
    .iter()
    .find_map(|f| NaiveTime::parse_from_str(text, f).ok())
}

/// Rounds to the three-hundredths of a second `datetime` keeps.
pub fn to_datetime(at: NaiveDateTime) -> NaiveDateTime {
    let nanos = u64::from(at.nanosecond());
    let ticks = (nanos * 300 + 500_000_000) / 1_000_000_000;
    let millis = (ticks * 10 + 1) / 3;
    let base = at.with_nanosecond(0).unwrap_or(at);
    base + Duration::milliseconds(i64::try_from(millis).unwrap_or(0))
}

/// Cuts to `scale` digits of a second.
pub fn to_scale(at: NaiveDateTime, scale: u8) -> NaiveDateTime {
    let step = 10_u32.pow(9 - u32::from(scale.min(7)));
    at.with_nanosecond(at.nanosecond() / step * step)
        .unwrap_or(at)
}

/// Text in a CONVERT style; `digits` of a second where the style shows them.
pub fn show(at: NaiveDateTime, style: i32, digits: usize) -> String {
    let fraction = |n: usize| {
        let nanos = format!("{:09}", at.nanosecond());
        if n == 0 {
            String::new()
        } else {
            format!(".{}", &nanos[..n.min(9)])
        }
    };
    match style {
        0 | 100 => {
            let hour = at.hour12().1;
            let half = if at.hour() < 12 { "AM" } else { "PM" };
            format!(
                "{} {:>2} {}  {:>2}:{:02}{half}",
                at.format("%b"),
                at.day(),
                at.year(),
                hour,
                at.minute()
            )
        }
        1 | 101 => at.format("%m/%d/%Y").to_string(),
        23 => at.format("%Y-%m-%d").to_string(),
        8 | 108 => at.format("%H:%M:%S").to_string(),
        112 => at.format("%Y%m%d").to_string(),
        20 | 120 => at.format("%Y-%m-%d %H:%M:%S").to_string(),
        126 => format!("{}{}", at.format("%Y-%m-%dT%H:%M:%S"), fraction(digits)),
        127 => format!("{}{}Z", at.format("%Y-%m-%dT%H:%M:%S"), fraction(digits)),
        _ => format!("{}{}", at.format("%Y-%m-%d %H:%M:%S"), fraction(digits)),
    }
}

/// `DATEADD`; `None` for an unknown part or an impossible date.
pub fn add(part: &str, count: i64, at: NaiveDateTime) -> Option<NaiveDateTime> {
    let duration = match part.to_ascii_lowercase().as_str() {
        "year" | "yy" | "yyyy" => return add_months(at, count.checked_mul(12)?),
        "quarter" | "qq" | "q" => return add_months(at, count.checked_mul(3)?),
        "month" | "mm" | "m" => return add_months(at, count),
        "week" | "wk" | "ww" => Duration::try_weeks(count)?,
        "day" | "dd" | "d" | "dayofyear" | "dy" | "weekday" | "dw" => Duration::try_days(count)?,
        "hour" | "hh" => Duration::try_hours(count)?,
        "minute" | "mi" | "n" => Duration::try_minutes(count)?,
        "second" | "ss" | "s" => Duration::try_seconds(count)?,
        "millisecond" | "ms" => Duration::try_milliseconds(count)?,
        "microsecond" | "mcs" => Duration::microseconds(count),
        "nanosecond" | "ns" => Duration::nanoseconds(count),
        _ => return None,
    };
    at.checked_add_signed(duration)
        .filter(|t| (1..=9999).contains(&t.year()))
}

fn add_months(at: NaiveDateTime, months: i64) -> Option<NaiveDateTime> {
    let size = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    if months < 0 {
        at.checked_sub_months(size)
    } else {
        at.checked_add_months(size)
    }
}

/// `DATEDIFF`: boundaries crossed.
pub fn difference(part: &str, from: NaiveDateTime, to: NaiveDateTime) -> Option<i64> {
    let days = |t: NaiveDateTime| i64::from(t.date().num_days_from_ce());
    let seconds = |t: NaiveDateTime| t.and_utc().timestamp();
    let months = |t: NaiveDateTime| i64::from(t.year()) * 12 + i64::from(t.month());
    Some(match part.to_ascii_lowercase().as_str() {
        "year" | "yy" | "yyyy" => i64::from(to.year() - from.year()),
        "month" | "mm" | "m" => months(to) - months(from),
        "day" | "dd" | "d" => days(to) - days(from),
        "hour" | "hh" => seconds(to).div_euclid(3600) - seconds(from).div_euclid(3600),
        "minute" | "mi" | "n" => seconds(to).div_euclid(60) - seconds(from).div_euclid(60),
        "second" | "ss" | "s" => seconds(to) - seconds(from),
        "millisecond" | "ms" => to.and_utc().timestamp_millis() - from.and_utc().timestamp_millis(),
        "microsecond" | "mcs" => {
            to.and_utc().timestamp_micros() - from.and_utc().timestamp_micros()
        }
        _ => return None,
    })
}
