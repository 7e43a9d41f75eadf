//! The last touch: problems get the form the caller accepts, and every answer the headers that all have.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use super::request_id::RequestId;
use crate::http::etag::GZIP_SUFFIX;
use crate::http::negotiate;
use crate::http::problem::Problem;

pub async fn add(request: Request, next: Next) -> Response {
    let as_text = negotiate::prefers_text(request.headers());
    let id = request
        .extensions()
        .get::<RequestId>()
        .map(|id| id.0.clone());
    let versioned = request.uri().path().starts_with("/v1/");
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        write(&mut response, &problem, as_text, id.as_deref());
    }
    let headers = response.headers_mut();
    if versioned {
        set(headers, header::CACHE_CONTROL, "no-store");
    }
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::REFERRER_POLICY, "no-referrer");
    set(headers, header::X_FRAME_OPTIONS, "DENY");
    response
}

fn write(response: &mut Response, problem: &Problem, as_text: bool, id: Option<&str>) {
    let (media, body) = if as_text {
        ("text/plain; charset=utf-8", format!("{}\n", problem.line()))
    } else {
        let document = serde_json::to_string(&problem.document(id)).unwrap_or_default();
        (negotiate::PROBLEM, document)
    };
    *response.body_mut() = Body::from(body);
    let headers = response.headers_mut();
    // The length of the empty body that stood in for the problem.
    headers.remove(header::CONTENT_LENGTH);
    set(headers, header::CONTENT_TYPE, media);
    set(headers, header::VARY, "Accept, Accept-Encoding");
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

/// A compressed answer is another representation, so its strong tag must be another one.
pub async fn tell_compressed_apart(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if headers.contains_key(header::CONTENT_ENCODING)
        && let Some(tag) = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok())
        && let Some(opaque) = tag.strip_suffix('"')
        && let Ok(tag) = HeaderValue::from_str(&format!("{opaque}{GZIP_SUFFIX}\""))
    {
        headers.insert(header::ETAG, tag);
    }
    response
}
