//! What happens around every operation, outermost first: request id and log line, tag of compressed answers, compression,
//! headers and shape of problems, panics and time-outs. Nothing here knows a resource.

mod host;
mod request_id;
mod response_headers;
mod timeout;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::compression::predicate::{DefaultPredicate, Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};

use super::api::Api;

pub use request_id::{Asking, RequestId};

/// Puts the layers around `router`. The last one added is the outermost.
pub fn around(router: Router<Api>, api: &Api) -> Router<Api> {
    router
        .layer(axum::extract::DefaultBodyLimit::max(
            super::extract::MAX_BODY_BYTES,
        ))
        .layer(from_fn_with_state(api.clone(), timeout::limit))
        .layer(from_fn(host::check))
        .layer(from_fn(response_headers::add))
        .layer(compression())
        .layer(from_fn(response_headers::tell_compressed_apart))
        .layer(from_fn(request_id::assign))
}

/// For links that are slow: where they are not, a better ratio would cost more than it saves, and so would any for an answer
/// that goes in one packet anyway.
fn compression() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(DefaultPredicate::new().and(SizeAbove::new(1024)))
}
