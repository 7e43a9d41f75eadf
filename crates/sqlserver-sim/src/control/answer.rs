//! What every request has in common: reading a JSON body strictly, and refusing in one shape.

use axum::Json;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A request that was not carried out.
#[derive(Debug)]
pub struct Refused {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

#[derive(Serialize)]
struct Body {
    code: &'static str,
    detail: String,
}

impl Refused {
    /// 400: the request cannot be understood.
    pub fn unreadable(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unreadable", detail)
    }

    /// 404.
    pub fn missing(code: &'static str, detail: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 409: understood, but not possible as things are.
    pub fn conflict(code: &'static str, detail: String) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 405.
    pub fn method() -> Self {
        let detail = "this path has other methods; GET / lists them".to_owned();
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    fn new(status: StatusCode, code: &'static str, detail: String) -> Self {
        Self {
            status,
            code,
            detail,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Body {
            code: self.code,
            detail: self.detail,
        };
        (self.status, Json(body)).into_response()
    }
}

/// Reads a JSON body whatever its Content-Type says; unknown members are refused.
///
/// # Errors
/// 400 with the place and what was expected there.
pub fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body)
        .map_err(|error| Refused::unreadable(format!("the body is not what is wanted: {error}")))
}

/// What a request that only changes something answers.
#[derive(Serialize)]
pub struct Done {
    done: bool,
}

pub fn done() -> Json<Done> {
    Json(Done { done: true })
}
