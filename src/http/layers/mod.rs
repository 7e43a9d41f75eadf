//! What happens around every operation, outermost first: request id and log line, tag of compressed answers, compression,
//! headers and shape of problems, panics and time-outs. Nothing here knows a resource.

mod request_id;
mod response_headers;
mod timeout;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::compression::CompressionLayer;

use super::api::Api;

pub use request_id::RequestId;

/// Puts the layers around `router`. The last one added is the outermost.
pub fn around(router: Router<Api>, api: &Api) -> Router<Api> {
    router
        .layer(axum::extract::DefaultBodyLimit::max(
            super::extract::MAX_BODY_BYTES,
        ))
        .layer(from_fn_with_state(api.clone(), timeout::limit))
        .layer(from_fn(response_headers::add))
        .layer(CompressionLayer::new())
        .layer(from_fn(response_headers::tell_compressed_apart))
        .layer(from_fn(request_id::assign))
}
