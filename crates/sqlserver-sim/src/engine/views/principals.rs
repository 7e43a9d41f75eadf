//! Rows of the principal views, server and database.

use super::cells::{Rows, optional, text};
use super::visibility;
use crate::engine::eval::dates;
use crate::engine::eval::env::Env;
use crate::engine::state::database::Database;
use crate::engine::state::permission::Securable;
use crate::engine::state::principal::ServerPrincipal;
use crate::protocol::Value;

fn visible<'a>(env: &Env<'a>) -> impl Iterator<Item = &'a ServerPrincipal> {
    let asker = env.asker();
    let all = env.state.principals.values();
    all.filter(move |p| visibility::server_principal(asker, p))
}

fn common(principal: &ServerPrincipal) -> Vec<Value> {
    let database = principal
        .is_login()
        .then(|| principal.default_database.clone());
    let language = principal
        .is_login()
        .then(|| principal.default_language.clone());
    vec![
        text(&*principal.name),
        Value::Int(principal.id),
        Value::Binary(principal.sid.clone()),
        text(principal.kind),
        text(principal.type_desc()),
        Value::Bit(principal.disabled),
        Value::DateTime(dates::to_datetime(principal.created)),
        Value::DateTime(dates::to_datetime(principal.modified)),
        optional(database),
        optional(language),
        Value::Null,
    ]
}

pub fn server_principals(env: &Env<'_>) -> Rows {
    let rows = visible(env).map(|p| {
        let mut row = common(p);
        row.push(p.owner.map_or(Value::Null, Value::Int));
        row.push(Value::Bit(p.fixed_role));
        row
    });
    rows.collect()
}

/// `password_hash` needs CONTROL SERVER; what is shown is a stand-in of the right length.
pub fn sql_logins(env: &Env<'_>) -> Rows {
    let may_see_hash = env.asker().may(Securable::Server, "CONTROL SERVER");
    let rows = visible(env).filter(|p| p.kind == 'S').map(|p| {
        let mut row = common(p);
        row.push(Value::Bit(p.check_policy));
        row.push(Value::Bit(p.check_expiration));
        let hash = p
            .password
            .as_ref()
            .filter(|_| may_see_hash)
            .map(|password| {
                let mut bytes = vec![2, 0];
                let digest =
                    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, password.as_bytes());
                bytes.extend(&p.sid[..4.min(p.sid.len())]);
                bytes.extend(digest.as_ref());
                bytes
            });
        row.push(hash.map_or(Value::Null, Value::Binary));
        row
    });
    rows.collect()
}

pub fn server_role_members(env: &Env<'_>) -> Rows {
    let asker = env.asker();
    let see = |id: &i32| {
        let found = env.state.principals.get(id);
        found.is_some_and(|p| visibility::server_principal(asker, p))
    };
    let rows = env
        .state
        .role_members
        .iter()
        .filter(|(_, member)| see(member));
    rows.map(|(role, member)| vec![Value::Int(*role), Value::Int(*member)])
        .collect()
}

fn database<'a>(env: &Env<'a>, id: i32) -> Option<&'a Database> {
    env.state.databases.get(&id)
}

pub fn database_principals(env: &Env<'_>, id: i32) -> Rows {
    let Some(database) = database(env, id) else {
        return Vec::new();
    };
    let asker = env.asker();
    let shown = database.principals.values();
    let shown = shown.filter(|p| visibility::database_principal(asker, database, p));
    let rows = shown.map(|p| {
        vec![
            text(&*p.name),
            Value::Int(p.id),
            text(p.kind),
            text(p.type_desc()),
            optional(p.default_schema.clone()),
            Value::DateTime(dates::to_datetime(p.created)),
            Value::DateTime(dates::to_datetime(p.modified)),
            p.owner.map_or(Value::Null, Value::Int),
            p.sid.clone().map_or(Value::Null, Value::Binary),
            Value::Bit(p.fixed_role),
            Value::Int(p.authentication),
            text(p.authentication_desc()),
            Value::Null,
            Value::Null,
            Value::Bit(false),
        ]
    });
    rows.collect()
}

pub fn database_role_members(env: &Env<'_>, id: i32) -> Rows {
    let Some(database) = database(env, id) else {
        return Vec::new();
    };
    let asker = env.asker();
    let see = |id: &i32| {
        let found = database.principals.get(id);
        found.is_some_and(|p| visibility::database_principal(asker, database, p))
    };
    let rows = database
        .role_members
        .iter()
        .filter(|(_, member)| see(member));
    rows.map(|(role, member)| vec![Value::Int(*role), Value::Int(*member)])
        .collect()
}

pub fn sysusers(env: &Env<'_>, id: i32) -> Rows {
    let Some(database) = database(env, id) else {
        return Vec::new();
    };
    let asker = env.asker();
    let flag = |yes: bool| Value::Int(i32::from(yes));
    let shown = database.principals.values();
    let shown = shown.filter(|p| visibility::database_principal(asker, database, p));
    let rows = shown.map(|p| {
        let user = p.kind != 'R' && p.kind != 'A';
        vec![
            Value::SmallInt(i16::try_from(p.id).unwrap_or(i16::MAX)),
            Value::SmallInt(0),
            text(&*p.name),
            p.sid.clone().map_or(Value::Null, Value::Binary),
            Value::Null,
            Value::DateTime(dates::to_datetime(p.created)),
            Value::DateTime(dates::to_datetime(p.modified)),
            p.owner.map_or(Value::Null, |o| {
                Value::SmallInt(i16::try_from(o).unwrap_or(0))
            }),
            Value::Null,
            Value::SmallInt(0),
            Value::Null,
            flag(user && p.id != 3 && p.id != 4),
            flag(user),
            flag(matches!(p.kind, 'U' | 'G')),
            flag(p.kind == 'G'),
            flag(p.kind == 'U'),
            flag(p.kind == 'S'),
            flag(false),
            flag(p.kind == 'R'),
            flag(p.kind == 'A'),
        ]
    });
    rows.collect()
}
