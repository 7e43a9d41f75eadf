//! The peer's next certificate: whether it can be used one day, and whether an acceptor has it already.

use super::context::Context;
use super::findings::{FindingBuilder, Findings, moment};
use super::trust::{Access, Trust};
use crate::domain::certificate::{Certificate, SelfSignature};
use crate::domain::finding::Code;
use crate::domain::trust::{InPlace, NextSeen};

/// What keeps each member's next certificate from being of use. One that is damaged or has ended is not handed out.
pub(super) fn check(context: &Context<'_>, findings: &mut Findings) {
    for (index, member, _) in context.all_observed() {
        if let Some(finding) = member
            .next
            .as_ref()
            .and_then(|n| unusable(context, index, n))
        {
            findings.add(finding);
        }
    }
}

/// It is what it says, and by nobody's clock has it ended. That it begins later is in its nature.
pub(super) fn may_be_handed_out(context: &Context<'_>, next: &Certificate) -> bool {
    !is_damaged(next) && ended(context, next).is_none()
}

fn is_damaged(next: &Certificate) -> bool {
    matches!(next.self_signature(), SelfSignature::Damaged { .. })
}

/// By whose clock it has ended, and what that clock shows.
fn ended(context: &Context<'_>, next: &Certificate) -> Option<String> {
    if next.not_after <= context.now {
        return Some(format!("mirrorgate's clock (now {})", moment(context.now)));
    }
    let mut seen = context.all_observed();
    seen.find(|(_, _, seen)| next.not_after <= seen.server.clock)
        .map(|(_, member, seen)| {
            format!(
                "{}'s clock (now {})",
                member.name,
                moment(seen.server.clock)
            )
        })
}

fn unusable(context: &Context<'_>, index: usize, next: &Certificate) -> Option<FindingBuilder> {
    let what = format!(
        "the certificate uploaded as next (SHA-1 {})",
        next.thumbprint
    );
    let finding = context.finding(Code::NextCertificateUnusable, index);
    if let SelfSignature::Damaged { how } = next.self_signature() {
        return Some(
            finding.found(format!("{what} is damaged: {how}"))
                .wanted("a certificate whose own signature holds")
                .remedy("Export it once more from the instance and upload that with purpose=next. This one is not handed out."),
        );
    }
    if let Some(clock) = ended(context, next) {
        return Some(
            finding
                .found(format!(
                    "{what} ended {} by {clock}",
                    moment(next.not_after)
                ))
                .wanted("a certificate that is valid when the endpoint is switched to it")
                .remedy(
                    "Make a new one and upload it with purpose=next. This one is not handed out.",
                ),
        );
    }
    let (_, member, seen) = context
        .all_observed()
        .find(|(_, _, seen)| seen.server.clock < next.not_before)?;
    Some(
        finding.found(format!(
            "{what} begins {}, and {}'s clock shows {}",
            moment(next.not_before),
            member.name,
            moment(seen.server.clock)
        ))
        .wanted("a certificate that is valid when the endpoint is switched to it")
        .remedy("It is handed out; do not switch the endpoint to it before it has begun by the clock of the instance and of all its peers."),
    )
}

/// Whether the acceptor has it; `None` where the peer has no next one.
pub(super) fn seen(trust: &Trust<'_>) -> Option<NextSeen> {
    let next = trust.context.member(trust.peer).next.as_ref()?;
    Some(NextSeen {
        sha256: next.sha256,
        in_place: in_place(trust, next),
    })
}

fn in_place(trust: &Trust<'_>, next: &Certificate) -> InPlace {
    let mut held = trust.seen.certificates.iter();
    let not = if trust.sees_everything() {
        InPlace::No
    } else {
        InPlace::Unknown
    };
    let Some(held) = held.find(|held| held.sha256 == Some(next.sha256)) else {
        return not;
    };
    let mut all = trust.seen.certificates.iter();
    let has_twin = all.any(|other| other.is_twin_of(held));
    let access = trust
        .proper_owner(held)
        .map(|(_, login)| trust.access(login));
    match access {
        Some(Access::Granted | Access::OwnsEndpoint) if has_twin => InPlace::Unknown,
        Some(Access::Granted | Access::OwnsEndpoint) => InPlace::Yes,
        Some(Access::Denied(_) | Access::CannotBeGranted { .. }) => InPlace::No,
        Some(Access::Missing) | None => not,
    }
}
