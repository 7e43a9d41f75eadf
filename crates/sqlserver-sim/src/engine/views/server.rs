//! Rows about the server: databases, sessions, connections, triggers, configuration.

use super::cells::{Rows, count, text};
use crate::engine::errors::{Outcome, Raise};
use crate::engine::eval::dates;
use crate::engine::eval::env::Env;
use crate::engine::lang::ast::EndpointState;
use crate::engine::state::MASTER;
use crate::engine::state::database::DatabaseState;
use crate::engine::state::permission::Securable;
use crate::engine::state::version::Version;
use crate::protocol::Value;

/// # Errors
/// 300 (naming the permission) and 297.
pub fn needs_server_state(env: &Env<'_>, security: bool) -> Outcome<()> {
    let name = match (env.instance.version() >= Version::V2022, security) {
        (true, true) => "VIEW SERVER SECURITY STATE",
        (true, false) => "VIEW SERVER PERFORMANCE STATE",
        (false, _) => "VIEW SERVER STATE",
    };
    if env.asker().may(Securable::Server, name) {
        return Ok(());
    }
    let first = format!("{name} permission was denied on object 'server', database 'master'.");
    Err(Raise::new(300, 14, first).then(
        297,
        16,
        "The user does not have permission to perform this action.",
    ))
}

pub fn databases(env: &Env<'_>) -> Rows {
    let asker = env.asker();
    let see_all = asker.may(Securable::Server, "VIEW ANY DATABASE");
    let level = env.instance.version().parts().0.saturating_mul(10);
    let shown = env
        .state
        .databases
        .values()
        .filter(|d| see_all || d.id <= 2);
    let rows = shown.map(|d| {
        let (state, state_desc) = match d.state {
            DatabaseState::Online => (0, "ONLINE"),
            DatabaseState::Restoring => (1, "RESTORING"),
        };
        let model = match d.recovery_model.as_str() {
            "FULL" => 1,
            "BULK_LOGGED" => 2,
            _ => 3,
        };
        let by_server = d.master_key.as_ref().is_some_and(|k| k.by_service_key);
        vec![
            text(&*d.name),
            Value::Int(d.id),
            Value::Null,
            Value::Binary(d.owner_sid.clone()),
            Value::DateTime(dates::to_datetime(d.created)),
            Value::TinyInt(level),
            text(&*env.state.collation.name),
            Value::TinyInt(0),
            text("MULTI_USER"),
            Value::Bit(false),
            Value::Bit(false),
            Value::TinyInt(state),
            text(state_desc),
            Value::Bit(false),
            Value::TinyInt(model),
            text(&*d.recovery_model),
            Value::Bit(d.id == 4),
            Value::Bit(by_server),
            Value::Guid(d.family),
            Value::Bit(d.id != MASTER),
            Value::Bit(false),
            Value::Null,
            Value::Null,
            Value::TinyInt(0),
        ]
    });
    rows.collect()
}

/// # Errors
/// Without VIEW SERVER STATE one sees one's own session only; no error.
pub fn sessions(env: &Env<'_>) -> Outcome<Rows> {
    let all = needs_server_state(env, false).is_ok();
    let sessions = env.instance.sessions().all();
    let rows = sessions
        .values()
        .filter(|s| all || s.spid == env.facts.spid)
        .map(|s| {
            vec![
                Value::SmallInt(i16::try_from(s.spid).unwrap_or(i16::MAX)),
                Value::DateTime(dates::to_datetime(s.since)),
                text(&*s.client_host),
                text(&*s.application),
                Value::Null,
                text("simulated"),
                Value::Binary(s.sid.clone()),
                text(&*s.login_name),
                text("running"),
                Value::Bit(true),
                text(&*s.login_name),
                Value::SmallInt(1),
                count(0),
            ]
        });
    Ok(rows.collect())
}

