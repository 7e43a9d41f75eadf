//! Whether each member's mirroring endpoint is there and can do what the registered pairs ask of it.

use super::context::Context;
use super::findings::{FindingBuilder, Findings};
use super::renewal;
use crate::domain::cure::Cure;
use crate::domain::desired_state::NeededRoles;
use crate::domain::finding::Code;
use crate::domain::observation::{Endpoint, EndpointRole, EndpointState};

const USUAL_PORT: u16 = 5022;
const EXPRESS: i32 = 4;

pub(super) fn check(context: &Context<'_>, findings: &mut Findings) {
    for (index, _, seen) in context.all_observed() {
        match &seen.endpoint {
            // Whoever does not see everything cannot tell; which permission that takes is said elsewhere.
            None if !seen.login.sees_everything() => {}
            None => findings.add(missing(context, index)),
            Some(endpoint) => {
                let found = [
                    not_certificate(context, index, endpoint),
                    stopped(context, index, endpoint),
                    role(context, index, endpoint),
                    port(context, index, endpoint),
                    port_clash(context, index, endpoint),
                ];
                found
                    .into_iter()
                    .flatten()
                    .for_each(|finding| findings.add(finding));
            }
        }
    }
}

/// A remedy that alters an endpoint, with what that may do.
pub(super) fn altering(remedy: &str) -> String {
    format!(
        "{remedy} Altering an endpoint in use makes its connections anew, which can look like a failure to its partners."
    )
}

fn missing(context: &Context<'_>, index: usize) -> FindingBuilder {
    let certificate = renewal::own_certificate(context, index);
    let is_express = context
        .observed(index)
        .is_some_and(|seen| seen.server.engine_edition == EXPRESS);
    context
        .finding(Code::NoEndpoint, index)
        .found("no DATABASE_MIRRORING endpoint")
        .wanted("one endpoint that authenticates by certificate")
        .remedy("Prepare the outbound half: master key, own certificate, endpoint, each where it is missing. The port is a proposal. An own certificate that is new must be uploaded, or the uploads removed to have it obtained.")
        .cure(certificate.map(|certificate| Cure::PrepareOutbound {
            certificate,
            port: free_port(context, index),
            role: if is_express {
                EndpointRole::Witness
            } else {
                EndpointRole::All
            },
        }))
}

/// As registered, or from 5022 the first that no member uses on the same machine.
fn free_port(context: &Context<'_>, index: usize) -> u16 {
    let member = context.member(index);
    let machine = context
        .observed(index)
        .map(|seen| seen.server.identity.machine_name.to_lowercase());
    let here: Vec<u16> = context
        .all_observed()
        .filter(|(_, _, seen)| Some(seen.server.identity.machine_name.to_lowercase()) == machine)
        .flat_map(|(_, other, seen)| {
            let own = seen.endpoint.as_ref().and_then(|e| e.port);
            [
                other.address.port,
                own.and_then(|port| u16::try_from(port).ok()),
            ]
        })
        .flatten()
        .collect();
    let wanted = member.expected_endpoint_port.unwrap_or(USUAL_PORT);
    (wanted..u16::MAX)
        .find(|port| !here.contains(port))
        .unwrap_or(wanted)
}

fn not_certificate(
    context: &Context<'_>,
    index: usize,
    endpoint: &Endpoint,
) -> Option<FindingBuilder> {
    (!endpoint.accepts_certificates).then(|| {
        context
            .finding(Code::EndpointNotCertificate, index)
            .found(format!(
                "endpoint [{}] authenticates by {}",
                endpoint.name, endpoint.authentication
            ))
            .wanted("CERTIFICATE among its authentication methods")
            .remedy(altering("Add a certificate to the endpoint's authentication; Windows authentication stays, and first. A certificate that is new must be uploaded, or the uploads removed to have it obtained."))
            .cure(renewal::own_certificate(context, index).map(|certificate| {
                Cure::UseCertificateAuthentication {
                    endpoint: renewal::payload(endpoint),
                    certificate,
                }
            }))
    })
}

fn stopped(context: &Context<'_>, index: usize, endpoint: &Endpoint) -> Option<FindingBuilder> {
    let state = match endpoint.state {
        EndpointState::Started => return None,
        EndpointState::Stopped => "STOPPED",
        EndpointState::Disabled => "DISABLED",
    };
    Some(
        context
            .finding(Code::EndpointStopped, index)
            .found(format!("endpoint [{}] is {state}", endpoint.name))
            .wanted("STARTED")
            .remedy("Trusts can be configured meanwhile; peers get in once it is started.")
            .cure(Cure::StartEndpoint {
                endpoint: endpoint.name.clone(),
            }),
    )
}

