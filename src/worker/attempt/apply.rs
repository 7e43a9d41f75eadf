//! Carries a plan out: one batch per instance that needs changes, side by side, its actions written as started
//! beforehand.

use futures_util::future::{FutureExt as _, join_all};
use uuid::Uuid;

use super::interrupted::Interrupted;
use super::journal::{Journal, Obtained};
use super::observed::{Observed, endpoint_der};
use super::party::Party;
use super::refused::{ApplyFailure, Refused};
use crate::domain::action::Action;
use crate::domain::certificate::Certificate;
use crate::domain::hash::Sha256;
use crate::domain::id::new_id;
use crate::domain::plan::Plan;
use crate::domain::step::{NewStep, StepEnd};
use crate::sqlserver::Pools;
use crate::tsql::apply::ApplyBatch;

/// The batches of one round, with the steps they are written down as.
pub(super) struct Changes<'a> {
    batches: Vec<Prepared<'a>>,
    pub started: Vec<NewStep>,
    pub obtained: Vec<Obtained>,
}

struct Prepared<'a> {
    party: &'a Party,
    batch: &'a ApplyBatch,
    steps: Vec<Uuid>,
}

impl<'a> Changes<'a> {
    /// `batches` has one per member, in their order.
    pub(super) fn of(
        observed: &Observed<'a>,
        plan: &Plan,
        batches: &'a [Option<ApplyBatch>],
        journal: &Journal<'_>,
    ) -> Self {
        let obtained = obtained(observed, plan);
        let mut started = Vec::new();
        let mut prepared = Vec::new();
        for (party, batch) in observed.inputs.parties.iter().zip(batches) {
            let Some(batch) = batch else { continue };
            let steps = steps_of(party, batch, &obtained, journal);
            prepared.push(Prepared {
                party,
                batch,
                steps: steps.iter().map(|step| step.id).collect(),
            });
            started.extend(steps);
        }
        Self {
            batches: prepared,
            started,
            obtained,
        }
    }

    /// Sends every batch once; they are written down as started. What went wrong; empty when all is committed.
    pub(super) async fn send(
        &self,
        pools: &Pools,
        journal: &Journal<'_>,
    ) -> Result<Vec<ApplyFailure>, Interrupted> {
        journal.check_lease()?;
        // Boxed, as an attempt is: what is one inside the other would outgrow a thread's stack.
        let batches = self.batches.iter();
        let sending = batches.map(|batch| send(batch, pools, journal).boxed());
        let sending = async { Ok(join_all(sending).await) };
        let failures = journal.while_gathering_ends(sending).await?;
        Ok(failures.into_iter().flatten().collect())
    }
}

async fn send(
    prepared: &Prepared<'_>,
    pools: &Pools,
    journal: &Journal<'_>,
) -> Option<ApplyFailure> {
    let Prepared {
        party,
        batch,
        steps,
    } = prepared;
    let target = &party.target;
    let result = pools.apply(target, batch, || journal.is_held()).await;
    let now = journal.now();
    let detail = result.failure.as_ref().map(|f| f.detail.clone());
    journal.add_ends(steps.iter().zip(&result.steps).map(|(id, step)| StepEnd {
        id: *id,
        outcome: step.outcome,
        error: step.error.clone(),
        detail: detail.clone(),
        ended_at: now,
    }));
    let refused = result.refused.and_then(|at| {
        let step = batch.body.steps.iter().find(|s| s.ordinal == at)?;
        Some(Refused {
            peer: step.peer.clone(),
            action: step.action.clone(),
        })
    });
    result.failure.map(|failure| ApplyFailure {
        instance: target.name.clone(),
        log_in: target.log_in.user.clone(),
        failure,
        action: refused,
    })
}

fn steps_of(
    party: &Party,
    batch: &ApplyBatch,
    obtained: &[Obtained],
    journal: &Journal<'_>,
) -> Vec<NewStep> {
    let now = journal.now();
    let steps = batch.body.steps.iter().map(|step| NewStep {
        id: new_id(),
        instance_id: party.target.instance_id,
        instance: party.target.name.clone(),
        peer: Some(step.peer.clone()),
        kind: step.action.kind().to_owned(),
        summary: summary(&step.action, obtained),
        statement: step.statement.clone(),
        started_at: now,
    });
    steps.collect()
}

/// The certificates that the plan imports and no upload vouches for.
fn obtained(observed: &Observed<'_>, plan: &Plan) -> Vec<Obtained> {
    let imported: Vec<Sha256> = plan
        .changes()
        .filter_map(|(_, _, action)| match action {
            Action::ImportCertificate { sha256, .. } => Some(*sha256),
            _ => None,
        })
        .collect();
    observed
        .answers()
        .filter_map(|(member, _, answer)| {
            let certificate = Certificate::from_der(endpoint_der(answer)?).ok()?;
            let sha256 = certificate.sha256;
            let uploaded = [&member.current, &member.next]
                .into_iter()
                .flatten()
                .any(|pin| pin.sha256 == sha256);
            (imported.contains(&sha256) && !uploaded).then(|| Obtained {
                instance_id: member.instance_id,
                instance: member.name.to_string(),
                certificate,
            })
        })
        .collect()
}

fn summary(action: &Action, obtained: &[Obtained]) -> String {
    let words = action.describe();
    let Action::ImportCertificate { sha256, .. } = action else {
        return words;
    };
    match obtained.iter().find(|o| o.certificate.sha256 == *sha256) {
        Some(from) => format!("{words}; obtained from {}'s endpoint", from.instance),
        None => words,
    }
}
