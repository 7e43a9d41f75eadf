//! Which server an instance's address leads to: pinned at the first observation.

use serde::{Deserialize, Serialize};

/// What a server says of itself. Compared whole, without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ServerIdentity {
    /// `SERVERPROPERTY('ServerName')`.
    pub server_name: String,
    /// `SERVERPROPERTY('MachineName')`: the virtual name on a failover cluster.
    pub machine_name: String,
    /// `SERVERPROPERTY('InstanceName')`; absent for a default instance.
    pub instance_name: Option<String>,
}

impl ServerIdentity {
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let instance = |i: &Self| i.instance_name.as_deref().unwrap_or("").to_lowercase();
        self.server_name.to_lowercase() == other.server_name.to_lowercase()
            && self.machine_name.to_lowercase() == other.machine_name.to_lowercase()
            && instance(self) == instance(other)
    }
}

impl std::fmt::Display for ServerIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (machine {})", self.server_name, self.machine_name)
    }
}
