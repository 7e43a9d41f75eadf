//! Functions about the instance, the session, its errors and the time.

use super::convert;
use super::dates;
use super::env::Env;
use crate::engine::errors::Outcome;
use crate::engine::state::database::DatabaseState;
use crate::engine::state::version::{Platform, Version};
use crate::engine::views;
use crate::protocol::Value;

fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

/// The value of an `@@` variable; `None` when there is no such variable.
pub fn global(env: &Env<'_>, name: &str) -> Option<Value> {
    let facts = env.facts;
    Some(match name.to_ascii_uppercase().as_str() {
        "@@VERSION" => text(version_text(env)),
        "@@SERVERNAME" => text(env.instance.server_name()),
        "@@SERVICENAME" => text(env.instance.instance_name().unwrap_or("MSSQLSERVER")),
        "@@LANGUAGE" => text("us_english"),
        "@@SPID" => Value::SmallInt(i16::try_from(facts.spid).unwrap_or(i16::MAX)),
        "@@TRANCOUNT" => Value::Int(facts.transaction_count),
        "@@ERROR" => Value::Int(facts.last_error),
        "@@ROWCOUNT" => Value::Int(facts.row_count),
        "@@LOCK_TIMEOUT" => Value::Int(i32::try_from(facts.lock_timeout).unwrap_or(i32::MAX)),
        "@@OPTIONS" => Value::Int(5496),
        "@@MAX_PRECISION" => Value::TinyInt(38),
        "@@MICROSOFTVERSION" => {
            let (major, minor, build, _) = env.instance.version().parts();
            Value::Int(i32::from(major) << 24 | i32::from(minor) << 16 | i32::from(build))
        }
        _ => return None,
    })
}

fn version_text(env: &Env<'_>) -> String {
    let version = env.instance.version();
    let platform = match env.instance.platform() {
        Platform::Windows => "Windows Server 2022 Standard 10.0 <X64>",
        Platform::Linux => "Linux (Ubuntu 22.04.5 LTS) <X64>",
    };
    format!(
        "Microsoft SQL Server {} (simulated) - {} (X64) \n\t{} on {platform}",
        version.marketing_name(),
        version.product_version(),
        env.instance.edition().property(),
    )
}

/// The value of a function of this family; `None` when `name` is none.
///
/// # Errors
/// Conversions of the arguments.
pub fn call(env: &Env<'_>, name: &str, values: &[Value]) -> Outcome<Option<Value>> {
    let facts = env.facts;
    let now = || env.instance.now();
    Ok(Some(match name {
        "SERVERPROPERTY" => server_property(env, &argument(values, 0)?),
        "CONNECTIONPROPERTY" => connection_property(env, &argument(values, 0)?),
        "APP_NAME" => text(&*facts.application),
        "HOST_NAME" => text(&*facts.client_host),
        "SYSUTCDATETIME" | "SYSDATETIME" | "SYSDATETIMEOFFSET" => Value::DateTime2(now()),
        "GETDATE" | "GETUTCDATE" | "CURRENT_TIMESTAMP" => {
            Value::DateTime(dates::to_datetime(now()))
        }
        "XACT_STATE" => Value::SmallInt(facts.xact_state()),
        "ERROR_NUMBER" | "ERROR_SEVERITY" | "ERROR_STATE" | "ERROR_LINE" | "ERROR_MESSAGE"
        | "ERROR_PROCEDURE" => caught(env, name),
        "DB_NAME" => match values.first() {
            None => text(
                env.state
                    .databases
                    .get(&facts.database)
                    .map_or("", |d| &d.name),
            ),
            Some(id) => {
                let id = convert::integer(id)?.and_then(|n| i32::try_from(n).ok());
                let found = id.and_then(|id| env.state.databases.get(&id));
                found.map_or(Value::Null, |d| text(&*d.name))
            }
        },
        "DB_ID" => match values.first() {
            None => Value::Int(facts.database),
            Some(_) => {
                let found = env.state.database(&argument(values, 0)?);
                found.map_or(Value::Null, |d| Value::Int(d.id))
            }
        },
        "DATABASEPROPERTYEX" => database_property(env, values)?,
        "HAS_DBACCESS" => {
            let found = env.state.database(&argument(values, 0)?);
            found.map_or(Value::Null, |d| {
                let user = crate::engine::state::asker::user_in(env.state, facts.login, d);
                Value::Int(i32::from(
                    user.is_some() && d.state == DatabaseState::Online,
                ))
            })
        }
        "OBJECT_ID" => object_id(env, &argument(values, 0)?),
        "COL_LENGTH" => column_length(env, &argument(values, 0)?, &argument(values, 1)?),
        _ => return Ok(None),
    }))
}

fn argument(values: &[Value], n: usize) -> Outcome<String> {
    match values.get(n) {
        Some(value) => Ok(convert::text(value)?.unwrap_or_default()),
        None => Ok(String::new()),
    }
}

