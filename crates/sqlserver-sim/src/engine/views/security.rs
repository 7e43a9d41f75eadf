//! Rows of permissions, certificates and keys.

use super::cells::{Rows, text};
use super::visibility;
use crate::engine::eval::dates;
use crate::engine::eval::env::Env;
use crate::engine::state::MASTER;
use crate::engine::state::certificate::KeyProtection;
use crate::engine::state::permission::{Permission, Securable};
use crate::engine::state::permission_names::type_code;
use crate::engine::state::version::Version;
use crate::protocol::Value;

fn permission_row(row: &Permission) -> Vec<Value> {
    let class = match row.class {
        0 => "DATABASE",
        4 => "DATABASE_PRINCIPAL",
        25 => "CERTIFICATE",
        100 => "SERVER",
        101 => "SERVER_PRINCIPAL",
        105 => "ENDPOINT",
        _ => "OBJECT_OR_COLUMN",
    };
    let state = match row.state {
        'D' => "DENY",
        'W' => "GRANT_WITH_GRANT_OPTION",
        _ => "GRANT",
    };
    vec![
        Value::TinyInt(row.class),
        text(class),
        Value::Int(row.major),
        Value::Int(0),
        Value::Int(row.grantee),
        Value::Int(row.grantor),
        text(type_code(&row.name)),
        text(&*row.name),
        text(row.state),
        text(state),
    ]
}

pub fn server_permissions(env: &Env<'_>) -> Rows {
    let asker = env.asker();
    let rows = env.state.permissions.iter();
    rows.filter(|r| visibility::server_permission(asker, r.class, r.major, r.grantee))
        .map(permission_row)
        .collect()
}

pub fn database_permissions(env: &Env<'_>, id: i32) -> Rows {
    let Some(database) = env.state.databases.get(&id) else {
        return Vec::new();
    };
    let asker = env.asker();
    let see = |grantee: i32| {
        let found = database.principals.get(&grantee);
        found.is_some_and(|p| visibility::database_principal(asker, database, p))
    };
    let rows = database.permissions.iter().filter(|r| see(r.grantee));
    rows.map(permission_row).collect()
}

pub fn certificates(env: &Env<'_>, id: i32) -> Rows {
    let Some(database) = env.state.databases.get(&id) else {
        return Vec::new();
    };
    let asker = env.asker();
    let shown = database.certificates.values();
    let shown = shown.filter(|c| asker.sees(Securable::Certificate(id, c.id)));
    let rows = shown.map(|c| {
        let (kind, description) = match c.private_key.as_ref().map(|k| &k.protection) {
            None => ("NA", "NO_PRIVATE_KEY"),
            Some(KeyProtection::MasterKey) => ("MK", "ENCRYPTED_BY_MASTER_KEY"),
            Some(KeyProtection::Password(_)) => ("PW", "ENCRYPTED_BY_PASSWORD"),
        };
        let (sid, string_sid) = c.facts.sid();
        vec![
            text(&*c.name),
            Value::Int(c.id),
            Value::Int(c.owner),
            text(kind),
            text(description),
            Value::Bit(c.active_for_dialog),
            text(&*c.facts.issuer),
            text(c.facts.serial_text()),
            Value::Binary(sid),
            text(string_sid),
            text(c.facts.catalog_subject()),
            Value::DateTime(c.facts.expiry),
            Value::DateTime(c.facts.start),
            Value::Binary(c.facts.thumbprint.clone()),
            Value::Null,
            c.last_key_backup
                .map_or(Value::Null, |t| Value::DateTime(dates::to_datetime(t))),
            Value::Int(c.facts.key_length),
        ]
    });
    rows.collect()
}

/// The database master key, and in master the service master key. The rows are hidden from those who could not open the key;
/// `CREATE MASTER KEY` then says 15247, not 15578.
pub fn symmetric_keys(env: &Env<'_>, id: i32) -> Rows {
    let Some(database) = env.state.databases.get(&id) else {
        return Vec::new();
    };
    let asker = env.asker();
    if !asker.may(Securable::Database(id), "VIEW DEFINITION") {
        return Vec::new();
    }
    let row = |name: &str, id: i32, created, modified, guid| {
        let aes = env.instance.version() >= Version::V2012;
        let (length, code, algorithm) = if aes {
            (256, "A3", "AES_256")
        } else {
            (128, "D3", "TRIPLE_DES")
        };
        vec![
            text(name),
            Value::Int(1),
            Value::Int(id),
            Value::Int(length),
            text(code),
            text(algorithm),
            Value::DateTime(dates::to_datetime(created)),
            Value::DateTime(dates::to_datetime(modified)),
            Value::Guid(guid),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
        ]
    };
    let mut rows = Vec::new();
    if let Some(key) = &database.master_key {
        let name = "##MS_DatabaseMasterKey##";
        rows.push(row(name, 101, key.created, key.modified, key.guid));
    }
    if id == MASTER {
        let key = env.state.service_key;
        let name = "##MS_ServiceMasterKey##";
        rows.push(row(name, 102, key.created, key.created, key.guid));
    }
    rows
}

pub fn key_encryptions(env: &Env<'_>, id: i32) -> Rows {
    let key = env
        .state
        .databases
        .get(&id)
        .and_then(|d| d.master_key.as_ref());
    let Some(key) = key.filter(|_| env.asker().may(Securable::Database(id), "VIEW DEFINITION"))
    else {
        return Vec::new();
    };
    let row = |code: &str, description: &str| {
        vec![
            Value::Int(101),
            Value::Null,
            text(code),
            text(description),
            Value::Binary(vec![0; 32]),
        ]
    };
    let password = if env.instance.version() >= Version::V2012 {
        "ESP2"
    } else {
        "ESKP"
    };
    let mut rows: Rows = key
        .passwords
        .iter()
        .map(|_| row(password, "ENCRYPTION BY PASSWORD"))
        .collect();
    if key.by_service_key {
        rows.push(row("ESKM", "ENCRYPTION BY MASTER KEY"));
    }
    rows
}
