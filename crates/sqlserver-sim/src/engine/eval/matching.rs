//! Joins on equality: which rows meet, without comparing each with each.

use std::collections::HashMap;

use super::compare::trimmed;
use super::convert::number;
use super::env::{Env, Scope};
use super::types::find_column;
use crate::engine::lang::ast::{Compare, Cond, Expr};
use crate::protocol::Value;

/// What equal values have in common.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Text(String),
    Binary(Vec<u8>),
    Number(i128),
}

/// For every left row the right rows it meets, in their order. `None` when `on` is no equality of a left and a right column
/// that all rows have values of one kind in: comparing may then need conversions, which may fail.
pub fn meeting(
    env: &Env<'_>,
    on: &Cond,
    scope: &Scope<'_>,
    left: &[Vec<Value>],
    right: &[Vec<Value>],
) -> Option<Vec<Vec<usize>>> {
    let Cond::Compare(Compare::Equal, Expr::Column(a), Expr::Column(b)) = on else {
        return None;
    };
    let width = left.first()?.len();
    let place = |name| match find_column(env, name, Some(scope)) {
        Ok((0, index, _)) => Some(index),
        _ => None,
    };
    let (a, b) = (place(a)?, place(b)?);
    let (mine, other) = (a.min(b), a.max(b).checked_sub(width)?);
    if mine >= width {
        return None;
    }
    let (lefts, rights) = (keys(env, left, mine)?, keys(env, right, other)?);
    let kinds = || lefts.iter().chain(&rights).flatten();
    let first = kinds().next().map(std::mem::discriminant);
    if kinds().any(|k| Some(std::mem::discriminant(k)) != first) {
        return None;
    }
    let mut places: HashMap<&Key, Vec<usize>> = HashMap::new();
    for (n, key) in rights.iter().enumerate() {
        if let Some(key) = key {
            places.entry(key).or_default().push(n);
        }
    }
    // NULL meets nothing.
    let met = |key: &Option<Key>| key.as_ref().and_then(|k| places.get(k));
    Some(
        lefts
            .iter()
            .map(|k| met(k).cloned().unwrap_or_default())
            .collect(),
    )
}

/// The keys of a column; `None` for a value that has none, `Some(None)` for NULL.
fn keys(env: &Env<'_>, rows: &[Vec<Value>], column: usize) -> Option<Vec<Option<Key>>> {
    let key = |row: &Vec<Value>| {
        Some(match row.get(column)? {
            Value::Null => None,
            Value::Text(text) => Some(Key::Text(env.state.collation.key(text))),
            Value::Binary(bytes) => Some(Key::Binary(trimmed(bytes).to_vec())),
            other => match number(other) {
                Some((whole, 0)) => Some(Key::Number(whole)),
                _ => return None,
            },
        })
    };
    rows.iter().map(key).collect()
}
