//! How the pool makes a session and whether it may be used again. Never by asking the server: a probe is a round trip.

use std::time::Duration;

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};

use super::connect;
use super::gate::Gate;
use super::session::Session;
use super::target::Target;
use crate::domain::failure::Failure;

pub(super) struct Sessions {
    pub target: Target,
    pub gate: Gate,
    /// Older sessions are closed: firewalls forget connections, and balancers and DNS move.
    pub max_age: Duration,
    /// Longer unused ones are closed: they cost the server memory and show up in its monitors.
    pub max_idle: Duration,
}

impl Manager for Sessions {
    type Type = Session;
    type Error = Failure;

    async fn create(&self) -> Result<Session, Failure> {
        tracing::debug!(instance = %self.target.name, "logging in");
        // Boxed for its size, which the pool's futures would have several times over.
        Box::pin(connect::open(&self.target)).await
    }

    async fn recycle(&self, session: &mut Session, metrics: &Metrics) -> RecycleResult<Failure> {
        if session.is_in_doubt() {
            Err(RecycleError::message(
                "its last answer was not read to the end",
            ))
        } else if metrics.age() > self.max_age || metrics.last_used() > self.max_idle {
            Err(RecycleError::message("too old"))
        } else {
            Ok(())
        }
    }
}
