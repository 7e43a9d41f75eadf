//! Running SELECT: sources, joins, filters, groups, order; nested loops over rows in memory.

use std::cmp::Ordering;

use super::aggregate::is_grouped;
use super::compare::sort_order;
use super::convert::{self, convert};
use super::types::{check, infer, merge};
use super::{Col, Env, Scope};
use crate::engine::errors::{Outcome, Raise, no_object};
use crate::engine::lang::ast::{Expr, Item, Query, Select, Source};
use crate::engine::views;
use crate::reply::{SqlType, Value};

/// Rows with the shape they share.
#[derive(Debug, Clone, Default)]
pub struct Relation {
    pub cols: Vec<Col>,
    pub rows: Vec<Vec<Value>>,
}

/// The columns a query gives, all names checked, no row read.
///
/// # Errors
/// 207, 208, 209, 195, 205 and the like.
pub fn bind_query(env: &Env<'_>, query: &Query, outer: Option<&Scope<'_>>) -> Outcome<Vec<Col>> {
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
        None => Vec::new(),
    };
    let scope = Scope {
        cols: &cols,
        row: &[],
        group: None,
        outer,
    };
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
                    table: String::new(),
                    name: alias.clone().unwrap_or_else(|| implied_name(expr)),
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

fn starred<'a>(cols: &'a [Col], table: Option<&'a str>) -> impl Iterator<Item = (usize, &'a Col)> {
    cols.iter()
        .enumerate()
        .filter(move |(_, c)| table.is_none_or(|t| c.table.eq_ignore_ascii_case(t)))
}

fn implied_name(expr: &Expr) -> String {
    match expr {
        Expr::Column(parts) => parts.last().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

/// The columns of a FROM clause, conditions in it checked.
fn shape(env: &Env<'_>, source: &Source, outer: Option<&Scope<'_>>) -> Outcome<Vec<Col>> {
    match source {
        Source::Named(name, alias) => {
            let (view, _) = view_name(env, name)?;
            let alias = alias.as_ref().unwrap_or(&view);
            Ok(views::columns(env, &view)
                .ok_or_else(|| no_object(&name.join(".")))?
                .into_iter()
                .map(|mut c| {
                    c.table.clone_from(alias);
                    c
                })
                .collect())
        }
        Source::TableVariable(name, alias) => {
            let variables = env.variables.borrow();
            let table = variables.tables.get(&name.to_lowercase()).ok_or_else(|| {
                Raise::compile(
                    1087,
                    15,
                    format!("Must declare the table variable \"{name}\"."),
                )
            })?;
            let alias = alias.as_deref().unwrap_or(name);
            Ok(renamed(table.cols.clone(), alias, &[]))
        }
        Source::Derived(query, alias, names) => {
            Ok(renamed(bind_query(env, query, outer)?, alias, names))
        }
        Source::Values(rows, alias, names) => {
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
                table: alias.clone(),
                name: String::new(),
                ty: ty.unwrap_or(SqlType::Int),
                nullable: true,
            });
            Ok(renamed(cols.collect(), alias, names))
        }
        Source::Join {
            left,
            right,
            outer: optional,
            on,
        } => {
            let mut cols = shape(env, left, outer)?;
            cols.extend(optional_side(shape(env, right, outer)?, *optional));
            if let Some(on) = on {
                let scope = Scope {
                    cols: &cols,
                    row: &[],
                    group: None,
                    outer,
                };
                check(env, on, Some(&scope))?;
            }
            Ok(cols)
        }
        Source::Apply {
            left,
            right,
            outer: optional,
        } => {
            let mut cols = shape(env, left, outer)?;
            let scope = Scope {
                cols: &cols,
                row: &[],
                group: None,
                outer,
            };
            let inner = shape(env, right, Some(&scope))?;
            cols.extend(optional_side(inner, *optional));
            Ok(cols)
        }
    }
}

fn optional_side(cols: Vec<Col>, optional: bool) -> impl Iterator<Item = Col> {
    cols.into_iter().map(move |mut c| {
        c.nullable |= optional;
        c
    })
}

fn renamed(mut cols: Vec<Col>, alias: &str, names: &[String]) -> Vec<Col> {
    for (n, col) in cols.iter_mut().enumerate() {
        alias.clone_into(&mut col.table);
        if let Some(name) = names.get(n) {
            col.name.clone_from(name);
        }
    }
    cols
}