/// # Errors
/// 300 and 297 without VIEW SERVER STATE, for other sessions' rows none.
pub fn connections(env: &Env<'_>) -> Outcome<Rows> {
    needs_server_state(env, true)?;
    let sessions = env.instance.sessions().all();
    let mut rows: Rows = Vec::new();
    for s in sessions.values() {
        let encrypted = if s.encrypted { "TRUE" } else { "FALSE" };
        rows.push(vec![
            Value::Int(i32::from(s.spid)),
            Value::DateTime(dates::to_datetime(s.since)),
            text("TCP"),
            text("TSQL"),
            Value::Int(0x7400_0004),
            Value::Int(4),
            text(encrypted),
            text("SQL"),
            Value::Int(i32::from(s.packet_size)),
            text("127.0.0.1"),
            Value::Null,
            text("127.0.0.1"),
            Value::Int(i32::from(env.instance.port())),
            Value::Guid(s.connection),
        ]);
    }
    Ok(rows)
}

pub fn server_triggers(env: &Env<'_>) -> Rows {
    if !env.asker().may(Securable::Server, "VIEW ANY DEFINITION") {
        return Vec::new();
    }
    let rows = env.state.server_triggers.iter().map(|t| {
        vec![
            text(&*t.name),
            Value::Int(t.id),
            Value::TinyInt(100),
            text("SERVER"),
            Value::Int(0),
            text("TR"),
            text("SQL_TRIGGER"),
            Value::DateTime(dates::to_datetime(t.created)),
            Value::DateTime(dates::to_datetime(t.modified)),
            Value::Bit(false),
            Value::Bit(t.disabled),
        ]
    });
    rows.collect()
}

/// One row an event; the number of an event type is known for LOGON only, the others' are stand-ins.
pub fn server_trigger_events(env: &Env<'_>) -> Rows {
    if !env.asker().may(Securable::Server, "VIEW ANY DEFINITION") {
        return Vec::new();
    }
    let mut rows = Vec::new();
    for trigger in &env.state.server_triggers {
        for (n, event) in (10_001..).zip(&trigger.events) {
            let number = if event == "LOGON" { 147 } else { n };
            rows.push(vec![
                Value::Int(trigger.id),
                Value::Int(number),
                text(&**event),
                Value::Bit(true),
                Value::Bit(false),
                Value::Bit(false),
            ]);
        }
    }
    rows
}

/// # Errors
/// 300 and 297 without VIEW SERVER STATE.
pub fn tcp_listener_states(env: &Env<'_>) -> Outcome<Rows> {
    needs_server_state(env, true)?;
    let row = |id: i32, port: i32, kind: u8, name: &str, online: bool| {
        let (state, word) = if online {
            (0, "ONLINE")
        } else {
            (1, "PENDING_RESTART")
        };
        vec![
            Value::Int(id),
            text("0.0.0.0"),
            Value::Bit(true),
            Value::Int(port),
            Value::TinyInt(kind),
            text(name),
            Value::TinyInt(state),
            text(word),
            Value::DateTime(dates::to_datetime(env.state.created)),
        ]
    };
    let mut rows = vec![row(1, i32::from(env.instance.port()), 0, "TSQL", true)];
    let endpoint = env.state.mirroring_endpoint();
    let endpoint = endpoint.filter(|e| e.state != EndpointState::Disabled);
    rows.extend(endpoint.map(|e| {
        let online = env.instance.listening(env.state).is_some();
        row(2, e.port, 2, "Database Mirroring", online)
    }));
    Ok(rows)
}

pub fn configurations() -> Rows {
    let list = [
        (101, "recovery interval (min)", 0),
        (518, "show advanced options", 0),
        (1568, "default trace enabled", 1),
        (16390, "xp_cmdshell", 0),
    ];
    let rows = list.iter().map(|(id, name, value)| {
        vec![
            Value::Int(*id),
            text(*name),
            Value::Int(*value),
            Value::Int(0),
            Value::Int(1),
            Value::Int(*value),
            text(*name),
            Value::Bit(true),
            Value::Bit(true),
        ]
    });
    rows.collect()
}
