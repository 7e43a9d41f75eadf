//! Older certificates of a peer that its acceptor still holds: whoever has such a key is still let in.
//!
//! Only what is known as an earlier one of this very peer, and needed by nobody: who owns it is no evidence.

use super::findings::{Findings, moment};
use super::inbound_path::InboundPath;
use super::registrants;
use super::trust::Trust;
use crate::domain::cure::Cure;
use crate::domain::estate::Mark;
use crate::domain::finding::Code;
use crate::domain::observation::HeldCertificate;
use crate::domain::trust::Configured;

/// Nothing is old before what is in use is there.
pub(super) fn check(trust: &Trust<'_>, path: &InboundPath, findings: &mut Findings) {
    if path.configured != Configured::Yes {
        return;
    }
    for held in &trust.seen.certificates {
        if is_superseded(trust, held) {
            let until = moment(held.not_after);
            let found = format!("certificate [{}] (SHA-1 {})", held.name, held.thumbprint);
            findings.add(
                trust
                    .finding(Code::SupersededCertificate)
                    .found(if held.not_after < trust.seen.server.clock {
                        format!("{found}, expired {until}, lets nobody in any more")
                    } else {
                        format!("{found}, expires {until}, still lets in whoever has its key")
                    })
                    .wanted("the certificate in use, and the next one")
                    .remedy("Drop it once the peer is connected by the one in use. No registered instance uses it or is to, and nobody is logged in by it here.")
                    .cure(Cure::DropCertificate {
                        certificate: held.name.clone(),
                    }),
            );
        }
    }
}

fn is_superseded(trust: &Trust<'_>, held: &HeldCertificate) -> bool {
    let peer = trust.context.member(trust.peer).instance_id;
    let mark = Mark::from(held);
    // A certificate with its private key is the acceptor's own, whoever owns it.
    !held.has_private_key
        && held.sha256.is_some()
        && registrants::is_earlier_one(&trust.context, held, peer)
        && registrants::who_need(&trust.context, &mark, None).is_empty()
        && nobody_is_in_by(trust, held)
}

/// Who may not see the connections cannot tell.
fn nobody_is_in_by(trust: &Trust<'_>, held: &HeldCertificate) -> bool {
    let connections = trust.seen.connections.as_ref();
    connections.is_some_and(|all| !all.iter().any(|c| c.is_log_in_by(held.certificate_id)))
}
