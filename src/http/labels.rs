//! Labels as they come in: the caller's keys and values, bounded.

use super::problem::Fault;
use super::text::one_line;
use crate::domain::registration::Labels;

const MAX_LABELS: usize = 64;
const MAX_KEY: usize = 63;
const MAX_VALUE: usize = 256;

/// Reports every label that breaks a rule.
pub fn check(labels: &Labels, faults: &mut Vec<Fault>) {
    if labels.len() > MAX_LABELS {
        faults.push(Fault::new(
            "/labels",
            "too_many_labels",
            format!(
                "found {} labels; at most {MAX_LABELS} are kept",
                labels.len()
            ),
        ));
    }
    for (key, value) in labels {
        let pointer = || format!("/labels/{}", key.replace('~', "~0").replace('/', "~1"));
        if !is_key(key) {
            faults.push(Fault::new(
                pointer(),
                "invalid_label_key",
                "wanted are 1 to 63 letters, digits, '_', '.', '/' or '-', the first a letter or digit",
            ));
        }
        if value.chars().count() > MAX_VALUE || value.chars().any(char::is_control) {
            faults.push(Fault::new(
                pointer(),
                "invalid_label_value",
                format!(
                    "wanted are at most {MAX_VALUE} characters, none of them a control character"
                ),
            ));
        }
    }
}

/// Labels as one cell of a table.
pub fn cell(labels: &Labels) -> String {
    let all: Vec<_> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    one_line(&all.join(","))
}

fn is_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.len())
        && key.starts_with(|c: char| c.is_ascii_alphanumeric())
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_pointer() {
        let labels: Labels = [("a/b", "x"), ("-", "y"), ("ok", "z\n")]
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        let mut faults = Vec::new();
        check(&labels, &mut faults);
        let found: Vec<_> = faults
            .iter()
            .map(|f| (f.pointer.as_str(), f.code))
            .collect();
        assert_eq!(
            found,
            [
                ("/labels/-", "invalid_label_key"),
                ("/labels/ok", "invalid_label_value")
            ]
        );
    }
}
