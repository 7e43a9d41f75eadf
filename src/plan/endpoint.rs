//! Whether each member's mirroring endpoint is there and can do what the registered pairs ask of it.

use super::note::{Note, Report};
use super::scene::Scene;
use crate::domain::cure::Cure;
use crate::domain::finding::Code;
use crate::domain::object_name::SysName;
use crate::domain::observation::{Endpoint, EndpointRole, EndpointState};
use crate::domain::pair::Role;

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for (index, _, seen) in scene.all_observed() {
        match &seen.endpoint {
            None => report.add(missing(scene, index)),
            Some(endpoint) => {
                let found = [
                    not_certificate(scene, index, endpoint),
                    stopped(scene, index, endpoint),
                    role(scene, index, endpoint),
                    rc4(scene, index, endpoint),
                    port(scene, index, endpoint),
                ];
                found
                    .into_iter()
                    .flatten()
                    .for_each(|note| report.add(note));
            }
        }
    }
}

/// What a member's own certificate would be called if it had to be made.
pub(super) fn own_certificate_name(scene: &Scene<'_>, index: usize) -> SysName {
    let member = scene.member(index);
    member.naming.render(&member.peer_name).map_or_else(
        |_| SysName::from(&member.peer_name),
        |names| names.certificate.into(),
    )
}

fn missing(scene: &Scene<'_>, index: usize) -> Note {
    scene
        .note(Code::NoEndpoint, index)
        .found("no DATABASE_MIRRORING endpoint (or none that the log-in may see)")
        .wanted("one endpoint that authenticates by certificate")
        .remedy("Prepare the outbound half: master key, own certificate, endpoint. The port is a proposal.")
        .cure(Cure::PrepareOutbound {
            certificate: own_certificate_name(scene, index),
        })
}

fn not_certificate(scene: &Scene<'_>, index: usize, endpoint: &Endpoint) -> Option<Note> {
    (!endpoint.accepts_certificates).then(|| {
        scene
            .note(Code::EndpointNotCertificate, index)
            .found(format!(
                "endpoint [{}] authenticates by {}",
                endpoint.name, endpoint.authentication
            ))
            .wanted("CERTIFICATE among its authentication methods")
            .remedy("Add the certificate to the endpoint's authentication. Altering an endpoint in use can look like a failure to its partners.")
            .cure(Cure::UseCertificateAuthentication {
                endpoint: endpoint.name.clone(),
                certificate: own_certificate_name(scene, index),
                role: endpoint.role,
            })
    })
}

fn stopped(scene: &Scene<'_>, index: usize, endpoint: &Endpoint) -> Option<Note> {
    let state = match endpoint.state {
        EndpointState::Started => return None,
        EndpointState::Stopped => "STOPPED",
        EndpointState::Disabled => "DISABLED",
    };
    Some(
        scene
            .note(Code::EndpointStopped, index)
            .found(format!("endpoint [{}] is {state}", endpoint.name))
            .wanted("STARTED")
            .remedy("Trusts can be configured meanwhile; peers get in once it is started.")
            .cure(Cure::StartEndpoint {
                endpoint: endpoint.name.clone(),
            }),
    )
}

fn role(scene: &Scene<'_>, index: usize, endpoint: &Endpoint) -> Option<Note> {
    let member = scene.member(index);
    let partner = member.needed_roles.partner || member.role == Role::Partner;
    let witness = member.needed_roles.witness || member.role == Role::Witness;
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
        scene
            .note(Code::EndpointRoleInsufficient, index)
            .found(format!("endpoint [{}] has ROLE = {}", endpoint.name, role_text(endpoint.role)))
            .wanted(wanted)
            .remedy("Widen the role. Altering an endpoint in use can look like a failure to its partners.")
            .cure(Cure::WidenEndpointRole {
                endpoint: endpoint.name.clone(),
            }),
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

fn rc4(scene: &Scene<'_>, index: usize, endpoint: &Endpoint) -> Option<Note> {
    endpoint.encryption.rc4.then(|| {
        scene
            .note(Code::EndpointAllowsRc4, index)
            .found(format!("endpoint [{}] allows RC4", endpoint.name))
            .wanted("AES alone")
            .remedy("Once every peer's endpoint allows AES, require it. Altering an endpoint in use can look like a failure to its partners.")
            .cure(Cure::RequireAes {
                endpoint: endpoint.name.clone(),
                role: endpoint.role,
            })
    })
}

fn port(scene: &Scene<'_>, index: usize, endpoint: &Endpoint) -> Option<Note> {
    let expected = scene.member(index).expected_endpoint_port?;
    let found = endpoint.port?;
    (found != i32::from(expected)).then(|| {
        scene
            .note(Code::EndpointPortDiffers, index)
            .found(format!("endpoint [{}] listens on port {found}", endpoint.name))
            .wanted(format!("port {expected}, as registered"))
            .remedy("Correct the registration or the endpoint; peers dial the port that SET PARTNER names.")
    })
}
