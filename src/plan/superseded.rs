//! Older certificates of a peer that its acceptor still holds: whoever has such a key is still let in.

use super::note::{Report, moment};
use super::pin::{Facts, Required};
use super::trust::Trust;
use crate::domain::cure::Cure;
use crate::domain::finding::Code;
use crate::domain::observation::{HeldCertificate, MasterUser};

/// `user` is the chain's, where it is there; `others` are the required certificates of all members.
pub(super) fn check(
    trust: &Trust<'_>,
    user: Option<&MasterUser>,
    others: &[Option<Required>],
    report: &mut Report,
) {
    for held in &trust.seen.certificates {
        if is_older(trust, user, held) && !is_needed(held, others) {
            report.add(
                trust
                    .note(Code::SupersededCertificate)
                    .found(format!(
                        "certificate [{}] (SHA-1 {}, expires {}) still lets in whoever has its key",
                        held.name,
                        held.thumbprint,
                        moment(held.not_after)
                    ))
                    .wanted("the certificate in use, and the next one")
                    .remedy("Drop it once the peer is connected by the one in use.")
                    .cure(Cure::DropCertificate {
                        certificate: held.name.clone(),
                    }),
            );
        }
    }
}

fn is_older(trust: &Trust<'_>, user: Option<&MasterUser>, held: &HeldCertificate) -> bool {
    let owned_by_the_user = matches!(
        (user, &held.owner),
        (Some(user), Some(owner)) if user.principal_id == owner.principal_id && !user.is_dbo()
    );
    let known = &trust.scene.member(trust.peer).known;
    // A certificate with its private key is the acceptor's own, whoever owns it.
    !held.has_private_key
        && (owned_by_the_user || held.sha256.is_some_and(|sha256| known.contains(&sha256)))
}

/// One user may stand for several members; what any of them uses or will use is not old.
fn is_needed(held: &HeldCertificate, others: &[Option<Required>]) -> bool {
    let is = |facts: &Facts| facts.is_held_as(held);
    others
        .iter()
        .flatten()
        .any(|r| is(&r.certificate) || r.next.as_ref().is_some_and(is))
}
