//! Grammar of conditions: what may stand after IF, WHERE, ON and WHEN.

use super::ast::{Compare, Cond, Expr};
use super::lexer::Kind;
use super::parser::Parser;
use crate::engine::errors::Outcome;

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Outcome<Cond> {
        self.deeper(|p| {
            let mut branches = vec![p.conjunction()?];
            while p.accept("OR") {
                branches.push(p.conjunction()?);
            }
            Ok(single_or(branches, Cond::Any))
        })
    }

    fn conjunction(&mut self) -> Outcome<Cond> {
        let mut branches = vec![self.negation()?];
        while self.accept("AND") {
            branches.push(self.negation()?);
        }
        Ok(single_or(branches, Cond::All))
    }

    fn negation(&mut self) -> Outcome<Cond> {
        if self.accept("NOT") {
            return Ok(Cond::Not(Box::new(self.deeper(Self::negation)?)));
        }
        if self.is_word("EXISTS") {
            self.take();
            self.expect_symbol("(")?;
            let query = self.query()?;
            self.expect_symbol(")")?;
            return Ok(Cond::Exists(Box::new(query)));
        }
        if self.is_symbol("(") && !self.word_ahead(1, "SELECT") {
            return self.bracketed_condition();
        }
        self.predicate()
    }

    /// `(` may open a condition or the left operand of a comparison: tries the first, then the second, and reports
    /// the error of whichever got further.
    fn bracketed_condition(&mut self) -> Outcome<Cond> {
        let (start, noted) = (self.at, self.undeclared.len());
        self.take();
        let tried = self
            .condition()
            .and_then(|c| self.expect_symbol(")").map(|()| c));
        match tried {
            Ok(condition) => Ok(condition),
            Err(first) => {
                let reached = self.at;
                self.at = start;
                self.undeclared.truncate(noted);
                self.predicate()
                    .map_err(|second| if self.at >= reached { second } else { first })
            }
        }
    }

    fn predicate(&mut self) -> Outcome<Cond> {
        let left = self.expression()?;
        if let Some(compare) = self.comparison() {
            self.take();
            return Ok(Cond::Compare(compare, left, self.expression()?));
        }
        if self.accept("IS") {
            let negated = self.accept("NOT");
            self.expect("NULL")?;
            return Ok(negate_if(negated, Cond::IsNull(left)));
        }
        let negated = self.accept("NOT");
        let condition = match self.expect_any(&["IN", "LIKE", "BETWEEN"])? {
            "IN" => self.membership(left)?,
            "LIKE" => self.like(left)?,
            _ => {
                let low = self.expression()?;
                self.expect("AND")?;
                Cond::Between(left, low, self.expression()?)
            }
        };
        Ok(negate_if(negated, condition))
    }

    fn membership(&mut self, left: Expr) -> Outcome<Cond> {
        self.expect_symbol("(")?;
        let condition = if self.is_word("SELECT") {
            Cond::InQuery(left, Box::new(self.query()?))
        } else {
            Cond::In(left, self.expression_list()?)
        };
        self.expect_symbol(")")?;
        Ok(condition)
    }

    fn like(&mut self, left: Expr) -> Outcome<Cond> {
        let pattern = self.expression()?;
        let escape = if self.accept("ESCAPE") {
            Some(self.expression()?)
        } else {
            None
        };
        Ok(Cond::Like(left, pattern, escape))
    }

    fn comparison(&self) -> Option<Compare> {
        let Kind::Symbol(symbol) = self.kind() else {
            return None;
        };
        Some(match *symbol {
            "=" => Compare::Equal,
            "<>" | "!=" => Compare::NotEqual,
            "<" => Compare::Less,
            "<=" | "!>" => Compare::LessOrEqual,
            ">" => Compare::Greater,
            ">=" | "!<" => Compare::GreaterOrEqual,
            _ => return None,
        })
    }
}

fn single_or(mut branches: Vec<Cond>, join: fn(Vec<Cond>) -> Cond) -> Cond {
    if branches.len() == 1
        && let Some(only) = branches.pop()
    {
        return only;
    }
    join(branches)
}

fn negate_if(negated: bool, condition: Cond) -> Cond {
    if negated {
        Cond::Not(Box::new(condition))
    } else {
        condition
    }
}
