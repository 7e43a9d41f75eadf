//! Which server an instance's address leads to: pinned at the first observation. What the facts are good for: `docs/identity.md`.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a server says of itself: where it runs, and which `master` it runs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ServerIdentity {
    /// `SERVERPROPERTY('ServerName')`.
    pub server_name: String,
    /// `SERVERPROPERTY('MachineName')`: the virtual name on a failover cluster.
    pub machine_name: String,
    /// `SERVERPROPERTY('InstanceName')`; absent for a default instance.
    pub instance_name: Option<String>,
    /// Absent where the log-in does not see the service master key, and in what an older version kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<MasterIdentity>,
}

/// The service master key of `master`: made by the installer, carried along by every copy of `master` and by nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MasterIdentity {
    /// Its `key_guid`; another one once the key is regenerated.
    pub key_guid: String,
    /// Its `create_date`, as the server shows it.
    #[schema(value_type = String, example = "2026-03-01T08:12:44.123")]
    pub key_created: NaiveDateTime,
}

impl MasterIdentity {
    /// One of the two may change when the key is regenerated.
    fn is_same_as(&self, other: &Self) -> bool {
        self.key_guid.eq_ignore_ascii_case(&other.key_guid) || self.key_created == other.key_created
    }
}

impl ServerIdentity {
    /// The same server, as far as both tell: of the same names, with the same `master`. A name that a container runtime made up
    /// says nothing; there it is `master` that tells, and has to be known.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let master = match (&self.master, &other.master) {
            (Some(one), Some(two)) => Some(one.is_same_as(two)),
            _ => None,
        };
        if self.names_nothing() && other.names_nothing() && self.instance() == other.instance() {
            return master.unwrap_or_else(|| self.has_names_of(other));
        }
        self.has_names_of(other) && master != Some(false)
    }

    /// The same names. Where it is not the same server all the same, that is by `master` alone: it was restored here, or this is
    /// another machine of that name.
    #[must_use]
    pub fn has_names_of(&self, other: &Self) -> bool {
        let same = |one: &str, two: &str| one.to_lowercase() == two.to_lowercase();
        same(&self.server_name, &other.server_name)
            && same(&self.machine_name, &other.machine_name)
            && self.instance() == other.instance()
    }

    fn instance(&self) -> String {
        self.instance_name.as_deref().unwrap_or("").to_lowercase()
    }

    /// Twelve hexadecimal digits, as a container gets that nobody has named: another with every container.
    fn names_nothing(&self) -> bool {
        self.machine_name.len() == 12 && self.machine_name.bytes().all(|b| b.is_ascii_hexdigit())
    }
}

impl std::fmt::Display for ServerIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (machine {}", self.server_name, self.machine_name)?;
        match &self.master {
            Some(master) => write!(f, ", service master key {})", master.key_guid),
            None => write!(f, ")"),
        }
    }
}

/// When a server started, as one look saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// By the server's own clock and time zone: the same value as long as it runs, and another one after every start.
    pub mark: NaiveDateTime,
    /// The same moment by mirrorgate's clock, as near as the server's clock allows.
    pub at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(machine: &str, instance: Option<&str>, key: Option<&str>) -> ServerIdentity {
        let master = key.map(|key| MasterIdentity {
            key_guid: key.to_owned(),
            key_created: DateTime::UNIX_EPOCH.naive_utc() + chrono::Days::new(key.len() as u64),
        });
        ServerIdentity {
            server_name: machine.to_owned(),
            machine_name: machine.to_owned(),
            instance_name: instance.map(str::to_owned),
            master,
        }
    }

    /// Only what looks exactly like a container's made-up name may change and still be the same server.
    #[test]
    fn another_machine_name_is_another_server_unless_no_person_chose_it() {
        let key = Some("k");
        for (one, two, is_same) in [
            ("0123456789ab", "BA9876543210", true),
            ("0123456789ab", "0123456789abc", false),
            // As long, but words; hexadecimal, but shorter or longer.
            ("WINSQLPROD01", "WINSQLPROD02", false),
            ("CAFE", "FACADE", false),
            ("0123456789abc", "0123456789abd", false),
            ("HOST_A", "host_a", true),
        ] {
            let (one, two) = (server(one, None, key), server(two, None, key));
            assert_eq!(one.is_same_as(&two), is_same, "{one} {two}");
            assert_eq!(two.is_same_as(&one), is_same, "{two} {one}");
        }
    }

    #[test]
    fn in_containers_it_is_master_that_tells_and_has_to_be_known() {
        let (one, two) = ("0123456789ab", "ba9876543210");
        let of = |machine, key| server(machine, None, key);
        assert!(!of(one, Some("k")).is_same_as(&of(two, Some("key"))));
        assert!(!of(one, Some("k")).is_same_as(&of(two, None)));
        assert!(of(one, Some("k")).is_same_as(&of(one, None)));
        assert!(!of(one, Some("k")).is_same_as(&server(two, Some("SQL2"), Some("k"))));
    }

    #[test]
    fn the_same_names_with_another_master_are_another_server() {
        let of = |instance, key| server("HOST_A", instance, key);
        assert!(of(None, Some("k")).is_same_as(&of(Some(""), Some("K"))));
        assert!(of(None, Some("k")).is_same_as(&of(None, None)));
        assert!(!of(None, Some("k")).is_same_as(&of(None, Some("key"))));
        assert!(!of(Some("SQL1"), None).is_same_as(&of(Some("SQL2"), None)));
    }
}
