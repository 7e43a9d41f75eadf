//! One attempt: observe, plan, apply, observe again, until nothing is missing or something says stop.
//!
//! Every attempt starts from what it sees now; nothing an earlier one wrote is taken for the state of a server.

mod apply;
mod decide;
mod inputs;
mod inspection;
mod interrupted;
mod journal;
mod observe;
mod observed;
mod party;
mod refused;

use chrono::{DateTime, Utc};

use apply::Changes;
use decide::{Next, Progress, failed};
use inputs::Inputs;
use journal::{Keep, Kept, Then};
use observe::{Answers, Observer, Purpose, Question};
use observed::{KnownCertificates, Observed};
use refused::ApplyFailure;

use super::Worker;
use super::slots::Slot;
use crate::domain::deadline::Deadline;
use crate::domain::desired_state::DesiredState;
use crate::domain::failure::{FailureClass, error_chain};
use crate::domain::job::{AttemptOutcome, FailureCode, Job, JobState};
use crate::domain::naming::UnusableName;
use crate::domain::plan::Plan;
use crate::domain::trust::Configured;
use crate::plan;
use crate::store::estate::About;
use crate::tsql::action::MissingBytes;
use crate::tsql::apply::{ApplyBatch, batches};
use crate::tsql::batch_comment::BatchComment;
use crate::tsql::{cure, script};

pub(super) use interrupted::Interrupted;
pub(super) use journal::Journal;

/// Carries out one attempt at a claimed job; what it does is written to `journal` as it is done.
pub(super) async fn run(
    worker: &Worker,
    job: &Job,
    journal: &Journal<'_>,
    slot: &Slot,
) -> Result<Concluded, Interrupted> {
    let loading = journal.while_held(|| inputs::load(worker, job));
    let inputs = match loading.await? {
        Ok(inputs) => inputs,
        Err(detail) => return Ok(Concluded::still(unusable(detail))),
    };
    let mut attempt = Attempt {
        worker,
        job,
        journal,
        slot,
        inputs,
        progress: Progress::default(),
        known_certificates: KnownCertificates::new(),
        about: About::default(),
        approved: approved_before(job),
    };
    loop {
        if let Some(concluded) = Box::pin(attempt.round()).await? {
            return Ok(concluded);
        }
    }
}

/// How an attempt came to its end.
pub(super) struct Concluded {
    pub outcome: AttemptOutcome,
    /// What became of the job, where the end is written down already.
    pub state: Option<JobState>,
}

impl Concluded {
    fn still(outcome: AttemptOutcome) -> Self {
        Self {
            outcome,
            state: None,
        }
    }
}

/// What the rounds of one attempt share, and leave to each other.
struct Attempt<'a> {
    worker: &'a Worker,
    job: &'a Job,
    journal: &'a Journal<'a>,
    slot: &'a Slot,
    inputs: Inputs,
    progress: Progress,
    known_certificates: KnownCertificates,
    /// What the registrations were asked about.
    about: About,
    /// `only_if_plan` was met; from then on only parts of this plan may follow.
    approved: Option<Plan>,
}

