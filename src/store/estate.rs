//! What other registrations know of what a look showed: whose certificates are whose, and which lead to the same server.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::read::At;
use super::{Conn, StoreError};
use crate::domain::estate::{KnownCertificate, KnownInstance, Mark};
use crate::domain::hash::{Sha256, Thumbprint};
use crate::domain::identity::ServerIdentity;

const TABLE: &str = "estate";

/// What is asked about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    pub members: Vec<Uuid>,
    /// Certificates that the members hold, use, or have as pins.
    pub certificates: Vec<Mark>,
    /// Servers that the members are.
    pub servers: Vec<ServerIdentity>,
}

impl About {
    /// Whether what is known about `self` tells everything about `other`, too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.members.iter().all(|id| self.members.contains(id))
            && other
                .certificates
                .iter()
                .all(|mark| self.certificates.contains(mark))
            && other
                .servers
                .iter()
                .all(|server| self.servers.contains(server))
    }
}

/// The registered instances that may have to do with it, by name: the members, who has one of these certificates in whatever
/// standing, and whose address led to one of these servers. Which of them really do is the plan's to say; that nobody is left out
/// is what counts here. Costs what the members hold, however many are registered.
pub async fn read(conn: &mut Conn, about: &About) -> Result<Vec<KnownInstance>, StoreError> {
    let marks = about.certificates.iter();
    let sha256: Vec<Vec<u8>> = marks
        .clone()
        .filter_map(|mark| Some(mark.sha256?.as_bytes().to_vec()))
        .collect();
    let thumbprints: Vec<Vec<u8>> = marks
        .filter_map(|mark| Some(mark.thumbprint?.as_bytes().to_vec()))
        .collect();
    let names: Vec<String> = about
        .servers
        .iter()
        .map(|s| s.server_name.clone())
        .collect();
    let masters = || {
        about
            .servers
            .iter()
            .filter_map(|server| server.master.as_ref())
    };
    let keys: Vec<String> = masters().map(|master| master.key_guid.clone()).collect();
    let made: Vec<String> = masters().map(|master| text(&master.key_created)).collect();
    // One row per instance, certificate and standing; an instance without any has one row without. A deleted upload that nobody saw
    // in use was a slip, maybe: it tells nothing about the instance.
    let rows = sqlx::query_file_as!(
        Row,
        "src/store/estate/read.sql",
        &about.members,
        &sha256,
        &thumbprints,
        &names,
        &keys,
        &made,
    )
    .fetch_all(conn)
    .await?;
    gather(rows)
}

/// An instance with one of its certificates, if it has any.
struct Row {
    id: Uuid,
    name: String,
    sha256: Option<Vec<u8>>,
    thumbprint: Option<Vec<u8>>,
    standing: Option<String>,
    identity: Option<serde_json::Value>,
    start: Option<serde_json::Value>,
    observed_at: Option<DateTime<Utc>>,
}

/// Rows of one instance follow each other.
fn gather(rows: Vec<Row>) -> Result<Vec<KnownInstance>, StoreError> {
    let mut found: Vec<KnownInstance> = Vec::new();
    for row in rows {
        let at = At {
            table: TABLE,
            id: row.id,
        };
        if found.last().is_none_or(|last| last.id != row.id) {
            found.push(KnownInstance {
                id: row.id,
                name: row.name,
                identity: row
                    .identity
                    .map(|identity| at.json("identity", identity))
                    .transpose()?,
                // A memory of another version's making that does not read is as good as none.
                started: row
                    .start
                    .and_then(|start| serde_json::from_value(start).ok())
                    .zip(row.observed_at),
                certificates: Vec::new(),
            });
        }
        let Some((standing, last)) = row.standing.zip(found.last_mut()) else {
            continue;
        };
        let sha256 = row.sha256.as_deref().map(Sha256::from_bytes).transpose();
        let thumbprint = row.thumbprint.as_deref();
        let thumbprint = thumbprint.map(Thumbprint::from_bytes).transpose();
        last.certificates.push(KnownCertificate {
            mark: Mark {
                sha256: at.parsed("sha256", sha256)?,
                thumbprint: at.parsed("thumbprint", thumbprint)?,
            },
            standing: at.word("standing", &standing)?,
        });
    }
    Ok(found)
}

/// As it is kept in the identity.
fn text(moment: &impl serde::Serialize) -> String {
    match serde_json::to_value(moment) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
