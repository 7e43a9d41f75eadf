//! The parser's cursor: looking at tokens, taking them, and saying where the text went wrong.
//!
//! Grammar lives in the sibling files, one family of statements each.

use std::collections::HashSet;

use super::ast::Query;
use super::keywords::is_reserved;
use super::lexer::{Kind, Token};
use crate::engine::errors::{Outcome, Raise, message, syntax};
use crate::protocol::Message;

/// Deeper nesting than this is error 191; it keeps the stack bounded.
const DEEPEST: usize = 48;

pub struct Parser<'t> {
    pub(super) tokens: Vec<Token<'t>>,
    pub(super) at: usize,
    declared: HashSet<String>,
    pub(super) undeclared: Vec<Message>,
    depth: usize,
    /// Common table expressions in reach; a reference becomes a derived table.
    pub(super) common: Vec<(String, Vec<String>, Query)>,
}

impl<'t> Parser<'t> {
    pub fn new(tokens: Vec<Token<'t>>, declared: &[String]) -> Self {
        Self {
            tokens,
            at: 0,
            declared: declared.iter().map(|n| n.to_lowercase()).collect(),
            undeclared: Vec::new(),
            depth: 0,
            common: Vec::new(),
        }
    }

    pub(super) fn kind(&self) -> &Kind<'t> {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, n: usize) -> &Kind<'t> {
        self.tokens.get(self.at + n).map_or(&Kind::End, |t| &t.kind)
    }