impl Attempt<'_> {
    /// One observation, and the apply that follows from it; how it ends when that is the end.
    async fn round(&mut self) -> Result<Option<Concluded>, Interrupted> {
        let questions = match self.questions() {
            Ok(questions) => questions,
            Err(refused) => return Ok(Some(Concluded::still(unusable(error_chain(&refused))))),
        };
        let observing = observe::observe(&self.inputs, &questions, self.observer());
        let answers = self.slot.while_asking(Box::pin(observing)).await?;
        self.look_up(&answers).await?;
        let observed = Observed {
            inputs: &self.inputs,
            at: answers.at,
            seen: answers.seen,
        };
        self.note_who_answers(&observed);
        self.known_certificates = observed.known_certificates();
        self.progress.unseen = observed.unseen();
        let (plan, batches) = match self.plan(&observed) {
            Ok(planned) => planned,
            Err(missing) => return Ok(Some(Concluded::still(internal(&missing)))),
        };
        let next = self.decide(&plan);
        let script = script::script(self.comment(), &plan, &observed.servers(), &batches);
        let keep = Keep {
            observed: &observed,
            plan: &plan,
            acted_on: self.is_shown(&plan).then_some(&script),
        };
        if let Next::End(outcome) = next {
            return self.conclude(keep, outcome).await.map(Some);
        }
        let failures = match self.change(keep, &batches).await {
            Ok(failures) => failures,
            Err(Interrupted::OutOfTime) if self.progress.rounds > 0 => {
                let passed = self.job.options.deadline.map(Deadline::passed);
                let passed = passed.unwrap_or_default();
                let outcome = decide::too_late(&passed, &plan, &self.progress);
                return Ok(Some(Concluded::still(outcome)));
            }
            Err(why) => return Err(why),
        };
        let at = observed.at;
        self.progress.note_round(failures);
        note_otherwise(&mut self.inputs.desired, &plan, at);
        if self.job.options.only_if_plan.is_some() && self.approved.is_none() {
            self.approved = Some(plan);
        }
        Ok(None)
    }

    /// Keeps what was seen, and with it the end.
    async fn conclude(
        &self,
        keep: Keep<'_>,
        outcome: AttemptOutcome,
    ) -> Result<Concluded, Interrupted> {
        let state = match self.journal.keep(keep, Then::End(&outcome)).await? {
            Kept::Ended(state) => Some(state),
            Kept::Only | Kept::Begun => None,
        };
        Ok(Concluded { outcome, state })
    }

    /// Keeps what was seen, and sends the batches; what went wrong.
    async fn change(
        &self,
        keep: Keep<'_>,
        batches: &[Option<ApplyBatch>],
    ) -> Result<Vec<ApplyFailure>, Interrupted> {
        if self.journal.is_to_cancel() {
            self.journal.keep(keep, Then::Nothing).await?;
            return Err(Interrupted::Cancelled);
        }
        let changes = Changes::of(keep.observed, keep.plan, batches, self.journal);
        let then = Then::Change {
            started: &changes.started,
            obtained: &changes.obtained,
        };
        self.journal.keep(keep, then).await?;
        let sending = changes.send(&self.worker.pools, self.journal);
        self.slot.while_asking(Box::pin(sending)).await
    }

    /// Asks whom else it concerns what was seen, unless that is known.
    async fn look_up(&mut self, answers: &Answers) -> Result<(), Interrupted> {
        let about = observed::about(&self.inputs, &answers.seen);
        if self.about.covers(&about) && self.progress.rounds > 0 {
            return Ok(());
        }
        self.inputs.desired.estate.instances = self.journal.look_up(&about).await?;
        self.about = about;
        Ok(())
    }

    /// Who does not answer rests; who answers again does not.
    fn note_who_answers(&self, observed: &Observed<'_>) {
        let rests = &self.worker.rests;
        for (instance, failure) in observed.answered() {
            match failure {
                None => {
                    rests.end(instance);
                }
                // Also one that takes the log-in and says nothing: see `sqlserver::observe`.
                Some(failure) if failure.class == FailureClass::Unreachable => {
                    rests.begin(instance);
                }
                Some(_) => {}
            }
        }
    }

    fn questions(&self) -> Result<Vec<Question>, UnusableName> {
        let purpose = match self.progress.rounds {
            0 => Purpose::Observe,
            _ => Purpose::Verify,
        };
        let (known, now) = (&self.known_certificates, self.journal.now());
        observe::questions(&self.inputs, purpose, self.comment(), known, now)
    }

    fn observer(&self) -> Observer<'_> {
        Observer {
            pools: &self.worker.pools,
            clock: &self.worker.clock,
            journal: self.journal,
        }
    }

    /// The plan, and the batches that carry it out: the very ones that are shown and sent.
    fn plan(
        &self,
        observed: &Observed<'_>,
    ) -> Result<(Plan, Vec<Option<ApplyBatch>>), MissingBytes> {
        let (desired, seen) = (&self.inputs.desired, &observed.seen);
        let bytes = plan::certificate_bytes(desired, seen);
        let mut plan = plan::plan(desired, seen, self.worker.clock.now());
        cure::fill_in(&mut plan);
        let batches = batches(self.comment(), &plan, &bytes)?;
        Ok((plan, batches))
    }

    fn decide(&self, plan: &Plan) -> Next {
        let next = decide::next(self.job, plan, &self.progress);
        let goes_on = matches!(next, Next::Apply | Next::End(AttemptOutcome::Succeeded));
        match self.stale(plan) {
            Some(stale) if goes_on => Next::End(stale),
            _ => next,
        }
    }

    /// The first plan must be the one that was approved; later ones may only be what is left of it.
    fn stale(&self, plan: &Plan) -> Option<AttemptOutcome> {
        let wanted = self.job.options.only_if_plan?;
        let detail = match &self.approved {
            None if plan.plan_hash == wanted => return None,
            None => format!("the plan is now {}; approved was {wanted}", plan.plan_hash),
            Some(approved) if plan::is_subset(plan, approved) => return None,
            Some(_) => {
                format!("what is left to do is no longer part of the approved plan {wanted}")
            }
        };
        Some(failed(FailureCode::PlanStale, detail))
    }

    /// Whether the job shall show this plan: not the empty one of a look after an apply, and never in place of an
    /// approved one.
    fn is_shown(&self, plan: &Plan) -> bool {
        self.approved.is_none() && (self.progress.rounds == 0 || plan.has_changes())
    }

    fn comment(&self) -> BatchComment<'_> {
        BatchComment {
            job: self.job.id,
            change_ref: self.job.options.change_ref.as_deref(),
        }
    }
}

/// An earlier attempt found the approved plan and saved it.
fn approved_before(job: &Job) -> Option<Plan> {
    let wanted = job.options.only_if_plan?;
    job.plan.clone().filter(|p| p.plan_hash == wanted)
}

/// What a connection of before shows of a trust that is not there yet, it does not show of the one that will be.
fn note_otherwise(desired: &mut DesiredState, plan: &Plan, at: DateTime<Utc>) {
    let DesiredState {
        members,
        trusts,
        estate,
        ..
    } = desired;
    for trust in trusts.iter() {
        let (acceptor, peer) = (&members[trust.acceptor], &members[trust.peer]);
        let planned = plan.instances[trust.acceptor].trusts.iter();
        let is_otherwise = planned
            .filter(|planned| planned.peer == peer.name.as_str())
            .any(|planned| matches!(planned.configured, Configured::No | Configured::Conflict));
        if is_otherwise {
            estate.note_otherwise(acceptor.instance_id, peer.instance_id, at);
        }
    }
}

fn unusable(detail: String) -> AttemptOutcome {
    failed(FailureCode::RegistrationUnusable, detail)
}

fn internal(missing: &MissingBytes) -> AttemptOutcome {
    failed(FailureCode::Internal, missing.to_string())
}
