//! One look at all members: side by side, each in one batch, each a step written as started before anything is sent.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use super::inputs::{Inputs, Party};
use super::{Attempt, Interrupted};
use crate::domain::cause::{Cause, LogInCause, Refusal};
use crate::domain::failure::{Failure, FailureClass, SqlError, error_chain};
use crate::domain::hash::Thumbprint;
use crate::domain::id::new_id;
use crate::domain::observation::Observation;
use crate::domain::step::{NewStep, StepEnd, StepOutcome};
use crate::domain::wish::PeerQuestion;
use crate::plan::{self, Seen};
use crate::store::instance_status::RefusedLogin;
use crate::store::steps;
use crate::tsql::head::Head;
use crate::tsql::observe;

/// What an attempt looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Observe,
    /// After an apply: what is missing now?
    Verify,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Verify => "verify",
        }
    }
}

/// Certificates that endpoints were seen to use, by the member's position: what a renewed one would be called is known
/// only then.
pub(super) type KnownCertificates = BTreeMap<usize, Thumbprint>;

/// Why a look could not even be begun.
#[derive(Debug)]
pub(super) enum LookError {
    Interrupted(Interrupted),
    /// The registered naming gives names SQL Server would refuse.
    Unusable(String),
}

impl<E: Into<Interrupted>> From<E> for LookError {
    fn from(error: E) -> Self {
        Self::Interrupted(error.into())
    }
}

struct Question {
    batch: String,
    asked: Vec<PeerQuestion>,
}

impl Attempt<'_> {
    /// Observes every member: one result per member, in their order, and PostgreSQL's time before the first was asked.
    pub(super) async fn look(
        &self,
        inputs: &Inputs,
        purpose: Purpose,
        known_certificates: &KnownCertificates,
    ) -> Result<(Vec<Seen>, DateTime<Utc>), LookError> {
        let questions = self.questions(inputs, known_certificates)?;
        let (started, looked_at) = self.start_looking(inputs, purpose, &questions).await?;
        self.check_lease()?;
        let looks = inputs
            .parties
            .iter()
            .zip(&questions)
            .zip(&started)
            // Boxed, as an attempt is: what is one inside the other would outgrow a thread's stack.
            .map(|((party, question), step)| Box::pin(self.look_at(party, question, step)));
        let results: Vec<Look> = join_all(looks)
            .await
            .into_iter()
            .collect::<Result<_, _>>()?;
        let seen = results.into_iter().map(|result| match result {
            Look::Seen(observation) => Seen::Observed(observation),
            Look::Failed(failure) | Look::NotTried(failure) => Seen::Failed(failure),
        });
        Ok((seen.collect(), looked_at))
    }

    fn questions(
        &self,
        inputs: &Inputs,
        known_certificates: &KnownCertificates,
    ) -> Result<Vec<Question>, LookError> {
        let head = self.head();
        (0..inputs.wish.members.len())
            .map(|member| {
                let asked = plan::questions(&inputs.wish, member, known_certificates)
                    .map_err(|refused| LookError::Unusable(error_chain(&refused)))?;
                Ok(Question {
                    batch: observe::observe(head, &asked),
                    asked,
                })
            })
            .collect()
    }

    async fn start_looking(
        &self,
        inputs: &Inputs,
        purpose: Purpose,
        questions: &[Question],
    ) -> Result<(Vec<NewStep>, DateTime<Utc>), Interrupted> {
        let now = self.worker.clock.now();
        let started: Vec<NewStep> = inputs
            .parties
            .iter()
            .zip(questions)
            .map(|(party, question)| NewStep {
                id: new_id(),
                instance_id: party.target.instance_id,
                instance: party.target.name.clone(),
                peer: None,
                kind: purpose.as_str().to_owned(),
                summary: format!("{} {}", purpose.as_str(), party.target.address),
                statement: question.batch.clone(),
                started_at: now,
            })
            .collect();
        let looked_at = self
            .persist(|| async {
                let mut conn = self.worker.store.acquire().await?;
                steps::start(&mut conn, self.lease, &started).await
            })
            .await?;
        Ok((started, looked_at))
    }

    /// One member. What it said is written down as soon as it is known, not when the slowest member has answered.
    async fn look_at(
        &self,
        party: &Party,
        question: &Question,
        step: &NewStep,
    ) -> Result<Look, Interrupted> {
        let look = self.ask(party, question).await?;
        let ends = [self.end_of(step, &look)];
        self.persist(|| async {
            let mut conn = self.worker.store.acquire().await?;
            steps::end(&mut conn, self.lease, &ends).await
        })
        .await?;
        Ok(look)
    }

    async fn ask(&self, party: &Party, question: &Question) -> Result<Look, Interrupted> {
        if let Some(refused) = &party.refused {
            return Ok(Look::NotTried(rests(party, refused)));
        }
        let Question { batch, asked } = question;
        let (pools, clock) = (&self.worker.pools, &self.worker.clock);
        match pools.observe(&party.target, batch, asked, clock).await {
            Ok(observation) => Ok(Look::Seen(Box::new(observation))),
            Err(failure) => {
                if let Some(number) = refused_number(&failure) {
                    // At once, not when the slowest member has answered: until then nobody else may know.
                    self.note_refusal(party, number).await?;
                }
                Ok(Look::Failed(failure))
            }
        }
    }

    fn end_of(&self, step: &NewStep, look: &Look) -> StepEnd {
        let (outcome, failure) = match look {
            Look::Seen(_) => (StepOutcome::Done, None),
            Look::Failed(failure) => (StepOutcome::Failed, Some(failure)),
            Look::NotTried(failure) => (StepOutcome::NotReached, Some(failure)),
        };
        StepEnd {
            id: step.id,
            outcome,
            error: failure.and_then(|f| f.sql.clone()),
            detail: failure.map(|f| f.detail.clone()),
            ended_at: self.worker.clock.now(),
        }
    }

    pub(super) fn head(&self) -> Head<'_> {
        Head {
            job: self.job.id,
            change_ref: self.job.options.change_ref.as_deref(),
        }
    }
}

enum Look {
    Seen(Box<Observation>),
    Failed(Failure),
    NotTried(Failure),
}

/// A credential version that was refused rests until it is changed: each further try would bring a lock-out nearer.
fn rests(party: &Party, refused: &RefusedLogin) -> Failure {
    let target = &party.target;
    Failure {
        class: FailureClass::LoginRefused,
        detail: format!(
            "{} refused login [{}] ({}) on {}; it was not tried again. Change the credential, or ask for an inspection of {}",
            target.name,
            target.log_in.user,
            refused.number,
            refused.at.format("%Y-%m-%d %H:%M:%S UTC"),
            target.name
        ),
        sql: None,
        cause: Refusal::of(refused.number).map(|refusal| {
            Box::new(Cause::LogIn(LogInCause {
                refusal,
                user: target.log_in.user.clone(),
                application: target.application.clone(),
            }))
        }),
    }
}

/// The number to note when a log-in was refused just now, and shall rest.
fn refused_number(failure: &Failure) -> Option<i32> {
    match (failure.class, &failure.sql) {
        (FailureClass::LoginRefused, Some(SqlError { number, .. })) => {
            Some(*number).filter(|number| Refusal::of(*number).is_none_or(Refusal::rests))
        }
        _ => None,
    }
}
