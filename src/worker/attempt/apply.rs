//! Carries a plan out: one batch per instance that needs changes, side by side, its actions written as started
//! beforehand.

use futures_util::future::join_all;

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

struct Prepared<'a> {
    party: &'a Party,
    batch: &'a ApplyBatch,
    started: Vec<NewStep>,
}

/// Sends every batch of `plan` once; `batches` has one per member, in their order. What went wrong; empty when all is
/// committed.
pub(super) async fn apply(
    observed: &Observed<'_>,
    plan: &Plan,
    batches: &[Option<ApplyBatch>],
    pools: &Pools,
    journal: &Journal<'_>,
) -> Result<Vec<ApplyFailure>, Interrupted> {
    let obtained = obtained(observed, plan);
    let parties = observed.inputs.parties.iter().zip(batches);
    let prepared: Vec<Prepared<'_>> = parties
        .filter_map(|(party, batch)| {
            let batch = batch.as_ref()?;
            let started = steps_of(party, batch, &obtained, journal);
            Some(Prepared {
                party,
                batch,
                started,
            })
        })
        .collect();
    let started: Vec<NewStep> = prepared.iter().flat_map(|p| p.started.clone()).collect();
    journal.start_changes(&started, &obtained).await?;
    journal.check_lease()?;
    // Boxed, as an attempt is: what is one inside the other would outgrow a thread's stack.
    let sending = prepared.iter().map(|p| Box::pin(send(p, pools, journal)));
    let failures = join_all(sending).await;
    let failures: Vec<_> = failures.into_iter().collect::<Result<_, _>>()?;
    Ok(failures.into_iter().flatten().collect())
}

/// What became of a batch is written down as soon as it is known, not when the slowest instance has answered.
async fn send(
    prepared: &Prepared<'_>,
    pools: &Pools,
    journal: &Journal<'_>,
) -> Result<Option<ApplyFailure>, Interrupted> {
    let Prepared {
        party,
        batch,
        started,
    } = prepared;
    let target = &party.target;
    let result = pools.apply(target, batch, || journal.is_held()).await;
    let now = journal.now();
    let detail = result.failure.as_ref().map(|f| f.detail.clone());
    let ends: Vec<StepEnd> = started
        .iter()
        .zip(&result.steps)
        .map(|(started, step)| StepEnd {
            id: started.id,
            outcome: step.outcome,
            error: step.error.clone(),
            detail: detail.clone(),
            ended_at: now,
        })
        .collect();
    journal.end_steps(&ends).await?;
    let refused = result.refused.and_then(|at| {
        let step = batch.body.steps.iter().find(|s| s.ordinal == at)?;
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
