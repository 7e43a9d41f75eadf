//! Asks one instance everything, in one batch.

use std::time::Instant;

use super::decode::Incoming;
use super::failure;
use super::pools::{Borrowed, Pools};
use super::target::Target;
use crate::domain::clock::Clock;
use crate::domain::desired_state::PeerQuestion;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::observation::Observation;

impl Pools {
    /// Runs an observe batch (see `tsql::observe`) and reads what it says. One round trip.
    ///
    /// A batch that dies by I/O on a session from the pool is repeated once on a fresh one: the session may have been
    /// dead for long, and reading twice changes nothing. One that got no answer in time is not: it would double the
    /// wait.
    ///
    /// # Errors
    /// Why the instance could not be observed, as a finding can say it. Never `OutcomeUnknown`: nothing was to be changed.
    pub async fn observe(
        &self,
        target: &Target,
        batch: &str,
        questions: &[PeerQuestion],
        clock: &Clock,
    ) -> Result<Observation, Failure> {
        let session = self.get(target).await?;
        let was_fresh = session.is_fresh();
        let asked = Instant::now();
        let first = ask(session, target, batch, questions, clock).await;
        let outcome = match first {
            Err(failure)
                if may_be_stale(
                    &failure,
                    was_fresh,
                    asked.elapsed() < target.timeouts.observe,
                ) =>
            {
                tracing::debug!(instance = %target.name, "a pooled session was dead; asking again on a fresh one");
                let fresh = self.get_fresh(target).await?;
                ask(fresh, target, batch, questions, clock).await
            }
            other => other,
        };
        outcome.map_err(|failure| of_a_question(target, failure))
    }
}

fn may_be_stale(failure: &Failure, was_fresh: bool, in_time: bool) -> bool {
    failure.class == FailureClass::OutcomeUnknown && !was_fresh && in_time
}

async fn ask(
    mut session: Borrowed,
    target: &Target,
    batch: &str,
    questions: &[PeerQuestion],
    clock: &Clock,
) -> Result<Observation, Failure> {
    let mut incoming = Incoming::new(questions);
    session
        .run(target, batch, target.timeouts.observe, |row| {
            incoming
                .take(row)
                .map_err(|said| failure::protocol(target, &said))
        })
        .await?;
    incoming
        .finish(clock.now())
        .map_err(|said| failure::protocol(target, &said))
}

/// A lost answer to a question leaves nothing unknown on the server: the server was not reached, no more. Where it said
/// itself why it does not answer, it was reached, and that is the state it is in.
fn of_a_question(target: &Target, failure: Failure) -> Failure {
    match (failure.class, &failure.sql) {
        (FailureClass::OutcomeUnknown, None) => Failure {
            class: FailureClass::Unreachable,
            ..failure
        },
        (FailureClass::OutcomeUnknown | FailureClass::Transient, Some(_)) => Failure {
            class: FailureClass::Transient,
            detail: format!("{} could not answer just now", target.name),
            ..failure
        },
        _ => failure,
    }
}
