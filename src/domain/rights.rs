//! Who holds or is denied what bears on connecting to an endpoint: the rows as the catalog has them. No judgement.

use serde::{Deserialize, Serialize};

use super::object_name::SysName;

/// `public`: every login belongs to it.
pub const PUBLIC: i32 = 2;
/// The fixed role whose members no permission check stops.
pub const SYSADMIN: i32 = 3;

/// What an instance says about rights.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    pub rows: Vec<RightRow>,
    /// Every membership of server roles.
    pub members: Vec<RoleMember>,
}

/// A row of `sys.server_permissions`. There is one per grantor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightRow {
    pub right: Right,
    pub grantee: Grantee,
    /// False: DENY.
    pub granted: bool,
}

/// The permissions that decide on CONNECT to the mirroring endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// CONNECT on the endpoint itself.
    Connect,
    /// CONTROL on the endpoint, which covers CONNECT.
    ControlEndpoint,
    /// CONTROL SERVER, which covers everything.
    ControlServer,
    /// CONNECT SQL: only its DENY rows are asked for.
    ConnectSql,
}

impl Right {
    /// Whether whoever has it, or is denied it, has or is denied CONNECT on the endpoint.
    #[must_use]
    pub fn covers_connect(self) -> bool {
        !matches!(self, Self::ConnectSql)
    }
}

/// Whose right it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grantee {
    pub principal_id: i32,
    /// `None` where this log-in may not see the principal.
    pub name: Option<SysName>,
    /// `type`: S, U, G, R, C, K, E, X.
    pub kind: Option<char>,
}

impl std::fmt::Display for Grantee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "[{name}]"),
            None => write!(f, "principal {}", self.principal_id),
        }
    }
}

/// A row of `sys.server_role_members`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleMember {
    pub role: i32,
    pub member: i32,
    /// `type` of the member, where this log-in may see it.
    pub member_kind: Option<char>,
}

impl Rights {
    /// Explicit rows of CONNECT on the endpoint.
    pub fn connect(&self) -> impl Iterator<Item = &RightRow> {
        self.rows.iter().filter(|row| row.right == Right::Connect)
    }
}
