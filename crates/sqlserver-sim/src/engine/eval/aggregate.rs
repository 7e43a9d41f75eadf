//! Aggregates: COUNT, MIN, MAX, SUM and STRING_AGG over the rows of a group.

use super::compare::sort_order;
use super::convert::{self, number};
use super::env::{Env, Scope};
use super::relation::Row;
use super::types::infer;
use crate::engine::errors::{Outcome, Raise};
use crate::engine::lang::ast::{Expr, Item, Select, When};
use crate::protocol::{SqlType, Value};

const NAMES: [&str; 6] = ["COUNT", "COUNT_BIG", "MAX", "MIN", "SUM", "STRING_AGG"];

pub fn is_aggregate(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Result type of an aggregate; `None` when `name` is none.
pub fn result_type(name: &str, arguments: &[Option<SqlType>]) -> Option<SqlType> {
    let first = arguments.first().copied().flatten();
    Some(match name {
        "COUNT" => SqlType::Int,
        "COUNT_BIG" => SqlType::BigInt,
        "STRING_AGG" => match first {
            Some(SqlType::VarChar(n)) => SqlType::VarChar(n.map(|_| 8000)),
            Some(SqlType::NVarChar(None)) => SqlType::NVarChar(None),
            _ => SqlType::NVarChar(Some(4000)),
        },
        "SUM" => match first {
            Some(SqlType::TinyInt | SqlType::SmallInt | SqlType::Bit) | None => SqlType::Int,
            Some(other) => other,
        },
        "MAX" | "MIN" => first.unwrap_or(SqlType::Int),
        _ => return None,
    })
}

/// Whether a select list or HAVING makes its query a grouped one.
pub fn is_grouped(select: &Select) -> bool {
    !select.group_by.is_empty()
        || select.having.is_some()
        || select.items.iter().any(|item| match item {
            Item::Value(e, _) | Item::Assign(_, e) => contains(e),
            Item::Star(_) => false,
        })
}

fn contains(expr: &Expr) -> bool {
    match expr {
        Expr::Function {
            name, arguments, ..
        } => is_aggregate(name) || arguments.iter().any(contains),
        Expr::Convert { value, .. } | Expr::Negate(value) | Expr::Collate(value, _) => {
            contains(value)
        }
        Expr::Chain(first, rest) => contains(first) || rest.iter().any(|(_, e)| contains(e)),
        Expr::Case {
            operand,
            whens,
            otherwise,
        } => {
            operand.as_deref().is_some_and(contains)
                || otherwise.as_deref().is_some_and(contains)
                || whens.iter().any(|(w, e)| {
                    contains(e) || matches!(w, When::Equals(e) if contains(e)) || holds_aggregate(w)
                })
        }
        _ => false,
    }
}

fn holds_aggregate(when: &When) -> bool {
    use crate::engine::lang::ast::Cond;
    fn inside(condition: &Cond) -> bool {
        match condition {
            Cond::All(list) | Cond::Any(list) => list.iter().any(inside),
            Cond::Not(inner) => inside(inner),
            Cond::Compare(_, a, b) => contains(a) || contains(b),
            Cond::IsNull(e) => contains(e),
            _ => false,
        }
    }
    matches!(when, When::Holds(c) if inside(c))
}

/// Computes an aggregate over the scope's group.
///
/// # Errors
/// 157 outside a grouped query, and what the argument raises.
pub fn evaluate(
    env: &Env<'_>,
    name: &str,
    arguments: &[Expr],
    star: bool,
    distinct: bool,
    scope: Option<&Scope<'_>>,
) -> Outcome<Value> {
    let Some((scope, rows)) = scope.and_then(|s| s.group.map(|g| (s, g))) else {
        return Err(Raise::compile(
            147,
            15,
            "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING clause or a select list, and the column being aggregated is an outer reference.",
        ));
    };
    let mut values = Vec::new();
    for row in rows {
        let inner = Scope {
            row: Row::whole(row),
            group: None,
            ..*scope
        };
        match arguments.first() {
            Some(argument) if !star => values.push(env.eval(argument, Some(&inner))?),
            _ => values.push(Value::Int(1)),
        }
    }
    values.retain(|v| !matches!(v, Value::Null));
    let collation = &env.state.collation;
    if distinct {
        values.sort_by(|a, b| sort_order(a, b, collation));
        values.dedup_by(|a, b| sort_order(a, b, collation).is_eq());
    }
    match name {
        "COUNT" => Ok(Value::Int(i32::try_from(values.len()).unwrap_or(i32::MAX))),
        "COUNT_BIG" => Ok(Value::BigInt(
            i64::try_from(values.len()).unwrap_or(i64::MAX),
        )),
        "MAX" => Ok(values
            .into_iter()
            .max_by(|a, b| sort_order(a, b, collation))
            .unwrap_or(Value::Null)),
        "MIN" => Ok(values
            .into_iter()
            .min_by(|a, b| sort_order(a, b, collation))
            .unwrap_or(Value::Null)),
        "SUM" => sum(env, arguments, &values, scope),
        _ => joined(env, arguments, &values, scope),
    }
}

fn sum(env: &Env<'_>, arguments: &[Expr], values: &[Value], scope: &Scope<'_>) -> Outcome<Value> {
    if values.is_empty() {
        return Ok(Value::Null);
    }
    let ty = match arguments.first() {
        Some(argument) => result_type("SUM", &[infer(env, argument, Some(scope))?]),
        None => None,
    };
    let (mut total, mut scale) = (0_i128, 0);
    for value in values {
        let (n, s) = number(value).ok_or_else(|| convert::clash(value, &Value::Int(0)))?;
        total = convert::rescale(total, scale, scale.max(s)) + convert::rescale(n, s, scale.max(s));
        scale = scale.max(s);
    }
    let ty = ty.unwrap_or(SqlType::Int);
    convert::convert(&Value::Decimal(total, scale), ty, ty, 0)
}

fn joined(
    env: &Env<'_>,
    arguments: &[Expr],
    values: &[Value],
    scope: &Scope<'_>,
) -> Outcome<Value> {
    if values.is_empty() {
        return Ok(Value::Null);
    }
    let separator = match arguments.get(1) {
        Some(e) => convert::text(&env.eval(e, Some(scope))?)?.unwrap_or_default(),
        None => String::new(),
    };
    let texts = values
        .iter()
        .map(|v| Ok(convert::text(v)?.unwrap_or_default()));
    Ok(Value::Text(
        texts.collect::<Outcome<Vec<_>>>()?.join(&separator),
    ))
}
