//! Who may open a connection, how many of them, and for how long they may say or take nothing. All of it holds before anybody
//! has said who he is, so nothing here knows HTTP's operations.
//!
//! HTTP/1.1 only: each request has a connection to itself, so that one count bounds what a caller can keep busy.

mod acceptor;
mod descriptors;
mod doors;
mod seldom;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum_server::Handle;
use hyper_util::rt::TokioTimer;

use acceptor::Acceptor;
use doors::Doors;
use seldom::Seldom;

pub use descriptors::{Share, raise};

/// For a request's line and headers, from the moment the connection is there or the last answer is gone.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// For a caller that takes nothing of an answer.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
/// A request's line and headers. Tokens, the largest of what is wanted, have some kB.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub connections: usize,
    /// From one address; of IPv6, from one /64, which is what one host has to itself.
    pub per_address: usize,
}

/// Serves `service` on `listener` until `handle` is told to end.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    listener: TcpListener,
    service: axum::Router,
    limits: Limits,
    handle: Handle<SocketAddr>,
) -> std::io::Result<()> {
    let failed = Seldom::default();
    let mut server = axum_server::from_tcp(listener)?
        .http1_only()
        .handle(handle)
        .acceptor(Acceptor::new(Doors::new(limits), TAKEN_WITHIN))
        .accept_error_handler(move |peer, error| {
            // With a peer it is the acceptor's refusal, which it has told itself.
            if peer.is_none()
                && let Some(times) = failed.now()
            {
                tracing::error!(%error, times, "no connection can be accepted; callers wait");
            }
        });
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(MAX_HEAD_BYTES);
    let service: IntoMakeServiceWithConnectInfo<_, SocketAddr> =
        service.into_make_service_with_connect_info();
    server.serve(service).await
}
