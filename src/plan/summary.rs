//! One line on a server and one on its endpoint, as a dry run shows them.

use super::encryption::allowed;
use super::in_use;
use crate::domain::observation::{Endpoint, EndpointState, Observation};

/// `SQLA\PROD, 16.0.4135.4 Standard Edition (64-bit), Windows, as [mirrorgate]`
pub(super) fn server(seen: &Observation) -> String {
    let platform = if seen.server.is_linux {
        "Linux"
    } else {
        "Windows"
    };
    format!(
        "{}, {} {}, {platform}, as [{}]",
        seen.server.identity.server_name, seen.server.version, seen.server.edition, seen.login.name
    )
}

/// `[Hadr_endpoint] STARTED :5022 AES, in use: 4 databases (2 principal with witness)`
pub(super) fn endpoint(seen: &Observation, endpoint: &Endpoint) -> String {
    let state = match endpoint.state {
        EndpointState::Started => "STARTED",
        EndpointState::Stopped => "STOPPED",
        EndpointState::Disabled => "DISABLED",
    };
    let port = endpoint
        .port
        .map(|port| format!(" :{port}"))
        .unwrap_or_default();
    let used = in_use::summary(seen)
        .map(|used| format!(", in use: {used}"))
        .unwrap_or_default();
    format!(
        "[{}] {state}{port} {}{used}",
        endpoint.name,
        allowed(endpoint.encryption)
    )
}
