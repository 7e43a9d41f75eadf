//! Characters that are not seen, or that turn the direction of what is: what they make of a name on a screen is not what is run.

use std::fmt::Write as _;

/// Unicode's default-ignorable characters, format characters without a sign of their own, fillers that look like a blank, and
/// separators of lines.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    turns_direction(c)
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A control character or one of those: a person who reads the text is not shown what is in it.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A blank that is none of those a keyboard makes: two names that differ by it look alike.
#[must_use]
pub fn is_odd_blank(c: char) -> bool {
    c.is_whitespace() && !matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// `c` in a way that is seen: `\u{200b}`.
pub fn escape_into(out: &mut String, c: char) {
    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_is_left_alone() {
        for c in "aZ0 é中文ß-_[]\u{1f512}\u{5d0}\u{627}\u{301}".chars() {
            assert!(!is_invisible(c), "{c:?}");
        }
    }

    #[test]
    fn the_whole_kind_is_known() {
        for c in [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{e0100}',
        ] {
            assert!(is_invisible(c), "{c:?}");
        }
    }

    #[test]
    fn only_the_blanks_of_a_keyboard_are_no_odd_ones() {
        for c in "\u{b}\u{c}\u{85}\u{a0}\u{1680}\u{2003}\u{2028}\u{202f}\u{205f}\u{3000}".chars() {
            assert!(is_odd_blank(c), "{c:?}");
        }
        for c in " \t\n\ra-_\u{200b}".chars() {
            assert!(!is_odd_blank(c), "{c:?}");
        }
    }

    #[test]
    fn an_escaped_character_is_its_code_behind_what_stands_there() {
        let mut out = "a".to_owned();
        escape_into(&mut out, '\u{200b}');
        escape_into(&mut out, '\u{e0001}');
        assert_eq!(out, r"a\u{200b}\u{e0001}");
    }
}
