//! Carries a plan out: one batch per instance that needs changes, side by side, its actions written as started beforehand.

use futures_util::future::join_all;

use super::inputs::{Inputs, Party};
use super::refused::{ApplyFailure, Refused};
use super::{Attempt, Interrupted};
use crate::domain::action::Action;
use crate::domain::certificate::Certificate;
use crate::domain::hash::Sha256;
use crate::domain::id::new_id;
use crate::domain::plan::Plan;
use crate::domain::step::{NewStep, StepEnd};
use crate::plan::Seen;
use crate::sqlserver::ApplyResult;
use crate::store::{certificates, deadline, lease, steps};
use crate::tsql::action::{CertificateBytes, MissingBytes};
use crate::tsql::apply::{ApplyBatch, batch};

/// Why a plan could not be carried out at all.
#[derive(Debug)]
pub(super) enum ApplyError {
    Interrupted(Interrupted),
    /// A fault of our own: the plan imports what nobody holds.
    Missing(MissingBytes),
}

impl<E: Into<Interrupted>> From<E> for ApplyError {
    fn from(error: E) -> Self {
        Self::Interrupted(error.into())
    }
}

struct Prepared<'a> {
    party: &'a Party,
    batch: ApplyBatch,
    started: Vec<NewStep>,
}

impl Attempt<'_> {
    /// Sends every batch once. What went wrong; empty when all is committed.
    pub(super) async fn apply(
        &self,
        inputs: &Inputs,
        seen: &[Seen],
        plan: &Plan,
        bytes: &CertificateBytes,
    ) -> Result<Vec<ApplyFailure>, ApplyError> {
        let obtained = obtained(inputs, seen, plan);
        let prepared = self.prepare(inputs, plan, bytes, &obtained)?;
        self.pass_point_of_no_return();
        self.start_applying(&prepared, &obtained).await?;
        self.check_lease()?;
        // Boxed, as an attempt is: what is one inside the other would outgrow a thread's stack.
        let sending = prepared.iter().map(|p| Box::pin(self.apply_one(p)));
        let failures = join_all(sending)
            .await
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        Ok(failures.into_iter().flatten().collect())
    }

    /// What became of a batch is written down as soon as it is known, not when the slowest instance has answered.
    async fn apply_one(
        &self,
        prepared: &Prepared<'_>,
    ) -> Result<Option<ApplyFailure>, Interrupted> {
        let target = &prepared.party.target;
        let may_send = || self.signals.is_held();
        let pools = &self.worker.pools;
        let result = pools.apply(target, &prepared.batch, may_send).await;
        self.end_applying(prepared, &result).await?;
        let refused = result.refused.and_then(|at| {
            let step = prepared.batch.steps.iter().find(|s| s.ordinal == at)?;
            Some(Refused {
                peer: step.peer.clone(),
                action: step.action.clone(),
            })
        });
        Ok(result.failure.map(|failure| ApplyFailure {
            instance: target.name.clone(),
            log_in: target.log_in.user.clone(),
            failure,
            action: refused,
        }))
    }

    fn prepare<'a>(
        &self,
        inputs: &'a Inputs,
        plan: &Plan,
        bytes: &CertificateBytes,
        obtained: &[Obtained],
    ) -> Result<Vec<Prepared<'a>>, ApplyError> {
        let mut prepared = Vec::new();
        for (party, instance) in inputs.parties.iter().zip(&plan.instances) {
            let batch = batch(self.head(), instance, bytes).map_err(ApplyError::Missing)?;
            if let Some(batch) = batch {
                let started = self.steps_of(party, &batch, obtained);
                prepared.push(Prepared {
                    party,
                    batch,
                    started,
                });
            }
        }
        Ok(prepared)
    }

    fn steps_of(&self, party: &Party, batch: &ApplyBatch, obtained: &[Obtained]) -> Vec<NewStep> {
        let now = self.worker.clock.now();
        batch
            .steps
            .iter()
            .map(|step| NewStep {
                id: new_id(),
                instance_id: party.target.instance_id,
                instance: party.target.name.clone(),
                peer: Some(step.peer.clone()),
                kind: step.action.kind().to_owned(),
                summary: summary(&step.action, obtained),
                statement: step.statement.clone(),
                started_at: now,
            })
            .collect()
    }

    /// Unless the deadline has passed. One transaction: a certificate that is used without having been uploaded is kept the moment it is first used.
    async fn start_applying(
        &self,
        prepared: &[Prepared<'_>],
        obtained: &[Obtained],
    ) -> Result<(), Interrupted> {
        let now = self.worker.clock.now();
        let all: Vec<NewStep> = prepared.iter().flat_map(|p| p.started.clone()).collect();
        let begun = self.persist(|| async {
            let mut tx = self.worker.store.begin().await?;
            lease::hold(&mut tx, self.lease).await?;
            if self.job.options.deadline.is_some()
                && deadline::has_passed(&mut tx, self.lease, &all).await?
            {
                return Ok(false);
            }
            for kept in obtained {
                let (instance, certificate) = (kept.instance_id, &kept.certificate);
                certificates::note_obtained(&mut tx, instance, certificate, now).await?;
            }
            steps::start(&mut tx, self.lease, &all).await?;
            tx.commit().await?;
            Ok(true)
        });
        match begun.await? {
            true => Ok(()),
            false => Err(Interrupted::OutOfTime),
        }
    }

    async fn end_applying(
        &self,
        prepared: &Prepared<'_>,
        result: &ApplyResult,
    ) -> Result<(), Interrupted> {
        let now = self.worker.clock.now();
        let detail = result.failure.as_ref().map(|f| f.detail.clone());
        let steps = prepared.started.iter().zip(&result.steps);
        let ends: Vec<StepEnd> = steps
            .map(|(started, step)| StepEnd {
                id: started.id,
                outcome: step.outcome,
                error: step.error.clone(),
                detail: detail.clone(),
                ended_at: now,
            })
            .collect();
        self.persist(|| async {
            let mut conn = self.worker.store.acquire().await?;
            steps::end(&mut conn, self.lease, &ends).await
        })
        .await
    }
}

