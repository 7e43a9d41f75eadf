//! Running SELECT: branches, groups, projection, order.

use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;

use super::aggregate::is_grouped;
use super::bind::{bind_query, starred};
use super::compare::sort_order;
use super::convert::{self, convert, converted};
use super::env::{Env, Scope};
use super::filter::filtered;
use super::limits;
use super::relation::{Col, Relation};
use super::source::{Read, source_rows};
use super::types::infer;
use crate::engine::errors::{Outcome, Raise};
use crate::engine::lang::ast::{Expr, Item, Query, Select};
use crate::protocol::{SqlType, Value};

/// Runs a query; assignments write variables and give no columns.
///
/// # Errors
/// Whatever binding and evaluating raise.
pub fn run_query(env: &Env<'_>, query: &Query, outer: Option<&Scope<'_>>) -> Outcome<Relation> {
    let cols = bind_query(env, query, outer)?;
    let single = query.branches.len() == 1;
    let mut keyed: Vec<(Vec<Value>, Vec<Value>)> = Vec::new();
    for (n, (distinct, select)) in query.branches.iter().enumerate() {
        let order = if single {
            query.order_by.as_slice()
        } else {
            &[]
        };
        let rows = run_select(env, select, order, &cols, outer)?;
        keyed.extend(rows);
        if *distinct && n > 0 {
            distinct_rows(env, &mut keyed)?;
        }
    }
    if !single && !query.order_by.is_empty() {
        for (keys, row) in &mut keyed {
            let scope = Scope::of(&cols, row, outer);
            *keys = order_keys(env, &query.order_by, &cols, row, &scope)?;
        }
        sort(env, &mut keyed, &query.order_by);
    }
    let rows = keyed.into_iter().map(|(_, row)| fit(row, &cols));
    Ok(Relation {
        rows: rows.collect::<Outcome<Vec<_>>>()?,
        cols: cols.to_vec(),
    })
}

fn fit(row: Vec<Value>, cols: &[Col]) -> Outcome<Vec<Value>> {
    row.into_iter()
        .zip(cols)
        .map(|(v, c)| converted(v, c.ty, c.ty, 0))
        .collect()
}

type Keyed = (Vec<Value>, Vec<Value>);

fn run_select(
    env: &Env<'_>,
    select: &Select,
    order_by: &[(Expr, bool)],
    cols: &[Col],
    outer: Option<&Scope<'_>>,
) -> Outcome<Vec<Keyed>> {
    let input = match &select.from {
        Some(source) => source_rows(env, source, outer)?,
        None => Read {
            cols: Rc::default(),
            rows: Arc::new(vec![Vec::new()]),
        },
    };
    let rows = filtered(env, select, &input, outer)?;
    let limit = match &select.top {
        Some(top) => {
            convert::integer(&env.eval(top, outer)?)?.and_then(|n| usize::try_from(n).ok())
        }
        None => None,
    };
    let mut out = Vec::new();
    let mut give = |scope: &Scope<'_>| -> Outcome<()> {
        if let Some(having) = &select.having
            && env.test(having, Some(scope))? != Some(true)
        {
            return Ok(());
        }
        let row = project(env, select, scope)?;
        let keys = order_keys(env, order_by, cols, &row, scope)?;
        env.work.keep(&row)?;
        out.push((keys, row));
        Ok(())
    };
    if is_grouped(select) {
        let nulls = vec![Value::Null; input.cols.len()];
        for group in groups(env, select, &input.cols, rows, outer)? {
            let first = group.first().copied().unwrap_or(&nulls);
            let mut scope = Scope::of(&input.cols, first, outer);
            scope.group = Some(&group);
            give(&scope)?;
        }
    } else {
        for row in rows {
            give(&Scope::of(&input.cols, row, outer))?;
        }
    }
    if select.distinct {
        distinct_rows(env, &mut out)?;
    }
    sort(env, &mut out, order_by);
    out.truncate(limit.unwrap_or(usize::MAX));
    Ok(out)
}

