//! Whether two endpoints speak to each other at all: state, role, authentication, encryption.

use super::End;
use super::reasons::Reasons;
use crate::domain::observation::{EndpointEncryption, EndpointRole, EndpointState};
use crate::domain::pair::Role;
use crate::plan::encryption::allowed;

/// From this version on nobody has verified that RC4 is still taken.
const RC4_IN_DOUBT: u32 = 17;

pub(super) fn check(on: &End<'_>, from: &End<'_>, reasons: &mut Reasons) {
    for end in [on, from] {
        state(end, reasons);
        role(end, reasons);
        authentication(end, reasons);
    }
    encryption(on, from, reasons);
}

/// Neither listens nor dials when it is not started.
fn state(end: &End<'_>, reasons: &mut Reasons) {
    let state = match end.endpoint.state {
        EndpointState::Started => return,
        EndpointState::Stopped => "STOPPED",
        EndpointState::Disabled => "DISABLED",
    };
    reasons.refuses(
        true,
        "endpoint_stopped",
        format!(
            "endpoint [{}] of {} is {state}",
            end.endpoint.name, end.name
        ),
    );
}

/// By the part the member plays in what the job is about.
fn role(end: &End<'_>, reasons: &mut Reasons) {
    let fits = match (end.endpoint.role, end.role) {
        (EndpointRole::All, _)
        | (EndpointRole::Partner, Role::Partner)
        | (EndpointRole::Witness, Role::Witness) => true,
        (EndpointRole::Partner | EndpointRole::Witness | EndpointRole::None, _) => false,
    };
    if !fits {
        reasons.refuses(
            true,
            "role_unfit",
            format!(
                "endpoint [{}] of {} has ROLE = {}, and {} is a {}",
                end.endpoint.name,
                end.name,
                crate::plan::endpoint::role_text(end.endpoint.role),
                end.name,
                match end.role {
                    Role::Partner => "partner",
                    Role::Witness => "witness",
                }
            ),
        );
    }
}

fn authentication(end: &End<'_>, reasons: &mut Reasons) {
    if !end.endpoint.accepts_certificates {
        reasons.refuses(
            true,
            "no_certificate_authentication",
            format!(
                "endpoint [{}] of {} authenticates by {}",
                end.endpoint.name, end.name, end.endpoint.authentication
            ),
        );
    }
}

fn encryption(on: &End<'_>, from: &End<'_>, reasons: &mut Reasons) {
    let (one, other) = (on.endpoint.encryption, from.endpoint.encryption);
    if !one.agrees_with(other) {
        reasons.refuses(
            true,
            "no_common_algorithm",
            format!(
                "{} allows {}, {} allows {}",
                on.name,
                allowed(one),
                from.name,
                allowed(other)
            ),
        );
    } else if only_by_doing_without(one, other) {
        reasons.unverified(
            "encryption_in_doubt",
            format!(
                "{} allows {}, {} allows {}: no algorithm in common, and whether they then connect without encryption is not verified",
                on.name,
                allowed(one),
                from.name,
                allowed(other)
            ),
        );
    } else if only_rc4(one, other)
        && [on, from]
            .iter()
            .any(|end| end.seen.server.major() >= RC4_IN_DOUBT)
    {
        reasons.unverified(
            "rc4_in_doubt",
            format!(
                "{} and {} have only RC4 in common, and whether SQL Server 2025 still takes it is not verified",
                on.name, from.name
            ),
        );
    }
}

/// Both allow no encryption, and both would rather have an algorithm that the other does not have.
fn only_by_doing_without(one: EndpointEncryption, other: EndpointEncryption) -> bool {
    let has_any = |e: EndpointEncryption| e.aes || e.rc4;
    let has_common = (one.aes && other.aes) || (one.rc4 && other.rc4);
    has_any(one) && has_any(other) && !has_common
}

fn only_rc4(one: EndpointEncryption, other: EndpointEncryption) -> bool {
    let without = |e: EndpointEncryption| EndpointEncryption { rc4: false, ..e };
    !without(one).agrees_with(without(other))
}
