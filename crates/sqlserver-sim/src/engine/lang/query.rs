//! Grammar of SELECT.

use super::ast::{Item, Query, Select};
use super::lexer::Kind;
use super::parser::Parser;
use crate::engine::errors::{Outcome, Raise};

const QUERY_HINTS: [&str; 9] = [
    "RECOMPILE",
    "MAXDOP",
    "MAXRECURSION",
    "FAST",
    "HASH",
    "MERGE",
    "LOOP",
    "FORCE",
    "KEEP",
];

impl Parser<'_> {
    /// `[WITH ...] SELECT ... [UNION ALL ...] [ORDER BY ...]`.
    pub(super) fn query(&mut self) -> Outcome<Query> {
        self.deeper(|p| {
            let outer = p.common.len();
            if p.is_word("WITH") {
                p.with()?;
            }
            let mut branches = vec![(false, p.select()?)];
            while p.accept("UNION") {
                let distinct = !p.accept("ALL");
                branches.push((distinct, p.select()?));
            }
            let order_by = p.order_by()?;
            if p.accept("OPTION") {
                p.hints(&QUERY_HINTS)?;
            }
            p.common.truncate(outer);
            Ok(Query { branches, order_by })
        })
    }

    fn with(&mut self) -> Outcome<()> {
        self.expect("WITH")?;
        loop {
            let name = self.name()?;
            let columns = self.column_names()?;
            self.expect("AS")?;
            self.expect_symbol("(")?;
            let query = self.query()?;
            self.expect_symbol(")")?;
            self.common.push((name, columns, query));
            if !self.accept_symbol(",") {
                return Ok(());
            }
        }
    }

    /// Hints change nothing here, but a word that is none is an error all the same.
    pub(super) fn hints(&mut self, known: &[&'static str]) -> Outcome<()> {
        self.expect_symbol("(")?;
        loop {
            let hint = self.expect_any(known)?;
            match hint {
                "MAXDOP" | "MAXRECURSION" | "FAST" => {
                    self.integer()?;
                }
                "HASH" | "MERGE" | "LOOP" => {
                    self.expect_any(&["JOIN", "GROUP", "UNION"])?;
                }
                "FORCE" => self.expect("ORDER")?,
                "KEEP" => self.expect("PLAN")?,
                _ => {}
            }
            if !self.accept_symbol(",") {
                break;
            }
        }
        self.expect_symbol(")")
    }

    fn order_by(&mut self) -> Outcome<Vec<(super::ast::Expr, bool)>> {
        let mut list = Vec::new();
        if !self.accept_all(&["ORDER", "BY"]) {
            return Ok(list);
        }
        loop {
            let key = self.expression()?;
            let descending = self.accept_any(&["ASC", "DESC"]) == Some("DESC");
            list.push((key, descending));
            if !self.accept_symbol(",") {
                return Ok(list);
            }
        }
    }

    fn select(&mut self) -> Outcome<Select> {
        self.expect("SELECT")?;
        let mut select = Select {
            distinct: self.accept_any(&["DISTINCT", "ALL"]) == Some("DISTINCT"),
            ..Select::default()
        };
        if self.accept("TOP") {
            select.top = Some(self.top()?);
        }
        select.items.push(self.item()?);
        while self.accept_symbol(",") {
            select.items.push(self.item()?);
        }
        let assigns = |i: &Item| matches!(i, Item::Assign(..));
        if select.items.iter().any(assigns) && !select.items.iter().all(assigns) {
            let text = "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval operations.";
            return Err(Raise::compile(141, 15, text).at_line(self.line()));
        }
        if self.accept("FROM") {
            select.from = Some(self.sources()?);
        }
        if self.accept("WHERE") {
            select.filter = Some(self.condition()?);
        }
        if self.accept_all(&["GROUP", "BY"]) {
            select.group_by = self.expression_list()?;
        }
        if self.accept("HAVING") {
            select.having = Some(self.condition()?);
        }
        Ok(select)
    }

    fn top(&mut self) -> Outcome<super::ast::Expr> {
        if self.accept_symbol("(") {
            let count = self.expression()?;
            self.expect_symbol(")")?;
            return Ok(count);
        }
        let count = self.integer()?;
        Ok(super::ast::Expr::Literal(
            crate::protocol::Value::BigInt(count),
            crate::protocol::SqlType::BigInt,
        ))
    }

    fn item(&mut self) -> Outcome<Item> {
        if self.accept_symbol("*") {
            return Ok(Item::Star(None));
        }
        if matches!(self.kind(), Kind::Variable(v) if !v.starts_with("@@"))
            && self.symbol_ahead(1, "=")
        {
            let name = self.variable()?;
            self.uses_variable(&name);
            self.take();
            return Ok(Item::Assign(name, self.expression()?));
        }
        if self.at_name() && self.symbol_ahead(1, "=") {
            let alias = self.name()?;
            self.take();
            return Ok(Item::Value(self.expression()?, Some(alias)));
        }
        if let Some(table) = self.qualified_star() {
            return Ok(Item::Star(Some(table)));
        }
        let value = self.expression()?;
        let alias = self.alias()?;
        Ok(Item::Value(value, alias))
    }

    fn qualified_star(&mut self) -> Option<String> {
        if self.at_name() && self.symbol_ahead(1, ".") && self.symbol_ahead(2, "*") {
            let table = self.name().ok();
            self.at += 2;
            return table;
        }
        None
    }

    /// `AS name`, `AS 'name'`, or the same without AS.
    fn alias(&mut self) -> Outcome<Option<String>> {
        if self.accept("AS") {
            return match self.kind() {
                Kind::Text(..) => self.text_alias(),
                _ => self.name().map(Some),
            };
        }
        match self.kind() {
            Kind::Text(..) => self.text_alias(),
            _ if self.at_name() => self.name().map(Some),
            _ => Ok(None),
        }
    }

    fn text_alias(&mut self) -> Outcome<Option<String>> {
        let line = self.line();
        let alias = self.text()?;
        super::lexer::check_identifier(&alias, line)?;
        Ok(Some(alias))
    }
}
