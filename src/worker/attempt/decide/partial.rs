//! A job that leaves out what blockers touch: the rest is done in its first attempt, and it never ends as succeeded.

use super::blocked::{blocked, is_tried_again};
use super::configure::{MOST_ROUNDS, later, refused};
use super::progress::{Next, Progress, failed};
use super::trusts::{missing, refusing};
use crate::domain::job::{AttemptOutcome, FailureCode, Job};
use crate::domain::plan::{Plan, TrustPlan};

/// Whether this plan leaves anything out.
pub(super) fn leaves_out(plan: &Plan) -> bool {
    plan.partial && trusts(plan).any(|(_, trust)| is_left_out(trust))
}

fn trusts(plan: &Plan) -> impl Iterator<Item = (&str, &TrustPlan)> {
    let instances = plan.instances.iter();
    instances.flat_map(|i| i.trusts.iter().map(|t| (i.instance.as_str(), t)))
}

fn is_left_out(trust: &TrustPlan) -> bool {
    !trust.left_out.is_empty()
}

/// Decides after a look. What was approved was approved with what it leaves out: no later attempt may do more.
pub(super) fn next(job: &Job, plan: &Plan, progress: &Progress) -> Next {
    let refused = refused(progress);
    let later = later(progress);
    let goes_on = refused.is_none() && later.is_none();
    if goes_on && plan.has_changes() && progress.rounds < MOST_ROUNDS {
        return Next::Apply;
    }
    if trusts(plan).all(|(_, trust)| is_left_out(trust)) {
        return Next::End(blocked(job, plan, progress));
    }
    let may_pass = later.is_some() || plan.has_changes() || something_may_pass(job, plan, progress);
    let is_approved = job.options.only_if_plan.is_some();
    let is_final = refused.is_some() || is_approved || !may_pass;
    let detail = describe(plan, [refused, later]);
    Next::End(match is_final {
        true => failed(FailureCode::Partial, detail),
        false => AttemptOutcome::RetryLater {
            code: FailureCode::Partial,
            detail,
        },
    })
}

/// Some trust is left out for a member that may be seen the next time.
fn something_may_pass(job: &Job, plan: &Plan, progress: &Progress) -> bool {
    let may_be_seen = |member: &str| {
        let unseen = progress.unseen.iter();
        unseen
            .filter(|(name, _)| name == member)
            .any(|(_, failure)| is_tried_again(job, failure))
    };
    trusts(plan)
        .filter(|(_, trust)| is_left_out(trust))
        .any(|(on, trust)| may_be_seen(on) || may_be_seen(&trust.peer))
}

fn describe(plan: &Plan, ends: [Option<AttemptOutcome>; 2]) -> String {
    let left_out = trusts(plan).filter(|(_, t)| is_left_out(t));
    let left_out: Vec<String> = left_out
        .map(|(on, trust)| {
            let codes: Vec<&str> = trust.left_out.iter().map(|code| code.as_str()).collect();
            format!("on {on} from {} ({})", trust.peer, codes.join(", "))
        })
        .collect();
    let mut words = vec![format!("left out: {}", left_out.join("; "))];
    for end in ends.into_iter().flatten() {
        if let AttemptOutcome::Failed { detail, .. } | AttemptOutcome::RetryLater { detail, .. } =
            end
        {
            words.push(detail);
        }
    }
    let missing = missing(plan);
    if !missing.is_empty() {
        words.push(format!("still missing: {}", missing.join("; ")));
    }
    let refusing = refusing(plan);
    if !refusing.is_empty() {
        words.push(refusing.join("; "));
    }
    words.join("; ")
}
