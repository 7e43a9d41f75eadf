//! Grammar of triggers on the whole server; those of tables and databases do not exist here.

use super::ast::{CreateTrigger, Ddl, Statement};
use super::lexer::Kind;
use super::parser::Parser;
use crate::engine::errors::{Outcome, Raise};

impl Parser<'_> {
    /// `CREATE TRIGGER name ON ALL SERVER [WITH EXECUTE AS 'login'] FOR event, … AS statements`, the batch's only statement.
    pub(super) fn create_trigger(&mut self, replaces: bool, must_exist: bool) -> Outcome<Ddl> {
        let words = 2 + if replaces && !must_exist { 2 } else { 0 };
        let before = self.at.saturating_sub(words);
        let first = (0..before).all(|at| matches!(self.token(at), Some(Kind::Symbol(";"))));
        if !first {
            let text = "'CREATE TRIGGER' must be the first statement in a query batch.";
            return Err(Raise::compile(111, 15, text).at_line(self.line()));
        }
        let name = self.name()?;
        self.expect_all(&["ON", "ALL", "SERVER"])?;
        let mut runs_as = None;
        if self.accept_all(&["WITH", "EXECUTE", "AS"]) || self.accept_all(&["WITH", "EXEC", "AS"]) {
            runs_as = match self.kind() {
                Kind::Text(..) => Some(self.text()?),
                _ => {
                    self.expect_any(&["SELF", "CALLER"])?;
                    None
                }
            };
        }
        self.expect_any(&["FOR", "AFTER"])?;
        let mut events = vec![self.event()?];
        while self.accept_symbol(",") {
            events.push(self.event()?);
        }
        self.expect("AS")?;
        Ok(Ddl::CreateTrigger(CreateTrigger {
            name,
            replaces,
            must_exist,
            events,
            runs_as,
            body: self.trigger_body()?,
        }))
    }

    fn event(&mut self) -> Outcome<String> {
        Ok(self.name()?.to_ascii_uppercase())
    }

    /// The rest of the batch.
    fn trigger_body(&mut self) -> Outcome<Vec<Statement>> {
        let body = self.batch()?;
        if body.is_empty() {
            return Err(self.wrong());
        }
        Ok(body)
    }

    /// `DISABLE TRIGGER name ON ALL SERVER`.
    pub(super) fn enable_trigger(&mut self) -> Outcome<Ddl> {
        let on = self.expect_any(&["ENABLE", "DISABLE"])? == "ENABLE";
        self.expect("TRIGGER")?;
        let name = if self.accept("ALL") {
            None
        } else {
            Some(self.name()?)
        };
        self.expect_all(&["ON", "ALL", "SERVER"])?;
        Ok(Ddl::EnableTrigger { name, on })
    }

    pub(super) fn drop_trigger(&mut self) -> Outcome<Ddl> {
        let name = self.name()?;
        self.expect_all(&["ON", "ALL", "SERVER"])?;
        Ok(Ddl::DropTrigger(name))
    }
}
