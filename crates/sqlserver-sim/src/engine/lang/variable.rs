//! Grammar of DECLARE, SET and parameter lists.

use super::ast::{Declaration, Expr, SetOption, StatementKind};
use super::lexer::Kind;
use super::parser::Parser;
use crate::engine::errors::Outcome;
use crate::protocol::SqlType;

/// Options that are ON or OFF and change nothing here.
const SWITCHES: [&str; 20] = [
    "ANSI_NULLS",
    "ANSI_PADDING",
    "ANSI_WARNINGS",
    "ANSI_DEFAULTS",
    "ANSI_NULL_DFLT_ON",
    "ANSI_NULL_DFLT_OFF",
    "ARITHABORT",
    "ARITHIGNORE",
    "CONCAT_NULL_YIELDS_NULL",
    "CURSOR_CLOSE_ON_COMMIT",
    "QUOTED_IDENTIFIER",
    "NUMERIC_ROUNDABORT",
    "FMTONLY",
    "NOEXEC",
    "PARSEONLY",
    "SHOWPLAN_ALL",
    "SHOWPLAN_XML",
    "SHOWPLAN_TEXT",
    "FORCEPLAN",
    "REMOTE_PROC_TRANSACTIONS",
];

/// Options with a number that change nothing here.
const NUMBERS: [&str; 4] = [
    "TEXTSIZE",
    "ROWCOUNT",
    "DATEFIRST",
    "QUERY_GOVERNOR_COST_LIMIT",
];

/// Options with a value of another kind that change nothing here.
const VALUES: [&str; 4] = [
    "LANGUAGE",
    "DATEFORMAT",
    "DEADLOCK_PRIORITY",
    "CONTEXT_INFO",
];

impl Parser<'_> {
    pub(super) fn declare_statement(&mut self) -> Outcome<StatementKind> {
        self.take();
        let mut list = Vec::new();
        loop {
            let name = self.variable()?;
            self.accept("AS");
            if self.accept("TABLE") {
                list.push(Declaration::Table(name.clone(), self.table_columns()?));
                self.declare(&name)?;
            } else {
                let ty = self.data_type(Some(1))?;
                let value = if self.accept_symbol("=") {
                    Some(self.expression()?)
                } else {
                    None
                };
                self.declare(&name)?;
                list.push(Declaration::Scalar(name, ty, value));
            }
            if !self.accept_symbol(",") {
                return Ok(StatementKind::Declare(list));
            }
        }
    }

    pub(super) fn table_columns(&mut self) -> Outcome<Vec<(String, SqlType)>> {
        let mut columns = Vec::new();
        self.expect_symbol("(")?;
        loop {
            columns.push((self.name()?, self.data_type(Some(1))?));
            while self.accept_all(&["NOT", "NULL"])
                || self.accept("NULL")
                || self.accept_all(&["PRIMARY", "KEY"])
                || self.accept("UNIQUE")
            {}
            if self.accept("COLLATE") {
                self.name()?;
            }
            if !self.accept_symbol(",") {
                break;
            }
        }
        self.expect_symbol(")")?;
        Ok(columns)
    }

    pub(super) fn parameter_list(&mut self) -> Outcome<Vec<(String, SqlType)>> {
        let mut list = Vec::new();
        if matches!(self.kind(), Kind::End) {
            return Ok(list);
        }
        loop {
            let name = self.variable()?;
            self.accept("AS");
            list.push((name, self.data_type(Some(1))?));
            let _ = self.accept_any(&["OUTPUT", "OUT", "READONLY"]);
            if !self.accept_symbol(",") {
                break;
            }
        }
        match self.kind() {
            Kind::End => Ok(list),
            _ => Err(self.wrong()),
        }
    }

    pub(super) fn set(&mut self) -> Outcome<StatementKind> {
        self.take();
        if matches!(self.kind(), Kind::Variable(_)) {
            let name = self.variable()?;
            self.uses_variable(&name);
            let compound = ["+=", "-=", "*=", "/=", "%="]
                .into_iter()
                .find(|s| self.accept_symbol(s));
            if compound.is_none() {
                self.expect_symbol("=")?;
            }
            let mut value = self.expression()?;
            if let Some(operator) = compound.and_then(|c| c.chars().next()) {
                let current = Box::new(Expr::Variable(name.clone()));
                value = Expr::Chain(current, vec![(operator, value)]);
            }
            return Ok(StatementKind::SetVariable(name, value));
        }
        Ok(StatementKind::SetOption(self.set_option()?))
    }

    fn set_option(&mut self) -> Outcome<SetOption> {
        if self.accept("XACT_ABORT") {
            return Ok(SetOption::XactAbort(self.on_off()?));
        }
        if self.accept("NOCOUNT") {
            return Ok(SetOption::NoCount(self.on_off()?));
        }
        if self.accept("IMPLICIT_TRANSACTIONS") {
            return Ok(SetOption::ImplicitTransactions(self.on_off()?));
        }
        if self.accept("LOCK_TIMEOUT") {
            return Ok(SetOption::LockTimeout(self.integer()?));
        }
        if self.accept_any(&NUMBERS).is_some() {
            self.integer()?;
            return Ok(SetOption::Other);
        }
        if self.accept_any(&VALUES).is_some() {
            self.expression()?;
            return Ok(SetOption::Other);
        }
        if self.accept("TRANSACTION") {
            self.expect_all(&["ISOLATION", "LEVEL"])?;
            match self.expect_any(&["READ", "REPEATABLE", "SNAPSHOT", "SERIALIZABLE"])? {
                "READ" => {
                    self.expect_any(&["COMMITTED", "UNCOMMITTED"])?;
                }
                "REPEATABLE" => self.expect("READ")?,
                _ => {}
            }
            return Ok(SetOption::Other);
        }
        if self.accept("STATISTICS") {
            self.expect_any(&["IO", "TIME", "XML", "PROFILE"])?;
            self.on_off()?;
            return Ok(SetOption::Other);
        }
        self.expect_any(&SWITCHES)?;
        while self.accept_symbol(",") {
            self.expect_any(&SWITCHES)?;
        }
        self.on_off()?;
        Ok(SetOption::Other)
    }
}
