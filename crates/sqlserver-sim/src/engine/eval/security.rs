//! Functions about principals, permissions and certificates; all of them obey metadata visibility.

use super::env::Env;
use super::{convert, dates};
use crate::engine::errors::Outcome;
use crate::engine::state::asker::user_in;
use crate::engine::state::database::Database;
use crate::engine::state::permission::Securable;
use crate::engine::state::permission_names::exists;
use crate::engine::state::principal::{DatabasePrincipal, ServerPrincipal};
use crate::engine::views::visibility;
use crate::protocol::Value;

/// The value of a function of this family; `None` when `name` is none.
///
/// # Errors
/// Conversions of the arguments.
pub fn call(env: &Env<'_>, name: &str, values: &[Value]) -> Outcome<Option<Value>> {
    let first = || match values.first() {
        Some(value) => convert::text(value),
        None => Ok(None),
    };
    Ok(Some(match name {
        "SUSER_NAME" | "SUSER_SNAME" | "SUSER_ID" | "SUSER_SID" => login(env, name, values)?,
        "ORIGINAL_LOGIN" => Value::Text(env.facts.login_name.clone()),
        "SYSTEM_USER" => own_login(env),
        "USER_NAME" | "CURRENT_USER" | "SESSION_USER" => user_name(env, values)?,
        "USER_ID" | "DATABASE_PRINCIPAL_ID" => user_id(env, first()?.as_deref()),
        "IS_SRVROLEMEMBER" => server_role(env, &first()?.unwrap_or_default(), values)?,
        "IS_MEMBER" | "IS_ROLEMEMBER" => database_role(env, &first()?.unwrap_or_default()),
        "HAS_PERMS_BY_NAME" => has_permission(env, values)?,
        "CERT_ID" => {
            let unquoted = first()?.map(|n| n.trim_matches(['[', ']']).to_owned());
            let found = unquoted.and_then(|n| certificate_by_name(env, &n));
            found.map_or(Value::Null, Value::Int)
        }
        "CERTENCODED" | "CERTPROPERTY" => certificate(env, name, values)?,
        "LOGINPROPERTY" => login_property(env, values)?,
        _ => return Ok(None),
    }))
}

fn database<'a>(env: &Env<'a>) -> Option<&'a Database> {
    env.state.databases.get(&env.facts.database)
}

fn own_login(env: &Env<'_>) -> Value {
    let own = env.state.principals.get(&env.facts.login);
    own.map_or(Value::Null, |p| Value::Text(p.name.clone()))
}

fn login(env: &Env<'_>, name: &str, values: &[Value]) -> Outcome<Value> {
    let asker = env.asker();
    let found: Option<&ServerPrincipal> = match values.first() {
        None => env.state.principals.get(&env.facts.login),
        Some(Value::Null) => None,
        Some(Value::Binary(sid)) => env.state.principal_by_sid(sid),
        Some(Value::Text(name)) => env.state.principal(name),
        Some(other) => {
            let id = convert::integer(other)?.and_then(|n| i32::try_from(n).ok());
            id.and_then(|id| env.state.principals.get(&id))
        }
    };
    let Some(principal) = found.filter(|p| visibility::server_principal(asker, p)) else {
        return Ok(Value::Null);
    };
    Ok(match name {
        "SUSER_ID" => Value::Int(principal.id),
        "SUSER_SID" => Value::Binary(principal.sid.clone()),
        _ => Value::Text(principal.name.clone()),
    })
}

fn user_name(env: &Env<'_>, values: &[Value]) -> Outcome<Value> {
    let Some(database) = database(env) else {
        return Ok(Value::Null);
    };
    let id = match values.first() {
        None => user_in(env.state, env.facts.login, database),
        Some(value) => convert::integer(value)?.and_then(|n| i32::try_from(n).ok()),
    };
    let found = id.and_then(|id| database.principals.get(&id));
    Ok(found
        .filter(|u| visible_user(env, database, u))
        .map_or(Value::Null, |u| Value::Text(u.name.clone())))
}

fn visible_user(env: &Env<'_>, database: &Database, user: &DatabasePrincipal) -> bool {
    visibility::database_principal(env.asker(), database, user)
}

fn user_id(env: &Env<'_>, name: Option<&str>) -> Value {
    let Some(database) = database(env) else {
        return Value::Null;
    };
    match name {
        None => user_in(env.state, env.facts.login, database).map_or(Value::Null, Value::Int),
        Some(name) => database
            .principal(name, &env.state.collation)
            .filter(|u| visible_user(env, database, u))
            .map_or(Value::Null, |u| Value::Int(u.id)),
    }
}

fn server_role(env: &Env<'_>, role: &str, values: &[Value]) -> Outcome<Value> {
    let login = match values.get(1) {
        None => Some(env.facts.login),
        Some(value) => {
            let name = convert::text(value)?.unwrap_or_default();
            env.state.principal(&name).map(|p| p.id)
        }
    };
    let role = env.state.principal(role).filter(|p| p.kind == 'R');
    Ok(match (role, login) {
        (Some(role), Some(login)) => {
            let member = env.state.identities(login).contains(&role.id);
            Value::Int(i32::from(
                member || env.state.is_sysadmin(login) && role.id == 3,
            ))
        }
        _ => Value::Null,
    })
}

fn database_role(env: &Env<'_>, role: &str) -> Value {
    let Some(database) = database(env) else {
        return Value::Null;
    };
    let role = database
        .principal(role, &env.state.collation)
        .filter(|p| p.kind == 'R');
    let user = user_in(env.state, env.facts.login, database);
    match (role, user) {
        (Some(role), Some(user)) => {
            Value::Int(i32::from(database.identities(user).contains(&role.id)))
        }
        _ => Value::Null,
    }
}