    pub(super) fn token(&self, at: usize) -> Option<&Kind<'t>> {
        self.tokens.get(at).map(|t| &t.kind)
    }

    pub(super) fn line(&self) -> u32 {
        self.tokens.get(self.at).map_or(1, |t| t.line)
    }

    /// Byte offset where the current token begins, and where the last one ended.
    pub(super) fn position(&self) -> (usize, usize) {
        let start = self.tokens.get(self.at).map_or(0, |t| t.start);
        let end = self.at.checked_sub(1).and_then(|p| self.tokens.get(p));
        (start, end.map_or(0, |t| t.end))
    }

    /// Goes to the next token; the last one, which is the end, is never passed.
    pub(super) fn take(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.word_ahead(0, word)
    }

    pub(super) fn word_ahead(&self, n: usize, word: &str) -> bool {
        matches!(self.ahead(n), Kind::Word(w) if w.eq_ignore_ascii_case(word))
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.kind(), Kind::Symbol(s) if *s == symbol)
    }

    pub(super) fn symbol_ahead(&self, n: usize, symbol: &str) -> bool {
        matches!(self.ahead(n), Kind::Symbol(s) if *s == symbol)
    }

    pub(super) fn accept(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.take();
        }
        found
    }

    /// Takes all of `words` or none.
    pub(super) fn accept_all(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(n, w)| self.word_ahead(n, w));
        if found {
            for _ in words {
                self.take();
            }
        }
        found
    }

    /// Takes one of `words`, telling which by its upper-case form.
    pub(super) fn accept_any(&mut self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().copied().find(|w| self.accept(w))
    }

    pub(super) fn expect_any(&mut self, words: &[&'static str]) -> Outcome<&'static str> {
        match self.accept_any(words) {
            Some(word) => Ok(word),
            None => Err(self.wrong()),
        }
    }

    pub(super) fn expect(&mut self, word: &str) -> Outcome<()> {
        if self.accept(word) {
            Ok(())
        } else {
            Err(self.wrong())
        }
    }

    pub(super) fn expect_all(&mut self, words: &[&str]) -> Outcome<()> {
        words.iter().try_for_each(|w| self.expect(w))
    }

    pub(super) fn accept_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.take();
        }
        found
    }

    pub(super) fn expect_symbol(&mut self, symbol: &str) -> Outcome<()> {
        if self.accept_symbol(symbol) {
            Ok(())
        } else {
            Err(self.wrong())
        }
    }

    /// 102 or 156 near the current token; near the last one at the end of the batch.
    pub(super) fn wrong(&self) -> Raise {
        let mut at = self.at;
        if matches!(self.kind(), Kind::End) {
            at = at.saturating_sub(1);
        }
        let line = self.tokens.get(at).map_or(1, |t| t.line);
        let ended = at != self.at;
        match self.tokens.get(at).map(|t| &t.kind) {
            Some(Kind::Word(w)) => syntax(w, is_reserved(w) && !ended, line),
            Some(Kind::Quoted(w) | Kind::Text(w, _)) => syntax(w, false, line),
            Some(Kind::Number(w) | Kind::Variable(w)) => syntax(w, false, line),
            Some(Kind::Binary(b)) => syntax(&format!("0x{}", hex::encode_upper(b)), false, line),
            Some(Kind::Symbol(s)) => syntax(s, false, line),
            Some(Kind::End) | None => syntax("", false, line),
        }
    }

    /// A name: delimited, or a word that is not reserved.
    pub(super) fn name(&mut self) -> Outcome<String> {
        match self.kind() {
            Kind::Quoted(n) => {
                let name = n.clone().into_owned();
                self.take();
                Ok(name)
            }
            Kind::Word(n) if !is_reserved(n) => {
                let name = (*n).to_owned();
                self.take();
                Ok(name)
            }
            _ => Err(self.wrong()),
        }
    }

    pub(super) fn at_name(&self) -> bool {
        match self.kind() {
            Kind::Quoted(_) => true,
            Kind::Word(w) => !is_reserved(w),
            _ => false,
        }
    }

    /// `a`, `a.b`, `a..b`; an omitted part is empty.
    pub(super) fn dotted_name(&mut self) -> Outcome<Vec<String>> {
        let mut parts = vec![self.name()?];
        while self.accept_symbol(".") {
            if self.is_symbol(".") {
                parts.push(String::new());
            } else {
                parts.push(self.name()?);
            }
        }
        Ok(parts)
    }

    /// A character literal; where DDL wants one, a variable or expression is a syntax error.
    pub(super) fn text(&mut self) -> Outcome<String> {
        match self.kind() {
            Kind::Text(text, _) => {
                let text = text.clone().into_owned();
                self.take();
                Ok(text)
            }
            _ => Err(self.wrong()),
        }
    }

    pub(super) fn equals_text(&mut self) -> Outcome<String> {
        self.expect_symbol("=")?;
        self.text()
    }

    pub(super) fn binary(&mut self) -> Outcome<Vec<u8>> {
        match self.kind() {
            Kind::Binary(bytes) => {
                let bytes = bytes.clone();
                self.take();
                Ok(bytes)
            }
            _ => Err(self.wrong()),
        }
    }

    pub(super) fn integer(&mut self) -> Outcome<i64> {
        let negative = self.accept_symbol("-");
        let parsed = match self.kind() {
            Kind::Number(n) => n.parse::<i64>().ok(),
            _ => None,
        };
        let value = parsed.ok_or_else(|| self.wrong())?;
        self.take();
        Ok(if negative { -value } else { value })
    }

    pub(super) fn on_off(&mut self) -> Outcome<bool> {
        Ok(self.expect_any(&["ON", "OFF"])? == "ON")
    }

    pub(super) fn declare(&mut self, name: &str) -> Outcome<()> {
        if self.declared.insert(name.to_lowercase()) {
            return Ok(());
        }
        Err(Raise::compile(
            134,
            15,
            format!("The variable name '{name}' has already been declared. Variable names must be unique within a query batch or stored procedure."),
        )
        .at_line(self.line()))
    }

    /// Notes 137 when `name` is not declared above; the whole batch is refused at its end.
    pub(super) fn uses_variable(&mut self, name: &str) {
        if !self.declared.contains(&name.to_lowercase()) {
            let text = format!("Must declare the scalar variable \"{name}\".");
            let mut found = message(137, 15, 2, text);
            found.line = self.line();
            self.undeclared.push(found);
        }
    }

    pub(super) fn variable(&mut self) -> Outcome<String> {
        match *self.kind() {
            Kind::Variable(name) if !name.starts_with("@@") => {
                self.take();
                Ok(name.to_owned())
            }
            _ => Err(self.wrong()),
        }
    }

    /// Runs `parse` one level deeper.
    pub(super) fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.depth >= DEEPEST {
            return Err(Raise::compile(
                191,
                15,
                "Some part of your SQL statement is nested too deeply. Rewrite the query or break it up into smaller queries.",
            )
            .at_line(self.line()));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }
}
