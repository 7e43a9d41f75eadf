//! Whose a certificate is, over all registrations: who uses it, who has used it, who will. What the members show now counts
//! before what is remembered of them.

use uuid::Uuid;

use super::context::Context;
use super::pin::Facts;
use crate::domain::desired_state::Member;
use crate::domain::estate::{KnownCertificate, KnownInstance, Mark, Standing};
use crate::domain::observation::{EndpointCertificate, HeldCertificate, Observation};

/// How a registered instance has part in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Its endpoint uses it, or it was uploaded as its own and nobody has seen it use another.
    Uses,
    /// It counts as its own though its endpoint uses another.
    Pinned,
    /// It is to be its next one.
    Next,
    /// It was its own before.
    Earlier,
}

impl From<&Facts> for Mark {
    fn from(facts: &Facts) -> Self {
        Self {
            sha256: Some(facts.sha256),
            thumbprint: Some(facts.thumbprint),
        }
    }
}

/// What the endpoint was seen to use just now.
fn used(seen: &Observation) -> Option<&EndpointCertificate> {
    seen.endpoint.as_ref()?.certificate.as_ref()
}

/// All parts that an instance has in a certificate.
pub(super) fn parts(context: &Context<'_>, instance: &KnownInstance, mark: &Mark) -> Vec<Part> {
    let members = context.desired.members.iter();
    let member = members
        .enumerate()
        .find(|(_, m)| m.instance_id == instance.id);
    let now = member
        .and_then(|(index, _)| context.observed(index))
        .and_then(used)
        .map(Mark::from);
    let mut parts: Vec<Part> = standings(instance, member.map(|(_, m)| m))
        .filter(|known| known.mark.is(mark))
        .map(|known| match known.standing {
            Standing::Used if now.is_some() => Part::Earlier,
            Standing::Used => Part::Uses,
            Standing::Current if uses_its_next(instance, now.as_ref()) => Part::Earlier,
            Standing::Current if now.is_some() || instance.was_looked_at() => Part::Pinned,
            Standing::Current => Part::Uses,
            Standing::Next => Part::Next,
            Standing::Earlier => Part::Earlier,
        })
        .collect();
    if now.is_some_and(|now| now.is(mark)) {
        parts.push(Part::Uses);
    }
    parts.sort_unstable();
    parts.dedup();
    parts
}

/// What is kept of it, and of a member the pins that the job was accepted with.
fn standings<'a>(
    instance: &'a KnownInstance,
    member: Option<&'a Member>,
) -> impl Iterator<Item = KnownCertificate> + 'a {
    let pins = member.into_iter().flat_map(|member| {
        let current = member.current.iter().map(|c| (c, Standing::Current));
        current.chain(member.next.iter().map(|c| (c, Standing::Next)))
    });
    let pins = pins.map(|(certificate, standing)| KnownCertificate {
        mark: Mark {
            sha256: Some(certificate.sha256),
            thumbprint: Some(certificate.thumbprint),
        },
        standing,
    });
    instance.certificates.iter().copied().chain(pins)
}

/// Then that is its pin, and the one uploaded as `current` is an earlier one.
fn uses_its_next(instance: &KnownInstance, now: Option<&Mark>) -> bool {
    let of = |standing| {
        let all = instance.certificates.iter();
        all.filter(move |c| c.standing == standing).map(|c| &c.mark)
    };
    let mut used = of(Standing::Used);
    let used = now.or_else(|| used.next());
    used.is_some_and(|used| of(Standing::Next).any(|next| next.is(used)))
}

/// The other registered instances that use this certificate or have used it, by name, the nearest part of each.
pub(super) fn of(context: &Context<'_>, mark: &Mark, but: Uuid) -> Vec<(String, Part)> {
    let others = context
        .desired
        .estate
        .instances
        .iter()
        .filter(|i| i.id != but);
    others
        .filter_map(|instance| {
            let nearest = parts(context, instance, mark)
                .into_iter()
                .find(|part| matches!(part, Part::Uses | Part::Earlier))?;
            Some((instance.name.clone(), nearest))
        })
        .collect()
}

/// The registered instances that it is, was or shall be one of.
pub(super) fn who_have_part(context: &Context<'_>, mark: &Mark) -> Vec<String> {
    let all = context.desired.estate.instances.iter();
    all.filter(|instance| !parts(context, instance, mark).is_empty())
        .map(|instance| instance.name.clone())
        .collect()
}

/// The registered instances other than `but` that would lose by the certificate's going: it is theirs, or is to be.
pub(super) fn who_need(context: &Context<'_>, mark: &Mark, but: Option<Uuid>) -> Vec<String> {
    let all = context.desired.estate.instances.iter();
    all.filter(|instance| Some(instance.id) != but)
        .filter(|instance| {
            parts(context, instance, mark)
                .iter()
                .any(|part| *part != Part::Earlier)
        })
        .map(|instance| instance.name.clone())
        .collect()
}

/// Known as an earlier certificate of this instance, and no other registered one needs it.
pub(super) fn is_earlier_one(context: &Context<'_>, held: &HeldCertificate, of: Uuid) -> bool {
    let mark = Mark::from(held);
    let Some(instance) = context.desired.estate.instance(of) else {
        return false;
    };
    !parts(context, instance, &mark).is_empty() && who_need(context, &mark, Some(of)).is_empty()
}
