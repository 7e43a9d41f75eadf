//! A certificate that is to be imported, or is held, beside another of the same issuer and serial. A handshake looks a peer's
//! certificate up by these two and refuses where the bytes are others (28045); which of two it would find, nobody has verified.

use super::findings::{FindingBuilder, Findings};
use super::inbound_path::InboundPath;
use super::pin::{Facts, Required};
use super::trust::Trust;
use crate::domain::action::Action;
use crate::domain::finding::{Code, Severity};
use crate::domain::trust::Configured;

const WANTED: &str = "issuer and serial that no other certificate in master has: the handshake looks a peer up by them, and refuses where the bytes are others (28045)";

/// Takes out of `path` what would put two of one issuer and serial side by side, and says so; warns where they are already.
pub(super) fn check(
    trust: &Trust<'_>,
    path: &mut InboundPath,
    others: &[Option<Required>],
    findings: &mut Findings,
) {
    let required = trust.required.certificate;
    for facts in [Some(required), trust.required.next].into_iter().flatten() {
        let held = held_alike(trust, &facts);
        let is_planned = path.actions.iter().any(
            |action| matches!(action, Action::ImportCertificate { sha256, .. } if *sha256 == facts.sha256),
        );
        if is_planned {
            let Some(other) = held.or_else(|| wanted_alike(trust, &facts, others)) else {
                continue;
            };
            findings.add(in_the_way(trust, &facts, &other));
            path.actions.clear();
            if path.configured != Configured::Yes {
                path.configured = Configured::Conflict;
            }
        } else if let (Some(_), Some(other)) = (trust.held(&facts), held) {
            findings.add(side_by_side(trust, &facts, &other));
        }
    }
}

/// One that the acceptor holds.
fn held_alike(trust: &Trust<'_>, facts: &Facts) -> Option<String> {
    let wanted = facts.issuer_serial?;
    trust
        .seen
        .certificates
        .iter()
        .find(|held| held.issuer_serial == Some(wanted) && !facts.is_held_as(held))
        .map(|held| format!("certificate [{}] (SHA-1 {})", held.name, held.thumbprint))
}

/// One that another peer is or will be let in by, or this peer now.
fn wanted_alike(trust: &Trust<'_>, facts: &Facts, others: &[Option<Required>]) -> Option<String> {
    let wanted = facts.issuer_serial?;
    let peers = trust.context.desired.peers_of(trust.acceptor);
    peers
        .filter_map(|peer| {
            let other = others.get(peer)?.as_ref()?;
            let next = other.next.filter(|_| peer != trust.peer);
            let alike = [Some(other.certificate), next]
                .into_iter()
                .flatten()
                .find(|c| c.issuer_serial == Some(wanted) && c.sha256 != facts.sha256)?;
            let name = trust.context.name(peer);
            Some(format!("the one of {name} (SHA-1 {})", alike.thumbprint))
        })
        .next()
}

fn in_the_way(trust: &Trust<'_>, facts: &Facts, other: &str) -> FindingBuilder {
    let peer = trust.context.name(trust.peer);
    trust
        .finding(Code::IssuerSerialTaken)
        .found(format!(
            "the certificate to be imported (SHA-1 {}) has the issuer and serial of {other}, and other bytes",
            facts.thumbprint
        ))
        .wanted(WANTED)
        .remedy(format!(
            "Make a new certificate on {peer}, with a serial of its own, upload it as purpose=next, let the peers that can have it (partial: true), switch {peer}'s endpoint to it, and configure again. Drop nothing for this: the other one may be what somebody is let in by."
        ))
}

fn side_by_side(trust: &Trust<'_>, facts: &Facts, other: &str) -> FindingBuilder {
    let peer = trust.context.name(trust.peer);
    trust
        .finding(Code::IssuerSerialTaken)
        .severity(Severity::Warning)
        .found(format!(
            "the certificate it is let in by (SHA-1 {}) has the issuer and serial of {other}, and other bytes",
            facts.thumbprint
        ))
        .wanted(WANTED)
        .remedy(format!(
            "Which of the two the next handshake finds is not known. Renew {peer}'s certificate by one with a serial of its own (purpose=next, configure, switch) before the connection has to be made anew."
        ))
}
