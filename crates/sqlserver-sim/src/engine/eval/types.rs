//! Static types: what type an expression has, found before any row is read, and the names it uses checked on the way.

use super::bind::bind_query;
use super::env::{Env, Scope};
use super::memo::Place;
use super::{aggregate, function_table};
use crate::engine::errors::{Outcome, Raise, no_column};
use crate::engine::lang::ast::{Cond, Expr, Query, When};
use crate::protocol::SqlType;

/// The type of `expr`; `None` for a bare NULL.
///
/// # Errors
/// 207, 209, 4104 for names, 195 for functions, 208 for views.
pub fn infer(env: &Env<'_>, expr: &Expr, scope: Option<&Scope<'_>>) -> Outcome<Option<SqlType>> {
    Ok(match expr {
        Expr::Null => None,
        Expr::Literal(_, ty) => Some(*ty),
        Expr::Variable(name) => Some(variable_type(env, name)?),
        Expr::Column(parts) => Some(find_column(env, parts, scope)?.2),
        _ => return env.memo.ty(expr, || infer_anew(env, expr, scope)),
    })
}

fn infer_anew(env: &Env<'_>, expr: &Expr, scope: Option<&Scope<'_>>) -> Outcome<Option<SqlType>> {
    Ok(match expr {
        Expr::Null | Expr::Literal(..) | Expr::Variable(_) | Expr::Column(_) => {
            infer(env, expr, scope)?
        }
        Expr::Function {
            name, arguments, ..
        } => {
            let mut types = Vec::new();
            for argument in arguments {
                types.push(infer(env, argument, scope)?);
            }
            match aggregate::result_type(name, &types) {
                Some(ty) => Some(ty),
                None => Some(function_table::result_type(env, name, &types)?),
            }
        }
        Expr::Convert {
            value, ty, style, ..
        } => {
            infer(env, value, scope)?;
            if let Some(style) = style {
                infer(env, style, scope)?;
            }
            Some(*ty)
        }
        Expr::Case {
            operand,
            whens,
            otherwise,
        } => {
            if let Some(operand) = operand {
                infer(env, operand, scope)?;
            }
            let mut found = None;
            for (when, result) in whens {
                match when {
                    When::Equals(e) => {
                        infer(env, e, scope)?;
                    }
                    When::Holds(c) => check(env, c, scope)?,
                }
                found = merge(found, infer(env, result, scope)?);
            }
            if let Some(otherwise) = otherwise {
                found = merge(found, infer(env, otherwise, scope)?);
            }
            found
        }
        Expr::Negate(inner) | Expr::Collate(inner, _) => infer(env, inner, scope)?,
        Expr::Chain(first, rest) => {
            let mut found = infer(env, first, scope)?;
            for (operator, operand) in rest {
                found = chain_type(*operator, found, infer(env, operand, scope)?);
            }
            found
        }
        Expr::Scalar(query) => scalar_type(env, query, scope)?,
    })
}

fn scalar_type(
    env: &Env<'_>,
    query: &Query,
    scope: Option<&Scope<'_>>,
) -> Outcome<Option<SqlType>> {
    let cols = bind_query(env, query, scope)?;
    if cols.len() > 1 {
        return Err(Raise::compile(
            116,
            16,
            "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.",
        ));
    }
    Ok(cols.first().map(|c| c.ty))
}

/// Checks the names in a condition.
///
/// # Errors
/// As [`infer`].
pub fn check(env: &Env<'_>, condition: &Cond, scope: Option<&Scope<'_>>) -> Outcome<()> {
    let each = |list: &[&Expr]| -> Outcome<()> {
        list.iter()
            .try_for_each(|e| infer(env, e, scope).map(|_| ()))
    };
    match condition {
        Cond::All(list) | Cond::Any(list) => list.iter().try_for_each(|c| check(env, c, scope)),
        Cond::Not(inner) => check(env, inner, scope),
        Cond::Compare(_, a, b) => each(&[a, b]),
        Cond::In(value, list) => {
            each(&[value])?;
            list.iter()
                .try_for_each(|e| infer(env, e, scope).map(|_| ()))
        }
        Cond::InQuery(value, query) => {
            each(&[value])?;
            bind_query(env, query, scope).map(|_| ())
        }
        Cond::Exists(query) => bind_query(env, query, scope).map(|_| ()),
        Cond::Between(a, b, c) => each(&[a, b, c]),
        Cond::Like(a, b, escape) => {
            each(&[a, b])?;
            escape
                .iter()
                .try_for_each(|e| infer(env, e, scope).map(|_| ()))
        }
        Cond::IsNull(value) => each(&[value]),
    }
}

fn variable_type(env: &Env<'_>, name: &str) -> Outcome<SqlType> {
    if let Some(ty) = function_table::global_type(name) {
        return Ok(ty);
    }
    let key = name.to_lowercase();
    env.variables
        .borrow()
        .scalars
        .get(&key)
        .map(|(ty, _)| *ty)
        .ok_or_else(|| {
            let text = format!("Must declare the scalar variable \"{name}\".");
            Raise::compile(137, 15, text).with_state(2)
        })
}

