//! Arguments of a procedure, by name or by position.

use crate::engine::errors::{Outcome, Raise};
use crate::engine::eval::convert;
use crate::protocol::{SqlType, Value};

/// An evaluated argument.
pub struct Given {
    pub name: Option<String>,
    pub ty: SqlType,
    pub value: Value,
    /// The caller's variable that takes the value back.
    pub output: Option<String>,
}

/// Values for declared parameters, by name where named, else by position.
///
/// # Errors
/// 8178 for a missing one, 8144 for one too many.
pub fn bind_parameters(
    text: &str,
    declared: &[(String, SqlType)],
    given: &[Given],
) -> Outcome<Vec<(String, SqlType, Value)>> {
    if given.len() > declared.len() {
        return Err(Raise::new(
            8144,
            16,
            "Procedure or function  has too many arguments specified.",
        ));
    }
    let mut bound = Vec::new();
    for (n, (name, ty)) in declared.iter().enumerate() {
        let by_name = given.iter().find(|g| {
            g.name.as_ref().is_some_and(|x| {
                x.trim_start_matches('@')
                    .eq_ignore_ascii_case(name.trim_start_matches('@'))
            })
        });
        let one = by_name.or_else(|| given.get(n).filter(|g| g.name.is_none()));
        let Some(one) = one else {
            let types: Vec<String> = declared.iter().map(|(n, _)| n.clone()).collect();
            return Err(Raise::new(
                8178,
                16,
                format!(
                    "The parameterized query '({}){text}' expects the parameter '{name}', which was not supplied.",
                    types.join(",")
                ),
            ));
        };
        bound.push((
            name.clone(),
            *ty,
            convert::convert(&one.value, one.ty, *ty, 0)?,
        ));
    }
    Ok(bound)
}

pub(super) fn find<'a>(given: &'a [Given], names: &[&str], position: usize) -> Option<&'a Given> {
    let wanted = names.get(position)?;
    given
        .iter()
        .find(|g| {
            g.name
                .as_ref()
                .is_some_and(|n| n.eq_ignore_ascii_case(wanted))
        })
        .or_else(|| given.get(position).filter(|g| g.name.is_none()))
}

pub(super) fn text_argument(
    given: &[Given],
    names: &[&str],
    position: usize,
) -> Outcome<Option<String>> {
    match find(given, names, position) {
        Some(one) => convert::text(&one.value),
        None => Ok(None),
    }
}
