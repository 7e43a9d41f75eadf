//! What follows from what was seen and what was done: go on, or how the attempt ends. Pure.

mod partial;

use std::fmt::Write as _;

use super::refused::{self, ApplyFailure, on};
use crate::domain::cause::Cause;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::finding::{Code, Finding};
use crate::domain::job::{AttemptOutcome, FailureCode, Flow, Job};
use crate::domain::plan::{Plan, TrustPlan};
use crate::domain::trust::{Admits, Configured, Proof};

/// How often one attempt sends apply batches. Somebody else may be changing the same things; three looks settle it.
pub(super) const MOST_ROUNDS: usize = 3;

/// How often a job asks for a name that leads nowhere. Names do come late, with a server that is just being set up, and name
/// servers are away for a moment; one that was misspelt is wrong for ever.
const ATTEMPTS_AT_A_NAME: i32 = 3;

/// What has happened so far in this attempt.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Apply rounds sent.
    pub rounds: usize,
    /// What went wrong in the last of them.
    pub apply_failures: Vec<ApplyFailure>,
    /// What went wrong in those before it.
    pub earlier_failures: Vec<ApplyFailure>,
    /// Members that could not be observed in the last look.
    pub unseen: Vec<(String, Failure)>,
}

impl Progress {
    /// Takes in what a further round came to.
    pub(super) fn note_round(&mut self, failures: Vec<ApplyFailure>) {
        self.rounds += 1;
        let before = std::mem::replace(&mut self.apply_failures, failures);
        self.earlier_failures.extend(before);
    }

    /// All that went wrong in the last round, these first.
    fn apply_words(&self, first: &[&ApplyFailure]) -> String {
        let is_first = |f: &ApplyFailure| first.iter().any(|other| std::ptr::eq(*other, f));
        let rest = self.apply_failures.iter().filter(|f| !is_first(f));
        let all = first.iter().copied().chain(rest);
        let words: Vec<String> = all.map(|f| f.describe(&self.earlier_failures)).collect();
        words.join("; ")
    }
}

/// What to do now.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    End(AttemptOutcome),
    Apply,
}

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
        .filter(|f| f.blocks() && is_about_identity(f.code))
        .collect();
    if progress.unseen.is_empty() && in_the_way.is_empty() {
        AttemptOutcome::Succeeded
    } else if in_the_way.is_empty() {
        unseen(job, progress)
    } else {
        failed(FailureCode::PreflightFailed, describe(&in_the_way))
    }
}

