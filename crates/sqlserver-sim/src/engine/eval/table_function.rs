//! Functions that give rows: what permissions one has.

use std::sync::Arc;

use super::convert;
use super::env::{Env, Scope};
use super::relation::Col;
use super::security::named_securable;
use crate::engine::errors::{Outcome, no_object};
use crate::engine::lang::ast::Expr;
use crate::engine::state::permission_names::names;
use crate::protocol::{SqlType, Value};

/// The columns of the function, in a query that calls it `alias`.
///
/// # Errors
/// 208 for one that does not exist.
pub fn columns(name: &str, alias: &str) -> Outcome<Vec<Col>> {
    if !name.eq_ignore_ascii_case("fn_my_permissions") {
        return Err(no_object(name));
    }
    let col = |name: &str, length: u16| Col {
        table: Arc::from(alias),
        name: Arc::from(name),
        ty: SqlType::NVarChar(Some(length)),
        nullable: true,
    };
    Ok(vec![
        col("entity_name", 128),
        col("subentity_name", 128),
        col("permission_name", 60),
    ])
}

/// One row for each permission that the asker effectively has on the securable; none for what it cannot see.
///
/// # Errors
/// 208 for a function that does not exist, and what the arguments raise.
pub fn rows(
    env: &Env<'_>,
    name: &str,
    arguments: &[Expr],
    outer: Option<&Scope<'_>>,
) -> Outcome<Vec<Vec<Value>>> {
    columns(name, "")?;
    let text = |n: usize| match arguments.get(n) {
        Some(argument) => convert::text(&env.eval(argument, outer)?),
        None => Ok(None),
    };
    let (entity, class) = (text(0)?, text(1)?.map(|c| c.to_uppercase()));
    let Some(securable) = named_securable(env, entity.clone(), class.as_deref()) else {
        return Ok(Vec::new());
    };
    let asker = env.asker();
    let shown = entity.unwrap_or_else(|| class.unwrap_or_default().to_lowercase());
    let held = names(securable, env.instance.version()).filter(|p| asker.may(securable, p));
    let row = |permission: &str| {
        vec![
            Value::Text(shown.clone()),
            Value::Text(String::new()),
            Value::Text(permission.to_owned()),
        ]
    };
    Ok(held.map(row).collect())
}