fn has_permission(env: &Env<'_>, values: &[Value]) -> Outcome<Value> {
    let mut texts = Vec::new();
    for value in values {
        texts.push(convert::text(value)?);
    }
    let get = |n: usize| texts.get(n).cloned().flatten();
    let Some(permission) = get(2).map(|p| p.to_uppercase()) else {
        return Ok(Value::Null);
    };
    let class = get(1).map(|c| c.to_uppercase());
    let securable = named_securable(env, get(0), class.as_deref());
    let asker = env.asker();
    let version = env.instance.version();
    // A permission the version lacks, or a securable one cannot see, is unknown rather than denied.
    let known = |s: &Securable| exists(*s, &permission, version);
    Ok(match securable.filter(known) {
        Some(s @ (Securable::Server | Securable::Database(_))) => answer(asker.may(s, &permission)),
        Some(s) if asker.sees(s) => answer(asker.may(s, &permission)),
        _ => Value::Null,
    })
}

fn answer(yes: bool) -> Value {
    Value::Int(i32::from(yes))
}

pub(super) fn named_securable(
    env: &Env<'_>,
    name: Option<String>,
    class: Option<&str>,
) -> Option<Securable> {
    let unquoted = name.map(
        |n| match n.strip_prefix('[').and_then(|n| n.strip_suffix(']')) {
            Some(inner) => inner.replace("]]", "]"),
            None => n,
        },
    );
    let current = database(env)?;
    match (class, unquoted) {
        (None | Some("SERVER"), None) => Some(Securable::Server),
        (Some("DATABASE"), None) => Some(Securable::Database(current.id)),
        (Some("DATABASE"), Some(name)) => {
            env.state.database(&name).map(|d| Securable::Database(d.id))
        }
        (Some("ENDPOINT"), Some(name)) => {
            env.state.endpoint(&name).map(|e| Securable::Endpoint(e.id))
        }
        (Some("LOGIN" | "SERVER ROLE"), Some(name)) => {
            env.state.principal(&name).map(Securable::of_principal)
        }
        (Some("USER" | "ROLE"), Some(name)) => current
            .principal(&name, &env.state.collation)
            .map(|u| Securable::of_user(current.id, u)),
        (Some("CERTIFICATE"), Some(name)) => current
            .certificate(&name, &env.state.collation)
            .map(|c| Securable::Certificate(current.id, c.id)),
        _ => None,
    }
}

fn certificate_by_name(env: &Env<'_>, name: &str) -> Option<i32> {
    let database = database(env)?;
    let found = database.certificate(name, &env.state.collation)?;
    env.asker()
        .sees(Securable::Certificate(database.id, found.id))
        .then_some(found.id)
}

fn certificate(env: &Env<'_>, name: &str, values: &[Value]) -> Outcome<Value> {
    let id = match values.first() {
        Some(value) => convert::integer(value)?.and_then(|n| i32::try_from(n).ok()),
        None => None,
    };
    let database = database(env);
    let found = database.and_then(|d| id.and_then(|id| d.certificates.get(&id)).map(|c| (d, c)));
    let Some((_, certificate)) =
        found.filter(|(d, c)| env.asker().sees(Securable::Certificate(d.id, c.id)))
    else {
        return Ok(Value::Null);
    };
    let facts = &certificate.facts;
    if name == "CERTENCODED" {
        return Ok(Value::Binary(facts.der.clone()));
    }
    let property = match values.get(1) {
        Some(value) => convert::text(value)?.unwrap_or_default(),
        None => String::new(),
    };
    Ok(match property.to_ascii_lowercase().as_str() {
        "expiry_date" => Value::DateTime(facts.expiry),
        "start_date" => Value::DateTime(facts.start),
        "issuer_name" => Value::Text(facts.issuer.clone()),
        "cert_serial_number" => Value::Text(facts.serial_text()),
        "subject" => Value::Text(facts.catalog_subject()),
        "sid" => Value::Binary(facts.sid().0),
        "string_sid" => Value::Text(facts.sid().1),
        _ => Value::Null,
    })
}

fn login_property(env: &Env<'_>, values: &[Value]) -> Outcome<Value> {
    let name = convert::text(values.first().unwrap_or(&Value::Null))?.unwrap_or_default();
    let property = convert::text(values.get(1).unwrap_or(&Value::Null))?.unwrap_or_default();
    let found = env.state.principal(&name);
    let Some(login) = found.filter(|p| visibility::server_principal(env.asker(), p)) else {
        return Ok(Value::Null);
    };
    if login.kind != 'S' {
        return Ok(match property.to_ascii_lowercase().as_str() {
            "defaultdatabase" => Value::Text(login.default_database.clone()),
            "defaultlanguage" => Value::Text(login.default_language.clone()),
            _ => Value::Null,
        });
    }
    let locked = env.instance.is_locked_out(login.id);
    let wrong = env.instance.wrong_passwords_of(login.id);
    Ok(match property.to_ascii_lowercase().as_str() {
        "islocked" => Value::Int(i32::from(locked)),
        "isexpired" => Value::Int(0),
        "ismustchange" => Value::Int(i32::from(login.must_change)),
        "badpasswordcount" => Value::Int(i32::try_from(wrong).unwrap_or(i32::MAX)),
        "defaultdatabase" => Value::Text(login.default_database.clone()),
        "defaultlanguage" => Value::Text(login.default_language.clone()),
        "passwordlastsettime" => Value::DateTime(dates::to_datetime(login.modified)),
        // SHA-512 since 2012, its iterated form since 2025.
        "passwordhashalgorithm" => Value::Int(2),
        "historylength" => Value::Int(0),
        "daysuntilexpiration" if !login.check_expiration => Value::Null,
        "daysuntilexpiration" => Value::Int(42),
        _ => Value::Null,
    })
}
