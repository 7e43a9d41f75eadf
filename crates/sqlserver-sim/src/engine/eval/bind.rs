//! Binding SELECT: the columns a query gives, every name in it checked, no row read.

use std::rc::Rc;
use std::sync::Arc;

use super::env::{Env, Scope};
use super::relation::{Col, Relation};
use super::table_function;
use super::types::{check, infer, merge};
use crate::engine::errors::{Outcome, Raise, no_object};
use crate::engine::lang::ast::{Expr, Item, Query, Select, Source};
use crate::engine::views;
use crate::protocol::SqlType;

/// The columns a query gives, all names checked, no row read.
///
/// # Errors
/// 207, 208, 209, 195, 205 and the like.
pub fn bind_query(env: &Env<'_>, query: &Query, outer: Option<&Scope<'_>>) -> Outcome<Rc<[Col]>> {
    env.memo.query(query, || bind_branches(env, query, outer))
}

fn bind_branches(env: &Env<'_>, query: &Query, outer: Option<&Scope<'_>>) -> Outcome<Vec<Col>> {
    let mut found: Option<Vec<Col>> = None;
    for (_, select) in &query.branches {
        let cols = bind_select(env, select, outer)?;
        found = Some(match found {
            None => cols,
            Some(first) => join_branches(first, &cols)?,
        });
    }
    Ok(found.unwrap_or_default())
}

fn join_branches(first: Vec<Col>, next: &[Col]) -> Outcome<Vec<Col>> {
    if first.len() != next.len() {
        return Err(Raise::compile(
            205,
            16,
            "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.",
        ));
    }
    let joined = first.into_iter().zip(next).map(|(mut col, other)| {
        col.ty = merge(Some(col.ty), Some(other.ty)).unwrap_or(col.ty);
        col.nullable |= other.nullable;
        col
    });
    Ok(joined.collect())
}

fn bind_select(env: &Env<'_>, select: &Select, outer: Option<&Scope<'_>>) -> Outcome<Vec<Col>> {
    let cols = match &select.from {
        Some(source) => shape(env, source, outer)?,
        None => Rc::default(),
    };
    let scope = Scope::of(&cols, &[], outer);
    if let Some(filter) = &select.filter {
        check(env, filter, Some(&scope))?;
    }
    if let Some(having) = &select.having {
        check(env, having, Some(&scope))?;
    }
    for key in &select.group_by {
        infer(env, key, Some(&scope))?;
    }
    output_columns(env, select, &scope)
}

fn output_columns(env: &Env<'_>, select: &Select, scope: &Scope<'_>) -> Outcome<Vec<Col>> {
    let mut cols = Vec::new();
    for item in &select.items {
        match item {
            Item::Star(table) => {
                let before = cols.len();
                cols.extend(starred(scope.cols, table.as_deref()).map(|(_, c)| c.clone()));
                if before == cols.len() {
                    return Err(no_star(table.as_deref()));
                }
            }
            Item::Assign(_, expr) => {
                infer(env, expr, Some(scope))?;
            }
            Item::Value(expr, alias) => {
                let ty = infer(env, expr, Some(scope))?.unwrap_or(SqlType::Int);
                cols.push(Col {
                    table: Arc::default(),
                    name: Arc::from(alias.as_deref().unwrap_or_else(|| implied_name(expr))),
                    ty,
                    nullable: !matches!(expr, Expr::Literal(..)),
                });
            }
        }
    }
    Ok(cols)
}

fn no_star(table: Option<&str>) -> Raise {
    match table {
        Some(table) => Raise::compile(
            107,
            15,
            format!(
                "The column prefix '{table}' does not match with a table name or alias name used in the query."
            ),
        ),
        None => Raise::compile(263, 16, "Must specify table to select from."),
    }
}

pub(super) fn starred<'a>(
    cols: &'a [Col],
    table: Option<&'a str>,
) -> impl Iterator<Item = (usize, &'a Col)> {
    cols.iter()
        .enumerate()
        .filter(move |(_, c)| table.is_none_or(|t| c.table.eq_ignore_ascii_case(t)))
}

fn implied_name(expr: &Expr) -> &str {
    match expr {
        Expr::Column(parts) => parts.last().map_or("", String::as_str),
        _ => "",
    }
}

fn undeclared(table: &str) -> Raise {
    let text = format!("Must declare the table variable \"{table}\".");
    Raise::compile(1087, 15, text)
}

