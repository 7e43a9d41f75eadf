//! Whether the acceptor would let the peer in at the next handshake, by what both sides show: `admits`.
//!
//! Follows the handshake in its own order, but names every reason, not the first. A negative answer needs a log-in that sees
//! everything; what a catalog does not tell is unknown, and named. Nothing here plans or forbids a change.

mod certificates;
mod endpoints;
pub(super) mod login;
mod reasons;

use chrono::{DateTime, Utc};

use super::context::Context;
use crate::domain::observation::{Endpoint, Observation};
use crate::domain::trust::Admission;
use reasons::Reasons;

/// One end of a handshake.
#[derive(Clone, Copy)]
struct End<'a> {
    name: &'a str,
    seen: &'a Observation,
    endpoint: &'a Endpoint,
    role: crate::domain::pair::Role,
}

impl End<'_> {
    /// By its own clock.
    fn now(&self) -> DateTime<Utc> {
        self.seen.server.clock
    }
}

/// The verdict on the trust on `acceptor` from `peer`.
pub(super) fn admission(context: &Context<'_>, acceptor: usize, peer: usize) -> Admission {
    let mut reasons = Reasons::default();
    let (on, from) = (
        end(context, acceptor, &mut reasons),
        end(context, peer, &mut reasons),
    );
    let (Some(on), Some(from)) = (on, from) else {
        return reasons.verdict(None);
    };
    endpoints::check(&on, &from, &mut reasons);
    let mut lapses_at = certificates::own(&on, &mut reasons);
    if let Some(end) = certificates::own(&from, &mut reasons) {
        lapses_at = Some(lapses_at.map_or(end, |other| other.min(end)));
    }
    if let Some(held) = certificates::held(&on, &from, &mut reasons) {
        login::check(&on, held, &mut reasons);
    }
    reasons.verdict(lapses_at)
}

/// Absent rows prove something only for a log-in that sees all of them.
fn sees_everything(seen: &Observation) -> bool {
    seen.login.sees_everything()
}

fn end<'a>(context: &Context<'a>, member: usize, reasons: &mut Reasons) -> Option<End<'a>> {
    let name = context.name(member);
    let Some(seen) = context.observed(member) else {
        reasons.not_seen("not_observed", format!("{name} could not be looked at"));
        return None;
    };
    if !sees_everything(seen) {
        reasons.not_seen(
            "not_permitted_to_see",
            format!(
                "on {name} login [{}] does not see every definition: what it does not see may stand against the peer",
                seen.login.name
            ),
        );
    }
    let Some(endpoint) = &seen.endpoint else {
        reasons.refuses(
            sees_everything(seen),
            "no_endpoint",
            format!("{name} has no mirroring endpoint"),
        );
        return None;
    };
    Some(End {
        name,
        seen,
        endpoint,
        role: context.member(member).role,
    })
}

#[cfg(test)]
mod tests;
