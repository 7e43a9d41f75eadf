//! Looking at what happened: counters, ledger, error log.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Value as JsonValue, json};

use super::answer::{Done, Refused, done};
use super::state::Control;

pub async fn counters(
    State(control): State<Control>,
    Path(name): Path<String>,
) -> Result<Json<JsonValue>, Refused> {
    let counters = control.instance(&name)?.counters();
    Ok(Json(json!({
        "logins": counters.logins,
        "refused_logins": counters.refused_logins,
        "round_trips": counters.round_trips,
        "batches": counters.batches,
        "calls": counters.calls,
        "bytes_received": counters.bytes_received,
        "statements": counters.statements,
    })))
}

pub async fn reset(
    State(control): State<Control>,
    Path(name): Path<String>,
) -> Result<Json<Done>, Refused> {
    control.instance(&name)?.reset_counters();
    Ok(done())
}

/// Which part of the ledger.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    #[serde(default)]
    from: u64,
    #[serde(default = "usual_limit")]
    limit: usize,
}

fn usual_limit() -> usize {
    1000
}

pub async fn ledger(
    State(control): State<Control>,
    Path(name): Path<String>,
    part: Result<Query<Part>, QueryRejection>,
) -> Result<Json<JsonValue>, Refused> {
    let instance = control.instance(&name)?;
    let Query(part) = part.map_err(|e| Refused::unreadable(e.body_text()))?;
    let entries = instance
        .engine()
        .ledger()
        .entries_from(part.from, part.limit);
    let next = entries.last().map_or(part.from, |(n, _)| n + 1);
    let shown = entries.into_iter().map(|(n, e)| {
        json!({
            "n": n, "at": time(e.at), "session": e.session, "login": e.login,
            "application": e.application, "kind": e.kind, "text": e.text, "error": e.error,
        })
    });
    Ok(Json(
        json!({"entries": shown.collect::<Vec<_>>(), "next": next}),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    #[serde(default)]
    containing: String,
}

#[derive(Serialize)]
pub struct Line {
    at: String,
    source: String,
    number: i32,
    text: String,
}

pub async fn error_log(
    State(control): State<Control>,
    Path(name): Path<String>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Vec<Line>>, Refused> {
    let instance = control.instance(&name)?;
    let Query(filter) = filter.map_err(|e| Refused::unreadable(e.body_text()))?;
    let wanted = |line: &Line| {
        line.text.contains(&filter.containing) || line.number.to_string() == filter.containing
    };
    let lines = instance.error_log().into_iter().map(|line| Line {
        at: time(line.at),
        source: line.source,
        number: line.number,
        text: line.text,
    });
    Ok(Json(lines.filter(wanted).collect()))
}

/// RFC 3339; the instance's clock is UTC.
fn time(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
