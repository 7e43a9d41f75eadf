//! Whether the peer has been seen logged in by its certificate. Configured is not proven.
//!
//! Proof points at one server, and at the state that is there now: a certificate of two proves neither, and a connection from
//! before the inbound path was as it is proves what was there then.

use chrono::{DateTime, Utc};

use super::registrants;
use super::shared;
use super::trust::Trust;
use crate::domain::estate::Mark;
use crate::domain::observation::{EndpointConnection, HeldCertificate};
use crate::domain::trust::Proof;
use crate::plan::pin::Required;

pub(super) fn proof(trust: &Trust<'_>, others: &[Option<Required>]) -> Proof {
    let Some(connections) = &trust.seen.connections else {
        return Proof::NotPermittedToSee;
    };
    let Some(held) = trust.held(&trust.required.certificate) else {
        return Proof::NeverDialled;
    };
    let by_it: Vec<&EndpointConnection> = connections
        .iter()
        .filter(|c| c.is_log_in_by(held.certificate_id))
        .collect();
    if by_it.is_empty() {
        return Proof::NeverDialled;
    }
    if is_of_two(trust, others) {
        return Proof::Unknown;
    }
    let since = since(trust, held);
    let shows = |c: &&&EndpointConnection| match (c.login_time, since) {
        (Some(login), Some(since)) => login >= since,
        (None, Some(_)) => false,
        (_, None) => true,
    };
    by_it
        .iter()
        .filter(shows)
        .max_by_key(|c| c.login_time)
        .map_or(Proof::Unknown, |connection| Proof::Proven {
            since: connection.login_time,
        })
}

fn is_of_two(trust: &Trust<'_>, others: &[Option<Required>]) -> bool {
    let peer = trust.context.member(trust.peer).instance_id;
    let mark = Mark::from(&trust.required.certificate);
    shared::with(trust, others).is_some()
        || !registrants::of(&trust.context, &mark, peer).is_empty()
}

/// From when on the inbound path is known to have been as it is now, by the acceptor's clock; `None`: nothing says it was otherwise.
fn since(trust: &Trust<'_>, held: &HeldCertificate) -> Option<DateTime<Utc>> {
    let owner = held.owner.as_ref();
    let login = owner.and_then(|owner| owner.login.as_ref());
    let desired = trust.context.desired;
    let id = |member: usize| desired.members[member].instance_id;
    let seen_otherwise = desired
        .estate
        .otherwise
        .get(&(id(trust.acceptor), id(trust.peer)));
    let ahead = trust.seen.server.clock - trust.seen.observed_at;
    [
        owner.and_then(|owner| owner.changed_at),
        login.and_then(|login| login.changed_at),
        seen_otherwise.map(|at| *at + ahead),
    ]
    .into_iter()
    .flatten()
    .max()
}