/// Where a column is, by its name.
///
/// # Errors
/// 207, 209 or 4104.
pub fn find_column(env: &Env<'_>, parts: &[String], scope: Option<&Scope<'_>>) -> Outcome<Place> {
    env.memo.place(parts, || look_up(parts, scope))
}

fn look_up(parts: &[String], scope: Option<&Scope<'_>>) -> Outcome<Place> {
    let name = parts.last().map_or("", String::as_str);
    let table = parts.len().checked_sub(2).and_then(|n| parts.get(n));
    let mut depth = 0;
    let mut at = scope;
    while let Some(scope) = at {
        let mut hits = scope.cols.iter().enumerate().filter(|(_, c)| {
            c.name.eq_ignore_ascii_case(name)
                && table.is_none_or(|t| c.table.eq_ignore_ascii_case(t))
        });
        if let Some((index, col)) = hits.next() {
            if hits.next().is_some() {
                let text = format!("Ambiguous column name '{name}'.");
                return Err(Raise::compile(209, 16, text));
            }
            return Ok((depth, index, col.ty));
        }
        if let Some(table) = table
            && scope
                .cols
                .iter()
                .any(|c| c.table.eq_ignore_ascii_case(table))
        {
            return Err(no_column(name));
        }
        depth += 1;
        at = scope.outer;
    }
    if table.is_some() {
        let text = format!(
            "The multi-part identifier \"{}\" could not be bound.",
            parts.join(".")
        );
        return Err(Raise::compile(4104, 16, text));
    }
    Err(no_column(name))
}

fn rank(ty: SqlType) -> u8 {
    match ty {
        SqlType::SqlVariant => 16,
        SqlType::DateTime2(_) => 15,
        SqlType::DateTime => 14,
        SqlType::Decimal(..) => 13,
        SqlType::BigInt => 12,
        SqlType::Int => 11,
        SqlType::SmallInt => 10,
        SqlType::TinyInt => 9,
        SqlType::Bit => 8,
        SqlType::UniqueIdentifier => 7,
        SqlType::NVarChar(_) => 6,
        SqlType::NChar(_) => 5,
        SqlType::VarChar(_) => 4,
        SqlType::Char(_) => 3,
        SqlType::VarBinary(_) => 2,
    }
}

/// Length of a text or binary type; `Some(None)` is MAX, `None` not such a type.
pub fn length(ty: SqlType) -> Option<Option<u16>> {
    match ty {
        SqlType::Char(n) | SqlType::NChar(n) => Some(Some(n)),
        SqlType::VarChar(n) | SqlType::NVarChar(n) | SqlType::VarBinary(n) => Some(n),
        _ => None,
    }
}

fn with_length(ty: SqlType, length: Option<u16>) -> SqlType {
    match ty {
        SqlType::NVarChar(_) | SqlType::NChar(_) => SqlType::NVarChar(length.map(|n| n.min(4000))),
        SqlType::VarBinary(_) => SqlType::VarBinary(length.map(|n| n.min(8000))),
        _ => SqlType::VarChar(length.map(|n| n.min(8000))),
    }
}

/// The type two branches share, by data type precedence.
pub fn merge(a: Option<SqlType>, b: Option<SqlType>) -> Option<SqlType> {
    let (Some(x), Some(y)) = (a, b) else {
        return a.or(b);
    };
    let higher = if rank(x) >= rank(y) { x } else { y };
    Some(match (x, y) {
        (SqlType::Decimal(p1, s1), SqlType::Decimal(p2, s2)) => {
            let scale = s1.max(s2);
            SqlType::Decimal(((p1 - s1).max(p2 - s2) + scale).min(38), scale)
        }
        _ => match (length(x), length(y)) {
            (Some(m), Some(n)) if x != y => with_length(higher, m.zip(n).map(|(m, n)| m.max(n))),
            _ => higher,
        },
    })
}

/// The type of `a operator b`.
pub fn chain_type(operator: char, a: Option<SqlType>, b: Option<SqlType>) -> Option<SqlType> {
    let merged = merge(a, b)?;
    if operator == '+'
        && let (Some(m), Some(n)) = (a.and_then(length), b.and_then(length))
    {
        return Some(with_length(
            merged,
            m.zip(n).map(|(m, n)| m.saturating_add(n)),
        ));
    }
    Some(match merged {
        SqlType::Decimal(..) => SqlType::Decimal(38, decimal_scale(operator, a, b)),
        SqlType::TinyInt | SqlType::SmallInt | SqlType::Bit => SqlType::Int,
        other => other,
    })
}

/// Scale of an arithmetic result; division keeps six digits at least.
pub fn decimal_scale(operator: char, a: Option<SqlType>, b: Option<SqlType>) -> u8 {
    let scale = |t: Option<SqlType>| {
        if let Some(SqlType::Decimal(_, s)) = t {
            s
        } else {
            0
        }
    };
    match operator {
        '*' => (scale(a) + scale(b)).min(12),
        '/' => scale(a).max(6),
        _ => scale(a).max(scale(b)),
    }
}
