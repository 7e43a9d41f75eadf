//! One observation of all members: side by side, each in one batch, each a step written as started before anything is
//! sent.

use chrono::{DateTime, Utc};
use futures_util::future::{FutureExt as _, try_join_all};

use super::inputs::Inputs;
use super::interrupted::Interrupted;
use super::journal::Journal;
use super::observed::KnownCertificates;
use super::party::Party;
use crate::domain::cause::{Cause, LogInCause, Refusal};
use crate::domain::clock::Clock;
use crate::domain::desired_state::PeerQuestion;
use crate::domain::failure::{Failure, FailureClass, SqlError};
use crate::domain::id::new_id;
use crate::domain::naming::UnusableName;
use crate::domain::observation::Observation;
use crate::domain::step::{NewStep, StepEnd, StepOutcome};
use crate::plan::{self, ObservedMember};
use crate::sqlserver::Pools;
use crate::store::instance_status::RefusedLogin;
use crate::tsql::batch_comment::BatchComment;
use crate::tsql::observe;

/// What an attempt observes for.
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

/// What one member is asked.
pub(super) struct Question {
    /// Its statement is the batch.
    step: NewStep,
    asked: Vec<PeerQuestion>,
}

/// What every member is asked, in their order.
///
/// # Errors
/// Where the registered naming gives names SQL Server would refuse.
pub(super) fn questions(
    inputs: &Inputs,
    purpose: Purpose,
    comment: BatchComment<'_>,
    known: &KnownCertificates,
    now: DateTime<Utc>,
) -> Result<Vec<Question>, UnusableName> {
    let kind = purpose.as_str();
    let parties = inputs.parties.iter().enumerate();
    let questions = parties.map(|(member, party)| {
        let asked = plan::questions(&inputs.desired, member, known)?;
        let step = NewStep {
            id: new_id(),
            instance_id: party.target.instance_id,
            instance: party.target.name.clone(),
            peer: None,
            kind: kind.to_owned(),
            summary: format!("{kind} {}", party.target.address),
            statement: observe::observe(comment, &asked),
            started_at: now,
        };
        Ok(Question { step, asked })
    });
    questions.collect()
}

/// What an observation came to.
pub(super) struct Answers {
    /// PostgreSQL's time before the first member was asked.
    pub at: DateTime<Utc>,
    /// One per member, in their order.
    pub seen: Vec<ObservedMember>,
}

/// Asks every member its question.
pub(super) async fn observe(
    inputs: &Inputs,
    questions: &[Question],
    observer: Observer<'_>,
) -> Result<Answers, Interrupted> {
    let started: Vec<NewStep> = questions.iter().map(|q| q.step.clone()).collect();
    let at = observer.journal.start_steps(&started).await?;
    observer.journal.check_lease()?;
    let asked = inputs.parties.iter().zip(questions);
    // Boxed, as an attempt is: what is one inside the other would outgrow a thread's stack.
    let asking = asked.map(|(party, question)| observer.ask(party, question).boxed());
    let asking = try_join_all(asking);
    let seen = observer.journal.while_gathering_ends(asking).await?;
    Ok(Answers { at, seen })
}

/// What asking takes.
#[derive(Clone, Copy)]
pub(super) struct Observer<'a> {
    pub pools: &'a Pools,
    pub clock: &'a Clock,
    pub journal: &'a Journal<'a>,
}

impl Observer<'_> {
    async fn ask(self, party: &Party, question: &Question) -> Result<ObservedMember, Interrupted> {
        let (outcome, seen) = match &party.refused {
            Some(refused) => (StepOutcome::NotReached, Err(rests(party, refused))),
            None => match self.send(party, question).await? {
                Ok(observation) => (StepOutcome::Done, Ok(observation)),
                Err(failure) => (StepOutcome::Failed, Err(failure)),
            },
        };
        let failure = seen.as_ref().err();
        let end = StepEnd {
            id: question.step.id,
            outcome,
            error: failure.and_then(|f| f.sql.clone()),
            detail: failure.map(|f| f.detail.clone()),
            ended_at: self.clock.now(),
        };
        self.journal.add_ends([end]);
        Ok(match seen {
            Ok(observation) => ObservedMember::Answered(Box::new(observation)),
            Err(failure) => ObservedMember::Failed(failure),
        })
    }

    async fn send(
        self,
        party: &Party,
        question: &Question,
    ) -> Result<Result<Observation, Failure>, Interrupted> {
        let (target, batch) = (&party.target, &question.step.statement);
        let asking = self
            .pools
            .observe(target, batch, &question.asked, self.clock);
        let answer = asking.await;
        if let Some(number) = answer.as_ref().err().and_then(refused_number) {
            // At once, not when the slowest member has answered: until then nobody else may know.
            self.journal.note_refusal(target, number).await?;
        }
        Ok(answer)
    }
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
