//! Reading FROM: tables, views, derived tables, and joins as nested loops over rows in memory.

use std::rc::Rc;
use std::sync::Arc;

use super::bind::{shape, temporary, view_name};
use super::convert::convert;
use super::env::{Env, Scope};
use super::limits::Work;
use super::query::run_query;
use super::relation::{Col, Row, Rows};
use super::{matching, table_function};
use crate::engine::errors::Outcome;
use crate::engine::lang::ast::{Cond, Expr, Source};
use crate::engine::views;
use crate::protocol::Value;

/// What a source gives to the query that reads it.
pub struct Read {
    pub cols: Rc<[Col]>,
    pub rows: Rows,
}

/// Reads a source.
///
/// # Errors
/// Whatever binding and evaluating raise.
pub fn source_rows(env: &Env<'_>, source: &Source, outer: Option<&Scope<'_>>) -> Outcome<Read> {
    let cols = shape(env, source, outer)?;
    let rows = match source {
        Source::Function(name, arguments, _) => {
            Arc::new(table_function::rows(env, name, arguments, outer)?)
        }
        Source::Named(name, _) => match temporary(env, name) {
            Some((table, _)) => Arc::new(table.rows.clone()),
            None => env
                .memo
                .view(source, || views::rows(env, view_name(env, name)?))?,
        },
        Source::TableVariable(name, _) => {
            let variables = env.variables.borrow();
            let table = variables.tables.get(&name.to_lowercase());
            Arc::new(table.map(|t| t.rows.clone()).unwrap_or_default())
        }
        Source::Derived(query, ..) => Arc::new(run_query(env, query, outer)?.rows),
        Source::Values(rows, ..) => Arc::new(value_rows(env, rows, &cols, outer)?),
        Source::Join {
            left,
            right,
            outer: optional,
            on,
        } => {
            let sides = (
                source_rows(env, left, outer)?,
                source_rows(env, right, outer)?,
            );
            Arc::new(joined(env, sides, *optional, on.as_ref(), &cols, outer)?)
        }
        Source::Apply {
            left,
            right,
            outer: optional,
        } => {
            let left = source_rows(env, left, outer)?;
            let width = cols.len() - left.cols.len();
            let applied = |row: &[Value]| {
                let scope = Scope::of(&left.cols, row, outer);
                Ok(source_rows(env, right, Some(&scope))?.rows)
            };
            let any = |_: Row<'_>| Ok(true);
            Arc::new(join(env.work, &left.rows, width, *optional, applied, any)?)
        }
    };
    Ok(Read { cols, rows })
}

fn joined(
    env: &Env<'_>,
    (left, right): (Read, Read),
    optional: bool,
    on: Option<&Cond>,
    cols: &[Col],
    outer: Option<&Scope<'_>>,
) -> Outcome<Vec<Vec<Value>>> {
    let width = right.cols.len();
    if let Some(on) = on {
        let scope = Scope::of(cols, &[], outer);
        if let Some(met) = matching::meeting(env, on, &scope, &left.rows, &right.rows) {
            return join_met(env.work, (&left.rows, &right.rows), width, optional, &met);
        }
    }
    let holds = |row: Row<'_>| match on {
        Some(on) => {
            let scope = Scope::seeing(cols, row, outer);
            Ok(env.test(on, Some(&scope))? == Some(true))
        }
        None => Ok(true),
    };
    let all = |_: &[Value]| Ok(Arc::clone(&right.rows));
    join(env.work, &left.rows, width, optional, all, holds)
}

fn value_rows(
    env: &Env<'_>,
    rows: &[Vec<Expr>],
    cols: &[Col],
    outer: Option<&Scope<'_>>,
) -> Outcome<Vec<Vec<Value>>> {
    let cell = |(e, c): (&Expr, &Col)| convert(&env.eval(e, outer)?, c.ty, c.ty, 0);
    let row = |row: &Vec<Expr>| row.iter().zip(cols).map(cell).collect();
    rows.iter().map(row).collect()
}

fn join(
    work: &Work,
    left: &[Vec<Value>],
    width: usize,
    optional: bool,
    right: impl Fn(&[Value]) -> Outcome<Rows>,
    holds: impl Fn(Row<'_>) -> Outcome<bool>,
) -> Outcome<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    for left in left {
        let before = rows.len();
        for right in right(left)?.iter() {
            work.look()?;
            let row = Row::pair(left, right);
            if holds(row)? {
                let row = row.to_vec();
                work.keep(&row)?;
                rows.push(row);
            }
        }
        if optional && rows.len() == before {
            let mut row = left.clone();
            row.extend(std::iter::repeat_n(Value::Null, width));
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The same where it is known already which rows meet.
fn join_met(
    work: &Work,
    (left, right): (&[Vec<Value>], &[Vec<Value>]),
    width: usize,
    optional: bool,
    met: &[Vec<usize>],
) -> Outcome<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    for (left, met) in left.iter().zip(met) {
        work.look_at(right.len())?;
        for right in met.iter().filter_map(|n| right.get(*n)) {
            let row = Row::pair(left, right).to_vec();
            work.keep(&row)?;
            rows.push(row);
        }
        if optional && met.is_empty() {
            let mut row = left.clone();
            row.extend(std::iter::repeat_n(Value::Null, width));
            rows.push(row);
        }
    }
    Ok(rows)
}
