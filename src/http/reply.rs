//! How answers are put together: JSON or text, entity tag, `Vary`. What is in them is each resource's matter.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::etag::{Conditions, ETag};
use super::negotiate;
use super::problem::{Problem, ProblemKind};

/// What a handler answers.
pub type Answer = Result<Response, Problem>;

/// What deleting a registration answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Deleted {
    /// What was forgotten.
    #[schema(example = "HOST_A")]
    pub deleted: String,
    #[schema(
        example = "only the registration was forgotten; nothing was changed on any SQL Server"
    )]
    pub note: &'static str,
}

/// Says what was forgotten, and that nothing else happened.
///
/// # Errors
/// See [`json`].
pub fn deleted(what: impl ToString) -> Answer {
    json(
        StatusCode::OK,
        &Deleted {
            deleted: what.to_string(),
            note: "only the registration was forgotten; nothing was changed on any SQL Server",
        },
    )
}

/// # Errors
/// `internal` when the view cannot be written, which no view does.
pub fn json<T: Serialize>(status: StatusCode, view: &T) -> Answer {
    Ok(bytes(status, negotiate::JSON, written(view)?))
}

/// What [`json`] would answer with.
///
/// # Errors
/// As there.
pub fn written<T: Serialize>(view: &T) -> Result<Bytes, Problem> {
    let written = serde_json::to_vec(view).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        Problem::new(ProblemKind::Internal, "the answer cannot be written")
    })?;
    Ok(written.into())
}

#[must_use]
pub fn text(status: StatusCode, text: String) -> Response {
    bytes(status, "text/plain; charset=utf-8", text.into_bytes())
}

#[must_use]
pub fn bytes(status: StatusCode, media: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = (status, Body::from(body.into())).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(
        header::VARY,
        HeaderValue::from_static("Accept, Accept-Encoding"),
    );
    response
}

#[must_use]
pub fn tagged(mut response: Response, tag: &ETag) -> Response {
    response.headers_mut().insert(header::ETAG, tag.header());
    response
}

#[must_use]
pub fn located(mut response: Response, path: &str) -> Response {
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response
}

/// What a reader is answered who has this very representation already: 304.
#[must_use]
pub fn not_modified(conditions: &Conditions, tag: &ETag) -> Option<Response> {
    conditions
        .is_unmodified(tag)
        .then(|| tagged(StatusCode::NOT_MODIFIED.into_response(), tag))
}
