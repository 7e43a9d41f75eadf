//! Faults over HTTP: rules that strike statements, and lasting conditions (latency, log-ins, handshakes, TLS, clock).

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, Serialize};

use super::answer::{Done, Refused, done, read};
use super::state::Control;
use crate::engine::faults::{Fault, LoginFault, Rule, TlsFault};
use crate::handle::Instance;

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum FaultBody {
    HangUpBefore,
    HangUpAfter,
    HangUpAfterRow {
        rows: u64,
    },
    StallBefore,
    StallAfter,
    Error {
        number: i32,
        #[serde(default = "usual_class")]
        class: u8,
        #[serde(default)]
        text: String,
    },
    Veto,
    Delay {
        ms: u64,
    },
    Hold,
    Race {
        sql: String,
    },
    HideRows {
        containing: String,
    },
}

fn usual_class() -> u8 {
    16
}

impl From<FaultBody> for Fault {
    fn from(body: FaultBody) -> Self {
        match body {
            FaultBody::HangUpBefore => Self::HangUpBefore,
            FaultBody::HangUpAfter => Self::HangUpAfter,
            FaultBody::HangUpAfterRow { rows } => Self::HangUpAfterRow(rows),
            FaultBody::StallBefore => Self::StallBefore,
            FaultBody::StallAfter => Self::StallAfter,
            FaultBody::Error {
                number,
                class,
                text,
            } => Self::Error {
                number,
                class,
                text,
            },
            FaultBody::Veto => Self::Veto,
            FaultBody::Delay { ms } => Self::Delay(Duration::from_millis(ms)),
            FaultBody::Hold => Self::Hold,
            FaultBody::Race { sql } => Self::Race(sql),
            FaultBody::HideRows { containing } => Self::HideRows(containing),
        }
    }
}

impl From<Fault> for FaultBody {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::HangUpBefore => Self::HangUpBefore,
            Fault::HangUpAfter => Self::HangUpAfter,
            Fault::HangUpAfterRow(rows) => Self::HangUpAfterRow { rows },
            Fault::StallBefore => Self::StallBefore,
            Fault::StallAfter => Self::StallAfter,
            Fault::Error {
                number,
                class,
                text,
            } => Self::Error {
                number,
                class,
                text,
            },
            Fault::Veto => Self::Veto,
            Fault::Delay(time) => Self::Delay { ms: ms(time) },
            Fault::Hold => Self::Hold,
            Fault::Race(sql) => Self::Race { sql },
            Fault::HideRows(containing) => Self::HideRows { containing },
        }
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleBody {
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    containing: Option<String>,
    #[serde(default = "next_one")]
    nth: u64,
    #[serde(default)]
    always: bool,
    fault: FaultBody,
    /// Statements matched so far; told, never read.
    #[serde(default, skip_deserializing)]
    seen: u64,
}

fn next_one() -> u64 {
    1
}

pub async fn rules(
    State(control): State<Control>,
    Path(name): Path<String>,
) -> Result<Json<Vec<RuleBody>>, Refused> {
    let rules = control.instance(&name)?.faults().rules();
    let shown = rules.into_iter().map(|(rule, seen)| RuleBody {
        kind: rule.kind,
        containing: rule.containing,
        nth: rule.nth,
        always: rule.always,
        fault: rule.fault.into(),
        seen,
    });
    Ok(Json(shown.collect()))
}

pub async fn add(
    State(control): State<Control>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Done>, Refused> {
    let instance = control.instance(&name)?;
    let rule: RuleBody = read(&body)?;
    if rule.nth == 0 {
        let detail = "nth counts from 1: 1 is the next matching statement".to_owned();
        return Err(Refused::unreadable(detail));
    }
    instance.faults().add(Rule {
        kind: rule.kind,
        containing: rule.containing,
        nth: rule.nth,
        always: rule.always,
        fault: rule.fault.into(),
    });
    Ok(done())
}

pub async fn clear(
    State(control): State<Control>,
    Path(name): Path<String>,
) -> Result<Json<Done>, Refused> {
    control.instance(&name)?.faults().clear();
    Ok(done())
}

pub async fn clear_all(State(control): State<Control>) -> Json<Done> {
    for instance in control.network.all() {
        instance.faults().clear();
    }
    done()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefuseBody {
    number: i32,
    #[serde(default = "class_of_a_refusal")]
    class: u8,
    #[serde(default)]
    text: String,
}

fn class_of_a_refusal() -> u8 {
    14
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginBody {
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    refuse: Option<RefuseBody>,
    /// Log-ins still to be treated so; null is all.
    #[serde(default)]
    times: Option<u64>,
}

impl From<LoginBody> for LoginFault {
    fn from(body: LoginBody) -> Self {
        Self {
            delay: Duration::from_millis(body.delay_ms),
            refuse: body.refuse.map(|r| (r.number, r.class, r.text)),
            times: body.times,
        }
    }
}

/// What lasts until it is changed.
#[derive(Serialize)]
pub struct Conditions {
    latency_ms: u64,
    login: Option<LoginBody>,
    handshake_off: bool,
    tls_broken: bool,
    tls: Option<TlsFault>,
    clock_offset_ms: i64,
}

/// The conditions to change; a member left out stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    latency_ms: Option<u64>,
    #[serde(default, deserialize_with = "given")]
    login: Option<Option<LoginBody>>,
    handshake_off: Option<bool>,
    tls_broken: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    tls: Option<Option<TlsFault>>,
    clock_offset_ms: Option<i64>,
}

/// Tells null (`Some(None)`) from left out (`None`).
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

fn current(instance: &Instance) -> Conditions {
    let faults = instance.faults();
    Conditions {
        latency_ms: ms(faults.latency()),
        login: faults.login().map(|fault| LoginBody {
            delay_ms: ms(fault.delay),
            refuse: fault.refuse.map(|(number, class, text)| RefuseBody {
                number,
                class,
                text,
            }),
            times: fault.times,
        }),
        handshake_off: faults.handshake_off(),
        tls_broken: faults.tls() == Some(TlsFault::NoCertificate),
        tls: faults.tls(),
        clock_offset_ms: instance.engine().clock_offset_ms(),
    }
}

pub async fn conditions(
    State(control): State<Control>,
    Path(name): Path<String>,
) -> Result<Json<Conditions>, Refused> {
    Ok(Json(current(&control.instance(&name)?)))
}

pub async fn change(
    State(control): State<Control>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Conditions>, Refused> {
    let instance = control.instance(&name)?;
    let change: Change = read(&body)?;
    let faults = instance.faults();
    if let Some(latency) = change.latency_ms {
        faults.set_latency(Duration::from_millis(latency));
    }
    if let Some(login) = change.login {
        faults.set_login(login.map(LoginFault::from));
    }
    if let Some(off) = change.handshake_off {
        faults.set_handshake_off(off);
    }
    if let Some(broken) = change.tls_broken {
        faults.set_tls_broken(broken);
    }
    if let Some(tls) = change.tls {
        faults.set_tls(tls);
    }
    if let Some(offset) = change.clock_offset_ms {
        let offset = TimeDelta::try_milliseconds(offset).unwrap_or_default();
        instance.set_clock_offset(offset);
    }
    Ok(Json(current(&instance)))
}
