//! Whether a plan stays within one that was approved.

use crate::domain::plan::Plan;

/// Every change in `plan` is one of `approved`'s, on the same instance and for the same peer.
///
/// After its first batch an approved job plans anew, on a world it has changed itself: then less is left to do, never more.
#[must_use]
pub fn is_subset(plan: &Plan, approved: &Plan) -> bool {
    plan.changes().all(|(index, peer, action)| {
        approved.changes().any(|(other_index, other_peer, other)| {
            instance(plan, index) == instance(approved, other_index)
                && peer == other_peer
                && action == other
        })
    })
}

fn instance(plan: &Plan, index: usize) -> Option<&str> {
    plan.instances.get(index).map(|i| i.instance.as_str())
}
