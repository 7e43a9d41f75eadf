//! The way from an own certificate to its successor, one step at a time: make it, hand it out, switch the endpoint.
//!
//! Which step is due is what the servers and the uploads show. The switch is proposed only once nobody loses by it.

use chrono::{DateTime, Utc};

use super::context::Context;
use super::others;
use super::own_certificate::keeps_out;
use crate::domain::certificate::Certificate;
use crate::domain::cure::{Cure, NewCertificate, OwnCertificate, Payload, Windows};
use crate::domain::object_name::ObjectName;
use crate::domain::observation::{Endpoint, EndpointCertificate, HeldCertificate, Observation};
use crate::domain::rights::Right;

/// How long a certificate made by a cure lives.
const DAYS: u32 = 5 * 365;
/// SQL Server on Linux takes no longer subject.
const SUBJECT_UNITS: usize = 64;

/// What to do next, in words, and as T-SQL for this instance where that is the step.
pub(super) fn step(
    context: &Context<'_>,
    index: usize,
    used: &EndpointCertificate,
) -> (String, Option<Cure>) {
    let Some(seen) = context.observed(index) else {
        return (String::new(), None);
    };
    let Some(endpoint) = &seen.endpoint else {
        return (String::new(), None);
    };
    if seen.master_key.exists && !seen.master_key.opened_by_server {
        return ("First let the server open its master key: a new certificate's key would be under it. Then make a new own certificate, let the peers have it, and switch the endpoint.".to_owned(), None);
    }
    let next =
        context.member(index).next.as_ref().filter(|next| {
            used.sha256() != Some(next.sha256) && is_valid_everywhere(context, next)
        });
    let Some(next) = next else {
        return make(context, index, "");
    };
    match own(seen, next) {
        Some(held) => hand_out(context, index, (endpoint, used), (next, held)),
        None => make(
            context,
            index,
            "The certificate uploaded as next is not in master with its key under the master key. ",
        ),
    }
}

fn make(context: &Context<'_>, index: usize, before: &str) -> (String, Option<Cure>) {
    (
        format!(
            "{before}Make a new own certificate with the T-SQL below, upload what it shows in column der with purpose=next, and ask for configure-inbound, which hands it to the peers; then ask again for the switch. Nothing changes for the endpoint until then."
        ),
        new_certificate(context, index).map(Cure::MakeOwnCertificate),
    )
}

fn hand_out(
    context: &Context<'_>,
    index: usize,
    (endpoint, used): (&Endpoint, &EndpointCertificate),
    (next, held): (&Certificate, &HeldCertificate),
) -> (String, Option<Cure>) {
    let waiting = without(context, index, next);
    if !waiting.is_empty() {
        return (
            format!(
                "Ask for configure-inbound, which hands the next certificate to {}; then ask again for the switch.",
                waiting.join(", ")
            ),
            None,
        );
    }
    let is_accepted =
        (0..context.desired.members.len()).any(|other| !keeps_out(context, index, other));
    let strangers = others::let_in(context, index);
    if is_accepted && !strangers.is_empty() {
        return (
            format!(
                "The members hold the next certificate. This instance also lets in others ({}), who may not: once they hold it too, switch the endpoint to [{}].",
                strangers.join(", "),
                held.name
            ),
            None,
        );
    }
    (
        "All peers hold the next certificate: switch the endpoint to it. Its connections are made anew.".to_owned(),
        Some(Cure::UseOwnCertificate {
            endpoint: payload(endpoint),
            used: used.name.clone(),
            certificate: held.name.clone(),
        }),
    )
}

/// The members that shall let it in and would not by that certificate.
fn without(context: &Context<'_>, index: usize, next: &Certificate) -> Vec<String> {
    let acceptors = context.desired.trusts.iter().filter(|t| t.peer == index);
    acceptors
        .map(|trust| trust.acceptor)
        .filter(|acceptor| {
            !context
                .observed(*acceptor)
                .is_some_and(|seen| lets_in(seen, next))
        })
        .map(|acceptor| context.name(acceptor).to_owned())
        .collect()
}

