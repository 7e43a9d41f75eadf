//! What a caller may say about a job for the history: why it was asked for, and the change it belongs to.

use super::invisible::is_unseen;

/// Characters of a reason.
pub const MAX_REASON: usize = 500;
/// Characters of a reference to a change.
pub const MAX_CHANGE_REF: usize = 64;

/// Whether `text` can be the reason of a job: at most [`MAX_REASON`] characters, none of them a control character or one that is not seen.
#[must_use]
pub fn is_reason(text: &str) -> bool {
    text.chars().count() <= MAX_REASON && !text.chars().any(is_unseen)
}

/// Whether `text` can refer to a change: 1 to [`MAX_CHANGE_REF`] letters, digits, blanks or any of `_.:#/+-`. It travels in a
/// T-SQL comment, so it cannot hold what would begin or end one.
#[must_use]
pub fn is_change_ref(text: &str) -> bool {
    (1..=MAX_CHANGE_REF).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b" _.:#/+-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_at_most_500_characters() {
        assert!(is_reason(""));
        assert!(is_reason(&"ä".repeat(500)));
        assert!(!is_reason(&"a".repeat(501)));
        assert!(!is_reason("a\nb"));
    }

    #[test]
    fn a_change_ref_cannot_end_a_comment() {
        for good in ["CHG0042", "a b_c.d:e#f/g+h-i", &"x".repeat(64)] {
            assert!(is_change_ref(good), "{good:?}");
        }
        for bad in ["", "*/", "/*", "a'b", "a\nb", "ä", &"x".repeat(65)] {
            assert!(!is_change_ref(bad), "{bad:?}");
        }
    }
}
