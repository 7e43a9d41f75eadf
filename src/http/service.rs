//! The service itself: health, readiness, version, the OpenAPI document and the page that shows it, all unversioned.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use utoipa_swagger_ui::Config;

use super::api::Api;
use super::extract::{NoParameters, Parameters};
use super::negotiate::{self, Format, JsonOnly};
use super::problem::{Problem, ProblemKind};
use super::reply::{self, Answer};

/// How the service is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Health {
    /// `ok`.
    #[schema(example = "ok", value_type = String)]
    status: &'static str,
}

/// How the service is, and what it has to do.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Readiness {
    /// `ready`.
    #[schema(example = "ready", value_type = String)]
    status: &'static str,
    queue: QueueView,
}

/// What waits for workers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct QueueView {
    /// For how many seconds the job has been due that has been for the longest and that no worker has taken, whatever it waits for:
    /// a worker, or an instance that others hold or that does not answer. `null` when none is.
    #[schema(example = 0.4)]
    oldest_due_seconds: Option<f64>,
}

/// Which build answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Version {
    #[schema(example = "mirrorgate", value_type = String)]
    name: &'static str,
    #[schema(example = "0.2.0", value_type = String)]
    version: &'static str,
    /// The API's version, as in its paths.
    #[schema(example = "v1", value_type = String)]
    api: &'static str,
}

/// Is the process alive?
///
/// Says nothing about the database or any SQL Server: a process that answers need not be restarted.
#[utoipa::path(
    get, path = "/healthz", operation_id = "get_health", tag = "service",
    responses((status = 200, description = "Alive.", content(
        (Health = "application/json", example = json!({"status": "ok"})),
        (String = "text/plain", example = "ok"),
    )))
)]
pub async fn get_health(_: Parameters<NoParameters>, format: Format) -> Answer {
    status(format, "ok")
}

/// Does the process take requests?
///
/// Asks PostgreSQL, no SQL Server. Answers 503 as soon as the service begins to stop, and while PostgreSQL takes no changes. Jobs
/// that wait for long do not make it unready; how long they do is told.
#[utoipa::path(
    get, path = "/readyz", operation_id = "get_readiness", tag = "service",
    responses((status = 200, description = "Ready.", content(
        (Readiness = "application/json", example = json!({"status": "ready", "queue": {"oldest_due_seconds": null}})),
        (String = "text/plain", example = "ready"),
    )))
)]
pub async fn get_readiness(
    State(api): State<Api>,
    _: Parameters<NoParameters>,
    format: Format,
) -> Answer {
    if !api.readiness.is_ready() {
        return Err(Problem::new(
            ProblemKind::NotReady,
            "the service is starting or stopping",
        ));
    }
    let found = api.store.queue().await?;
    if found.is_read_only {
        return Err(Problem::new(
            ProblemKind::NotReady,
            "PostgreSQL takes no changes: it is a standby, or default_transaction_read_only is set",
        ));
    }
    let readiness = Readiness {
        status: "ready",
        queue: QueueView {
            // Milliseconds tell enough.
            oldest_due_seconds: found.oldest_due.map(|age| age.as_millis() as f64 / 1000.0),
        },
    };
    match format {
        Format::Json => reply::json(StatusCode::OK, &readiness),
        Format::Text => Ok(reply::text(StatusCode::OK, "ready\n".to_owned())),
    }
}

fn status(format: Format, status: &'static str) -> Answer {
    match format {
        Format::Json => reply::json(StatusCode::OK, &Health { status }),
        Format::Text => Ok(reply::text(StatusCode::OK, format!("{status}\n"))),
    }
}

/// Which build is this?
#[utoipa::path(
    get, path = "/version", operation_id = "get_version", tag = "service",
    responses((status = 200, description = "The build.", content(
        (Version = "application/json", example = json!({"name": "mirrorgate", "version": "0.2.0", "api": "v1"})),
        (String = "text/plain", example = "mirrorgate 0.2.0"),
    )))
)]
pub async fn get_version(_: Parameters<NoParameters>, format: Format) -> Answer {
    let version = Version {
        name: "mirrorgate",
        version: env!("CARGO_PKG_VERSION"),
        api: "v1",
    };
    match format {
        Format::Json => reply::json(StatusCode::OK, &version),
        Format::Text => Ok(reply::text(
            StatusCode::OK,
            format!("{} {}\n", version.name, version.version),
        )),
    }
}

/// This document
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "get_openapi", tag = "service",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json",
        example = json!({"openapi": "3.1.0"})))
)]
pub async fn get_openapi(_: Parameters<NoParameters>, _: JsonOnly) -> Answer {
    // A third of a megabyte that never changes, for whoever asks: it is made once.
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let document = match DOCUMENT.get() {
        Some(document) => document.clone(),
        None => {
            let document = reply::written(&super::openapi())?;
            DOCUMENT.get_or_init(|| document).clone()
        }
    };
    Ok(reply::bytes(StatusCode::OK, negotiate::JSON, document))
}

/// The documentation page without its final slash.
pub async fn docs_page() -> Redirect {
    Redirect::to("/docs/")
}

pub async fn docs_index() -> Response {
    docs("index.html")
}

#[expect(
    clippy::disallowed_types,
    reason = "a file's name is any text; one that is not there is 404"
)]
pub async fn docs_file(axum::extract::Path(file): axum::extract::Path<String>) -> Response {
    docs(&file)
}

/// One file of the embedded page. It loads nothing from elsewhere, and its policy would not let it.
fn docs(file: &str) -> Response {
    let config = Config::from("/openapi.json")
        // The page would otherwise send the document's address to a validator on the internet.
        .validator_url("none")
        .deep_linking(true);
    let Ok(Some(file)) = utoipa_swagger_ui::serve(file, Arc::new(config)) else {
        return Problem::new(
            ProblemKind::NoSuchRoute,
            "the documentation page has no such file",
        )
        .into_response();
    };
    let media = HeaderValue::from_str(&file.content_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = file.bytes.into_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media);
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
        ),
    );
    if file.gzpipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
