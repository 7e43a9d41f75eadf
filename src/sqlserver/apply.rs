//! Sends an apply batch and says what became of each action. Never repeats one: after a lost answer, observing decides.

use tiberius::Row;

use super::decode::field::{self, Unreadable};
use super::failure;
use super::pools::Pools;
use super::target::Target;
use crate::domain::failure::{Failure, FailureClass, SqlError};
use crate::domain::step::StepOutcome;
use crate::tsql::apply::ApplyBatch;
use crate::tsql::sets;

/// What became of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplyResult {
    /// One per action, in order.
    pub steps: Vec<StepResult>,
    /// `None`: everything is committed.
    pub failure: Option<Failure>,
    /// Ordinal of the action whose statement the server refused, where it said which.
    pub refused: Option<usize>,
}

/// What became of one action.
#[derive(Debug, Clone, PartialEq)]
pub struct StepResult {
    pub outcome: StepOutcome,
    pub error: Option<SqlError>,
}

impl Pools {
    /// Runs `batch`, unless `may_send` says no once a session is there: getting one may have taken long. One round
    /// trip.
    pub async fn apply(
        &self,
        target: &Target,
        batch: &ApplyBatch,
        may_send: impl Fn() -> bool,
    ) -> ApplyResult {
        let mut progress = Progress::default();
        let mut session = match self.get(target).await {
            Ok(session) => session,
            Err(failure) => return progress.judge(batch, Sent::Not(failure)),
        };
        if !may_send() {
            return progress.judge(batch, Sent::Not(failure::not_sent(target)));
        }
        let ended = session
            .run(target, &batch.text(), target.timeouts.apply, |row| {
                progress
                    .take(row)
                    .map_err(|said| failure::protocol(target, &said))
            })
            .await;
        if !progress.is_conclusive() {
            // Whatever ended the batch ended it outside its own CATCH: a transaction may still be open.
            session.doubt();
        }
        progress.judge(batch, Sent::Yes(target, ended))
    }
}

enum Sent<'a> {
    Not(Failure),
    Yes(&'a Target, Result<(), Failure>),
}

/// The rows of an apply batch, as they arrive.
#[derive(Debug, Default)]
struct Progress {
    /// Actions that ran.
    applied: usize,
    committed: bool,
    failed: Option<(usize, SqlError)>,
}

impl Progress {
    fn take(&mut self, row: &Row) -> Result<(), Unreadable> {
        match field::set_of(row) {
            sets::APPLIED => self.applied += 1,
            sets::COMMITTED => self.committed = true,
            sets::FAILED => self.failed = Some((ordinal(row, sets::FAILED)?, error(row)?)),
            // A trigger on the server may send rows of its own; they mean nothing to us.
            _ => {}
        }
        Ok(())
    }

    fn is_conclusive(&self) -> bool {
        self.committed || self.failed.is_some()
    }

    fn judge(self, batch: &ApplyBatch, sent: Sent<'_>) -> ApplyResult {
        let (failure, outcome): (Option<Failure>, Box<dyn Fn(usize) -> StepOutcome>) = match sent {
            Sent::Not(failure) => (Some(failure), Box::new(|_| StepOutcome::NotReached)),
            // After COMMIT's row nothing that happens to the link changes anything.
            Sent::Yes(..) if self.committed => (None, Box::new(|_| StepOutcome::Done)),
            Sent::Yes(target, ended) => match (&self.failed, ended) {
                (Some((at, error)), _) => {
                    let at = *at;
                    let failure = failure::from_sql(target, error.clone());
                    (Some(failure), Box::new(move |n| around(at, n)))
                }
                (None, Err(failure)) => self.without_verdict(failure),
                (None, Ok(())) => self.without_verdict(failure::no_verdict(target)),
            },
        };
        let steps = batch.body.steps.iter().map(|step| StepResult {
            outcome: outcome(step.ordinal),
            error: self.error_of(step.ordinal, failure.as_ref(), outcome(step.ordinal)),
        });
        let steps = steps.collect();
        ApplyResult {
            steps,
            failure,
            refused: self.failed.map(|(at, _)| at).filter(|at| *at > 0),
        }
    }

    /// The server refused the batch as a whole before any of it ran, or nobody knows.
    fn without_verdict(
        &self,
        failure: Failure,
    ) -> (Option<Failure>, Box<dyn Fn(usize) -> StepOutcome>) {
        let answered = failure.sql.is_some() && failure.class != FailureClass::OutcomeUnknown;
        let never_ran = answered && self.applied == 0;
        // An answer that cannot be read says nothing about what was done: that is not a refusal.
        let failure = match failure.class {
            FailureClass::Protocol => Failure {
                class: FailureClass::OutcomeUnknown,
                ..failure
            },
            _ => failure,
        };
        let outcome: Box<dyn Fn(usize) -> StepOutcome> = if never_ran {
            Box::new(|ordinal| around(1, ordinal))
        } else {
            Box::new(|_| StepOutcome::Unknown)
        };
        (Some(failure), outcome)
    }

    fn error_of(
        &self,
        ordinal: usize,
        failure: Option<&Failure>,
        outcome: StepOutcome,
    ) -> Option<SqlError> {
        match &self.failed {
            Some((at, error)) => (*at == ordinal).then(|| error.clone()),
            None if outcome == StepOutcome::Failed => failure.and_then(|f| f.sql.clone()),
            None => None,
        }
    }
}

fn around(failed_at: usize, ordinal: usize) -> StepOutcome {
    match ordinal.cmp(&failed_at) {
        std::cmp::Ordering::Less => StepOutcome::RolledBack,
        std::cmp::Ordering::Equal => StepOutcome::Failed,
        std::cmp::Ordering::Greater => StepOutcome::NotReached,
    }
}

fn ordinal(row: &Row, column: &str) -> Result<usize, Unreadable> {
    usize::try_from(field::need::<i32>(row, column)?)
        .map_err(|_| format!("column {column} holds no ordinal"))
}

fn error(row: &Row) -> Result<SqlError, Unreadable> {
    let small = |column| {
        let value: i32 = field::need(row, column)?;
        u8::try_from(value)
            .map_err(|_| format!("column {column} of set {} is out of range", sets::FAILED))
    };
    Ok(SqlError {
        number: field::need(row, "number")?,
        class: small("severity")?,
        state: small("state")?,
        message: field::storable(field::opt::<&str>(row, "message")?.unwrap_or_default()),
        line: field::opt::<i32>(row, "line")?.and_then(|line| u32::try_from(line).ok()),
    })
}

#[cfg(test)]
mod tests;