/// Rows of a grouped query in their groups.
fn groups<'a>(
    env: &Env<'_>,
    select: &Select,
    cols: &[Col],
    rows: Vec<&'a [Value]>,
    outer: Option<&Scope<'_>>,
) -> Outcome<Vec<Vec<&'a [Value]>>> {
    if select.group_by.is_empty() {
        return Ok(vec![rows]);
    }
    let mut groups: Vec<(Vec<Value>, Vec<&[Value]>)> = Vec::new();
    for row in rows {
        let scope = Scope::of(cols, row, outer);
        let keys = select.group_by.iter().map(|e| env.eval(e, Some(&scope)));
        let keys = keys.collect::<Outcome<Vec<_>>>()?;
        match groups.iter_mut().find(|(k, _)| same_row(env, k, &keys)) {
            Some((_, members)) => members.push(row),
            None => groups.push((keys, vec![row])),
        }
    }
    Ok(groups.into_iter().map(|(_, members)| members).collect())
}

fn project(env: &Env<'_>, select: &Select, scope: &Scope<'_>) -> Outcome<Vec<Value>> {
    let mut row = Vec::new();
    for item in &select.items {
        match item {
            Item::Star(table) => {
                let picked = starred(scope.cols, table.as_deref());
                row.extend(picked.filter_map(|(n, _)| scope.row.get(n).cloned()));
            }
            Item::Value(expr, _) => row.push(env.eval(expr, Some(scope))?),
            Item::Assign(name, expr) => {
                let value = env.eval(expr, Some(scope))?;
                let from = infer(env, expr, Some(scope))?.unwrap_or(SqlType::Int);
                env.assign(name, &value, from)?;
            }
        }
    }
    Ok(row)
}

fn order_keys(
    env: &Env<'_>,
    order_by: &[(Expr, bool)],
    cols: &[Col],
    row: &[Value],
    scope: &Scope<'_>,
) -> Outcome<Vec<Value>> {
    order_by
        .iter()
        .map(|(expr, _)| match expr {
            Expr::Literal(Value::Int(n), _) => {
                let index = usize::try_from(*n).ok().and_then(|n| n.checked_sub(1));
                index.and_then(|n| row.get(n)).cloned().ok_or_else(|| {
                    Raise::compile(108, 15, format!("The ORDER BY position number {n} is out of range of the number of items in the select list."))
                })
            }
            Expr::Column(parts) if parts.len() == 1 => {
                let alias = cols.iter().position(|c| c.name.eq_ignore_ascii_case(&parts[0]));
                match alias.and_then(|n| row.get(n)) {
                    Some(value) => Ok(value.clone()),
                    None => env.eval(expr, Some(scope)),
                }
            }
            _ => env.eval(expr, Some(scope)),
        })
        .collect()
}

fn sort(env: &Env<'_>, rows: &mut [Keyed], order_by: &[(Expr, bool)]) {
    if order_by.is_empty() {
        return;
    }
    let collation = &env.state.collation;
    rows.sort_by(|(a, _), (b, _)| {
        let pairs = a.iter().zip(b).zip(order_by);
        pairs
            .map(|((x, y), (_, descending))| {
                let order = sort_order(x, y, collation);
                if *descending { order.reverse() } else { order }
            })
            .find(|o| *o != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    });
}

fn same_row(env: &Env<'_>, a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(x, y)| sort_order(x, y, &env.state.collation).is_eq())
}

fn distinct_rows(env: &Env<'_>, rows: &mut Vec<Keyed>) -> Outcome<()> {
    let mut kept: Vec<Keyed> = Vec::new();
    for row in rows.drain(..) {
        let mut known = false;
        for other in &kept {
            env.work.look()?;
            known = known || same_row(env, &other.1, &row.1);
        }
        if !known {
            kept.push(row);
        }
    }
    *rows = kept;
    Ok(())
}

impl Env<'_> {
    /// Writes a variable, converting to its type.
    ///
    /// # Errors
    /// Conversion errors.
    pub fn assign(&self, name: &str, value: &Value, from: SqlType) -> Outcome<()> {
        let key = name.to_lowercase();
        let ty = self.variables.borrow().scalars.get(&key).map(|(ty, _)| *ty);
        if let Some(ty) = ty {
            let converted = convert(value, from, ty, 0)?;
            let mut variables = self.variables.borrow_mut();
            variables.scalars.insert(key, (ty, converted));
            let each = variables.scalars.values();
            let all: usize = each
                .map(|(_, v)| limits::weight(std::slice::from_ref(v)))
                .sum();
            if all > limits::MOST_BYTES {
                return Err(limits::no_memory());
            }
        }
        Ok(())
    }
}
