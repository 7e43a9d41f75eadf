//! `partial`: what a blocker touches is left out, and the rest is planned as if nobody had asked for that.
//!
//! Planned again without it, not merely cut out: what two trusts share (a login, say) is then made by the one that stays.

use chrono::{DateTime, Utc};

use super::context::{Context, ObservedMember};
use super::hash;
use crate::domain::desired_state::{DesiredState, DesiredTrust};
use crate::domain::finding::{Code, Finding};
use crate::domain::plan::{Plan, TrustPlan};
use crate::domain::trust::Configured;

/// Of a plan that blockers forbid: what is left of it without the trusts they touch. Those stay in it, named, without actions.
pub(super) fn without_what_is_touched(
    whole: Plan,
    desired: &DesiredState,
    seen: &[ObservedMember],
    now: DateTime<Utc>,
) -> Plan {
    let mut left = desired.clone();
    let mut omitted: Vec<(DesiredTrust, Vec<Code>)> = Vec::new();
    let mut plan = whole.clone();
    loop {
        let touched = touched(&plan, &left);
        if touched.is_empty() {
            break;
        }
        left.trusts
            .retain(|trust| !touched.iter().any(|(t, _)| t == trust));
        omitted.extend(touched);
        plan = super::whole(&left, seen, now);
    }
    let context = Context { desired, seen, now };
    together(whole, &plan, &omitted, &context)
}

fn touched(plan: &Plan, desired: &DesiredState) -> Vec<(DesiredTrust, Vec<Code>)> {
    let name = |member: usize| desired.members[member].name.as_str();
    let touching = |trust: &DesiredTrust| {
        let (acceptor, peer) = (name(trust.acceptor), name(trust.peer));
        let is_known = trust_plan(plan, acceptor, peer).is_some_and(|t| t.certificate.is_some());
        let mut codes: Vec<Code> = plan
            .findings
            .iter()
            .filter(|f| f.forbids_changes() && touches(f, acceptor, peer, is_known))
            .map(|f| f.code)
            .collect();
        codes.dedup();
        codes
    };
    let trusts = desired.trusts.iter();
    trusts
        .map(|trust| (trust.clone(), touching(trust)))
        .filter(|(_, codes)| !codes.is_empty())
        .collect()
}

/// A member that cannot be worked on is left out as an acceptor; its certificate, where it was seen in use, may be imported
/// elsewhere all the same.
fn touches(finding: &Finding, acceptor: &str, peer: &str, is_known: bool) -> bool {
    let on = finding.instance.as_str();
    match finding.peer.as_deref() {
        Some(from) => {
            (on, from) == (acceptor, peer)
                || (on, from) == (peer, acceptor) && of_both(finding.code)
        }
        None => on == acceptor || on == peer && !(of_the_acceptor(finding.code) && is_known),
    }
}

/// Said about one of two members, and as true of the other.
fn of_both(code: Code) -> bool {
    matches!(
        code,
        Code::NoCommonAlgorithm | Code::SameServerTwice | Code::CertificateOfTwoInstances
    )
}

/// Keeps mirrorgate from working on the member, and says nothing of who it is or what it shows to others.
fn of_the_acceptor(code: Code) -> bool {
    matches!(
        code,
        Code::Unreachable
            | Code::TlsNotTrusted
            | Code::LoginRefused
            | Code::ObservationFailed
            | Code::PermissionMissing
            | Code::EndpointInUse
    )
}

fn trust_plan<'a>(plan: &'a Plan, acceptor: &str, peer: &str) -> Option<&'a TrustPlan> {
    let instance = plan.instances.iter().find(|i| i.instance == acceptor)?;
    instance.trusts.iter().find(|t| t.peer == peer)
}

/// The import that is left out of a trust for the certificate's own sake; what else is to be done there is done.
fn one_import(plan: &Plan, trust: &TrustPlan) -> Vec<Code> {
    if trust.configured == Configured::Yes {
        return Vec::new();
    }
    let of_the_peer = plan.findings.iter().filter(|f| f.instance == trust.peer);
    let forbids = |f: &&Finding| f.blocks() && f.code.leaves_out_one_import();
    of_the_peer.filter(forbids).map(|f| f.code).collect()
}

/// What was found at first, with the trusts as they are planned without the others.
fn together(
    whole: Plan,
    rest: &Plan,
    omitted: &[(DesiredTrust, Vec<Code>)],
    context: &Context<'_>,
) -> Plan {
    let mut plan = whole;
    for instance in &mut plan.instances {
        for trust in &mut instance.trusts {
            let is_it = |t: &DesiredTrust| {
                context.name(t.acceptor) == instance.instance && context.name(t.peer) == trust.peer
            };
            if let Some((_, because)) = omitted.iter().find(|(t, _)| is_it(t)) {
                trust.actions.clear();
                trust.left_out = because.clone();
            } else if let Some(planned) = trust_plan(rest, &instance.instance, &trust.peer) {
                *trust = planned.clone();
                trust.left_out = one_import(rest, trust);
            }
        }
    }
    let new = rest.findings.iter().filter(|f| !plan.findings.contains(f));
    let new: Vec<Finding> = new.cloned().collect();
    plan.findings.extend(new);
    plan.findings.sort_by_key(|f| f.severity);
    plan.partial = true;
    plan.plan_hash = hash::plan_hash(context, &plan.instances);
    plan
}
