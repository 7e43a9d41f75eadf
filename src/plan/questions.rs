//! What the observe batch of one acceptor has to ask about its peers' names.

use std::collections::BTreeMap;

use crate::domain::desired_state::{DesiredState, Member, PeerQuestion};
use crate::domain::hash::Thumbprint;
use crate::domain::naming::UnusableName;

/// One question per peer of `acceptor`, in the order of the desired state.
///
/// `learned` are the certificates that members' endpoints are known to use, by position, for those without an upload.
/// Where nothing is known of a peer's certificate, the name a renewed one would get cannot be asked for yet.
///
/// # Errors
/// The first name that SQL Server would refuse; registrations are checked, so this means a template has changed since.
pub fn questions(
    desired: &DesiredState,
    acceptor: usize,
    learned: &BTreeMap<usize, Thumbprint>,
) -> Result<Vec<PeerQuestion>, UnusableName> {
    let naming = &desired.members[acceptor].naming;
    desired
        .peers_of(acceptor)
        .map(|peer| {
            let member = &desired.members[peer];
            let names = naming.render(&member.peer_name)?;
            let renewed_certificate = newcomer(member, learned.get(&peer)).and_then(|thumbprint| {
                names
                    .certificate
                    .with_suffix(&format!("_{}", thumbprint.short()))
                    .ok()
            });
            Ok(PeerQuestion {
                peer,
                names,
                renewed_certificate,
            })
        })
        .collect()
}

/// The certificate most likely to come in beside an earlier one: the next, else what the endpoint uses, else the pin.
fn newcomer(member: &Member, learned: Option<&Thumbprint>) -> Option<Thumbprint> {
    let next = member.next.as_ref().map(|next| next.thumbprint);
    let pin = member.current.as_ref().map(|current| current.thumbprint);
    next.or_else(|| learned.copied()).or(pin)
}
