//! Plain text for people: aligned columns, and one line of anything. What stands in the columns is each resource's matter.

use std::fmt::Write as _;

use crate::domain::invisible::{escape_into, is_invisible, is_odd_blank};

/// Rows under a heading, every column as wide as its widest cell.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    #[must_use]
    pub fn new(heading: &[&str]) -> Self {
        Self {
            rows: vec![heading.iter().map(|h| (*h).to_owned()).collect()],
        }
    }

    pub fn row<I, C>(&mut self, cells: I)
    where
        I: IntoIterator<Item = C>,
        C: AsRef<str>,
    {
        self.rows
            .push(cells.into_iter().map(|c| cell(c.as_ref())).collect());
    }

    #[must_use]
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|c| c.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (text, width) in row.iter().zip(&widths) {
                let _ = write!(line, "{text:<width$}  ");
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// What a list shows of one object.
pub trait Tabular {
    const COLUMNS: &'static [&'static str];

    /// As many as there are columns.
    fn cells(&self) -> Vec<String>;
}

/// Rows of one kind under its columns.
#[must_use]
pub fn table<T: Tabular>(items: &[T]) -> String {
    let mut table = Table::new(T::COLUMNS);
    for item in items {
        table.row(item.cells());
    }
    table.render()
}

/// One object: a line for each thing that is said about it, what is said in one column.
#[derive(Debug, Default)]
pub struct Lines(Vec<(&'static str, String)>);

impl Lines {
    pub fn line(&mut self, name: &'static str, value: impl AsRef<str>) {
        self.0.push((name, cell(value.as_ref())));
    }

    #[must_use]
    pub fn render(&self) -> String {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        self.0
            .iter()
            .map(|(name, value)| format!("{name:<width$}  {value}\n"))
            .collect()
    }
}

/// A word of a closed list, as the JSON has it.
#[must_use]
pub fn word<T: serde::Serialize>(word: &T) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// A moment as people read it: UTC, to the second.
#[must_use]
pub fn moment(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A moment, or nothing.
#[must_use]
pub fn maybe_moment(at: Option<chrono::DateTime<chrono::Utc>>) -> String {
    at.map(moment).unwrap_or_default()
}

fn cell(text: &str) -> String {
    match one_line(text) {
        empty if empty.is_empty() => "-".to_owned(),
        text => text,
    }
}

/// `text` on one line: white space shrinks to a blank, what is not seen is shown escaped (`\u{200b}`), and what could steer a
/// terminal becomes `\u{fffd}`.
#[must_use]
pub fn one_line(text: &str) -> String {
    let is_plain_blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
    let words: Vec<&str> = text
        .split(is_plain_blank)
        .filter(|word| !word.is_empty())
        .collect();
    visible(&words.join(" "), |_| false)
}

/// `text` as it is, line breaks kept, with nothing in it that is not seen or could steer a terminal.
#[must_use]
pub fn lines(text: &str) -> String {
    visible(&text.replace('\r', ""), |c| matches!(c, '\n' | '\t'))
}

/// Whether a text can be shown as it is: what is shown of another one is not what it says.
#[must_use]
pub fn is_shown_as_it_is(text: &str) -> bool {
    lines(text) == text
}

fn visible(text: &str, keep: fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if keep(c) {
            out.push(c);
        } else if is_invisible(c) || is_odd_blank(c) && !c.is_control() {
            escape_into(&mut out, c);
        } else if c.is_control() {
            out.push('\u{fffd}');
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["NAME", "HOST"]);
        table.row(["HOST_A", "a.corp"]);
        table.row(["B", ""]);
        assert_eq!(table.render(), "NAME    HOST\nHOST_A  a.corp\nB       -\n");
    }

    #[test]
    fn lines_line_up() {
        let mut lines = Lines::default();
        lines.line("pair", "erp");
        lines.line("witness", "");
        assert_eq!(lines.render(), "pair     erp\nwitness  -\n");
    }

    #[test]
    fn a_cell_cannot_break_out() {
        let mut table = Table::new(&["A", "B"]);
        table.row(["x\ny\u{1b}[31m", "z\u{202e}"]);
        let text = table.render();
        assert_eq!(text.lines().count(), 2);
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    }

    #[test]
    fn what_is_not_seen_is_shown() {
        assert_eq!(
            one_line("HOST\u{200b}_A \u{e0041}\n b\u{a0}c"),
            "HOST\\u{200b}_A \\u{e0041} b\\u{a0}c"
        );
        assert_eq!(
            lines("[a\u{61c}]\r\n\tb\u{2028}\u{1b}"),
            "[a\\u{61c}]\n\tb\\u{2028}\u{fffd}"
        );
        assert!(is_shown_as_it_is("DROP CERTIFICATE [é];\n"));
        assert!(!is_shown_as_it_is("DROP CERTIFICATE [\u{feff}x];"));
    }
}
