//! The files an instance's service account sees: reading, writing, hiding them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use super::answer::{Done, Refused, done};
use super::state::Control;
use crate::handle::Instance;

/// Which file, and whether the service account may read it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    path: String,
    #[serde(default)]
    readable: Option<bool>,
}

type Asked = Result<Query<Which>, QueryRejection>;

fn find(control: &Control, name: &str, which: Asked) -> Result<(Instance, Which), Refused> {
    let instance = control.instance(name)?;
    let Query(which) = which.map_err(|e| Refused::unreadable(e.body_text()))?;
    Ok((instance, which))
}

fn no_file(name: &str, path: &str) -> Refused {
    Refused::missing("unknown_file", format!("{name} has no file {path}"))
}

pub async fn read(
    State(control): State<Control>,
    Path(name): Path<String>,
    which: Asked,
) -> Result<Vec<u8>, Refused> {
    let (instance, which) = find(&control, &name, which)?;
    let file = instance.files().get(&which.path);
    file.map(|f| f.bytes)
        .ok_or_else(|| no_file(&name, &which.path))
}

pub async fn write(
    State(control): State<Control>,
    Path(name): Path<String>,
    which: Asked,
    body: Bytes,
) -> Result<Json<Done>, Refused> {
    let (instance, which) = find(&control, &name, which)?;
    instance.files().put(&which.path, body);
    let readable = which.readable.unwrap_or(true);
    instance.files().set_readable(&which.path, readable);
    Ok(done())
}

pub async fn change(
    State(control): State<Control>,
    Path(name): Path<String>,
    which: Asked,
) -> Result<Json<Done>, Refused> {
    let (instance, which) = find(&control, &name, which)?;
    let Some(readable) = which.readable else {
        let detail = "readable is missing; write ?path=…&readable=true or false".to_owned();
        return Err(Refused::unreadable(detail));
    };
    if instance.files().get(&which.path).is_none() {
        return Err(no_file(&name, &which.path));
    }
    instance.files().set_readable(&which.path, readable);
    Ok(done())
}

pub async fn remove(
    State(control): State<Control>,
    Path(name): Path<String>,
    which: Asked,
) -> Result<Json<Done>, Refused> {
    let (instance, which) = find(&control, &name, which)?;
    if instance.files().get(&which.path).is_none() {
        return Err(no_file(&name, &which.path));
    }
    instance.files().remove(&which.path);
    Ok(done())
}
