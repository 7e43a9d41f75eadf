//! The desired state and what was observed give findings and actions. Pure functions; no I/O, no T-SQL, no clock of its own.
//!
//! One rule a file. A rule says all it has to say; whether anything blocks is for the reader of the finished plan.

mod admits;
mod anchor;
mod certificate_name;
mod chain;
mod chain_cure;
mod clash;
mod conflict;
mod couples;
mod encryption;
mod endpoint;
mod hash;
mod identity;
mod in_use;
mod inspection;
mod lines;
mod members;
mod next;
mod note;
mod others;
mod own_certificate;
mod owners;
mod partial;
mod peer_login;
mod permissions;
mod pin;
mod proof;
mod questions;
mod reach;
mod remedy;
mod renewal;
mod scene;
mod shared;
mod subset;
mod superseded;
mod trust;
mod two_instances;
mod weak_certificate;

#[cfg(test)]
mod tests;

pub use pin::certificate_bytes;
pub use questions::questions;
pub use scene::ObservedMember;
pub use subset::is_subset;

use chrono::{DateTime, Utc};

use crate::domain::action::Action;
use crate::domain::desired_state::DesiredState;
use crate::domain::plan::{InstancePlan, Plan, TrustCertificate, TrustPlan};
use crate::domain::trust::{Configured, Proof};
use note::Report;
use pin::Required;
use scene::Scene;
use trust::Trust;

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
    let scene = Scene { desired, seen, now };
    let mut report = Report::default();
    reach::check(&scene, &mut report);
    identity::check(&scene, &mut report);
    members::check(&scene, &mut report);
    couples::check(&scene, &mut report);
    encryption::check(&scene, &mut report);
    endpoint::check(&scene, &mut report);
    own_certificate::check(&scene, &mut report);
    weak_certificate::check(&scene, &mut report);
    next::check(&scene, &mut report);
    let required: Vec<Option<Required>> = (0..desired.members.len())
        .map(|member| {
            let is_peer = desired.trusts.iter().any(|trust| trust.peer == member);
            is_peer.then(|| pin::required(&scene, member, &mut report))?
        })
        .collect();
    let instances: Vec<InstancePlan> = (0..desired.members.len())
        .map(|index| instance(&scene, index, &required, &mut report))
        .collect();
    Plan {
        plan_hash: hash::plan_hash(&scene, &instances),
        findings: report.into_findings(),
        instances,
        partial: false,
    }
}

fn instance(
    scene: &Scene<'_>,
    index: usize,
    required: &[Option<Required>],
    report: &mut Report,
) -> InstancePlan {
    let trusts: Vec<TrustPlan> = scene
        .desired
        .peers_of(index)
        .map(|peer| trust_plan(scene, index, peer, required, report))
        .collect();
    let actions: Vec<Action> = trusts.iter().flat_map(|t| t.actions.clone()).collect();
    if let Some(uses) = &scene.desired.inspection {
        inspection::check(scene, index, uses, report);
    } else {
        permissions::check(scene, index, &trusts, &actions, report);
        in_use::check(scene, index, &actions, report);
    }
    let seen = scene.observed(index);
    InstancePlan {
        instance: scene.name(index).to_owned(),
        server: seen.map(lines::server),
        endpoint: seen.and_then(|s| Some(lines::endpoint(s, s.endpoint.as_ref()?))),
        used_by: scene.desired.inspection.clone(),
        trusts,
    }
}

fn trust_plan(
    scene: &Scene<'_>,
    acceptor: usize,
    peer: usize,
    required: &[Option<Required>],
    report: &mut Report,
) -> TrustPlan {
    let wanted = required.get(peer).copied().flatten();
    let certificate = wanted.map(|wanted| TrustCertificate {
        sha256: wanted.certificate.sha256,
        thumbprint: wanted.certificate.thumbprint,
        not_after: wanted.certificate.not_after,
        pinned: wanted.pinned,
        name: None,
    });
    let mut plan = TrustPlan {
        peer: scene.name(peer).to_owned(),
        configured: Configured::Unknown,
        proof: Proof::Unknown,
        admits: admits::admission(scene, acceptor, peer),
        certificate,
        next: None,
        actions: Vec::new(),
        left_out: Vec::new(),
    };
    if let (Some(seen), Some(wanted)) = (scene.observed(acceptor), wanted) {
        let trust = Trust {
            scene: *scene,
            acceptor,
            peer,
            seen,
            required: wanted,
        };
        let mut chain = chain::chain(&trust, required, report);
        clash::check(&trust, &mut chain, required, report);
        two_instances::check(&trust, report);
        superseded::check(&trust, &chain, report);
        plan.next = next::seen(&trust);
        plan.proof = proof::proof(&trust, required);
        plan.configured = chain.configured;
        plan.actions = chain.actions;
        if let (Some(certificate), Some(held)) =
            (&mut plan.certificate, trust.held(&wanted.certificate))
        {
            certificate.name = Some(held.name.to_string());
        }
    }
    plan
}
