//! Grammar of expressions.

use super::ast::{Expr, When};
use super::lexer::Kind;
use super::parser::Parser;
use crate::engine::errors::Outcome;
use crate::protocol::{SqlType, Value};

/// Reserved words that are functions all the same.
const WORD_FUNCTIONS: [&str; 5] = ["LEFT", "RIGHT", "COALESCE", "NULLIF", "USER"];

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Outcome<Expr> {
        self.deeper(|p| p.chain(&['+', '-', '&', '|', '^'], Self::product))
    }

    fn product(&mut self) -> Outcome<Expr> {
        self.chain(&['*', '/', '%'], Self::unary)
    }

    fn chain(
        &mut self,
        operators: &[char],
        operand: fn(&mut Self) -> Outcome<Expr>,
    ) -> Outcome<Expr> {
        let first = operand(self)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator(operators) {
            self.take();
            rest.push((operator, operand(self)?));
        }
        Ok(if rest.is_empty() {
            first
        } else {
            Expr::Chain(Box::new(first), rest)
        })
    }

    fn operator(&self, operators: &[char]) -> Option<char> {
        let Kind::Symbol(symbol) = self.kind() else {
            return None;
        };
        operators
            .iter()
            .copied()
            .find(|o| symbol.len() == 1 && symbol.starts_with(*o))
    }

    fn unary(&mut self) -> Outcome<Expr> {
        if self.accept_symbol("-") {
            return Ok(Expr::Negate(Box::new(self.deeper(Self::unary)?)));
        }
        if self.accept_symbol("+") {
            return self.deeper(Self::unary);
        }
        let mut value = self.primary()?;
        while self.accept("COLLATE") {
            value = Expr::Collate(Box::new(value), self.name()?);
        }
        Ok(value)
    }

    pub(super) fn primary(&mut self) -> Outcome<Expr> {
        match self.kind().clone() {
            Kind::Text(text, national) => {
                self.take();
                Ok(text_literal(text.into_owned(), national))
            }
            Kind::Binary(bytes) => {
                self.take();
                let length = u16::try_from(bytes.len().max(1))
                    .ok()
                    .filter(|n| *n <= 8000);
                Ok(Expr::Literal(
                    Value::Binary(bytes),
                    SqlType::VarBinary(length),
                ))
            }
            Kind::Number(text) => {
                let literal = number_literal(text).ok_or_else(|| self.wrong())?;
                self.take();
                Ok(literal)
            }
            Kind::Variable(name) => {
                if !name.starts_with("@@") {
                    self.uses_variable(name);
                }
                self.take();
                Ok(Expr::Variable(name.to_owned()))
            }
            Kind::Symbol("(") => self.parenthesised(),
            Kind::Word(_) | Kind::Quoted(_) => self.word_expression(),
            _ => Err(self.wrong()),
        }
    }

    fn parenthesised(&mut self) -> Outcome<Expr> {
        self.expect_symbol("(")?;
        let inner = if self.is_word("SELECT") {
            Expr::Scalar(Box::new(self.query()?))
        } else {
            self.expression()?
        };
        self.expect_symbol(")")?;
        Ok(inner)
    }

    fn word_expression(&mut self) -> Outcome<Expr> {
        if self.accept("NULL") {
            return Ok(Expr::Null);
        }
        if self.is_word("CASE") {
            return self.case();
        }
        if let Some(word) = self.accept_any(&[
            "CURRENT_TIMESTAMP",
            "CURRENT_USER",
            "SYSTEM_USER",
            "SESSION_USER",
        ]) {
            return Ok(function(word, Vec::new()));
        }
        let called = self.symbol_ahead(1, "(");
        if called && matches!(self.kind(), Kind::Word(_)) {
            if let Some(word) = self.accept_any(&["CAST", "TRY_CAST"]) {
                return self.cast(word == "TRY_CAST");
            }
            if let Some(word) = self.accept_any(&["CONVERT", "TRY_CONVERT"]) {
                return self.convert(word == "TRY_CONVERT");
            }
            if self.accept("IIF") {
                return self.iif();
            }
            if let Some(word) = self.accept_any(&WORD_FUNCTIONS) {
                return self.call(word.to_owned());
            }
        }
        if self.accept("USER") {
            return Ok(function("USER_NAME", Vec::new()));
        }
        let mut parts = self.dotted_name()?;
        if self.is_symbol("(") {
            let name = parts.pop().unwrap_or_default();
            return self.call(name.to_uppercase());
        }
        // `t..c`: a column's table cannot be left out.
        if parts.len() > 1 && parts[parts.len() - 2].is_empty() {
            self.at -= 1;
            return Err(self.wrong());
        }
        Ok(Expr::Column(parts))
    }

    fn call(&mut self, name: String) -> Outcome<Expr> {
        self.expect_symbol("(")?;
        let counts = matches!(name.as_str(), "COUNT" | "COUNT_BIG" | "CHECKSUM");
        let star = counts && self.accept_symbol("*");
        let distinct = !star && self.accept("DISTINCT");
        let mut arguments = Vec::new();
        if !star && (distinct || !self.is_symbol(")")) {
            arguments.push(self.function_argument(&name, 0)?);
            while self.accept_symbol(",") {
                arguments.push(self.function_argument(&name, arguments.len())?);
            }
        }
        self.expect_symbol(")")?;
        if self.accept_all(&["WITHIN", "GROUP"]) {
            self.within_group()?;
        }
        Ok(Expr::Function {
            name,
            arguments,
            star,
            distinct,
        })
    }

    /// Date parts are bare words, everything else is an expression.
    fn function_argument(&mut self, name: &str, position: usize) -> Outcome<Expr> {
        let wants_part = matches!(name, "DATEDIFF" | "DATEADD" | "DATEPART" | "DATENAME");
        match *self.kind() {
            Kind::Word(part) if wants_part && position == 0 && self.at_name() => {
                self.take();
                Ok(text_literal(part.to_owned(), false))
            }
            _ => self.expression(),
        }
    }

    /// The order is taken as written and not applied: the simulator's rows come in a fixed order.
    fn within_group(&mut self) -> Outcome<()> {
        self.expect_symbol("(")?;
        self.expect_all(&["ORDER", "BY"])?;
        self.expression()?;
        let _ = self.accept_any(&["ASC", "DESC"]);
        self.expect_symbol(")")
    }

    fn cast(&mut self, or_null: bool) -> Outcome<Expr> {
        self.expect_symbol("(")?;
        let value = Box::new(self.expression()?);
        self.expect("AS")?;
        let ty = self.data_type(Some(30))?;
        self.expect_symbol(")")?;
        Ok(Expr::Convert {
            value,
            ty,
            style: None,
            or_null,
        })
    }

    fn convert(&mut self, or_null: bool) -> Outcome<Expr> {
        self.expect_symbol("(")?;
        let ty = self.data_type(Some(30))?;
        self.expect_symbol(",")?;
        let value = Box::new(self.expression()?);
        let style = if self.accept_symbol(",") {
            Some(Box::new(self.expression()?))
        } else {
            None
        };
        self.expect_symbol(")")?;
        Ok(Expr::Convert {
            value,
            ty,
            style,
            or_null,
        })
    }

    fn iif(&mut self) -> Outcome<Expr> {
        self.expect_symbol("(")?;
        let condition = self.condition()?;
        self.expect_symbol(",")?;
        let yes = self.expression()?;
        self.expect_symbol(",")?;
        let no = self.expression()?;
        self.expect_symbol(")")?;
        Ok(Expr::Case {
            operand: None,
            whens: vec![(When::Holds(condition), yes)],
            otherwise: Some(Box::new(no)),
        })
    }

    fn case(&mut self) -> Outcome<Expr> {
        self.expect("CASE")?;
        let operand = if self.is_word("WHEN") {
            None
        } else {
            Some(Box::new(self.expression()?))
        };
        let mut whens = Vec::new();
        while self.accept("WHEN") {
            let when = if operand.is_some() {
                When::Equals(self.expression()?)
            } else {
                When::Holds(self.condition()?)
            };
            self.expect("THEN")?;
            whens.push((when, self.expression()?));
        }
        if whens.is_empty() {
            return Err(self.wrong());
        }
        let otherwise = if self.accept("ELSE") {
            Some(Box::new(self.expression()?))
        } else {
            None
        };
        self.expect("END")?;
        Ok(Expr::Case {
            operand,
            whens,
            otherwise,
        })
    }

    pub(super) fn expression_list(&mut self) -> Outcome<Vec<Expr>> {
        let mut list = vec![self.expression()?];
        while self.accept_symbol(",") {
            list.push(self.expression()?);
        }
        Ok(list)
    }
}

pub(super) fn function(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Function {
        name: name.to_owned(),
        arguments,
        star: false,
        distinct: false,
    }
}

fn text_literal(text: String, national: bool) -> Expr {
    let units = text.encode_utf16().count().max(1);
    let ty = if national {
        SqlType::NVarChar(u16::try_from(units).ok().filter(|n| *n <= 4000))
    } else {
        SqlType::VarChar(u16::try_from(units).ok().filter(|n| *n <= 8000))
    };
    Expr::Literal(Value::Text(text), ty)
}

fn number_literal(text: &str) -> Option<Expr> {
    if let Ok(int) = text.parse::<i32>() {
        return Some(Expr::Literal(Value::Int(int), SqlType::Int));
    }
    let scale = text.find('.').map_or(0, |p| text.len() - p - 1);
    let digits: String = text.chars().filter(|c| *c != '.').collect();
    let unscaled = digits.parse::<i128>().ok()?;
    let scale = u8::try_from(scale).ok().filter(|s| *s <= 38)?;
    let precision = u8::try_from(digits.len()).ok().filter(|p| *p <= 38)?;
    Some(Expr::Literal(
        Value::Decimal(unscaled, scale),
        SqlType::Decimal(precision.max(1), scale),
    ))
}
