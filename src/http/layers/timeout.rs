//! Bounds: an answer that takes too long and a handler that panics become problems like any other.

use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::http::api::Api;
use crate::http::extract::Wait;
use crate::http::problem::{Problem, ProblemKind};

pub async fn limit(State(api): State<Api>, request: Request, next: Next) -> Response {
    let limit = api.settings.timeout + Wait::of(request.uri());
    // A panicking handler leaves nothing behind that another request could see half-done: state is in PostgreSQL,
    // and a dropped transaction is undone there.
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(limit, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("a handler panicked");
            Problem::new(ProblemKind::Internal, "the request met a fault of mirrorgate's own; the log tells which").into_response()
        }
        Err(_) => Problem::new(
            ProblemKind::TimedOut,
            "the answer took too long; whether something was changed is not known, so read it again",
        )
        .into_response(),
    }
}
