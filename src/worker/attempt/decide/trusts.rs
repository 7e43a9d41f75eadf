//! Which trusts of a plan stand in the way of success, in words.

use crate::domain::plan::{Plan, TrustPlan};
use crate::domain::trust::{Admits, Configured, Proof};

/// Trusts that are not configured and not left out, and changes still to be made (a next certificate to distribute,
/// say), in words.
pub(super) fn missing(plan: &Plan) -> Vec<String> {
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

/// Trusts that verification does not take for admitting: refused, or not known and not shown by a live connection.
pub(super) fn in_doubt(plan: &Plan) -> Vec<String> {
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
pub(super) fn refusing(plan: &Plan) -> Vec<String> {
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