pub(super) fn is_about_identity(code: Code) -> bool {
    matches!(
        code,
        Code::InstanceIdentityChanged
            | Code::InstanceNameDiffers
            | Code::SameServerTwice
            | Code::ServerRegisteredTwice
            | Code::ConnectedThroughListener
    )
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

/// Trusts that verification does not take for admitting: refused, or not known and not shown by a live connection.
fn in_doubt(plan: &Plan) -> Vec<String> {
    trusts_where(plan, |trust| match trust.admits.verdict {
        Admits::Yes => false,
        Admits::No => true,
        Admits::Unknown => {
            !(trust.admits.hangs_on_unverified_points()
                && matches!(trust.proof, Proof::Proven { .. }))
        }
    })
}

/// Trusts not left out whose peer would be refused at its next handshake.
fn refusing(plan: &Plan) -> Vec<String> {
    trusts_where(plan, |trust| {
        trust.admits.verdict == Admits::No && trust.left_out.is_empty()
    })
}

fn trusts_where(plan: &Plan, is_meant: impl Fn(&TrustPlan) -> bool) -> Vec<String> {
    let mut words = Vec::new();
    for instance in &plan.instances {
        for trust in instance.trusts.iter().filter(|t| is_meant(t)) {
            let verdict = match trust.admits.verdict {
                Admits::No => "would be refused",
                Admits::Yes | Admits::Unknown => "it is not known whether it would be let in",
            };
            words.push(format!(
                "on {} from {}: {verdict}: {}",
                instance.instance,
                trust.peer,
                trust.admits.describe()
            ));
        }
    }
    words
}

fn configure(job: &Job, plan: &Plan, progress: &Progress) -> Next {
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
pub(super) fn too_late(passed: &str, plan: &Plan, progress: &Progress) -> AttemptOutcome {
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

/// Trusts that are not configured and not left out, and changes still to be made (a next certificate to distribute, say), in words.
fn missing(plan: &Plan) -> Vec<String> {
    let mut words = Vec::new();
    for instance in &plan.instances {
        for trust in instance.trusts.iter().filter(|t| t.left_out.is_empty()) {
            if trust.configured != Configured::Yes {
                words.push(format!("on {} from {}", instance.instance, trust.peer));
            } else if let Some(action) = trust.actions.iter().find(|a| a.changes_something()) {
                words.push(format!("on {} {}", instance.instance, action.describe()));
            }
        }
    }
    words
}

/// Failures of the last round that no further look can cure.
fn refused(progress: &Progress) -> Option<AttemptOutcome> {
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
fn later(progress: &Progress) -> Option<AttemptOutcome> {
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

/// `unreachable` only where that is all there was.
fn code_of_passing(mut classes: impl Iterator<Item = FailureClass>) -> FailureCode {
    if classes.all(|class| class == FailureClass::Unreachable) {
        FailureCode::Unreachable
    } else {
        FailureCode::AttemptsExhausted
    }
}

/// A blocker anywhere, or a member not seen. Another attempt is due only if every blocker may pass by itself.
pub(super) fn blocked(job: &Job, plan: &Plan, progress: &Progress) -> AttemptOutcome {
    let blockers: Vec<&Finding> = plan.findings.iter().filter(|f| f.blocks()).collect();
    let may_pass = |f: &Finding| {
        let unseen = progress.unseen.iter().find(|(name, _)| *name == f.instance);
        match unseen {
            Some((_, failure)) => is_tried_again(job, failure),
            None => f.code.may_pass(),
        }
    };
    let lasting: Vec<&Finding> = blockers.iter().copied().filter(|f| !may_pass(f)).collect();
    if !lasting.is_empty() {
        return failed(code_of(&lasting), describe(&lasting));
    }
    unseen(job, progress)
}

/// Whether this job looks once more for what it could not see.
fn is_tried_again(job: &Job, failure: &Failure) -> bool {
    let asks_only = job.kind.flow() == Flow::Inspect || job.options.dry_run;
    let at_its_end = asks_only || job.attempts >= ATTEMPTS_AT_A_NAME;
    let in_vain = failure.cause.as_deref() == Some(&Cause::NameUnresolved) && at_its_end;
    failure.class.may_pass() && !in_vain
}

/// Every member that was not seen is named, those first that will not be seen the next time either.
fn unseen(job: &Job, progress: &Progress) -> AttemptOutcome {
    let (lasting, passing): (Vec<_>, Vec<_>) = progress
        .unseen
        .iter()
        .partition(|(_, f)| !is_tried_again(job, f));
    let all = lasting.iter().chain(&passing);
    let words: Vec<String> = all.map(|(instance, f)| on(instance, f)).collect();
    let detail = words.join("; ");
    if lasting.is_empty() {
        let code = code_of_passing(passing.iter().map(|(_, f)| f.class));
        return AttemptOutcome::RetryLater { code, detail };
    }
    let all = |class| lasting.iter().all(|(_, f)| f.class == class);
    let code = if all(FailureClass::LoginRefused) {
        FailureCode::LoginRefused
    } else if all(FailureClass::TlsNotTrusted) {
        FailureCode::TlsNotTrusted
    } else if all(FailureClass::Unreachable) {
        FailureCode::Unreachable
    } else {
        FailureCode::PreflightFailed
    };
    failed(code, detail)
}

fn code_of(lasting: &[&Finding]) -> FailureCode {
    let all = |code: Code| lasting.iter().all(|f| f.code == code);
    if lasting.iter().any(|f| f.code.is_conflict()) {
        FailureCode::Conflict
    } else if all(Code::LoginRefused) {
        FailureCode::LoginRefused
    } else if all(Code::TlsNotTrusted) {
        FailureCode::TlsNotTrusted
    } else if all(Code::Unreachable) {
        FailureCode::Unreachable
    } else {
        FailureCode::PreflightFailed
    }
}

pub(super) fn failed(code: FailureCode, detail: String) -> AttemptOutcome {
    AttemptOutcome::Failed { code, detail }
}

fn describe(findings: &[&Finding]) -> String {
    let words: Vec<String> = findings
        .iter()
        .map(|f| match &f.peer {
            Some(peer) => format!(
                "{} on {} from {peer}: {}",
                f.code.as_str(),
                f.instance,
                f.found
            ),
            None => format!("{} on {}: {}", f.code.as_str(), f.instance, f.found),
        })
        .collect();
    words.join("; ")
}

#[cfg(test)]
mod tests;
