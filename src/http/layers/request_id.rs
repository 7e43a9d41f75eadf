//! One id and one log line per request. The line tells who asked, from where, for what, and what was answered; it has no query values, no
//! headers and no bodies, so no secrets.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::domain::id::new_id;

/// The header that carries it, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The id of the request being answered: the caller's if it is fit for logs and headers, else a fresh UUIDv7.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Who asks, once that is known: whoever admits a request tells it here for the log.
#[derive(Debug, Clone, Default)]
pub struct Asking(Arc<OnceLock<&'static str>>);

impl Asking {
    pub fn is(&self, caller: &'static str) {
        let _first_word_counts = self.0.set(caller);
    }

    fn name(&self) -> &'static str {
        self.0.get().copied().unwrap_or("unknown")
    }
}

pub async fn assign(mut request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|text| is_sane(text))
        .map_or_else(|| new_id().to_string(), str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("(none)", MatchedPath::as_str)
        .to_owned();
    let asking = Asking::default();
    request.extensions_mut().insert(asking.clone());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or_else(|| "(none)".to_owned(), |peer| peer.0.to_string());
    let span = tracing::info_span!("request", request.id = %id);
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status().as_u16();
    let elapsed_ms = begun.elapsed().as_millis();
    span.in_scope(|| {
        if matches!(route.as_str(), "/healthz" | "/readyz") && status < 400 {
            tracing::debug!(client.address = peer, http.method = %method, http.route = route, http.status = status, elapsed_ms, "probe answered");
        } else {
            tracing::info!(client.address = peer, caller = asking.name(), http.method = %method, http.route = route, http.status = status, elapsed_ms, "request answered");
        }
    });
    response
}

fn is_sane(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
}

#[cfg(test)]
mod tests {
    use super::is_sane;

    #[test]
    fn only_what_is_fit_for_a_log_line_is_taken_over() {
        assert!(is_sane("0193-abc_DEF.1:2"));
        for bad in ["", "a b", "a\"", "a\u{1b}[31m", "ä", &"x".repeat(129)] {
            assert!(!is_sane(bad), "{bad:?}");
        }
    }
}
