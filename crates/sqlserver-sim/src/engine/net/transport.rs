//! Live connections between endpoints, and the mirroring sessions that use them; data only.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use uuid::Uuid;

/// One end of a connection between two endpoints.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The same at both ends.
    pub stream: Uuid,
    pub id: Uuid,
    /// The peer dialled in.
    pub is_accept: bool,
    /// Number of the peer instance in the fleet.
    pub peer: usize,
    pub connected: NaiveDateTime,
    /// Login the peer was let in as; on the accepting side only.
    pub principal: Option<String>,
    pub peer_certificate: Option<i32>,
    pub algorithm: String,
    pub arbitration: Uuid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MirrorRole {
    Principal,
    Mirror,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MirrorState {
    Suspended,
    Disconnected,
    Synchronized,
}

/// One database's part in a mirroring session.
#[derive(Debug, Clone)]
pub struct Mirror {
    pub guid: Uuid,
    pub role: MirrorRole,
    pub state: MirrorState,
    pub role_sequence: i32,
    pub safety_full: bool,
    /// `TCP://host:port` as given.
    pub partner: String,
    pub partner_instance: Option<String>,
    pub witness: Option<String>,
    pub witness_connected: bool,
    pub timeout: i32,
}

/// A session this instance is the witness of.
#[derive(Debug, Clone)]
pub struct Witnessed {
    pub guid: Uuid,
    pub family: Uuid,
    pub database: String,
    pub principal: String,
    pub mirror: String,
    pub safety_full: bool,
}

/// What is not transactional: connections and mirroring sessions.
#[derive(Debug, Default)]
pub struct Transport {
    pub connections: Vec<Connection>,
    /// By `database_id`.
    pub mirrors: BTreeMap<i32, Mirror>,
    pub witnessed: Vec<Witnessed>,
}

impl Transport {
    /// Whether this instance is a partner or the witness of the session.
    pub fn knows_session(&self, guid: Uuid) -> bool {
        self.mirrors.values().any(|m| m.guid == guid)
            || self.witnessed.iter().any(|w| w.guid == guid)
    }
}
