//! Whether each address still leads to the server it led to, and to a server of its own.

use chrono::Duration;

use super::context::Context;
use super::findings::{FindingBuilder, Findings};
use crate::domain::finding::{Code, Severity};
use crate::domain::identity::Start;

/// What the default instance calls itself in places that want a name.
const DEFAULT_INSTANCE: &str = "mssqlserver";

pub(super) fn check(context: &Context<'_>, findings: &mut Findings) {
    for (index, _, _) in context.all_observed() {
        changed(context, index, findings);
        other_instance(context, index, findings);
        listener(context, index, findings);
        same_server(context, index, findings);
        registered_elsewhere(context, index, findings);
    }
}

fn changed(context: &Context<'_>, index: usize, findings: &mut Findings) {
    let (Some(pinned), Some(seen)) = (
        &context.member(index).pinned_identity,
        context.observed(index),
    ) else {
        return;
    };
    let found = &seen.server.identity;
    if pinned.is_same_as(found) {
        return;
    }
    let remedy = if pinned.has_names_of(found) {
        "Its master database is another one: master of another server was restored there, its service master key was made anew, or this is another machine of the same name. If that is meant, ask for an inspect job with accept_identity."
    } else {
        "Find out whether an alias was moved, a listener failed over, or the machine renamed or copied. If the new server is meant, ask for an inspect job with accept_identity."
    };
    findings.add(
        context
            .finding(Code::InstanceIdentityChanged, index)
            .found(format!(
                "{} leads to {found}",
                context.member(index).address
            ))
            .wanted(format!("{pinned}, as at the first observation"))
            .remedy(remedy),
    );
}

fn other_instance(context: &Context<'_>, index: usize, findings: &mut Findings) {
    let (Some(wanted), Some(seen)) = (
        &context.member(index).address.instance_name,
        context.observed(index),
    ) else {
        return;
    };
    let found = seen.server.identity.instance_name.as_deref();
    if found.unwrap_or(DEFAULT_INSTANCE).to_lowercase() != wanted.to_lowercase() {
        findings.add(
            context
                .finding(Code::InstanceNameDiffers, index)
                .found(match found {
                    Some(name) => format!("{} is instance {name}", context.member(index).address),
                    None => format!("{} is the default instance", context.member(index).address),
                })
                .wanted(format!("instance {wanted}, as registered"))
                .remedy("Correct the port or the instance_name of the registration."),
        );
    }
}

fn listener(context: &Context<'_>, index: usize, findings: &mut Findings) {
    if context
        .observed(index)
        .is_some_and(|seen| seen.server.through_listener)
    {
        findings.add(
            context
                .finding(Code::ConnectedThroughListener, index)
                .found(format!("{} is an availability group listener", context.member(index).address))
                .wanted("the address of one instance, which stays that instance's")
                .remedy("Register the instance by its own host and port: after a failover a listener leads elsewhere."),
        );
    }
}

fn same_server(context: &Context<'_>, index: usize, findings: &mut Findings) {
    let Some(seen) = context.observed(index) else {
        return;
    };
    let twins = context.all_observed().filter(|(other, _, o)| {
        *other != index && o.server.identity.is_same_as(&seen.server.identity)
    });
    for (other, _, theirs) in twins {
        if started_apart(seen.server.start, theirs.server.start) {
            findings.add(clones(context, index, context.name(other)));
        } else if other < index {
            findings.add(
                context
                    .finding(Code::SameServerTwice, index)
                    .peer(context.name(other))
                    .found(format!(
                        "{} and {} are both {}",
                        context.name(other),
                        context.name(index),
                        seen.server.identity
                    ))
                    .wanted("two different servers")
                    .remedy("Correct the address of one of the two registrations."),
            );
        }
    }
}

/// One server has one start; two looks at it show the same mark as long as it runs.
fn started_apart(one: Option<Start>, other: Option<Start>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one.mark != other.mark)
}

/// Registrations that are no members here, whose address led to the same server or to one that passes for it.
fn registered_elsewhere(context: &Context<'_>, index: usize, findings: &mut Findings) {
    let Some(seen) = context.observed(index) else {
        return;
    };
    let members = &context.desired.members;
    let own = members[index].instance_id;
    let is_member = |id| members.iter().any(|member| member.instance_id == id);
    let others = context.desired.estate.instances.iter();
    for other in others.filter(|other| !is_member(other.id)) {
        let identity = other.identity.as_ref();
        if !identity.is_some_and(|theirs| theirs.is_same_as(&seen.server.identity)) {
            continue;
        }
        // A look at a server that started only afterwards may have been one at this very server, before it was restarted.
        let both_ran = other.started.is_some_and(|(theirs, seen_at)| {
            let at = seen.server.start.map(|start| start.at + CLOCKS_APART);
            started_apart(seen.server.start, Some(theirs)) && at.is_some_and(|at| at < seen_at)
        });
        findings.add(if both_ran {
            clones(context, index, &other.name)
        } else {
            // Ids are made in the order of the registrations: whoever came first may go on.
            let severity = if other.id < own {
                Severity::Blocker
            } else {
                Severity::Warning
            };
            twice(context, index, &other.name).severity(severity)
        });
    }
}

/// Longer than clocks of well-kept servers differ.
const CLOCKS_APART: Duration = Duration::minutes(2);

fn clones(context: &Context<'_>, index: usize, other: &str) -> FindingBuilder {
    context
        .finding(Code::ServerRegisteredTwice, index)
        .peer(other)
        .found(format!(
            "{} and {other} lead to two servers of the same names and master that started at different times: one is a copy of the other, and both run",
            context.name(index)
        ))
        .wanted("servers that can be told apart")
        .remedy("Find out which of the two is meant; stop or rename the other, or forget its registration. Where an address was corrected since, ask for an inspect job with accept_identity there.")
}

fn twice(context: &Context<'_>, index: usize, other: &str) -> FindingBuilder {
    let seen = context
        .observed(index)
        .map(|seen| seen.server.identity.to_string());
    context
        .finding(Code::ServerRegisteredTwice, index)
        .peer(other)
        .found(format!(
            "{} and {other} are both {}",
            context.name(index),
            seen.unwrap_or_default()
        ))
        .wanted("one registration for one server")
        .remedy("Correct the address of one of the two registrations, and ask for an inspect job with accept_identity there; or forget the one that is too many.")
}
