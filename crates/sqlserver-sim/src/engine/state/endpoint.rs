//! Endpoints as the catalog shows them, and what two of them need in common.

use crate::engine::lang::ast::{EncryptionDemand, EndpointRole, EndpointState};

/// First id of endpoints made by people.
pub const FIRST_USER_ENDPOINT: i32 = 65536;

#[derive(Debug, Clone)]
pub struct Endpoint {
    pub id: i32,
    pub name: String,
    pub owner: i32,
    /// `sys.endpoints.protocol`: 2 TCP, 3 named pipes, 4 shared memory, 5 VIA.
    pub protocol: u8,
    pub state: EndpointState,
    pub is_admin: bool,
    pub port: i32,
    pub ip: Option<String>,
    /// `None` for the built-in T-SQL endpoints.
    pub mirroring: Option<Mirroring>,
}

/// The DATABASE_MIRRORING payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirroring {
    pub role: EndpointRole,
    pub windows: Option<String>,
    /// `certificate_id` in master; 0 when Windows only.
    pub certificate: i32,
    pub certificate_first: bool,
    pub demand: EncryptionDemand,
    /// In the order preferred; empty when encryption is disabled.
    pub algorithms: Vec<String>,
}

impl Mirroring {
    /// `connection_auth` and its description.
    pub fn connection_auth(&self) -> (u8, String) {
        let method = |w: &str| match w {
            "NTLM" => 1,
            "KERBEROS" => 2,
            _ => 3,
        };
        match (&self.windows, self.certificate != 0) {
            (None, _) => (4, "CERTIFICATE".to_owned()),
            (Some(w), false) => (method(w), w.clone()),
            (Some(w), true) if self.certificate_first => {
                (7 + method(w), format!("CERTIFICATE, {w}"))
            }
            (Some(w), true) => (4 + method(w), format!("{w}, CERTIFICATE")),
        }
    }

    /// `encryption_algorithm` and its description.
    pub fn encryption_algorithm(&self) -> (u8, String) {
        let list: Vec<&str> = self.algorithms.iter().map(String::as_str).collect();
        let supported = self.demand == EncryptionDemand::Supported;
        let code = match (self.demand, list.as_slice()) {
            (EncryptionDemand::Disabled, _) => 0,
            (_, ["RC4"]) if supported => 3,
            (_, ["AES"]) if supported => 4,
            (_, ["RC4", _]) if supported => 7,
            (_, ["AES", _]) if supported => 8,
            (_, ["RC4"]) => 1,
            (_, ["AES"]) => 2,
            (_, ["RC4", _]) => 5,
            _ => 6,
        };
        let names = list.join(", ");
        let description = match self.demand {
            EncryptionDemand::Disabled => "NONE".to_owned(),
            EncryptionDemand::Supported => format!("NONE, {names}"),
            EncryptionDemand::Required => names,
        };
        (code, description)
    }

    /// What a connection dialled from `self` to `acceptor` is encrypted with: `Some("NONE")` for nothing, `None` when
    /// the two cannot agree. The acceptor's order wins.
    pub fn agree(&self, acceptor: &Self, falls_back_to_none: bool) -> Option<String> {
        use EncryptionDemand::{Disabled, Required, Supported};
        match (self.demand, acceptor.demand) {
            (Disabled, Required) | (Required, Disabled) => None,
            (Disabled, _) | (_, Disabled) => Some("NONE".to_owned()),
            demands => {
                let mut offered = acceptor.algorithms.iter();
                let common = offered.find(|a| self.algorithms.contains(a)).cloned();
                let none = demands == (Supported, Supported) && falls_back_to_none;
                common.or_else(|| none.then(|| "NONE".to_owned()))
            }
        }
    }
}

/// The catalog's number and word for a role.
pub fn role_number(role: EndpointRole) -> (u8, &'static str) {
    match role {
        EndpointRole::Partner => (1, "PARTNER"),
        EndpointRole::Witness => (2, "WITNESS"),
        EndpointRole::All => (3, "ALL"),
    }
}

/// The catalog's number and word for a state.
pub fn state_number(state: EndpointState) -> (u8, &'static str) {
    match state {
        EndpointState::Started => (0, "STARTED"),
        EndpointState::Stopped => (1, "STOPPED"),
        EndpointState::Disabled => (2, "DISABLED"),
    }
}
