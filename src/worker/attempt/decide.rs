//! What follows from what was seen and what was done: go on, or how the attempt ends. Pure.

mod blocked;
mod configure;
mod partial;
mod progress;
mod trusts;

use blocked::{blocked, describe, unseen};
use configure::configure;
use trusts::{in_doubt, missing};

use crate::domain::finding::Finding;
use crate::domain::job::{AttemptOutcome, FailureCode, Flow, Job};
use crate::domain::plan::Plan;

pub(super) use configure::too_late;
pub(super) use progress::{Next, Progress, failed};

/// Decides after a look.
pub(super) fn next(job: &Job, plan: &Plan, progress: &Progress) -> Next {
    match job.kind.flow() {
        Flow::Inspect => Next::End(inspected(job, plan, progress)),
        Flow::Verify => Next::End(verified(job, plan, progress)),
        Flow::Configure if job.options.dry_run => Next::End(dry_run(job, plan, progress)),
        Flow::Configure if partial::leaves_out(plan) => partial::next(job, plan, progress),
        Flow::Configure => configure(job, plan, progress),
    }
}

/// An inspection succeeds when the server it was to look at is the one that was seen; what it found is in the plan.
fn inspected(job: &Job, plan: &Plan, progress: &Progress) -> AttemptOutcome {
    let in_the_way: Vec<&Finding> = plan
        .findings
        .iter()
        .filter(|f| f.blocks() && f.code.is_about_identity())
        .collect();
    if progress.unseen.is_empty() && in_the_way.is_empty() {
        AttemptOutcome::Succeeded
    } else if in_the_way.is_empty() {
        unseen(job, progress)
    } else {
        failed(FailureCode::PreflightFailed, describe(&in_the_way))
    }
}

fn dry_run(job: &Job, plan: &Plan, progress: &Progress) -> AttemptOutcome {
    // Without one member there is no plan, only a part of one; what was found is kept all the same.
    if progress.unseen.is_empty() || plan.partial {
        AttemptOutcome::Succeeded
    } else {
        blocked(job, plan, progress)
    }
}

fn verified(job: &Job, plan: &Plan, progress: &Progress) -> AttemptOutcome {
    if !progress.unseen.is_empty() {
        return blocked(job, plan, progress);
    }
    let missing: Vec<String> = missing(plan);
    if !missing.is_empty() {
        failed(FailureCode::NotInPlace, missing.join("; "))
    } else if plan.has_blockers() {
        blocked(job, plan, progress)
    } else {
        let doubtful = in_doubt(plan);
        if doubtful.is_empty() {
            AttemptOutcome::Succeeded
        } else {
            failed(FailureCode::NotAdmitted, doubtful.join("; "))
        }
    }
}

#[cfg(test)]
mod tests;
