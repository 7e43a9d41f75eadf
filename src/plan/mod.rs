//! The desired state and what was observed give findings and actions. Pure functions; no I/O, no T-SQL, no clock of its own.
//!
//! One rule a file. A rule says all it has to say; whether anything blocks is for the reader of the finished plan.

mod admits;
mod certificate_name;
mod certificate_owner;
mod clash;
mod compatibility;
mod conflict;
mod context;
mod encryption;
mod endpoint;
mod findings;
mod hash;
mod identity;
mod in_use;
mod inbound_path;
mod inbound_path_cure;
mod inspection;
mod next;
mod others;
mod own_certificate;
mod partial;
mod peer_login;
mod permissions;
mod pin;
mod proof;
mod questions;
mod reach;
mod registrants;
mod remedy;
mod renewal;
mod servers;
mod shared;
mod subset;
mod summary;
mod superseded;
mod trust;
mod trust_plan;
mod two_instances;
mod weak_certificate;

#[cfg(test)]
mod tests;

pub use context::ObservedMember;
pub use pin::certificate_bytes;
pub use questions::questions;
pub use subset::is_subset;

use chrono::{DateTime, Utc};

use crate::domain::action::Action;
use crate::domain::desired_state::DesiredState;
use crate::domain::plan::{InstancePlan, Plan, TrustPlan};
use context::Context;
use findings::Findings;
use pin::Required;

/// What is to be said and done about `desired`, seen from `seen` (one per member, in order) at `now`.
///
/// A blocker anywhere means that nothing may be changed anywhere; the actions are planned all the same, so that a dry run
/// shows them, except for trusts that cannot be planned. With `partial` what a blocker touches is left out instead.
#[must_use]
pub fn plan(desired: &DesiredState, seen: &[ObservedMember], now: DateTime<Utc>) -> Plan {
    let whole = whole(desired, seen, now);
    if desired.partial && whole.has_blockers() {
        return partial::without_what_is_touched(whole, desired, seen, now);
    }
    whole
}

fn whole(desired: &DesiredState, seen: &[ObservedMember], now: DateTime<Utc>) -> Plan {
    let context = Context { desired, seen, now };
    let mut findings = Findings::default();
    reach::check(&context, &mut findings);
    identity::check(&context, &mut findings);
    servers::check(&context, &mut findings);
    compatibility::check(&context, &mut findings);
    encryption::check(&context, &mut findings);
    endpoint::check(&context, &mut findings);
    own_certificate::check(&context, &mut findings);
    weak_certificate::check(&context, &mut findings);
    next::check(&context, &mut findings);
    let required: Vec<Option<Required>> = (0..desired.members.len())
        .map(|member| {
            let is_peer = desired.trusts.iter().any(|trust| trust.peer == member);
            is_peer.then(|| pin::required(&context, member, &mut findings))?
        })
        .collect();
    let instances: Vec<InstancePlan> = (0..desired.members.len())
        .map(|index| instance(&context, index, &required, &mut findings))
        .collect();
    Plan {
        plan_hash: hash::plan_hash(&context, &instances),
        findings: findings.in_order(),
        instances,
        partial: false,
    }
}

fn instance(
    context: &Context<'_>,
    index: usize,
    required: &[Option<Required>],
    findings: &mut Findings,
) -> InstancePlan {
    let trusts: Vec<TrustPlan> = context
        .desired
        .peers_of(index)
        .map(|peer| trust_plan::plan(context, index, peer, required, findings))
        .collect();
    let actions: Vec<Action> = trusts.iter().flat_map(|t| t.actions.clone()).collect();
    if let Some(uses) = &context.desired.inspection {
        inspection::check(context, index, uses, findings);
    } else {
        permissions::check(context, index, &trusts, &actions, findings);
        in_use::check(context, index, &actions, findings);
    }
    let seen = context.observed(index);
    InstancePlan {
        instance: context.name(index).to_owned(),
        server: seen.map(summary::server),
        endpoint: seen.and_then(|s| Some(summary::endpoint(s, s.endpoint.as_ref()?))),
        used_by: context.desired.inspection.clone(),
        trusts,
    }
}