/// A certificate that was read from its endpoint instead of uploaded.
pub(super) struct Obtained {
    instance_id: uuid::Uuid,
    from: String,
    certificate: Certificate,
}

/// Those the plan imports and no upload vouches for.
fn obtained(inputs: &Inputs, seen: &[Seen], plan: &Plan) -> Vec<Obtained> {
    let imported: Vec<Sha256> = plan
        .changes()
        .filter_map(|(_, _, action)| match action {
            Action::ImportCertificate { sha256, .. } => Some(*sha256),
            _ => None,
        })
        .collect();
    let members = inputs.wish.members.iter().zip(seen);
    members
        .filter_map(|(member, seen)| {
            let certificate = Certificate::from_der(endpoint_der(seen)?).ok()?;
            let sha256 = certificate.sha256;
            let uploaded = [&member.current, &member.next]
                .into_iter()
                .flatten()
                .any(|pin| pin.sha256 == sha256);
            (imported.contains(&sha256) && !uploaded).then(|| Obtained {
                instance_id: member.instance_id,
                from: member.name.to_string(),
                certificate,
            })
        })
        .collect()
}

fn summary(action: &Action, obtained: &[Obtained]) -> String {
    let words = action.in_words();
    match action {
        Action::ImportCertificate { sha256, .. } => obtained
            .iter()
            .find(|o| o.certificate.sha256 == *sha256)
            .map_or(words.clone(), |o| {
                format!("{words}; obtained from {}'s endpoint", o.from)
            }),
        _ => words,
    }
}

/// The bytes of the certificate an observed endpoint uses.
pub(super) fn endpoint_der(seen: &Seen) -> Option<&[u8]> {
    match seen {
        Seen::Observed(observation) => observation
            .endpoint
            .as_ref()?
            .certificate
            .as_ref()?
            .der
            .as_deref(),
        Seen::Failed(_) => None,
    }
}
