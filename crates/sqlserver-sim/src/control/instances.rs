//! Instances: listing, stopping and starting them, databases, T-SQL, and handshakes between them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::{Value as JsonValue, json};

use super::answer::{Done, Refused, done, read};
use super::state::Control;
use crate::connection::{Execution, ResultSet};
use crate::engine::eval::convert;
use crate::engine::net::handshake::{Purpose, probe};
use crate::engine::net::refusal::Side;
use crate::handle::Instance;
use crate::protocol::{Message, Value};

/// An instance as the port shows it.
#[derive(Serialize)]
pub struct Shown {
    name: String,
    /// `MACHINE` or `MACHINE\INSTANCE`.
    server_name: String,
    version: String,
    tds_port: u16,
    running: bool,
    /// `TCP://host:port` of the mirroring endpoint.
    endpoint: Option<String>,
    /// Clients and connections that are logged in.
    sessions: usize,
}

fn shown(instance: &Instance) -> Shown {
    let engine = instance.engine();
    Shown {
        name: instance.name().to_owned(),
        server_name: engine.server_name(),
        version: engine.version().product_version(),
        tds_port: instance.port(),
        running: instance.is_running(),
        endpoint: instance.endpoint_address(),
        sessions: engine.sessions().all().len(),
    }
}

pub async fn list(State(control): State<Control>) -> Json<Vec<Shown>> {
    let all = control.network.all().into_iter().map(Instance::new);
    Json(all.map(|i| shown(&i)).collect())
}

pub async fn show(
    State(control): State<Control>,
    Path(name): Path<String>,
) -> Result<Json<Shown>, Refused> {
    Ok(Json(shown(&control.instance(&name)?)))
}

pub async fn start(
    State(control): State<Control>,
    Path(name): Path<String>,
) -> Result<Json<Shown>, Refused> {
    let instance = control.instance(&name)?;
    instance.start();
    Ok(Json(shown(&instance)))
}

pub async fn stop(
    State(control): State<Control>,
    Path(name): Path<String>,
) -> Result<Json<Shown>, Refused> {
    let instance = control.instance(&name)?;
    instance.stop();
    Ok(Json(shown(&instance)))
}

pub async fn drop_connections(
    State(control): State<Control>,
    Path(name): Path<String>,
) -> Result<Json<Done>, Refused> {
    control.instance(&name)?.faults().drop_connections();
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDatabase {
    name: String,
    /// The instance whose database of this name is restored here, WITH NORECOVERY.
    #[serde(default)]
    copy_of: Option<String>,
}

pub async fn add_database(
    State(control): State<Control>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Done>, Refused> {
    let instance = control.instance(&name)?;
    let wanted: NewDatabase = read(&body)?;
    let made = match &wanted.copy_of {
        None => instance.add_database(&wanted.name).await,
        Some(of) => {
            let original = control.instance(of)?;
            instance.restore_copy(&original, &wanted.name).await
        }
    };
    let detail = |errors: Vec<Message>| {
        let each = errors.iter().map(|m| format!("{} {}", m.number, m.text));
        each.collect::<Vec<_>>().join("; ")
    };
    made.map_err(|errors| Refused::conflict("sql_error", detail(errors)))?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    sql: String,
    /// Whose session it is; default: sysadmin.
    #[serde(default)]
    login: Option<String>,
}

/// Runs a batch in process: it is not counted as a log-in or a round trip. Errors of the batch are an answer (200), not a refusal.
pub async fn run(
    State(control): State<Control>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<JsonValue>, Refused> {
    let instance = control.instance(&name)?;
    let batch: Batch = read(&body)?;
    let execution = match &batch.login {
        None => instance.run(&batch.sql).await,
        Some(login) => {
            let mut connection = instance.connect_as(login).ok_or_else(|| {
                Refused::missing("unknown_login", format!("{name} has no login {login}"))
            })?;
            connection.run(&batch.sql).await
        }
    };
    Ok(Json(answer(&execution)))
}

fn answer(execution: &Execution) -> JsonValue {
    let messages = execution.messages.iter().map(|m| {
        json!({"number": m.number, "class": m.class, "state": m.state, "line": m.line, "text": m.text})
    });
    json!({
        "sets": execution.sets.iter().map(set).collect::<Vec<_>>(),
        "messages": messages.collect::<Vec<_>>(),
        "failed": !execution.errors().is_empty(),
        "hung_up": execution.hung_up,
    })
}

fn set(set: &ResultSet) -> JsonValue {
    let rows = set.rows.iter().map(|row| row.iter().map(cell).collect());
    json!({
        "columns": set.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        "rows": rows.collect::<Vec<Vec<JsonValue>>>(),
    })
}

/// Numbers and bits as they are, binary as `0x…`, everything else as the text CONVERT gives.
fn cell(value: &Value) -> JsonValue {
    match value {
        Value::Null => JsonValue::Null,
        Value::Bit(b) => json!(b),
        Value::TinyInt(n) => json!(n),
        Value::SmallInt(n) => json!(n),
        Value::Int(n) => json!(n),
        Value::BigInt(n) => json!(n),
        Value::Binary(bytes) => json!(format!("0x{}", hex::encode_upper(bytes))),
        other => json!(convert::text(other).ok().flatten()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dialling {
    from: String,
    to: String,
}

pub async fn handshake(
    State(control): State<Control>,
    body: Bytes,
) -> Result<Json<JsonValue>, Refused> {
    let wanted: Dialling = read(&body)?;
    let (from, to) = (
        control.instance(&wanted.from)?,
        control.instance(&wanted.to)?,
    );
    Ok(Json(
        match probe(from.engine(), to.engine(), Purpose::Any) {
            Ok(()) => json!({"accepted": true}),
            Err(refusal) => json!({
                "accepted": false,
                "number": refusal.number,
                "text": refusal.text,
                "side": match refusal.side { Side::Dialler => "dialler", Side::Acceptor => "acceptor" },
            }),
        },
    ))
}

pub async fn authority(State(control): State<Control>) -> impl IntoResponse {
    let pem = control.network.authority.pem().to_owned();
    ([("content-type", "application/x-pem-file")], pem)
}
