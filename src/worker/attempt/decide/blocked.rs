//! How an attempt ends that finds a blocker, or a member that cannot be seen.

use super::progress::{Progress, failed};
use crate::domain::cause::Cause;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::finding::{Code, Finding};
use crate::domain::job::{AttemptOutcome, FailureCode, Flow, Job};
use crate::domain::plan::Plan;
use crate::worker::attempt::refused::on;

/// How often a job asks for a name that leads nowhere. Names do come late, with a server that is just being set up,
/// and name servers are away for a moment; one that was misspelt is wrong for ever.
const ATTEMPTS_AT_A_NAME: i32 = 3;

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
pub(super) fn is_tried_again(job: &Job, failure: &Failure) -> bool {
    let asks_only = job.kind.flow() == Flow::Inspect || job.options.dry_run;
    let at_its_end = asks_only || job.attempts >= ATTEMPTS_AT_A_NAME;
    let in_vain = failure.cause.as_deref() == Some(&Cause::NameUnresolved) && at_its_end;
    failure.class.may_pass() && !in_vain
}

/// Every member that was not seen is named, those first that will not be seen the next time either.
pub(super) fn unseen(job: &Job, progress: &Progress) -> AttemptOutcome {
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

/// `unreachable` only where that is all there was.
pub(super) fn code_of_passing(mut classes: impl Iterator<Item = FailureClass>) -> FailureCode {
    if classes.all(|class| class == FailureClass::Unreachable) {
        FailureCode::Unreachable
    } else {
        FailureCode::AttemptsExhausted
    }
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

pub(super) fn describe(findings: &[&Finding]) -> String {
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
