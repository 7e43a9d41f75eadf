//! What is planned for one trust: the inbound path, what else is to be said about it, and how the acceptor stands to the peer now.

use super::context::Context;
use super::findings::Findings;
use super::inbound_path::{self, InboundPath};
use super::pin::Required;
use super::trust::{Access, Trust};
use super::{admits, clash, conflict, next, proof, shared, superseded, two_instances};
use crate::domain::action::Action;
use crate::domain::plan::{TrustCertificate, TrustPlan};
use crate::domain::trust::{Configured, Proof};

/// `required` are the certificates that count for all members, by position.
pub(super) fn plan(
    context: &Context<'_>,
    acceptor: usize,
    peer: usize,
    required: &[Option<Required>],
    findings: &mut Findings,
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
        peer: context.name(peer).to_owned(),
        configured: Configured::Unknown,
        proof: Proof::Unknown,
        admits: admits::admission(context, acceptor, peer),
        certificate,
        next: None,
        actions: Vec::new(),
        left_out: Vec::new(),
    };
    if let (Some(seen), Some(wanted)) = (context.observed(acceptor), wanted) {
        let trust = Trust {
            context: *context,
            acceptor,
            peer,
            seen,
            required: wanted,
        };
        let mut path = inbound_path(&trust, required, findings);
        clash::check(&trust, &mut path, required, findings);
        two_instances::check(&trust, findings);
        superseded::check(&trust, &path, findings);
        plan.next = next::seen(&trust);
        plan.proof = proof::proof(&trust, required);
        plan.configured = path.configured;
        plan.actions = path.actions;
        if let (Some(certificate), Some(held)) =
            (&mut plan.certificate, trust.held(&wanted.certificate))
        {
            certificate.name = Some(held.name.to_string());
        }
    }
    plan
}

/// The way out of a conflict is often a login that is new. As long as public is denied CONNECT none is proposed: it would be kept out.
fn tell_public_denied(trust: &Trust<'_>, findings: &mut Findings) {
    if let Some(Access::Denied(row)) = trust.public_denied() {
        findings.add(conflict::denied(trust, &row));
    }
}

fn inbound_path(
    trust: &Trust<'_>,
    required: &[Option<Required>],
    findings: &mut Findings,
) -> InboundPath {
    let held = trust.held(&trust.required.certificate);
    let mut path = match (shared::with(trust, required), held) {
        (Some(twin), _) => shared::inbound_path(trust, held, &twin, findings),
        (None, Some(held)) => inbound_path::existing(trust, held, findings),
        (None, None) => inbound_path::missing(trust, findings),
    };
    if path.configured == Configured::Conflict {
        tell_public_denied(trust, findings);
    }
    if !trust.required.permitted || trust.seen.endpoint.is_none() {
        path.actions.clear();
    }
    // Without a certificate to come, a login for one that is not handed out is of no use.
    let imports = path.actions.iter().any(Action::is_import);
    if held.is_none() && !imports && two_instances::keeps_out(trust) {
        path.actions.clear();
    }
    if trust.seen.endpoint.is_none() && path.configured == Configured::Yes {
        path.configured = Configured::No;
    }
    path
}