/// The catalog view a dotted name means, and the database it is read in.
fn view_name(env: &Env<'_>, name: &[String]) -> Outcome<(String, i32)> {
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

fn source_rows(env: &Env<'_>, source: &Source, outer: Option<&Scope<'_>>) -> Outcome<Relation> {
    let cols = shape(env, source, outer)?;
    let rows = match source {
        Source::Named(name, _) => {
            let (view, database) = view_name(env, name)?;
            views::rows(env, &view, database)?
        }
        Source::TableVariable(name, _) => {
            let variables = env.variables.borrow();
            variables
                .tables
                .get(&name.to_lowercase())
                .map(|t| t.rows.clone())
                .unwrap_or_default()
        }
        Source::Derived(query, ..) => run_query(env, query, outer)?.rows,
        Source::Values(rows, ..) => rows
            .iter()
            .map(|row| {
                let cells = row.iter().zip(&cols);
                cells
                    .map(|(e, c)| convert(&env.eval(e, outer)?, c.ty, c.ty, 0))
                    .collect()
            })
            .collect::<Outcome<Vec<Vec<Value>>>>()?,
        Source::Join {
            left,
            right,
            outer: optional,
            on,
        } => {
            let left = source_rows(env, left, outer)?;
            let right = source_rows(env, right, outer)?;
            let width = right.cols.len();
            join(
                left.rows,
                width,
                *optional,
                |_| Ok(right.rows.clone()),
                |row| {
                    let scope = Scope {
                        cols: &cols,
                        row,
                        group: None,
                        outer,
                    };
                    on.as_ref()
                        .map_or(Ok(true), |c| Ok(env.test(c, Some(&scope))? == Some(true)))
                },
            )?
        }
        Source::Apply {
            left,
            right,
            outer: optional,
        } => {
            let left = source_rows(env, left, outer)?;
            let width = cols.len() - left.cols.len();
            let left_cols = left.cols;
            join(
                left.rows,
                width,
                *optional,
                |row| {
                    let scope = Scope {
                        cols: &left_cols,
                        row,
                        group: None,
                        outer,
                    };
                    Ok(source_rows(env, right, Some(&scope))?.rows)
                },
                |_| Ok(true),
            )?
        }
    };
    Ok(Relation { cols, rows })
}

fn join(
    left: Vec<Vec<Value>>,
    width: usize,
    optional: bool,
    right: impl Fn(&[Value]) -> Outcome<Vec<Vec<Value>>>,
    holds: impl Fn(&[Value]) -> Outcome<bool>,
) -> Outcome<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    for left in left {
        let before = rows.len();
        for right in right(&left)? {
            let mut row = left.clone();
            row.extend(right);
            if holds(&row)? {
                rows.push(row);
            }
        }
        if optional && rows.len() == before {
            let mut row = left;
            row.extend(std::iter::repeat_n(Value::Null, width));
            rows.push(row);
        }
    }
    Ok(rows)
}

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
            distinct_rows(env, &mut keyed);
        }
    }
    if !single && !query.order_by.is_empty() {
        for (keys, row) in &mut keyed {
            let scope = Scope {
                cols: &cols,
                row,
                group: None,
                outer,
            };
            *keys = order_keys(env, &query.order_by, &cols, row, &scope)?;
        }
        sort(env, &mut keyed, &query.order_by);
    }
    let rows = keyed.into_iter().map(|(_, row)| fit(row, &cols));
    Ok(Relation {
        rows: rows.collect::<Outcome<Vec<_>>>()?,
        cols,
    })
}

fn fit(row: Vec<Value>, cols: &[Col]) -> Outcome<Vec<Value>> {
    row.into_iter()
        .zip(cols)
        .map(|(v, c)| convert(&v, c.ty, c.ty, 0))
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
        None => Relation {
            cols: Vec::new(),
            rows: vec![Vec::new()],
        },
    };
    let mut rows = Vec::new();
    for row in input.rows {
        let scope = Scope {
            cols: &input.cols,
            row: &row,
            group: None,
            outer,
        };
        let keep = match &select.filter {
            Some(filter) => env.test(filter, Some(&scope))? == Some(true),
            None => true,
        };
        if keep {
            rows.push(row);
        }
    }
    let limit = match &select.top {
        Some(top) => {
            convert::integer(&env.eval(top, outer)?)?.and_then(|n| usize::try_from(n).ok())
        }
        None => None,
    };
    let mut out = Vec::new();
    for group in groups(env, select, &input.cols, rows, outer)? {
        let nulls = vec![Value::Null; input.cols.len()];
        let grouped = is_grouped(select);
        let scope = Scope {
            cols: &input.cols,
            row: group.first().unwrap_or(&nulls),
            group: grouped.then_some(group.as_slice()),
            outer,
        };
        if let Some(having) = &select.having
            && env.test(having, Some(&scope))? != Some(true)
        {
            continue;
        }
        let row = project(env, select, &scope)?;
        let keys = order_keys(env, order_by, cols, &row, &scope)?;
        out.push((keys, row));
    }
    if select.distinct {
        distinct_rows(env, &mut out);
    }
    sort(env, &mut out, order_by);
    out.truncate(limit.unwrap_or(usize::MAX));
    Ok(out)
}

/// Rows in groups; without grouping every row is its own.
fn groups(
    env: &Env<'_>,
    select: &Select,
    cols: &[Col],
    rows: Vec<Vec<Value>>,
    outer: Option<&Scope<'_>>,
) -> Outcome<Vec<Vec<Vec<Value>>>> {
    if !is_grouped(select) {
        return Ok(rows.into_iter().map(|r| vec![r]).collect());
    }
    if select.group_by.is_empty() {
        return Ok(vec![rows]);
    }
    let mut groups: Vec<(Vec<Value>, Vec<Vec<Value>>)> = Vec::new();
    for row in rows {
        let scope = Scope {
            cols,
            row: &row,
            group: None,
            outer,
        };
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

fn distinct_rows(env: &Env<'_>, rows: &mut Vec<Keyed>) {
    let mut kept: Vec<Keyed> = Vec::new();
    for row in rows.drain(..) {
        if !kept.iter().any(|k| same_row(env, &k.1, &row.1)) {
            kept.push(row);
        }
    }
    *rows = kept;
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
            self.variables
                .borrow_mut()
                .scalars
                .insert(key, (ty, converted));
        }
        Ok(())
    }
}
