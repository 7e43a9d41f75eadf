//! What a job does next that configures: another apply, or how it ends.

use std::fmt::Write as _;

use super::blocked::{blocked, code_of_passing};
use super::progress::{Next, Progress, failed};
use super::trusts::{missing, refusing};
use crate::domain::failure::FailureClass;
use crate::domain::job::{AttemptOutcome, FailureCode, Job};
use crate::domain::plan::Plan;
use crate::worker::attempt::refused::{self, ApplyFailure};

/// How often one attempt sends apply batches. Somebody else may be changing the same things; three looks settle it.
pub(super) const MOST_ROUNDS: usize = 3;

pub(super) fn configure(job: &Job, plan: &Plan, progress: &Progress) -> Next {
    if plan.is_fulfilled() && missing(plan).is_empty() {
        let refusing = refusing(plan);
        return Next::End(if refusing.is_empty() {
            AttemptOutcome::Succeeded
        } else {
            failed(FailureCode::NotAdmitted, refusing.join("; "))
        });
    }
    if let Some(refused) = refused(progress) {
        return Next::End(refused);
    }
    if plan.is_blocked() {
        return Next::End(blocked(job, plan, progress));
    }
    if let Some(later) = later(progress) {
        return Next::End(later);
    }
    // What could be done beside it is done.
    if plan.has_blockers() && !plan.has_changes() {
        return Next::End(blocked(job, plan, progress));
    }
    if !plan.has_changes() || progress.rounds >= MOST_ROUNDS {
        return Next::End(AttemptOutcome::RetryLater {
            code: FailureCode::AttemptsExhausted,
            detail: still_missing(plan, progress),
        });
    }
    Next::Apply
}

/// The deadline passed with batches sent, and the look afterwards shows that they were not enough.
pub(in crate::worker::attempt) fn too_late(
    passed: &str,
    plan: &Plan,
    progress: &Progress,
) -> AttemptOutcome {
    failed(
        FailureCode::DeadlineExceeded,
        format!("{passed}; {}", still_missing(plan, progress)),
    )
}

fn still_missing(plan: &Plan, progress: &Progress) -> String {
    let rounds = match progress.rounds {
        1 => "1 round".to_owned(),
        more => format!("{more} rounds"),
    };
    let mut words = format!("after {rounds} still missing: {}", missing(plan).join("; "));
    if !progress.apply_failures.is_empty() {
        let _ = write!(words, "; in the last one {}", progress.apply_words(&[]));
    }
    words
}

/// Failures of the last round that no further look can cure.
pub(super) fn refused(progress: &Progress) -> Option<AttemptOutcome> {
    let last = progress.apply_failures.iter();
    let refusals: Vec<&ApplyFailure> = last
        .filter(|f| f.is_final(&progress.earlier_failures))
        .collect();
    if refusals.is_empty() {
        return None;
    }
    let code = refused::code(&refusals);
    Some(failed(code, progress.apply_words(&refusals)))
}

/// Failures of the last round that may pass, but not by looking again at once.
pub(super) fn later(progress: &Progress) -> Option<AttemptOutcome> {
    let waiting = |f: &&ApplyFailure| {
        matches!(
            f.failure.class,
            FailureClass::Unreachable | FailureClass::Transient
        )
    };
    let passing: Vec<&ApplyFailure> = progress.apply_failures.iter().filter(waiting).collect();
    if passing.is_empty() {
        return None;
    }
    Some(AttemptOutcome::RetryLater {
        code: code_of_passing(passing.iter().map(|f| f.failure.class)),
        detail: progress.apply_words(&passing),
    })
}
