//! WHERE: which rows of what was read a query goes on with.

use std::rc::Rc;

use super::bind::temporary;
use super::env::{Env, Scope};
use super::source::Read;
use super::types::find_column;
use crate::engine::errors::Outcome;
use crate::engine::lang::ast::{Cond, Expr, Select, Source};
use crate::protocol::Value;

/// The rows that WHERE leaves.
///
/// # Errors
/// Whatever evaluating raises.
pub fn filtered<'a>(
    env: &Env<'_>,
    select: &Select,
    input: &'a Read,
    outer: Option<&Scope<'_>>,
) -> Outcome<Vec<&'a [Value]>> {
    let mut rows = Vec::new();
    env.work.look_at(input.rows.len())?;
    let candidates = candidates(env, select, input, outer);
    for row in candidates.iter().filter_map(|n| input.rows.get(*n)) {
        let scope = Scope::of(&input.cols, row, outer);
        let keep = match &select.filter {
            Some(filter) => env.test(filter, Some(&scope))? == Some(true),
            None => true,
        };
        if keep {
            rows.push(row.as_slice());
        }
    }
    Ok(rows)
}

/// The rows that WHERE may leave, whatever row the query is computed for: those that what it begins with, comparisons of
/// the rows' own columns with literals, does not refuse. Found once for a view, whose rows stay the same.
fn candidates(
    env: &Env<'_>,
    select: &Select,
    input: &Read,
    outer: Option<&Scope<'_>>,
) -> Rc<[usize]> {
    let (Some(Source::Named(name, _)), Some(Cond::All(list)), Some(_)) =
        (&select.from, &select.filter, outer)
    else {
        return (0..input.rows.len()).collect();
    };
    let fixed = list.iter().take_while(|c| is_fixed(env, c, input));
    let fixed: Vec<&Cond> = fixed.collect();
    if fixed.is_empty() || temporary(env, name).is_some() {
        return (0..input.rows.len()).collect();
    }
    env.memo.candidates(select, || {
        let may_stay = |n: &usize| {
            let row = input.rows.get(*n).map_or(&[][..], Vec::as_slice);
            let scope = Scope::of(&input.cols, row, None);
            // What fails here is left to fail in its turn.
            let mut refusing = fixed
                .iter()
                .map(|c| env.test(c, Some(&scope)))
                .take_while(Result::is_ok);
            !refusing.any(|outcome| matches!(outcome, Ok(Some(false))))
        };
        (0..input.rows.len()).filter(may_stay).collect()
    })
}

/// Whether a condition compares one of the rows' own columns with literals.
fn is_fixed(env: &Env<'_>, condition: &Cond, input: &Read) -> bool {
    let scope = Scope::of(&input.cols, &[], None);
    let own = |e: &Expr| match e {
        Expr::Column(name) => matches!(find_column(env, name, Some(&scope)), Ok((0, ..))),
        _ => false,
    };
    let literal = |e: &Expr| matches!(e, Expr::Literal(..));
    match condition {
        Cond::Compare(_, a, b) => own(a) && literal(b) || literal(a) && own(b),
        Cond::In(value, list) => own(value) && list.iter().all(literal),
        _ => false,
    }
}
