//! What a look at instances showed, kept under the lease of the attempt that looked: identities, memories, and in rows of their own
//! what lists ask for. What has not changed is not written again.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::certificate_copies::{self, Holder};
use super::lease::Lease;
use super::read::{to_json, to_text};
use super::{Conn, StoreError, endpoint_certificates};
use crate::domain::hash::Sha256;
use crate::domain::memory::Memory;
use crate::domain::observation::Observation;

/// What is kept of the look at one instance that let the attempt in.
#[derive(Debug)]
pub struct Look<'a> {
    pub instance: Uuid,
    /// Of the registration that led there: what was seen under another one may be another server's, and is not kept.
    pub revision: i64,
    /// A refusal of the log-in was noted when the attempt began: it is forgotten.
    pub was_refused: bool,
    /// Absent where another server than the one meant has answered: of that nothing is kept but that the log-in works.
    pub seen: Option<Seen<'a>>,
}

/// What the server meant said of itself.
#[derive(Debug)]
pub struct Seen<'a> {
    pub observation: &'a Observation,
    pub pin: Pin,
}

/// What becomes of the server that is pinned for the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Pin {
    /// It is this one.
    Same,
    /// Whoever is seen first is pinned.
    First,
    /// This one is pinned, whoever was; what the former one said is forgotten.
    Anew,
    /// What an earlier look could not see of it is added.
    Complete,
}

impl Pin {
    fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Keeps these looks, begun at `at` (PostgreSQL's clock), unless a newer one is kept already: two jobs may look at the same time.
/// Noted refusals of the log-in are forgotten, and the status of every instance counts on. After `lease::hold`, in its transaction:
/// which registration led there is read here, and must not be older than the lock that whoever changes it waits for.
///
/// # Errors
/// [`StoreError::LeaseLost`]; then nothing is kept.
pub async fn keep(
    conn: &mut Conn,
    lease: &Lease,
    looks: &[Look<'_>],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let written = write(conn, lease, looks, at).await?;
    let mut holders = Vec::new();
    for (change, look) in written.iter().filter_map(|change| {
        let look = looks.iter().find(|look| look.instance == change.instance)?;
        Some((change, look))
    }) {
        if change.is_other_server {
            endpoint_certificates::forget(conn, look.instance).await?;
            certificate_copies::forget(conn, look.instance).await?;
        }
        let Some(seen) = &look.seen else { continue };
        let used = seen.observation.endpoint.as_ref();
        if let Some(used) = used.and_then(|endpoint| endpoint.certificate.as_ref())
            && (change.is_other_server || change.used != Some(used.thumbprint.to_string()))
        {
            endpoint_certificates::note(conn, look.instance, used, at).await?;
        }
        holders.push(Holder {
            id: look.instance,
            held: &seen.observation.certificates,
            is_all: seen.observation.login.sees_everything(),
            before: change.before,
        });
    }
    match holders.is_empty() {
        true => Ok(()),
        false => certificate_copies::note(conn, &holders, at).await,
    }
}

/// An instance of which something else was seen than the time before.
struct Change {
    instance: Uuid,
    /// When that was.
    before: Option<DateTime<Utc>>,
    /// The thumbprint of the certificate its endpoint used then.
    used: Option<String>,
    is_other_server: bool,
}

async fn write(
    conn: &mut Conn,
    lease: &Lease,
    looks: &[Look<'_>],
    at: DateTime<Utc>,
) -> Result<Vec<Change>, StoreError> {
    let seen = || looks.iter().map(|look| look.seen.as_ref());
    let identities: Vec<Option<serde_json::Value>> = seen()
        .map(|seen| {
            seen.map(|s| to_json(&s.observation.server.identity))
                .transpose()
        })
        .collect::<Result<_, _>>()?;
    let pins: Vec<String> = seen()
        .map(|seen| seen.map_or(Pin::Same, |s| s.pin).as_str().to_owned())
        .collect();
    let memories: Vec<Option<String>> = seen()
        .map(|seen| {
            seen.map(|s| to_text(&Memory::of(s.observation)))
                .transpose()
        })
        .collect::<Result<_, _>>()?;
    let marks: Vec<Option<Vec<u8>>> = seen()
        .zip(&memories)
        .map(|(seen, memory)| mark(seen, memory.as_deref()))
        .collect::<Result<_, _>>()?;
    // The status is locked in the order of ids: two jobs that look at the same instances do not wait for each other in a circle.
    let rows = sqlx::query_file!(
        "src/store/looks/keep.sql",
        lease.job_id,
        lease.token,
        at,
        &looks.iter().map(|look| look.instance).collect::<Vec<_>>(),
        &looks.iter().map(|look| look.revision).collect::<Vec<_>>(),
        &identities as &[Option<serde_json::Value>],
        &pins,
        &memories as &[Option<String>],
        &marks as &[Option<Vec<u8>>],
        &looks
            .iter()
            .map(|look| look.was_refused)
            .collect::<Vec<_>>(),
    )
    .fetch_all(conn)
    .await?;
    if !rows.iter().any(|row| row.held) {
        return Err(StoreError::LeaseLost);
    }
    let changed = rows.into_iter().filter_map(|row| {
        let is_other_server = row.is_other?;
        Some(Change {
            instance: row.id?,
            before: row.before.filter(|_| !is_other_server),
            used: row.used,
            is_other_server,
        })
    });
    Ok(changed.collect())
}

/// Over everything of the look that is written somewhere.
fn mark(seen: Option<&Seen<'_>>, memory: Option<&str>) -> Result<Option<Vec<u8>>, StoreError> {
    let Some((seen, memory)) = seen.zip(memory) else {
        return Ok(None);
    };
    let copies = certificate_copies::text(&seen.observation.certificates)?;
    let all = format!(
        "{memory}\n{copies}\n{}",
        seen.observation.login.sees_everything()
    );
    Ok(Some(Sha256::of(all.as_bytes()).as_bytes().to_vec()))
}

#[cfg(test)]
mod tests;