/// The columns of VALUES, each of the type that all rows share.
fn value_columns(
    env: &Env<'_>,
    rows: &[Vec<Expr>],
    outer: Option<&Scope<'_>>,
) -> Outcome<Vec<Col>> {
    let mut types: Vec<Option<SqlType>> = Vec::new();
    for row in rows {
        for (n, expr) in row.iter().enumerate() {
            let ty = infer(env, expr, outer)?;
            if n == types.len() {
                types.push(ty);
            } else {
                types[n] = merge(types[n], ty);
            }
        }
    }
    let cols = types.into_iter().map(|ty| Col {
        table: Arc::default(),
        name: Arc::default(),
        ty: ty.unwrap_or(SqlType::Int),
        nullable: true,
    });
    Ok(cols.collect())
}

/// The columns of a FROM clause, conditions in it checked.
pub(super) fn shape(
    env: &Env<'_>,
    source: &Source,
    outer: Option<&Scope<'_>>,
) -> Outcome<Rc<[Col]>> {
    env.memo.source(source, || shape_of(env, source, outer))
}

fn shape_of(env: &Env<'_>, source: &Source, outer: Option<&Scope<'_>>) -> Outcome<Vec<Col>> {
    match source {
        Source::Function(name, arguments, alias) => {
            for argument in arguments {
                infer(env, argument, outer)?;
            }
            table_function::columns(name, alias)
        }
        Source::Named(name, alias) => {
            if let Some((table, shown)) = temporary(env, name) {
                let alias = alias.as_deref().unwrap_or(shown);
                return Ok(renamed(table.cols.clone(), alias, &[]));
            }
            let (view, _) = view_name(env, name)?;
            let cols = views::columns(env, &view).ok_or_else(|| no_object(&name.join(".")))?;
            Ok(renamed(cols, alias.as_ref().unwrap_or(&view), &[]))
        }
        Source::TableVariable(name, alias) => {
            let variables = env.variables.borrow();
            let table = variables.tables.get(&name.to_lowercase());
            let table = table.ok_or_else(|| undeclared(name))?;
            let alias = alias.as_deref().unwrap_or(name);
            Ok(renamed(table.cols.clone(), alias, &[]))
        }
        Source::Derived(query, alias, names) => Ok(renamed(
            bind_query(env, query, outer)?.to_vec(),
            alias,
            names,
        )),
        Source::Values(rows, alias, names) => {
            Ok(renamed(value_columns(env, rows, outer)?, alias, names))
        }
        Source::Join {
            left,
            right,
            outer: optional,
            on,
        } => {
            let mut cols = shape(env, left, outer)?.to_vec();
            cols.extend(optional_side(&shape(env, right, outer)?, *optional));
            if let Some(on) = on {
                let scope = Scope::of(&cols, &[], outer);
                check(env, on, Some(&scope))?;
            }
            Ok(cols)
        }
        Source::Apply {
            left,
            right,
            outer: optional,
        } => {
            let mut cols = shape(env, left, outer)?.to_vec();
            let scope = Scope::of(&cols, &[], outer);
            let inner = shape(env, right, Some(&scope))?;
            cols.extend(optional_side(&inner, *optional));
            Ok(cols)
        }
    }
}

fn optional_side(cols: &[Col], optional: bool) -> impl Iterator<Item = Col> {
    cols.iter().cloned().map(move |mut c| {
        c.nullable |= optional;
        c
    })
}

fn renamed(mut cols: Vec<Col>, alias: &str, names: &[String]) -> Vec<Col> {
    let alias: Arc<str> = Arc::from(alias);
    for (n, col) in cols.iter_mut().enumerate() {
        col.table = Arc::clone(&alias);
        if let Some(name) = names.get(n) {
            col.name = Arc::from(name.as_str());
        }
    }
    cols
}

/// The session's temporary table of this name.
pub(super) fn temporary<'a>(env: &Env<'a>, name: &'a [String]) -> Option<(&'a Relation, &'a str)> {
    let last = name.last().filter(|n| n.starts_with('#'))?;
    let (table, _) = env.facts.temporary.get(&last.to_lowercase())?;
    Some((table, last))
}

/// The catalog view a dotted name means, and the database it is read in.
pub(super) fn view_name(env: &Env<'_>, name: &[String]) -> Outcome<(String, i32)> {
    let missing = || no_object(&name.join("."));
    let current = env.facts.database;
    let (database, schema, view) = match name {
        [view] => (current, "", view),
        [schema, view] => (current, schema.as_str(), view),
        [database, schema, view] => {
            let found = env.state.database(database).ok_or_else(missing)?;
            (found.id, schema.as_str(), view)
        }
        _ => return Err(missing()),
    };
    let system = schema.eq_ignore_ascii_case("sys")
        || (view.eq_ignore_ascii_case("sysusers")
            && matches!(schema.to_ascii_lowercase().as_str(), "" | "dbo"));
    if system {
        Ok((view.to_lowercase(), database))
    } else {
        Err(missing())
    }
}
