//! Rows about mirroring sessions and the connections between endpoints.

use super::cells::{Rows, optional, text};
use super::server;
use crate::engine::errors::Outcome;
use crate::engine::eval::dates;
use crate::engine::eval::env::Env;
use crate::engine::net::transport::{Mirror, MirrorRole, MirrorState};
use crate::engine::state::database::DatabaseState;
use crate::protocol::Value;

/// One row per database; a mirror's columns are NULL for everyone but sysadmins.
pub fn database_mirroring(env: &Env<'_>) -> Rows {
    let transport = env.instance.transport();
    let sysadmin = env.asker().is_sysadmin();
    let rows = env.state.databases.values().map(|database| {
        let hidden = database.state == DatabaseState::Restoring && !sysadmin;
        let mirror = transport.mirrors.get(&database.id).filter(|_| !hidden);
        let mut row = vec![Value::Int(database.id)];
        match mirror {
            Some(mirror) => row.extend(mirror_columns(mirror)),
            None => row.extend(std::iter::repeat_n(Value::Null, 20)),
        }
        row
    });
    rows.collect()
}

fn mirror_columns(mirror: &Mirror) -> Vec<Value> {
    let (state, state_desc) = match mirror.state {
        MirrorState::Suspended => (0, "SUSPENDED"),
        MirrorState::Disconnected => (1, "DISCONNECTED"),
        MirrorState::Synchronized => (4, "SYNCHRONIZED"),
    };
    let (role, role_desc) = match mirror.role {
        MirrorRole::Principal => (1, "PRINCIPAL"),
        MirrorRole::Mirror => (2, "MIRROR"),
    };
    let (safety, safety_desc) = if mirror.safety_full {
        (2, "FULL")
    } else {
        (1, "OFF")
    };
    let (witness, witness_desc) = match (&mirror.witness, mirror.witness_connected) {
        (None, _) => (0, "UNKNOWN"),
        (Some(_), true) => (1, "CONNECTED"),
        (Some(_), false) => (2, "DISCONNECTED"),
    };
    let lsn = || Value::Decimal(31_000_000_021_600_001, 0);
    vec![
        Value::Guid(mirror.guid),
        Value::TinyInt(state),
        text(state_desc),
        Value::TinyInt(role),
        text(role_desc),
        Value::Int(mirror.role_sequence),
        Value::TinyInt(safety),
        text(safety_desc),
        Value::Int(1),
        text(&*mirror.partner),
        optional(mirror.partner_instance.clone()),
        text(mirror.witness.clone().unwrap_or_default()),
        Value::TinyInt(witness),
        text(witness_desc),
        lsn(),
        Value::Int(mirror.timeout),
        Value::Null,
        text("UNLIMITED"),
        lsn(),
        lsn(),
    ]
}

pub fn witnesses(env: &Env<'_>) -> Rows {
    let transport = env.instance.transport();
    let rows = transport.witnessed.iter().map(|w| {
        let (safety, safety_desc) = if w.safety_full {
            (2, "FULL")
        } else {
            (1, "OFF")
        };
        vec![
            text(&*w.database),
            text(&*w.principal),
            text(&*w.mirror),
            Value::TinyInt(safety),
            text(safety_desc),
            Value::Int(1),
            Value::Int(1),
            Value::Guid(w.guid),
            Value::Guid(w.family),
            Value::Bit(false),
            Value::Int(1),
            Value::TinyInt(5),
            text("SYNCHRONIZED"),
        ]
    });
    rows.collect()
}

/// # Errors
/// 300 and 297 without VIEW SERVER STATE.
pub fn connections(env: &Env<'_>) -> Outcome<Rows> {
    server::needs_server_state(
        env,
        env.instance.switches().mirroring_view_needs_security_state,
    )?;
    let transport = env.instance.transport();
    let rows = transport.connections.iter().map(|c| {
        let when = |t| Value::DateTime(dates::to_datetime(t));
        let (algorithm, description) = match c.algorithm.as_str() {
            "AES" => (2, "AES"),
            "RC4" => (1, "RC4"),
            _ => (0, "NONE"),
        };
        let mut row = vec![
            Value::Guid(c.id),
            Value::Guid(c.stream),
            Value::SmallInt(4),
            text("LOGGED_IN"),
            when(c.connected),
            when(c.connected),
            Value::Null,
            optional(c.principal.clone()),
            Value::Null,
            when(c.connected),
            Value::Bit(c.is_accept),
            Value::SmallInt(12),
            text("ONLINE"),
            c.peer_certificate.map_or(Value::Null, Value::Int),
            Value::SmallInt(algorithm),
            text(description),
            Value::SmallInt(1),
            Value::Bit(false),
            Value::SmallInt(0),
            Value::Bit(false),
        ];
        row.extend(std::iter::repeat_n(Value::BigInt(1), 6));
        row.push(Value::Guid(c.arbitration));
        row
    });
    Ok(rows.collect())
}