fn lets_in(seen: &Observation, next: &Certificate) -> bool {
    let held = seen
        .certificates
        .iter()
        .find(|c| c.sha256 == Some(next.sha256));
    let Some(owner) = held.and_then(|held| held.owner.as_ref()) else {
        return false;
    };
    let Some(login) = owner.login.as_ref().filter(|l| l.can_be_peer()) else {
        return false;
    };
    let owns =
        seen.endpoint.as_ref().and_then(|e| e.owner_principal_id) == Some(login.principal_id);
    let granted = |row: &crate::domain::rights::RightRow| {
        row.right == Right::Connect && row.granted && row.grantee.principal_id == login.principal_id
    };
    !owner.is_dbo() && (owns || seen.rights.rows.iter().any(granted))
}

/// In `master`, with its key where an endpoint needs it.
fn own<'a>(seen: &'a Observation, certificate: &Certificate) -> Option<&'a HeldCertificate> {
    let held = seen.certificates.iter();
    held.filter(|held| held.key_under_master_key)
        .find(|held| held.sha256 == Some(certificate.sha256))
}

fn clocks(context: &Context<'_>) -> impl Iterator<Item = DateTime<Utc>> {
    context.all_observed().map(|(_, _, seen)| seen.server.clock)
}

fn is_valid_everywhere(context: &Context<'_>, certificate: &Certificate) -> bool {
    clocks(context).all(|clock| (certificate.not_before..=certificate.not_after).contains(&clock))
}

/// What an endpoint that gets a certificate is to use: one of this instance's that was its before, or a new one.
pub(super) fn own_certificate(context: &Context<'_>, index: usize) -> Option<OwnCertificate> {
    let seen = context.observed(index)?;
    let member = context.member(index);
    let serves = |held: &&HeldCertificate| {
        held.key_under_master_key
            && held
                .sha256
                .is_some_and(|sha256| member.known.contains(&sha256))
            && clocks(context).all(|clock| (held.not_before..=held.not_after).contains(&clock))
    };
    let pin = member.current.as_ref().map(|c| c.sha256);
    let known = seen.certificates.iter().filter(serves);
    let best = known.max_by_key(|held| (held.sha256 == pin, held.not_after, held.certificate_id));
    match best {
        Some(held) => Some(OwnCertificate::Existing(held.name.clone())),
        None => new_certificate(context, index).map(OwnCertificate::New),
    }
}

/// Valid for every member, however its clock is set.
fn new_certificate(context: &Context<'_>, index: usize) -> Option<NewCertificate> {
    let member = context.member(index);
    let own = context.observed(index)?.server.clock;
    let base = member
        .naming
        .render(&member.peer_name)
        .map_or_else(|_| member.peer_name.clone(), |names| names.certificate);
    let apart =
        |clock: DateTime<Utc>| u32::try_from((clock - own).num_days().abs() + 1).unwrap_or(0);
    let behind = clocks(context)
        .filter(|clock| *clock < own)
        .map(apart)
        .max();
    let ahead = clocks(context)
        .filter(|clock| *clock > own)
        .map(apart)
        .max();
    let mut subject = String::new();
    for c in member.peer_name.as_str().chars() {
        if subject.encode_utf16().count() + c.len_utf16() > SUBJECT_UNITS {
            break;
        }
        subject.push(c);
    }
    Some(NewCertificate {
        name: dated(&base, context.now),
        subject,
        days_before: 1 + behind.unwrap_or(0),
        days_after: DAYS + ahead.unwrap_or(0),
    })
}

fn dated(base: &ObjectName, now: DateTime<Utc>) -> ObjectName {
    base.with_suffix(&format!("_{}", now.format("%Y%m%d")))
        .unwrap_or_else(|_| base.clone())
}

pub(super) fn payload(endpoint: &Endpoint) -> Payload {
    Payload {
        endpoint: endpoint.name.clone(),
        windows: Windows::parse(&endpoint.authentication),
        encryption_code: endpoint.encryption_code,
        role: endpoint.role,
    }
}
