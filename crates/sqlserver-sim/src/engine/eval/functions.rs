//! The table of built-in functions: since which version, how many arguments, which type; and their dispatch.
//!
//! What they do lives in `text`, `identity` and `security`; only the type-neutral ones are here.

use aws_lc_rs::digest;
use uuid::Uuid;

use super::convert::{self, convert, converted};
use super::env::{Env, Scope};
use super::types::infer;
use super::{dates, identity, security, text};
use crate::engine::errors::{Outcome, Raise};
use crate::engine::lang::ast::Expr;
use crate::protocol::{SqlType, Value};

/// The value of an `@@` variable.
///
/// # Errors
/// 137 for one that does not exist.
pub fn global(env: &Env<'_>, name: &str) -> Outcome<Value> {
    identity::global(env, name).ok_or_else(|| {
        let text = format!("Must declare the scalar variable \"{name}\".");
        Raise::compile(137, 15, text)
    })
}

/// Calls a function that gives `result`.
///
/// # Errors
/// What its arguments or the function itself raise.
pub fn call(
    env: &Env<'_>,
    name: &str,
    arguments: &[Expr],
    result: SqlType,
    scope: Option<&Scope<'_>>,
) -> Outcome<Value> {
    if name == "COALESCE" {
        for argument in arguments {
            let value = env.eval(argument, scope)?;
            if value != Value::Null {
                return converted(value, result, result, 0);
            }
        }
        return Ok(Value::Null);
    }
    let values = arguments
        .iter()
        .map(|a| env.eval(a, scope))
        .collect::<Outcome<Vec<_>>>()?;
    let value = match neutral(env, name, &values)? {
        Some(value) => value,
        None => typed(env, name, arguments, &values, scope)?,
    };
    if matches!(result, SqlType::SqlVariant) {
        return Ok(value);
    }
    converted(value, result, result, 0)
}

/// Functions of a family, or those that depend on how their arguments are declared.
fn typed(
    env: &Env<'_>,
    name: &str,
    arguments: &[Expr],
    values: &[Value],
    scope: Option<&Scope<'_>>,
) -> Outcome<Value> {
    if let Some(value) = text::call(name, values, &env.state.collation)? {
        return Ok(value);
    }
    if let Some(value) = identity::call(env, name, values)? {
        return Ok(value);
    }
    if let Some(value) = security::call(env, name, values)? {
        return Ok(value);
    }
    let types = arguments.iter().map(|a| infer(env, a, scope));
    let types = types.collect::<Outcome<Vec<_>>>()?;
    match name {
        "DATALENGTH" => Ok(text::data_length(values, &types)),
        "HASHBYTES" => hash(values, &types),
        _ => Ok(Value::Null),
    }
}

/// Functions of any type; `None` when `name` is none.
fn neutral(env: &Env<'_>, name: &str, values: &[Value]) -> Outcome<Option<Value>> {
    let first = values.first().unwrap_or(&Value::Null);
    let second = values.get(1).unwrap_or(&Value::Null);
    Ok(Some(match name {
        "ISNULL" => {
            if *first == Value::Null {
                second.clone()
            } else {
                first.clone()
            }
        }
        "NULLIF" => {
            let equal = super::compare::compare(first, second, &env.state.collation)?;
            if equal.is_some_and(std::cmp::Ordering::is_eq) {
                Value::Null
            } else {
                first.clone()
            }
        }
        "ABS" => match convert::number(first) {
            Some((n, s)) => Value::Decimal(n.saturating_abs(), s),
            None => Value::Null,
        },
        "NEWID" => Value::Guid(Uuid::new_v4()),
        "CRYPT_GEN_RANDOM" => random(first)?,
        "DATEADD" => date_add(values)?,
        "DATEDIFF" | "DATEDIFF_BIG" => date_difference(values)?,
        _ => return Ok(None),
    }))
}

fn random(length: &Value) -> Outcome<Value> {
    let Some(length) = convert::integer(length)?
        .and_then(|n| usize::try_from(n).ok())
        .filter(|n| (1..=8000).contains(n))
    else {
        return Ok(Value::Null);
    };
    let mut bytes = vec![0; length];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Raise::new(15296, 16, "General cryptographic failure."))?;
    Ok(Value::Binary(bytes))
}

fn hash(values: &[Value], types: &[Option<SqlType>]) -> Outcome<Value> {
    let (Some(algorithm), Some(input)) = (values.first(), values.get(1)) else {
        return Ok(Value::Null);
    };
    let ty = types
        .get(1)
        .copied()
        .flatten()
        .unwrap_or(SqlType::VarBinary(None));
    let bytes = match input {
        Value::Null => return Ok(Value::Null),
        Value::Binary(bytes) => bytes.clone(),
        Value::Text(text) => convert::text_bytes(text, ty),
        other => match convert(other, ty, SqlType::VarBinary(None), 0)? {
            Value::Binary(bytes) => bytes,
            _ => return Ok(Value::Null),
        },
    };
    let algorithm = convert::text(algorithm)?.unwrap_or_default().to_uppercase();
    let digest = match algorithm.as_str() {
        "SHA1" | "SHA" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "SHA2_256" => &digest::SHA256,
        "SHA2_512" => &digest::SHA512,
        _ => return Ok(Value::Null),
    };
    Ok(Value::Binary(
        digest::digest(digest, &bytes).as_ref().to_vec(),
    ))
}

fn date(value: Option<&Value>) -> Outcome<Option<chrono::NaiveDateTime>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match convert(value, SqlType::NVarChar(None), SqlType::DateTime2(7), 0)? {
            Value::DateTime2(at) => Ok(Some(at)),
            _ => Ok(None),
        },
    }
}

fn part(values: &[Value]) -> String {
    match values.first() {
        Some(Value::Text(part)) => part.clone(),
        _ => String::new(),
    }
}

fn bad_part(values: &[Value], function: &str) -> Raise {
    let text = format!("'{}' is not a recognized {function} option.", part(values));
    Raise::compile(155, 15, text)
}

fn date_add(values: &[Value]) -> Outcome<Value> {
    let count = convert::integer(values.get(1).unwrap_or(&Value::Null))?;
    let (Some(count), Some(at)) = (count, date(values.get(2))?) else {
        return Ok(Value::Null);
    };
    let moved = dates::add(&part(values), count, at);
    moved
        .map(Value::DateTime2)
        .ok_or_else(|| bad_part(values, "dateadd"))
}

fn date_difference(values: &[Value]) -> Outcome<Value> {
    let (Some(from), Some(to)) = (date(values.get(1))?, date(values.get(2))?) else {
        return Ok(Value::Null);
    };
    let count = dates::difference(&part(values), from, to);
    count
        .map(Value::BigInt)
        .ok_or_else(|| bad_part(values, "datediff"))
}
