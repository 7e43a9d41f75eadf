//! The one place that quotes. A name, a text, bytes or a remark become T-SQL here and nowhere else.
//!
//! Identifiers can only be built from names that were checked or observed, so no caller can splice raw text where a
//! name belongs.

use std::fmt;

use crate::domain::object_name::{ObjectName, SysName};

/// A delimited identifier: `[a]]b]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ident<'a>(&'a str);

impl<'a> From<&'a SysName> for Ident<'a> {
    fn from(name: &'a SysName) -> Self {
        Self(name.as_str())
    }
}

impl<'a> From<&'a ObjectName> for Ident<'a> {
    fn from(name: &'a ObjectName) -> Self {
        Self(name.as_str())
    }
}

impl fmt::Display for Ident<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.0.replace(']', "]]"))
    }
}

/// A Unicode string constant: `N'it''s'`. Takes any text.
///
/// NUL, which no name or path on a server holds and some tools cut a text at, is written as U+FFFD: the constant then
/// equals nothing that exists, instead of meaning something shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }
}

impl<'a> From<&'a SysName> for Literal<'a> {
    fn from(name: &'a SysName) -> Self {
        Self(name.as_str())
    }
}

impl<'a> From<&'a ObjectName> for Literal<'a> {
    fn from(name: &'a ObjectName) -> Self {
        Self(name.as_str())
    }
}

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.replace('\0', "\u{fffd}").replace('\'', "''");
        write!(f, "N'{text}'")
    }
}

/// A binary constant: `0x3082…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binary<'a>(&'a [u8]);

impl<'a> Binary<'a> {
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Binary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode_upper(self.0))
    }
}

/// A whole line of remark, `-- …`, that stays one: no line break, and no `/*` or `*/` (which nest), should somebody
/// wrap it; nor `$(`, which sqlcmd replaces in remarks too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comment<'a>(&'a str);

impl<'a> Comment<'a> {
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }
}

impl fmt::Display for Comment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        f.write_str("-- ")?;
        let mut before = ' ';
        for c in self.0.chars() {
            let c = if breaks_a_line(c) { ' ' } else { c };
            if matches!((before, c), ('*', '/') | ('/', '*') | ('$', '(')) {
                f.write_char(' ')?;
            }
            f.write_char(c)?;
            before = c;
        }
        Ok(())
    }
}

/// Some tool or editor takes it for the end of a line, or changes it.
pub(super) fn breaks_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads one delimited token the way the server's lexer does: the closing mark counts unless doubled.
    fn read_delimited(text: &str, close: char) -> Option<(String, &str)> {
        let mut value = String::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if c != close {
                value.push(c);
            } else if rest.as_str().starts_with(close) {
                value.push(c);
                rest.next();
            } else {
                return Some((value, rest.as_str()));
            }
        }
        None
    }

    fn ident_back(name: &SysName) -> Option<(String, String)> {
        let text = format!("{} rest", Ident::from(name));
        read_delimited(text.strip_prefix('[')?, ']').map(|(v, r)| (v, r.to_owned()))
    }

    fn literal_back(text: &str) -> Option<(String, String)> {
        let quoted = format!("{} rest", Literal::new(text));
        read_delimited(quoted.strip_prefix("N'")?, '\'').map(|(v, r)| (v, r.to_owned()))
    }

    #[test]
    fn hostile_names_come_back_as_they_were() {
        for hostile in crate::tsql::tests::hostile::names() {
            let name = SysName::observed(&hostile).unwrap();
            assert_eq!(
                ident_back(&name),
                Some((hostile.clone(), " rest".to_owned()))
            );
            assert_eq!(literal_back(&hostile), Some((hostile, " rest".to_owned())));
        }
    }

    #[test]
    fn nul_never_reaches_a_server() {
        assert_eq!(Literal::new("a\0b").to_string(), "N'a\u{fffd}b'");
        assert!(SysName::observed("a\0b").is_err());
    }

    #[test]
    fn bytes_are_pairs_of_digits() {
        assert_eq!(Binary::new(&[0x30, 0x0a]).to_string(), "0x300A");
        assert_eq!(Binary::new(&[]).to_string(), "0x");
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back(text in "\\PC{0,60}|[\\]\\['\\-/\\*\n\r ;]{0,40}") {
            prop_assert_eq!(literal_back(&text), Some((text.clone(), " rest".to_owned())));
            if let Ok(name) = SysName::observed(&text) {
                prop_assert_eq!(ident_back(&name), Some((text, " rest".to_owned())));
            }
        }

        #[test]
        fn a_remark_stays_a_remark(text in "\\PC{0,60}|[\\*/$(\n\r\u{85}\u{2028}\0-]{0,40}") {
            let remark = Comment::new(&text).to_string();
            prop_assert!(!remark.chars().any(breaks_a_line), "{remark:?}");
            prop_assert!(!remark.contains("*/") && !remark.contains("/*"), "{remark:?}");
            prop_assert!(!remark.contains("$("), "{remark:?}");
        }
    }
}