fn role(context: &Context<'_>, index: usize, endpoint: &Endpoint) -> Option<FindingBuilder> {
    let NeededRoles { partner, witness } = context.needed_roles(index);
    let is_express = context
        .observed(index)
        .is_some_and(|seen| seen.server.engine_edition == EXPRESS);
    let covers_partner = matches!(endpoint.role, EndpointRole::Partner | EndpointRole::All);
    let covers_witness = matches!(endpoint.role, EndpointRole::Witness | EndpointRole::All);
    if (!partner || covers_partner) && (!witness || covers_witness) {
        return None;
    }
    let wanted = match (partner, witness) {
        (true, true) => "ALL: the registered pairs have this instance as partner and as witness",
        (true, false) => "PARTNER or ALL: a registered pair has this instance as partner",
        (false, _) => "WITNESS or ALL: a registered pair has this instance as witness",
    };
    Some(
        context
            .finding(Code::EndpointRoleInsufficient, index)
            .found(format!(
                "endpoint [{}] has ROLE = {}",
                endpoint.name,
                role_text(endpoint.role)
            ))
            .wanted(wanted)
            .remedy(if is_express {
                "This edition takes ROLE = WITNESS only: use it as a witness, or another edition."
                    .to_owned()
            } else {
                altering("Widen the role; what it covers now stays.")
            })
            .cure((!is_express).then(|| Cure::WidenEndpointRole {
                endpoint: endpoint.name.clone(),
            })),
    )
}

pub(super) fn role_text(role: EndpointRole) -> &'static str {
    match role {
        EndpointRole::None => "NONE",
        EndpointRole::Partner => "PARTNER",
        EndpointRole::Witness => "WITNESS",
        EndpointRole::All => "ALL",
    }
}

fn port(context: &Context<'_>, index: usize, endpoint: &Endpoint) -> Option<FindingBuilder> {
    let expected = context.member(index).expected_endpoint_port?;
    let found = endpoint.port?;
    (found != i32::from(expected)).then(|| {
        context
            .finding(Code::EndpointPortDiffers, index)
            .found(format!("endpoint [{}] listens on port {found}", endpoint.name))
            .wanted(format!("port {expected}, as registered"))
            .remedy("Correct the registration or the endpoint; peers dial the port that SET PARTNER names.")
    })
}

/// Of two that are to listen on one port of one machine, the second to start does not.
fn port_clash(context: &Context<'_>, index: usize, endpoint: &Endpoint) -> Option<FindingBuilder> {
    let port = endpoint.port?;
    let identity = |member: usize| Some(&context.observed(member)?.server.identity);
    let machine = |member: usize| Some(identity(member)?.machine_name.to_lowercase());
    // One server under two names is another finding.
    let is_itself = |member: usize| {
        let both = identity(member).zip(identity(index));
        both.is_some_and(|(one, other)| one.is_same_as(other))
    };
    let takes_log_ins = |member: usize| context.member(member).address.port.map(i32::from);
    let whose = if takes_log_ins(index) == Some(port) {
        "this instance's log-ins".to_owned()
    } else {
        let others = context
            .all_observed()
            .filter(|(other, ..)| !is_itself(*other) && machine(*other) == machine(index));
        others
            .filter_map(|(other, _, seen)| {
                let theirs = seen.endpoint.as_ref().and_then(|e| e.port);
                let what = if takes_log_ins(other) == Some(port) {
                    "log-ins"
                } else if theirs == Some(port) {
                    "endpoint"
                } else {
                    return None;
                };
                Some(format!(
                    "{}'s {what}, on the same machine",
                    context.name(other)
                ))
            })
            .next()?
    };
    Some(
        context
            .finding(Code::EndpointPortClash, index)
            .found(format!("endpoint [{}] has port {port}, the one of {whose}", endpoint.name))
            .wanted("a port of its own: of two on one port, the second to start does not listen")
            .remedy("Give one of the two another port. For an endpoint that is ALTER ENDPOINT, AS TCP with LISTENER_PORT; partners dial the port that SET PARTNER or the availability group names, which is to be changed with it."),
    )
}
