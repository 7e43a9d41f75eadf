//! Evaluating expressions and conditions, in three-valued logic.

use std::borrow::Cow;

use super::compare::{compare, like};
use super::convert::{self, convert, converted, number};
use super::env::{Env, Scope};
use super::limits::may_grow_to;
use super::query::run_query;
use super::types::{self, chain_type, find_column, infer};
use super::{aggregate, functions};
use crate::engine::errors::{Outcome, Raise};
use crate::engine::lang::ast::{Compare, Cond, Expr, Query, When};
use crate::protocol::{SqlType, Value};

impl Env<'_> {
    /// The value of `expr` for a row.
    ///
    /// # Errors
    /// Whatever binding, converting or computing raises.
    pub fn eval(&self, expr: &Expr, scope: Option<&Scope<'_>>) -> Outcome<Value> {
        self.look_at(expr, scope).map(Cow::into_owned)
    }

    /// As [`Env::eval`], without copying what stands somewhere already.
    fn look_at<'e>(&self, expr: &'e Expr, scope: Option<&Scope<'e>>) -> Outcome<Cow<'e, Value>> {
        match expr {
            Expr::Literal(value, _) => Ok(Cow::Borrowed(value)),
            Expr::Column(parts) => self.column(parts, scope).map(Cow::Borrowed),
            Expr::Collate(inner, _) => self.look_at(inner, scope),
            _ => self.compute(expr, scope).map(Cow::Owned),
        }
    }

    fn compute(&self, expr: &Expr, scope: Option<&Scope<'_>>) -> Outcome<Value> {
        match expr {
            Expr::Null => Ok(Value::Null),
            Expr::Literal(..) | Expr::Column(_) | Expr::Collate(..) => self.eval(expr, scope),
            Expr::Variable(name) => self.variable(name),
            Expr::Function {
                name,
                arguments,
                star,
                distinct,
            } => {
                if aggregate::is_aggregate(name) {
                    return aggregate::evaluate(self, name, arguments, *star, *distinct, scope);
                }
                let result = infer(self, expr, scope)?.unwrap_or(SqlType::Int);
                functions::call(self, name, arguments, result, scope)
            }
            Expr::Convert {
                value,
                ty,
                style,
                or_null,
            } => self.cast(value, *ty, style.as_deref(), *or_null, scope),
            Expr::Case {
                operand,
                whens,
                otherwise,
            } => {
                let value = self.case(operand.as_deref(), whens, otherwise.as_deref(), scope)?;
                self.in_type_of(expr, value, scope)
            }
            Expr::Negate(inner) => self.negated(inner, scope),
            Expr::Chain(first, rest) => self.chain(first, rest, scope),
            Expr::Scalar(query) => self.scalar(query, scope),
        }
    }

    fn column<'e>(&self, parts: &[String], scope: Option<&Scope<'e>>) -> Outcome<&'e Value> {
        let (depth, index, _) = find_column(self, parts, scope)?;
        let mut at = scope.copied();
        for _ in 0..depth {
            at = at.and_then(|s| s.outer.copied());
        }
        Ok(at.and_then(|s| s.row.get(index)).unwrap_or(&Value::Null))
    }

    fn cast(
        &self,
        value: &Expr,
        ty: SqlType,
        style: Option<&Expr>,
        or_null: bool,
        scope: Option<&Scope<'_>>,
    ) -> Outcome<Value> {
        let from = infer(self, value, scope)?.unwrap_or(SqlType::Int);
        let style = match style {
            Some(style) => convert::integer(&self.eval(style, scope)?)?.unwrap_or(0),
            None => 0,
        };
        let style = i32::try_from(style).unwrap_or(0);
        match converted(self.eval(value, scope)?, from, ty, style) {
            Err(_) if or_null => Ok(Value::Null),
            outcome => outcome,
        }
    }

    fn negated(&self, inner: &Expr, scope: Option<&Scope<'_>>) -> Outcome<Value> {
        match self.eval(inner, scope)? {
            Value::Null => Ok(Value::Null),
            value => {
                let ty = infer(self, inner, scope)?.unwrap_or(SqlType::Int);
                let (n, s) =
                    number(&value).ok_or_else(|| convert::clash(&value, &Value::Int(0)))?;
                convert(&Value::Decimal(-n, s), ty, ty, 0)
            }
        }
    }

    /// A query in the place of a value; no row is NULL.
    fn scalar(&self, query: &Query, scope: Option<&Scope<'_>>) -> Outcome<Value> {
        let rows = run_query(self, query, scope)?.rows;
        if rows.len() > 1 {
            return Err(Raise::new(
                512,
                16,
                "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or when the subquery is used as an expression.",
            ));
        }
        let value = rows.into_iter().next().and_then(|r| r.into_iter().next());
        Ok(value.unwrap_or(Value::Null))
    }

    /// Brings a branch's value into the type all branches share.
    fn in_type_of(&self, expr: &Expr, value: Value, scope: Option<&Scope<'_>>) -> Outcome<Value> {
        match infer(self, expr, scope)? {
            Some(ty) => converted(value, ty, ty, 0),
            None => Ok(value),
        }
    }

    fn variable(&self, name: &str) -> Outcome<Value> {
        if name.starts_with("@@") {
            return functions::global(self, name);
        }
        let variables = self.variables.borrow();
        Ok(variables
            .scalars
            .get(&name.to_lowercase())
            .map_or(Value::Null, |(_, value)| value.clone()))
    }

    fn case(
        &self,
        operand: Option<&Expr>,
        whens: &[(When, Expr)],
        otherwise: Option<&Expr>,
        scope: Option<&Scope<'_>>,
    ) -> Outcome<Value> {
        let operand = operand.map(|o| self.look_at(o, scope)).transpose()?;
        for (when, result) in whens {
            let holds = match when {
                When::Holds(condition) => self.test(condition, scope)? == Some(true),
                When::Equals(candidate) => {
                    let candidate = self.look_at(candidate, scope)?;
                    let operand = operand.as_deref().unwrap_or(&Value::Null);
                    compare(operand, &candidate, &self.state.collation)?
                        .is_some_and(std::cmp::Ordering::is_eq)
                }
            };
            if holds {
                return self.eval(result, scope);
            }
        }
        otherwise.map_or(Ok(Value::Null), |e| self.eval(e, scope))
    }

    fn chain(
        &self,
        first: &Expr,
        rest: &[(char, Expr)],
        scope: Option<&Scope<'_>>,
    ) -> Outcome<Value> {
        let mut ty = infer(self, first, scope)?;
        let mut value = self.eval(first, scope)?;
        for (operator, operand) in rest {
            let other_ty = infer(self, operand, scope)?;
            let other = self.eval(operand, scope)?;
            let result_ty = chain_type(*operator, ty, other_ty);
            value = binary(*operator, &value, &other, (ty, other_ty, result_ty))?;
            ty = result_ty;
        }
        Ok(value)
    }

    /// Whether a condition holds; `None` is unknown.
    ///
    /// # Errors
    /// As [`Env::eval`].
    pub fn test(&self, condition: &Cond, scope: Option<&Scope<'_>>) -> Outcome<Option<bool>> {
        match condition {
            Cond::All(list) => self.fold(list, scope, false),
            Cond::Any(list) => self.fold(list, scope, true),
            Cond::Not(inner) => Ok(self.test(inner, scope)?.map(|b| !b)),
            Cond::Compare(operator, a, b) => {
                let (a, b) = (self.look_at(a, scope)?, self.look_at(b, scope)?);
                Ok(
                    compare(&a, &b, &self.state.collation)?.map(|o| match operator {
                        Compare::Equal => o.is_eq(),
                        Compare::NotEqual => o.is_ne(),
                        Compare::Less => o.is_lt(),
                        Compare::LessOrEqual => o.is_le(),
                        Compare::Greater => o.is_gt(),
                        Compare::GreaterOrEqual => o.is_ge(),
                    }),
                )
            }
            Cond::In(value, list) => {
                let value = self.look_at(value, scope)?;
                let candidates = list.iter().map(|e| self.look_at(e, scope));
                self.among(&value, &candidates.collect::<Outcome<Vec<_>>>()?)
            }
            Cond::InQuery(value, query) => {
                let value = self.look_at(value, scope)?;
                let relation = run_query(self, query, scope)?;
                let candidates = relation
                    .rows
                    .into_iter()
                    .filter_map(|r| r.into_iter().next());
                self.among(&value, &candidates.map(Cow::Owned).collect::<Vec<_>>())
            }
            Cond::Exists(query) => Ok(Some(!run_query(self, query, scope)?.rows.is_empty())),
            Cond::Between(value, low, high) => {
                let value = self.look_at(value, scope)?;
                let above = compare(&value, &*self.look_at(low, scope)?, &self.state.collation)?;
                let below = compare(&value, &*self.look_at(high, scope)?, &self.state.collation)?;
                Ok(and(above.map(|o| o.is_ge()), below.map(|o| o.is_le())))
            }
            Cond::Like(value, pattern, escape) => self.like(value, pattern, escape.as_ref(), scope),
            Cond::IsNull(value) => Ok(Some(*self.look_at(value, scope)? == Value::Null)),
        }
    }

    fn fold(
        &self,
        list: &[Cond],
        scope: Option<&Scope<'_>>,
        decides: bool,
    ) -> Outcome<Option<bool>> {
        let mut unknown = false;
        for condition in list {
            match self.test(condition, scope)? {
                Some(value) if value == decides => return Ok(Some(decides)),
                None => unknown = true,
                Some(_) => {}
            }
        }
        Ok(if unknown { None } else { Some(!decides) })
    }

    fn among(&self, value: &Value, candidates: &[Cow<'_, Value>]) -> Outcome<Option<bool>> {
        let mut unknown = false;
        for candidate in candidates {
            match compare(value, candidate, &self.state.collation)? {
                Some(order) if order.is_eq() => return Ok(Some(true)),
                None => unknown = true,
                Some(_) => {}
            }
        }
        Ok(if unknown { None } else { Some(false) })
    }

    fn like(
        &self,
        value: &Expr,
        pattern: &Expr,
        escape: Option<&Expr>,
        scope: Option<&Scope<'_>>,
    ) -> Outcome<Option<bool>> {
        let value = convert::text(&*self.look_at(value, scope)?)?;
        let pattern = convert::text(&*self.look_at(pattern, scope)?)?;
        let escape = match escape {
            Some(e) => convert::text(&self.eval(e, scope)?)?.and_then(|e| e.chars().next()),
            None => None,
        };
        let (Some(value), Some(pattern)) = (value, pattern) else {
            return Ok(None);
        };
        Ok(Some(like(&value, &pattern, escape, &self.state.collation)))
    }
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

type Types = (Option<SqlType>, Option<SqlType>, Option<SqlType>);

fn binary(operator: char, a: &Value, b: &Value, (ta, tb, result): Types) -> Outcome<Value> {
    if matches!(a, Value::Null) || matches!(b, Value::Null) {
        return Ok(Value::Null);
    }
    let result = result.unwrap_or(SqlType::Int);
    if operator == '+' {
        match (a, b) {
            (Value::Text(x), Value::Text(y)) => {
                may_grow_to(x.len() + y.len())?;
                // Without a MAX operand the result is cut at 8000 bytes, silently, as the real server does.
                return Ok(Value::Text(convert::fit_text(format!("{x}{y}"), result)));
            }
            (Value::Binary(x), Value::Binary(y)) => {
                may_grow_to(x.len() + y.len())?;
                return Ok(Value::Binary([x.as_slice(), y].concat()));
            }
            _ => {}
        }
    }
    if matches!(result, SqlType::DateTime | SqlType::DateTime2(_)) {
        return date_arithmetic(operator, a, b, result);
    }
    let lift = |v: &Value, t: Option<SqlType>| -> Outcome<(i128, u8)> {
        let converted = match v {
            Value::Text(_) | Value::Binary(_) => convert(v, t.unwrap_or(result), result, 0)?,
            other => other.clone(),
        };
        number(&converted).ok_or_else(|| convert::clash(a, b))
    };
    let ((x, sx), (y, sy)) = (lift(a, ta)?, lift(b, tb)?);
    let scale = types::decimal_scale(operator, ta, tb);
    let (unscaled, scale) = arithmetic(operator, (x, sx), (y, sy), scale)?;
    convert(&Value::Decimal(unscaled, scale), result, result, 0)
}

fn arithmetic(
    operator: char,
    (x, sx): (i128, u8),
    (y, sy): (i128, u8),
    scale: u8,
) -> Outcome<(i128, u8)> {
    let common = sx.max(sy);
    let (lx, ly) = (
        convert::rescale(x, sx, common),
        convert::rescale(y, sy, common),
    );
    let overflow = || {
        Raise::new(
            8115,
            16,
            "Arithmetic overflow error converting expression to data type int.",
        )
    };
    let divide_by_zero = || Raise::new(8134, 16, "Divide by zero error encountered.");
    Ok(match operator {
        '+' => (lx.checked_add(ly).ok_or_else(overflow)?, common),
        '-' => (lx.checked_sub(ly).ok_or_else(overflow)?, common),
        '*' => (x.checked_mul(y).ok_or_else(overflow)?, sx + sy),
        '/' if ly == 0 => return Err(divide_by_zero()),
        '/' if common == 0 => (lx / ly, 0),
        '/' => {
            let lifted = lx
                .checked_mul(10_i128.pow(u32::from(scale)))
                .ok_or_else(overflow)?;
            (lifted / ly, scale)
        }
        '%' if ly == 0 => return Err(divide_by_zero()),
        '%' => (lx % ly, common),
        '&' => (lx & ly, 0),
        '|' => (lx | ly, 0),
        _ => (lx ^ ly, 0),
    })
}

/// `datetime` plus or minus days.
fn date_arithmetic(operator: char, a: &Value, b: &Value, result: SqlType) -> Outcome<Value> {
    let date = convert(a, SqlType::NVarChar(None), result, 0)?;
    let days = convert::integer(b)?.unwrap_or(0);
    let days = if operator == '-' { -days } else { days };
    match date {
        Value::DateTime(at) | Value::DateTime2(at) => {
            let moved = super::dates::add("day", days, at).unwrap_or(at);
            convert(&Value::DateTime2(moved), result, result, 0)
        }
        other => Ok(other),
    }
}
