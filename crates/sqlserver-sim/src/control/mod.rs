//! The HTTP control port: what a test in another language does to a running fleet. JSON in, JSON out.
//!
//! `GET /` answers with the list of requests ([`HELP`]). Every refusal is `{"code", "detail"}` with a true status. Nothing is
//! decided here: each request is one call of the Rust API.

mod answer;
mod faults;
mod files;
mod instances;
mod state;
mod watch;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::engine::Network;
use answer::Refused;
use state::Control;

/// What can be asked for, as `GET /` answers it.
pub const HELP: &str = include_str!("help.txt");

/// Answers until the fleet shuts down.
pub(crate) async fn serve(
    network: Arc<Network>,
    listener: TcpListener,
    shutdown: CancellationToken,
) {
    let served = axum::serve(listener, router(Control { network }));
    tokio::select! {
        () = shutdown.cancelled() => {}
        ended = async { served.await } => {
            if let Err(error) = ended {
                tracing::warn!(%error, "the control port stopped");
            }
        }
    }
}

fn router(control: Control) -> Router {
    let one = Router::new()
        .route("/", get(instances::show))
        .route("/start", post(instances::start))
        .route("/stop", post(instances::stop))
        .route("/drop-connections", post(instances::drop_connections))
        .route("/databases", post(instances::add_database))
        .route("/tsql", post(instances::run))
        .route("/counters", get(watch::counters).delete(watch::reset))
        .route("/ledger", get(watch::ledger))
        .route("/error-log", get(watch::error_log))
        .route("/conditions", get(faults::conditions).patch(faults::change))
        .route(
            "/faults",
            get(faults::rules).post(faults::add).delete(faults::clear),
        )
        .route(
            "/files",
            get(files::read)
                .put(files::write)
                .patch(files::change)
                .delete(files::remove),
        );
    Router::new()
        .route("/", get(|| async { HELP }))
        .route("/ca.pem", get(instances::authority))
        .route("/handshake", post(instances::handshake))
        .route("/faults", axum::routing::delete(faults::clear_all))
        .route("/instances", get(instances::list))
        .nest("/instances/{name}", one)
        .fallback(|| async {
            Refused::missing(
                "unknown_path",
                "there is nothing here; GET / lists what there is".to_owned(),
            )
        })
        .method_not_allowed_fallback(|| async { Refused::method() })
        .with_state(control)
}
