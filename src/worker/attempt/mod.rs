//! One attempt: look, think, do, look again, until nothing is missing or something says stop.
//!
//! Every attempt starts from what it sees now; nothing an earlier one wrote is taken for the state of a server.

mod apply;
mod decide;
mod inputs;
mod journal;
mod observe;
mod refused;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};

use apply::{ApplyError, endpoint_der};
use decide::{Next, Progress};
use inputs::{Inputs, LoadError, load};
use journal::Looked;
use observe::{KnownCertificates, LookError, Purpose};

use super::Worker;
use super::heartbeat::Signals;
use crate::domain::deadline::Deadline;
use crate::domain::hash::Thumbprint;
use crate::domain::identity::ServerIdentity;
use crate::domain::job::{AttemptOutcome, FailureCode, Job};
use crate::domain::plan::Plan;
use crate::domain::trust::Configured;
use crate::domain::wish::Wish;
use crate::plan::{self, Seen};
use crate::store::lease::Lease;
use crate::store::{StoreError, deadline};
use crate::tsql::action::MissingBytes;
use crate::tsql::{cure, script};

/// PostgreSQL's clock may be set while an attempt waits for a deadline.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// One attempt at one claimed job.
pub(super) struct Attempt<'a> {
    pub worker: &'a Worker,
    pub lease: &'a Lease,
    pub job: &'a Job,
    pub signals: &'a Signals,
    /// Set before the first apply batch is written down as started: from then on neither a cancellation nor the deadline stops
    /// the attempt, they only keep it from sending another one.
    committed_to_apply: AtomicBool,
}

/// Why an attempt ends without an outcome of its own.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// Another worker may be at it; nothing more may be sent or written.
    LeaseLost,
    /// The job is to be cancelled, and nothing is under way.
    Cancelled,
    /// The job's deadline has passed, and nothing is under way.
    OutOfTime,
    Store(StoreError),
}

impl From<StoreError> for Interrupted {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::LeaseLost => Self::LeaseLost,
            other => Self::Store(other),
        }
    }
}