fn caught(env: &Env<'_>, name: &str) -> Value {
    let Some(error) = env.facts.caught.last() else {
        return Value::Null;
    };
    match name {
        "ERROR_NUMBER" => Value::Int(error.number),
        "ERROR_SEVERITY" => Value::Int(i32::from(error.class)),
        "ERROR_STATE" => Value::Int(i32::from(error.state)),
        "ERROR_LINE" => Value::Int(i32::try_from(error.line).unwrap_or(0)),
        "ERROR_MESSAGE" => text(&*error.text),
        _ if error.procedure.is_empty() => Value::Null,
        _ => text(&*error.procedure),
    }
}

fn server_property(env: &Env<'_>, property: &str) -> Value {
    let instance = env.instance;
    let version = instance.version();
    let (major, minor, build, _) = version.parts();
    match property.to_ascii_lowercase().as_str() {
        "productversion" => text(version.product_version()),
        "productmajorversion" if version >= Version::V2012 => text(major.to_string()),
        "productminorversion" if version >= Version::V2012 => text(minor.to_string()),
        "productbuild" if version >= Version::V2012 => text(build.to_string()),
        "productlevel" => text("RTM"),
        "productupdatelevel" | "productupdatereference" => Value::Null,
        "edition" => text(instance.edition().property()),
        "engineedition" => Value::Int(instance.edition().engine()),
        "editionid" => Value::BigInt(-2_117_995_310),
        "servername" => text(instance.server_name()),
        "machinename" | "computernamephysicalnetbios" => text(instance.machine_name()),
        "instancename" => instance.instance_name().map_or(Value::Null, text),
        "isclustered" | "issingleuser" | "ispolybaseinstalled" | "islocaldb" => Value::Int(0),
        "ishadrenabled" if version >= Version::V2012 => {
            Value::Int(i32::from(instance.hadr_enabled()))
        }
        "isintegratedsecurityonly" => Value::Int(i32::from(instance.windows_only())),
        "isfulltextinstalled" => Value::Int(0),
        "instancedefaultdatapath" | "instancedefaultlogpath" if version >= Version::V2012 => {
            text(instance.data_path())
        }
        "collation" => text(&*env.state.collation.name),
        "processid" => Value::Int(4242),
        "resourceversion" => text(version.product_version()),
        "lcid" => Value::Int(1033),
        _ => Value::Null,
    }
}

fn connection_property(env: &Env<'_>, property: &str) -> Value {
    match property.to_ascii_lowercase().as_str() {
        "net_transport" => text("TCP"),
        "protocol_type" => text("TSQL"),
        "auth_scheme" => text("SQL"),
        "local_net_address" | "client_net_address" => text("127.0.0.1"),
        "local_tcp_port" => Value::Int(i32::from(env.instance.port())),
        _ => Value::Null,
    }
}

fn database_property(env: &Env<'_>, values: &[Value]) -> Outcome<Value> {
    let Some(database) = env.state.database(&argument(values, 0)?) else {
        return Ok(Value::Null);
    };
    Ok(match argument(values, 1)?.to_ascii_lowercase().as_str() {
        "status" => text(match database.state {
            DatabaseState::Online => "ONLINE",
            DatabaseState::Restoring => "RESTORING",
        }),
        "recovery" => text(&*database.recovery_model),
        "collation" => text(&*env.state.collation.name),
        _ => Value::Null,
    })
}

/// Only catalog views have ids here.
fn object_id(env: &Env<'_>, name: &str) -> Value {
    let plain = name.replace(['[', ']'], "").to_lowercase();
    let view = plain.trim_start_matches("master.");
    let Some(view) = view.strip_prefix("sys.") else {
        return Value::Null;
    };
    if views::columns(env, view).is_none() {
        return Value::Null;
    }
    let sum = view
        .bytes()
        .fold(17_i32, |n, b| n.wrapping_mul(31).wrapping_add(i32::from(b)));
    Value::Int(-(sum.unsigned_abs().cast_signed() & 0x3fff_ffff) - 1)
}

fn column_length(env: &Env<'_>, table: &str, column: &str) -> Value {
    let plain = table.replace(['[', ']'], "").to_lowercase();
    let view = plain
        .trim_start_matches("master.")
        .trim_start_matches("sys.");
    let cols = views::columns(env, view).unwrap_or_default();
    match cols.iter().find(|c| c.name.eq_ignore_ascii_case(column)) {
        Some(col) => {
            let length = super::types::length(col.ty).flatten().unwrap_or(8);
            let width = if convert::is_national(col.ty) { 2 } else { 1 };
            Value::SmallInt(i16::try_from(length.saturating_mul(width)).unwrap_or(i16::MAX))
        }
        None => Value::Null,
    }
}
