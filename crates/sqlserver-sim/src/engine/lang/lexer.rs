//! Text of a batch into tokens with line numbers.
//!
//! Knows quoting, comments and literals; knows no statement.

use std::borrow::Cow;

use crate::engine::errors::{Outcome, Raise, syntax};

/// What a token is. Text is already unquoted.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind<'t> {
    /// A bare word, keyword or not.
    Word(&'t str),
    /// A delimited identifier.
    Quoted(Cow<'t, str>),
    /// A character literal; true for N'..'.
    Text(Cow<'t, str>, bool),
    Binary(Vec<u8>),
    /// Digits, perhaps with a decimal point.
    Number(&'t str),
    /// `@x` or `@@x`, with the at signs.
    Variable(&'t str),
    Symbol(&'static str),
    End,
}

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub struct Token<'t> {
    pub kind: Kind<'t>,
    /// 1-based.
    pub line: u32,
    /// Byte range in the batch.
    pub start: usize,
    pub end: usize,
}

const SYMBOLS: &[&str] = &[
    "::", "<=", ">=", "<>", "!=", "!<", "!>", "+=", "-=", "*=", "/=", "%=", "(", ")", ",", ".",
    ";", "=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "~", ":", "{", "}", "[", "]", "?",
];

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    tokens: Vec<Token<'a>>,
}

/// Splits `text`; errors are those SQL Server finds at this level (102, 103, 105, 113, 1038).
pub fn tokenize(text: &str) -> Outcome<Vec<Token<'_>>> {
    let mut lexer = Lexer {
        text,
        at: 0,
        line: 1,
        // Few tokens are shorter, with the blank behind them.
        tokens: Vec::with_capacity(text.len() / 4 + 1),
    };
    while lexer.step()? {}
    Ok(lexer.tokens)
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn advance(&mut self, bytes: usize) {
        let passed = &self.text.as_bytes()[self.at..self.at + bytes];
        let ends = passed.iter().filter(|b| **b == b'\n').count();
        self.line += u32::try_from(ends).unwrap_or(0);
        self.at += bytes;
    }

    fn push(&mut self, kind: Kind<'a>, bytes: usize) {
        let (line, start) = (self.line, self.at);
        self.advance(bytes);
        self.tokens.push(Token {
            kind,
            line,
            start,
            end: self.at,
        });
    }

    fn step(&mut self) -> Outcome<bool> {
        self.skip_blanks()?;
        let Some(first) = self.rest().chars().next() else {
            self.push(Kind::End, 0);
            return Ok(false);
        };
        match first {
            '\'' => self.literal(false)?,
            'N' | 'n' if self.rest()[1..].starts_with('\'') => self.literal(true)?,
            '[' => self.delimited(']')?,
            '"' => self.delimited('"')?,
            '@' => self.variable(),
            '0' if self.rest()[1..].starts_with(['x', 'X']) => self.binary(),
            c if c.is_ascii_digit() => self.number(),
            '.' if self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            c if begins_word(c) => self.word()?,
            c => self.symbol(c)?,
        }
        Ok(true)
    }

    fn skip_blanks(&mut self) -> Outcome<()> {
        loop {
            let rest = self.rest();
            let blanks = span(rest, is_blank);
            if blanks > 0 {
                self.advance(blanks);
            } else if rest.starts_with("--") {
                let bytes = rest.find('\n').unwrap_or(rest.len());
                self.advance(bytes);
            } else if rest.starts_with("/*") {
                self.comment()?;
            } else {
                return Ok(());
            }
        }
    }

    fn comment(&mut self) -> Outcome<()> {
        let line = self.line;
        let (mut depth, mut at) = (0_usize, 0_usize);
        let bytes = self.rest().as_bytes();
        loop {
            match bytes.get(at..at + 2) {
                Some(b"/*") => (depth, at) = (depth + 1, at + 2),
                Some(b"*/") => (depth, at) = (depth - 1, at + 2),
                Some(_) => at += 1,
                None => {
                    return Err(
                        Raise::compile(113, 15, "Missing end comment mark '*/'.").at_line(line)
                    );
                }
            }
            if depth == 0 {
                self.advance(at);
                return Ok(());
            }
        }
    }

    fn literal(&mut self, national: bool) -> Outcome<()> {
        let skip = usize::from(national);
        let (mut content, bytes) = self.quoted(skip, '\'')?;
        if !national && !content.is_ascii() {
            content = Cow::Owned(to_code_page(&content));
        }
        self.push(Kind::Text(content, national), bytes);
        Ok(())
    }

    fn delimited(&mut self, close: char) -> Outcome<()> {
        let line = self.line;
        let (content, bytes) = self.quoted(0, close)?;
        check_identifier(&content, line)?;
        self.push(Kind::Quoted(content), bytes);
        Ok(())
    }

    /// Content up to `close`, doubled `close` meaning itself, and the bytes consumed.
    fn quoted(&self, skip: usize, close: char) -> Outcome<(Cow<'a, str>, usize)> {
        let rest = self.rest();
        let body = &rest[skip + 1..];
        if let Some((content, after)) = body.split_once(close)
            && !after.starts_with(close)
        {
            return Ok((Cow::Borrowed(content), skip + 1 + content.len() + 1));
        }
        let mut content = String::new();
        let mut chars = body.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != close {
                content.push(c);
            } else if chars.peek().is_some_and(|(_, next)| *next == close) {
                content.push(c);
                chars.next();
            } else {
                return Ok((Cow::Owned(content), skip + 1 + at + 1));
            }
        }
        let shown: String = content.chars().take(128).collect();
        let text = format!("Unclosed quotation mark after the character string '{shown}'.");
        let mut raise = Raise::compile(105, 15, text);
        raise
            .messages
            .extend(syntax(&shown, false, self.line).messages);
        Err(raise.at_line(self.line))
    }

    fn variable(&mut self) {
        let rest = self.rest();
        let signs = if rest.starts_with("@@") { 2 } else { 1 };
        let bytes = signs + span(&rest[signs..], continues_word);
        self.push(Kind::Variable(&rest[..bytes]), bytes);
    }

    fn binary(&mut self) {
        let rest = &self.rest()[2..];
        let count = rest.find(|c: char| !c.is_ascii_hexdigit());
        let digits = &rest[..count.unwrap_or(rest.len())];
        let decoded = if digits.len() % 2 == 1 {
            hex::decode(format!("0{digits}"))
        } else {
            hex::decode(digits)
        };
        self.push(Kind::Binary(decoded.unwrap_or_default()), digits.len() + 2);
    }

    fn number(&mut self) {
        let rest = self.rest();
        let whole = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let fraction = rest[whole..].strip_prefix('.').map_or(0, |after| {
            1 + after
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(after.len())
        });
        let bytes = whole + fraction;
        self.push(Kind::Number(&rest[..bytes]), bytes);
    }

    fn word(&mut self) -> Outcome<()> {
        let rest = self.rest();
        let bytes = span(rest, continues_word);
        let text = &rest[..bytes];
        check_identifier(text, self.line)?;
        self.push(Kind::Word(text), bytes);
        Ok(())
    }

    fn symbol(&mut self, first: char) -> Outcome<()> {
        let rest = self.rest();
        let begins = |s: &&str| s.as_bytes().first() == rest.as_bytes().first();
        let mut candidates = SYMBOLS.iter().copied().filter(begins);
        match candidates.find(|s| rest.starts_with(s)) {
            Some(symbol) => self.push(Kind::Symbol(symbol), symbol.len()),
            None => return Err(syntax(&first.to_string(), false, self.line)),
        }
        Ok(())
    }
}

/// What is left of a text outside N'..': characters the code page (1252) lacks become question marks.
pub fn to_code_page(text: &str) -> String {
    const EXTRAS: &str = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";
    text.chars()
        .map(|c| {
            if c <= '\u{ff}' || EXTRAS.contains(c) {
                c
            } else {
                '?'
            }
        })
        .collect()
}

pub(super) fn check_identifier(text: &str, line: u32) -> Outcome<()> {
    if text.is_empty() {
        return Err(Raise::compile(
            1038,
            15,
            "An object or column name is missing or empty. For SELECT INTO statements, verify each column has a name. For other statements, look for empty alias names. Aliases defined as \"\" or [] are not allowed. Change the alias to a valid name.",
        )
        .at_line(line));
    }
    // No character has more UTF-16 units than bytes.
    if text.len() > 128 && text.encode_utf16().count() > 128 {
        let shown: String = text.chars().take(128).collect();
        let text = format!(
            "The identifier that starts with '{shown}' is too long. Maximum length is 128."
        );
        return Err(Raise::compile(103, 15, text).at_line(line));
    }
    Ok(())
}

/// Bytes of the characters at the beginning of `text` that `belongs` takes.
fn span(text: &str, belongs: fn(char) -> bool) -> usize {
    // Mostly there is nothing but ASCII, where every byte is a character.
    let plain = text
        .bytes()
        .take_while(|b| b.is_ascii() && belongs(char::from(*b)));
    let plain = plain.count();
    match text[plain..].find(|c| !belongs(c)) {
        Some(more) => plain + more,
        None => text.len(),
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}' || c == '\0'
}

fn begins_word(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '#'
}

fn continues_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$')
}