/// What one round leaves for the next.
struct Round {
    progress: Progress,
    known_certificates: KnownCertificates,
    /// `only_if_plan` was met; from then on only parts of this plan may follow.
    approved: Option<Plan>,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        worker: &'a Worker,
        lease: &'a Lease,
        job: &'a Job,
        signals: &'a Signals,
    ) -> Self {
        Self {
            worker,
            lease,
            job,
            signals,
            committed_to_apply: AtomicBool::new(false),
        }
    }

    pub(super) async fn run(&self) -> Result<AttemptOutcome, Interrupted> {
        let loading = self.persist(|| async {
            match load(self.worker, self.job).await {
                Ok(inputs) => Ok(Ok(inputs)),
                Err(LoadError::Store(error)) => Err(error),
                Err(LoadError::Unusable(detail)) => Ok(Err(detail)),
            }
        });
        let mut inputs = match loading.await? {
            Ok(inputs) => inputs,
            Err(detail) => return Ok(unusable(detail)),
        };
        let mut round = Round {
            progress: Progress::default(),
            known_certificates: KnownCertificates::new(),
            approved: self.approved_before(),
        };
        loop {
            if let Some(outcome) = self.round(&mut inputs, &mut round).await? {
                return Ok(outcome);
            }
        }
    }

    /// One look, and the apply that follows from it; an outcome when that is the end.
    async fn round(
        &self,
        inputs: &mut Inputs,
        round: &mut Round,
    ) -> Result<Option<AttemptOutcome>, Interrupted> {
        let purpose = match round.progress.rounds {
            0 => Purpose::Observe,
            _ => Purpose::Verify,
        };
        let (seen, looked_at) = match self.look(inputs, purpose, &round.known_certificates).await {
            Ok(looked) => looked,
            Err(LookError::Interrupted(why)) => return Err(why),
            Err(LookError::Unusable(detail)) => return Ok(Some(unusable(detail))),
        };
        round.known_certificates = known_certificates(&seen);
        round.progress.unseen = unseen(inputs, &seen);
        let bytes = plan::certificate_bytes(&inputs.wish, &seen);
        let mut plan = plan::plan(&inputs.wish, &seen, self.worker.clock.now());
        cure::fill_in(&mut plan);
        let script = match script::script(self.head(), &plan, &servers(&seen), &bytes) {
            Ok(script) => script,
            Err(missing) => return Ok(Some(internal(&missing))),
        };
        let next = self.decide(&plan, round);
        let acted_on = self.is_shown(&plan, round).then_some(&script);
        let looked = Looked {
            seen: &seen,
            at: looked_at,
            plan: &plan,
        };
        self.record(inputs, &looked, acted_on).await?;
        note_otherwise(inputs, &plan, looked_at);
        if let Next::End(outcome) = next {
            return Ok(Some(outcome));
        }
        if self.signals.cancel.is_cancelled() {
            return Err(Interrupted::Cancelled);
        }
        if self.job.options.only_if_plan.is_some() && round.approved.is_none() {
            round.approved = Some(plan.clone());
        }
        match self.apply(inputs, &seen, &plan, &bytes).await {
            Ok(failures) => round.progress.note_round(failures),
            Err(ApplyError::Interrupted(Interrupted::OutOfTime)) if round.progress.rounds > 0 => {
                let passed = self.job.options.deadline.map(Deadline::passed);
                let passed = passed.unwrap_or_default();
                return Ok(Some(decide::too_late(&passed, &plan, &round.progress)));
            }
            Err(ApplyError::Interrupted(why)) => return Err(why),
            Err(ApplyError::Missing(missing)) => return Ok(Some(internal(&missing))),
        }
        Ok(None)
    }

    fn decide(&self, plan: &Plan, round: &Round) -> Next {
        let next = decide::next(self.job, plan, &round.progress);
        let goes_on = matches!(next, Next::Apply | Next::End(AttemptOutcome::Succeeded));
        match self.stale(plan, round) {
            Some(stale) if goes_on => Next::End(stale),
            _ => next,
        }
    }

    /// The first plan must be the one that was approved; later ones may only be what is left of it.
    fn stale(&self, plan: &Plan, round: &Round) -> Option<AttemptOutcome> {
        let wanted = self.job.options.only_if_plan.as_deref()?;
        let detail = match &round.approved {
            None if plan.plan_hash == wanted => return None,
            None => format!("the plan is now {}; approved was {wanted}", plan.plan_hash),
            Some(approved) if plan::is_subset(plan, approved) => return None,
            Some(_) => {
                format!("what is left to do is no longer part of the approved plan {wanted}")
            }
        };
        Some(AttemptOutcome::Failed {
            code: FailureCode::PlanStale,
            detail,
        })
    }

    /// An earlier attempt found the approved plan and saved it.
    fn approved_before(&self) -> Option<Plan> {
        let wanted = self.job.options.only_if_plan.as_deref()?;
        self.job.plan.clone().filter(|p| p.plan_hash == wanted)
    }

    /// Whether the job shall show this plan: not the empty one of a look after an apply, and never in place of an approved one.
    fn is_shown(&self, plan: &Plan, round: &Round) -> bool {
        round.approved.is_none() && (round.progress.rounds == 0 || plan.has_changes())
    }

    /// To be asked before every batch.
    pub(super) fn check_lease(&self) -> Result<(), Interrupted> {
        if self.signals.is_held() {
            Ok(())
        } else {
            Err(Interrupted::LeaseLost)
        }
    }

    /// From here on the servers may be changed: what became of that must be seen before the attempt ends.
    pub(super) fn pass_point_of_no_return(&self) {
        self.committed_to_apply.store(true, Ordering::Relaxed);
    }

    /// Ends when the job is to be cancelled and the attempt can be dropped where it stands, because it has changed nothing.
    pub(super) async fn cancelled_before_apply(&self) {
        self.signals.cancel.cancelled().await;
        self.unless_committed_to_apply().await;
    }

    /// Ends when the job's deadline has passed, by PostgreSQL's clock, and the attempt can be dropped where it stands.
    pub(super) async fn out_of_time(&self) {
        if self.job.options.deadline.is_none() {
            return std::future::pending().await;
        }
        let asking = || async {
            let mut conn = self.worker.store.acquire().await?;
            deadline::time_left_of(&mut conn, self.lease).await
        };
        loop {
            match self.outwait(asking).await {
                Ok(Some(left)) => tokio::time::sleep(left.min(ASK_AGAIN)).await,
                Ok(None) => break,
                // What begins a change asks again.
                Err(_) => return std::future::pending().await,
            }
        }
        self.unless_committed_to_apply().await;
    }

    async fn unless_committed_to_apply(&self) {
        if self.committed_to_apply.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

/// What a connection of before shows of a trust that is not there yet, it does not show of the one that will be.
fn note_otherwise(inputs: &mut Inputs, plan: &Plan, at: DateTime<Utc>) {
    let Wish {
        members,
        trusts,
        estate,
        ..
    } = &mut inputs.wish;
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

fn known_certificates(seen: &[Seen]) -> KnownCertificates {
    let members = seen.iter().enumerate();
    members
        .filter_map(|(member, seen)| Some((member, Thumbprint::of(endpoint_der(seen)?))))
        .collect()
}

/// Which server each member is, where it could be seen.
fn servers(seen: &[Seen]) -> Vec<Option<&ServerIdentity>> {
    seen.iter()
        .map(|seen| match seen {
            Seen::Observed(observation) => Some(&observation.server.identity),
            Seen::Failed(_) => None,
        })
        .collect()
}

fn unseen(inputs: &Inputs, seen: &[Seen]) -> Vec<(String, crate::domain::failure::Failure)> {
    let members = inputs.wish.members.iter().zip(seen);
    members
        .filter_map(|(member, seen)| match seen {
            Seen::Failed(failure) => Some((member.name.to_string(), failure.clone())),
            Seen::Observed(_) => None,
        })
        .collect()
}

fn unusable(detail: String) -> AttemptOutcome {
    AttemptOutcome::Failed {
        code: FailureCode::RegistrationUnusable,
        detail,
    }
}

fn internal(missing: &MissingBytes) -> AttemptOutcome {
    AttemptOutcome::Failed {
        code: FailureCode::Internal,
        detail: missing.to_string(),
    }
}
