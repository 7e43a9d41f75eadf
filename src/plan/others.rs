//! Who else an instance lets in: those whose endpoints nobody has looked at here, and who would lose by what suits the members.

use super::context::Context;
use crate::domain::observation::HeldCertificate;

/// The certificates, valid by its clock, of somebody who is no member, and the members that could not be looked at.
pub(super) fn let_in(context: &Context<'_>, index: usize) -> Vec<String> {
    let unseen = (0..context.desired.members.len())
        .filter(|member| context.observed(*member).is_none())
        .map(|member| context.name(member).to_owned());
    let Some(seen) = context.observed(index) else {
        return unseen.collect();
    };
    let is_strangers = |held: &&HeldCertificate| {
        !held.has_private_key
            && held.not_after >= seen.server.clock
            && held
                .owner
                .as_ref()
                .is_some_and(|owner| owner.login.is_some())
            && !is_a_members(context, held)
    };
    let held = seen.certificates.iter().filter(is_strangers);
    unseen
        .chain(held.map(|held| format!("the holder of certificate [{}]", held.name)))
        .collect()
}

fn is_a_members(context: &Context<'_>, held: &HeldCertificate) -> bool {
    let uploaded = |sha256| {
        context
            .desired
            .members
            .iter()
            .any(|m| m.known.contains(&sha256))
    };
    let used = context.all_observed().any(|(_, _, seen)| {
        let certificate = seen.endpoint.as_ref().and_then(|e| e.certificate.as_ref());
        certificate.is_some_and(|c| c.thumbprint == held.thumbprint)
    });
    used || held.sha256.is_some_and(uploaded)
}
