//! How long something may take, as people write it: `30s`, `15m`.

use std::time::Duration;

/// A whole number with one of `units`, which are among `ms`, `s`, `m` and `h`; no sign, no blanks, no fraction.
#[must_use]
pub fn parse(text: &str, units: &[&str]) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let is_plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_plain || !units.contains(&unit) {
        return None;
    }
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_and_nothing_else() {
        let all = ["ms", "s", "m", "h"];
        for (text, seconds) in [
            ("1500ms", 1.5),
            ("90s", 90.0),
            ("15m", 900.0),
            ("2h", 7200.0),
        ] {
            let read = parse(text, &all).unwrap();
            assert!((read.as_secs_f64() - seconds).abs() < 1e-9, "{text}");
        }
        for bad in [
            "",
            "s",
            "15",
            "-1m",
            "+1m",
            "1.5h",
            "15d",
            "1é",
            "1 s",
            "1S",
            "99999999999999999999s",
            "9999999999999999999m",
        ] {
            assert_eq!(parse(bad, &all), None, "{bad:?}");
        }
        assert_eq!(parse("1m", &["ms", "s"]), None);
    }
}
