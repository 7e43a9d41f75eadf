//! The catalog views: their columns by version, and where their rows come from.
//!
//! Row builders live in the sibling files, one family each. A view or column a version lacks does not exist here either.

pub mod catalogs;
mod cells;
mod endpoints;
mod messages;
mod mirroring;
mod principals;
mod security;
mod server;
mod shapes;
pub mod visibility;

use std::sync::Arc;

use crate::engine::errors::{Outcome, no_object};
use crate::engine::eval::env::Env;
use crate::engine::eval::relation::{Col, Rows};
use crate::protocol::Value;

/// The columns of `sys.{view}` in this instance's version; `None` when there is no such view.
pub fn columns(env: &Env<'_>, view: &str) -> Option<Vec<Col>> {
    let version = env.instance.version();
    let columns = shapes::columns(view, version)?;
    Some(
        columns
            .iter()
            .filter(|c| c.since <= version)
            .map(|c| c.col.clone())
            .collect(),
    )
}

/// The rows of a view as the asker sees them: read once for a statement, and once for a request what depends on nothing
/// but the catalogs.
///
/// # Errors
/// 208 for an unknown view, 300 and 297 for server views without permission.
pub fn rows(env: &Env<'_>, view: (String, i32)) -> Outcome<Rows> {
    env.memo.rows(view, |view, database| {
        if LIVE.contains(&view) {
            return read(env, view, database);
        }
        env.catalogs
            .rows(env, view, database, || read(env, view, database))
    })
}

/// Views of what changes without a change of the catalogs.
const LIVE: [&str; 6] = [
    "database_mirroring",
    "database_mirroring_witnesses",
    "dm_db_mirroring_connections",
    "dm_exec_sessions",
    "dm_exec_connections",
    "dm_tcp_listener_states",
];

fn read(env: &Env<'_>, view: &str, database: i32) -> Outcome<Rows> {
    let version = env.instance.version();
    let all = shapes::columns(view, version).ok_or_else(|| no_object(view))?;
    let rows = match view {
        "server_principals" => principals::server_principals(env),
        "sql_logins" => principals::sql_logins(env),
        "server_role_members" => principals::server_role_members(env),
        "database_principals" => principals::database_principals(env, database),
        "database_role_members" => principals::database_role_members(env, database),
        "sysusers" => principals::sysusers(env, database),
        "server_permissions" => security::server_permissions(env),
        "database_permissions" => security::database_permissions(env, database),
        "certificates" => security::certificates(env, database),
        "symmetric_keys" => security::symmetric_keys(env, database),
        "key_encryptions" => security::key_encryptions(env, database),
        "endpoints" => endpoints::endpoints(env),
        "tcp_endpoints" => endpoints::tcp_endpoints(env),
        "database_mirroring_endpoints" => endpoints::database_mirroring_endpoints(env),
        "database_mirroring" => mirroring::database_mirroring(env),
        "database_mirroring_witnesses" => mirroring::witnesses(env),
        "dm_db_mirroring_connections" => mirroring::connections(env)?,
        "databases" => server::databases(env),
        "dm_exec_sessions" => server::sessions(env)?,
        "dm_exec_connections" => server::connections(env)?,
        "server_triggers" => server::server_triggers(env),
        "server_trigger_events" => server::server_trigger_events(env),
        "dm_tcp_listener_states" => server::tcp_listener_states(env)?,
        "messages" => messages::messages(),
        "configurations" => server::configurations(),
        _ => Vec::new(),
    };
    if all.iter().all(|c| c.since <= version) {
        return Ok(Arc::new(rows));
    }
    let kept: Vec<bool> = all.iter().map(|c| c.since <= version).collect();
    let trim = |row: Vec<Value>| {
        row.into_iter()
            .zip(&kept)
            .filter(|(_, k)| **k)
            .map(|(v, _)| v)
            .collect()
    };
    Ok(Arc::new(rows.into_iter().map(trim).collect()))
}
