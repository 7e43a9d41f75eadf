//! Grammar of FROM: tables, joins, derived tables, VALUES.

use super::ast::{Expr, Source};
use super::lexer::Kind;
use super::parser::Parser;
use crate::engine::errors::Outcome;

const TABLE_HINTS: [&str; 12] = [
    "NOLOCK",
    "READUNCOMMITTED",
    "READCOMMITTED",
    "REPEATABLEREAD",
    "SERIALIZABLE",
    "HOLDLOCK",
    "UPDLOCK",
    "XLOCK",
    "TABLOCK",
    "TABLOCKX",
    "ROWLOCK",
    "READPAST",
];

impl Parser<'_> {
    pub(super) fn sources(&mut self) -> Outcome<Source> {
        let mut left = self.joined()?;
        while self.accept_symbol(",") {
            left = Source::Join {
                left: Box::new(left),
                right: Box::new(self.joined()?),
                outer: false,
                on: None,
            };
        }
        Ok(left)
    }

    fn joined(&mut self) -> Outcome<Source> {
        let mut left = self.source()?;
        loop {
            let (outer, apply, cross) = if self.accept_all(&["CROSS", "APPLY"]) {
                (false, true, true)
            } else if self.accept_all(&["OUTER", "APPLY"]) {
                (true, true, true)
            } else if self.accept_all(&["CROSS", "JOIN"]) {
                (false, false, true)
            } else if self.accept_all(&["LEFT", "OUTER", "JOIN"])
                || self.accept_all(&["LEFT", "JOIN"])
            {
                (true, false, false)
            } else if self.accept_all(&["INNER", "JOIN"]) || self.accept("JOIN") {
                (false, false, false)
            } else {
                return Ok(left);
            };
            let right = Box::new(self.source()?);
            let boxed = Box::new(left);
            left = if apply {
                Source::Apply {
                    left: boxed,
                    right,
                    outer,
                }
            } else {
                let on = if cross {
                    None
                } else {
                    self.expect("ON")?;
                    Some(self.condition()?)
                };
                Source::Join {
                    left: boxed,
                    right,
                    outer,
                    on,
                }
            };
        }
    }

    fn source(&mut self) -> Outcome<Source> {
        if self.is_symbol("(") {
            return self.deeper(Self::bracketed_source);
        }
        if let Kind::Variable(name) = *self.kind() {
            self.uses_variable(name);
            self.take();
            let alias = self.table_alias()?;
            return Ok(Source::TableVariable(name.to_owned(), alias));
        }
        let name = self.dotted_name()?;
        let function = name
            .last()
            .is_some_and(|n| n.get(..3).is_some_and(|p| p.eq_ignore_ascii_case("fn_")));
        if function && self.is_symbol("(") {
            return self.table_function(&name);
        }
        let alias = self.table_alias()?;
        self.table_hints()?;
        if let [single] = name.as_slice()
            && let Some((found, columns, query)) = self
                .common
                .iter()
                .rev()
                .find(|c| c.0.eq_ignore_ascii_case(single))
        {
            let alias = alias.unwrap_or_else(|| found.clone());
            return Ok(Source::Derived(
                Box::new(query.clone()),
                alias,
                columns.clone(),
            ));
        }
        Ok(Source::Named(name, alias))
    }

    /// `fn_my_permissions(…)`, with or without `sys.`.
    fn table_function(&mut self, name: &[String]) -> Outcome<Source> {
        self.expect_symbol("(")?;
        let arguments = if self.is_symbol(")") {
            Vec::new()
        } else {
            self.expression_list()?
        };
        self.expect_symbol(")")?;
        let name = name.last().cloned().unwrap_or_default();
        let alias = self.table_alias()?.unwrap_or_else(|| name.clone());
        Ok(Source::Function(name, arguments, alias))
    }

    fn bracketed_source(&mut self) -> Outcome<Source> {
        self.expect_symbol("(")?;
        if self.accept("VALUES") {
            let rows = self.value_rows()?;
            self.expect_symbol(")")?;
            let (alias, columns) = self.derived_alias()?;
            return Ok(Source::Values(rows, alias, columns));
        }
        if self.is_word("SELECT") {
            let query = self.query()?;
            self.expect_symbol(")")?;
            let (alias, columns) = self.derived_alias()?;
            return Ok(Source::Derived(Box::new(query), alias, columns));
        }
        let inner = self.joined()?;
        // Only a join may stand in brackets, no single table.
        if matches!(inner, Source::Named(..) | Source::TableVariable(..)) {
            return Err(self.wrong());
        }
        self.expect_symbol(")")?;
        Ok(inner)
    }

    pub(super) fn value_rows(&mut self) -> Outcome<Vec<Vec<Expr>>> {
        let mut rows = Vec::new();
        loop {
            self.expect_symbol("(")?;
            rows.push(self.expression_list()?);
            self.expect_symbol(")")?;
            if !self.accept_symbol(",") {
                return Ok(rows);
            }
        }
    }

    fn derived_alias(&mut self) -> Outcome<(String, Vec<String>)> {
        self.accept("AS");
        Ok((self.name()?, self.column_names()?))
    }

    pub(super) fn column_names(&mut self) -> Outcome<Vec<String>> {
        let mut columns = Vec::new();
        if self.accept_symbol("(") {
            columns.push(self.name()?);
            while self.accept_symbol(",") {
                columns.push(self.name()?);
            }
            self.expect_symbol(")")?;
        }
        Ok(columns)
    }

    fn table_alias(&mut self) -> Outcome<Option<String>> {
        if self.accept("AS") || self.at_name() {
            return self.name().map(Some);
        }
        Ok(None)
    }

    fn table_hints(&mut self) -> Outcome<()> {
        if self.is_word("WITH") && self.symbol_ahead(1, "(") {
            self.take();
            self.hints(&TABLE_HINTS)?;
        }
        Ok(())
    }
}
