//! The rules of labels: how many, and what keys and values may be.

use super::invisible::is_unseen;
use super::registration::Labels;

const MAX_LABELS: usize = 64;
const MAX_KEY: usize = 63;
const MAX_VALUE: usize = 256;

/// Why labels are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedLabel {
    #[error("found {found} labels; at most {MAX_LABELS} are kept")]
    TooMany { found: usize },
    #[error(
        "wanted are 1 to {MAX_KEY} letters, digits, '_', '.', '/' or '-', the first a letter or digit"
    )]
    Key { key: String },
    #[error(
        "wanted are at most {MAX_VALUE} characters, none of them a control character or one that is not seen"
    )]
    Value { key: String },
}

impl RefusedLabel {
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "too_many_labels",
            Self::Key { .. } => "invalid_label_key",
            Self::Value { .. } => "invalid_label_value",
        }
    }

    /// The label to blame; `None` where it is all of them.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::TooMany { .. } => None,
            Self::Key { key } | Self::Value { key } => Some(key),
        }
    }
}

/// Every rule that these labels break; where there are too many, only that.
#[must_use]
pub fn check(labels: &Labels) -> Vec<RefusedLabel> {
    if labels.len() > MAX_LABELS {
        let found = labels.len();
        return vec![RefusedLabel::TooMany { found }];
    }
    let mut refused = Vec::new();
    for (key, value) in labels {
        if !is_key(key) {
            refused.push(RefusedLabel::Key { key: key.clone() });
        }
        if value.chars().count() > MAX_VALUE || value.chars().any(is_unseen) {
            refused.push(RefusedLabel::Value { key: key.clone() });
        }
    }
    refused
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

    fn refused<'a>(labels: impl IntoIterator<Item = (&'a str, String)>) -> Vec<RefusedLabel> {
        let labels = labels.into_iter().map(|(k, v)| (k.to_owned(), v));
        check(&labels.collect())
    }

    #[test]
    fn what_fits_is_kept() {
        let (key, value) = ("k".repeat(63), "ä".repeat(256));
        assert!(refused([("a/b", "x".to_owned()), (&key, value), ("0", String::new())]).is_empty());
        let all: Labels = (0..64).map(|n| (n.to_string(), String::new())).collect();
        assert!(check(&all).is_empty());
    }

    #[test]
    fn each_rule_names_its_label() {
        for bad in ["", "-", "a b", "ä", &"k".repeat(64)] {
            let key = bad.to_owned();
            assert_eq!(refused([(bad, String::new())]), [RefusedLabel::Key { key }]);
        }
        for bad in ["z\n".to_owned(), "v".repeat(257)] {
            let key = "ok".to_owned();
            assert_eq!(refused([("ok", bad)]), [RefusedLabel::Value { key }]);
        }
        let all: Labels = (0..65).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(check(&all), [RefusedLabel::TooMany { found: 65 }]);
    }

    #[test]
    fn each_refusal_has_its_code_and_blames_one_label_or_all() {
        let blamed = |refused: &[RefusedLabel]| {
            let of = |one: &RefusedLabel| (one.code(), one.key().map(str::to_owned));
            refused.iter().map(of).collect::<Vec<_>>()
        };
        let named = |key: &str| Some(key.to_owned());
        assert_eq!(
            blamed(&refused([
                ("a b", "z\n".to_owned()),
                ("ok", "\0".to_owned())
            ])),
            [
                ("invalid_label_key", named("a b")),
                ("invalid_label_value", named("a b")),
                ("invalid_label_value", named("ok")),
            ]
        );
        let all: Labels = (0..65).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(blamed(&check(&all)), [("too_many_labels", None)]);
    }
}
