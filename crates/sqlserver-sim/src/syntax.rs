//! Reading without running: which batches the simulator's parser takes, and where it says the others go wrong.
//!
//! For comparing the parser with others and for checking scripts; no instance is needed, and none is looked at.

use crate::engine::lang;

/// Why a batch is refused before anything of it runs: the first message of those the server would send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{number} at line {line}: {text}")]
pub struct SyntaxError {
    /// SQL Server's number, mostly 102 or 156.
    pub number: i32,
    /// Line of the token complained of, counted from 1 within the batch.
    pub line: u32,
    pub text: String,
}

/// Parses one batch and tells how many statements stand at its top level.
///
/// # Errors
/// What the server would answer instead of running the batch. Names of tables and columns are not looked at.
pub fn check(batch: &str) -> Result<usize, SyntaxError> {
    match lang::parse(batch, &[]) {
        Ok(statements) => Ok(statements.len()),
        Err(raise) => {
            let first = raise.messages.first().cloned();
            let first = first.unwrap_or_else(|| raise.last());
            Err(SyntaxError {
                number: first.number,
                line: first.line.max(1),
                text: first.text,
            })
        }
    }
}

/// A script's batches, each with the line it begins at: a line that holds nothing but `GO`, outside quotes and comments,
/// separates them.
pub fn batches(script: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let (mut begin, mut lines) = (1, Vec::new());
    let mut inside = Inside::Nothing;
    for (n, line) in script.split('\n').enumerate() {
        if inside == Inside::Nothing && line.trim().eq_ignore_ascii_case("GO") {
            found.push((begin, lines.join("\n")));
            (begin, lines) = (n + 2, Vec::new());
        } else {
            inside = inside.after(line);
            lines.push(line);
        }
    }
    found.push((begin, lines.join("\n")));
    found.retain(|(_, text)| !text.trim().is_empty());
    found
}

/// What is open at the end of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// A literal or delimited name, and what closes it. Doubled it means itself.
    Quotes(char),
    /// A comment and how deep.
    Comment(u32),
}

impl Inside {
    fn after(mut self, line: &str) -> Self {
        let mut rest = line.chars().peekable();
        while let Some(c) = rest.next() {
            let next = rest.peek().copied();
            self = match (self, c) {
                (Self::Nothing, '-') if next == Some('-') => return self,
                (Self::Nothing, '\'' | '"') => Self::Quotes(c),
                (Self::Nothing, '[') => Self::Quotes(']'),
                (Self::Nothing, '/') if next == Some('*') => {
                    rest.next();
                    Self::Comment(1)
                }
                (Self::Quotes(close), c) if c == close && next == Some(close) => {
                    rest.next();
                    self
                }
                (Self::Quotes(close), c) if c == close => Self::Nothing,
                (Self::Comment(depth), '/') if next == Some('*') => {
                    rest.next();
                    Self::Comment(depth + 1)
                }
                (Self::Comment(depth), '*') if next == Some('/') => {
                    rest.next();
                    if depth == 1 {
                        Self::Nothing
                    } else {
                        Self::Comment(depth - 1)
                    }
                }
                (same, _) => same,
            };
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_separates_and_lines_are_counted_from_the_batch() {
        let found = batches("SELECT 1\ngo \n\nSELECT\nFROM\nGO\nGO\n");
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].0, 3);
        let error = check(&found[1].1).unwrap_err();
        assert_eq!((error.number, error.line), (156, 3));
        assert_eq!(check("SELECT 1; SELECT 2"), Ok(2));
    }

    #[test]
    fn go_inside_quotes_and_comments_separates_nothing() {
        for open in [
            "SELECT [a]]\nGO\n]",
            "SELECT 'it''s\nGO\n'",
            "/* /* */\nGO\n*/ SELECT 1",
        ] {
            assert_eq!(batches(open).len(), 1, "{open}");
        }
        assert_eq!(batches("SELECT 1 -- it's\nGO\nSELECT [a]]b]\nGO").len(), 2);
    }
}
