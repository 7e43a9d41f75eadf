//! Grammar of EXEC, and of the places that take a literal or a variable but no expression.

use super::ast::{Argument, Expr, StatementKind};
use super::lexer::Kind;
use super::parser::Parser;
use crate::engine::errors::{Outcome, Raise};
use crate::protocol::{SqlType, Value};

impl Parser<'_> {
    pub(super) fn execute(&mut self) -> Outcome<StatementKind> {
        self.take();
        if self.accept_symbol("(") {
            let text = self.constant_concatenation()?;
            self.expect_symbol(")")?;
            return Ok(StatementKind::ExecuteText(text));
        }
        let result = if matches!(self.kind(), Kind::Variable(_)) && self.symbol_ahead(1, "=") {
            let name = self.variable()?;
            self.uses_variable(&name);
            self.take();
            Some(name)
        } else {
            None
        };
        self.procedure(result)
    }

    /// A literal or a variable: places where SQL Server's grammar allows no expression.
    pub(super) fn constant(&mut self) -> Outcome<Expr> {
        match self.kind() {
            Kind::Text(..) | Kind::Number(_) | Kind::Variable(_) => {}
            Kind::Symbol("-") if matches!(self.ahead(1), Kind::Number(_)) => {
                return Ok(Expr::Literal(
                    Value::Int(i32::try_from(self.integer()?).unwrap_or(i32::MIN)),
                    SqlType::Int,
                ));
            }
            _ => return Err(self.wrong()),
        }
        self.primary()
    }

    /// `EXEC (...)` joins literals and variables; a function call inside is a syntax error on the real server too.
    fn constant_concatenation(&mut self) -> Outcome<Expr> {
        let first = self.constant()?;
        let mut rest = Vec::new();
        while self.accept_symbol("+") {
            rest.push(('+', self.constant()?));
        }
        Ok(if rest.is_empty() {
            first
        } else {
            Expr::Chain(Box::new(first), rest)
        })
    }

    pub(super) fn procedure(&mut self, result: Option<String>) -> Outcome<StatementKind> {
        let name = self.dotted_name()?;
        let mut arguments = Vec::new();
        if self.at_argument() {
            arguments.push(self.argument()?);
            while self.accept_symbol(",") {
                let line = self.line();
                let next = self.argument()?;
                let named = arguments.iter().any(|a: &Argument| a.name.is_some());
                if named && next.name.is_none() {
                    let text = format!(
                        "Must pass parameter number {} and subsequent parameters as '@name = value'. After the form '@name = value' has been used, all subsequent parameters must be passed in the form '@name = value'.",
                        arguments.len() + 1
                    );
                    return Err(Raise::compile(119, 15, text).at_line(line));
                }
                arguments.push(next);
            }
        }
        Ok(StatementKind::ExecuteProcedure {
            result,
            name,
            arguments,
        })
    }

    fn at_argument(&self) -> bool {
        match self.kind() {
            Kind::Text(..) | Kind::Number(_) | Kind::Binary(_) | Kind::Variable(_) => true,
            Kind::Symbol(s) => *s == "-",
            Kind::Quoted(_) => true,
            Kind::Word(w) => {
                ["NULL", "DEFAULT"]
                    .iter()
                    .any(|k| w.eq_ignore_ascii_case(k))
                    || self.at_bare_value()
            }
            Kind::End => false,
        }
    }

    /// `EXEC p value`: a bare word that begins no statement stands for text.
    fn at_bare_value(&self) -> bool {
        self.at_name() && !self.is_word("THROW") && !self.symbol_ahead(1, ".")
    }

    fn argument(&mut self) -> Outcome<Argument> {
        let named = matches!(self.kind(), Kind::Variable(_)) && self.symbol_ahead(1, "=");
        let name = if named {
            let name = self.variable()?;
            self.take();
            Some(name)
        } else {
            None
        };
        let value = match self.kind().clone() {
            Kind::Word(w) if w.eq_ignore_ascii_case("DEFAULT") => {
                self.take();
                Expr::Null
            }
            Kind::Quoted(w) => {
                self.take();
                Expr::Literal(Value::Text(w.into_owned()), SqlType::NVarChar(Some(128)))
            }
            Kind::Word(w) if self.at_name() => {
                self.take();
                Expr::Literal(Value::Text(w.to_owned()), SqlType::NVarChar(Some(128)))
            }
            // A parameter's value is a literal or a variable, never an expression.
            Kind::Variable(_)
            | Kind::Text(..)
            | Kind::Binary(_)
            | Kind::Number(_)
            | Kind::Symbol("-")
            | Kind::Word(_) => self.argument_value()?,
            _ => return Err(self.wrong()),
        };
        let output = self.accept_any(&["OUTPUT", "OUT"]).is_some();
        if output && !matches!(value, Expr::Variable(_)) {
            let text =
                "Cannot use the OUTPUT option when passing a constant to a stored procedure.";
            return Err(Raise::compile(179, 15, text).at_line(self.line()));
        }
        Ok(Argument {
            name,
            value,
            output,
        })
    }

    fn argument_value(&mut self) -> Outcome<Expr> {
        match self.kind() {
            Kind::Symbol("-") => {
                self.take();
                match self.kind() {
                    Kind::Number(_) => Ok(Expr::Negate(Box::new(self.primary()?))),
                    _ => Err(self.wrong()),
                }
            }
            Kind::Word(_) => {
                self.expect("NULL")?;
                Ok(Expr::Null)
            }
            _ => self.primary(),
        }
    }
}
