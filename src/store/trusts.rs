//! What was last seen of each trust: one row per (acceptor, peer), whichever pairs share it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::read::At;
use super::{Conn, StoreError};
use crate::domain::hash::{Sha256, Thumbprint};
use crate::domain::trust::{Admission, NextSeen, Proof, TrustStatus};

const TABLE: &str = "trusts";

/// A look at a trust, with what it was seen with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenTrust {
    pub status: TrustStatus,
    /// A digest over the registrations and pins of that moment. Whoever reads compares: when these have moved on, the
    /// state is unknown again.
    pub basis: String,
}

struct Row {
    acceptor_id: Uuid,
    peer_id: Uuid,
    configured: String,
    admits: String,
    admits_reasons: serde_json::Value,
    lapses_at: Option<DateTime<Utc>>,
    proof: String,
    proven_since: Option<DateTime<Utc>>,
    sha256: Option<Vec<u8>>,
    thumbprint: Option<Vec<u8>>,
    checked_at: DateTime<Utc>,
    job_id: Uuid,
    basis: String,
    next_sha256: Option<Vec<u8>>,
    next_in_place: Option<String>,
}

/// The one select list of this table; the rest of the statement is the caller's.
macro_rules! rows {
    ($rest:tt $(, $argument:expr)*) => {
        sqlx::query_as!(
            Row,
            "select t.acceptor_id, t.peer_id, t.configured, t.admits, t.admits_reasons, t.lapses_at, t.proof, t.proven_since, t.sha256, t.thumbprint,
                    t.checked_at, t.job_id, t.basis, t.next_sha256, t.next_in_place
             from trusts t " + $rest
            $(, $argument)*
        )
    };
}

impl TryFrom<Row> for SeenTrust {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let at = At {
            table: TABLE,
            id: row.acceptor_id,
        };
        let proof = match row.proof.as_str() {
            "proven" => Proof::Proven {
                since: row.proven_since,
            },
            "never_dialled" => Proof::NeverDialled,
            "not_permitted_to_see" => Proof::NotPermittedToSee,
            "unknown" => Proof::Unknown,
            _ => return Err(at.wrong("proof")),
        };
        let sha256 = row.sha256.as_deref().map(Sha256::from_bytes).transpose();
        let thumbprint = row
            .thumbprint
            .as_deref()
            .map(Thumbprint::from_bytes)
            .transpose();
        Ok(Self {
            status: TrustStatus {
                acceptor: row.acceptor_id,
                peer: row.peer_id,
                configured: at.word("configured", &row.configured)?,
                admits: Admission {
                    verdict: at.word("admits", &row.admits)?,
                    reasons: at
                        .parsed("admits_reasons", serde_json::from_value(row.admits_reasons))?,
                    lapses_at: row.lapses_at,
                },
                proof,
                sha256: at.parsed("sha256", sha256)?,
                thumbprint: at.parsed("thumbprint", thumbprint)?,
                next: row
                    .next_sha256
                    .zip(row.next_in_place)
                    .map(|(sha256, in_place)| {
                        Ok::<_, StoreError>(NextSeen {
                            sha256: at.parsed("next_sha256", Sha256::from_bytes(&sha256))?,
                            in_place: at.word("next_in_place", &in_place)?,
                        })
                    })
                    .transpose()?,
                checked_at: row.checked_at,
                job: row.job_id,
            },
            basis: row.basis,
        })
    }
}

/// Keeps these looks, each unless a newer one is kept already; the acceptors' status (and so their pairs') counts on.
pub async fn save(conn: &mut Conn, seen: &[SeenTrust]) -> Result<(), StoreError> {
    // In the order of the key: two jobs that share trusts must not wait for each other in a circle.
    let mut seen: Vec<&SeenTrust> = seen.iter().collect();
    seen.sort_by_key(|s| (s.status.acceptor, s.status.peer));
    let mut written: Vec<Uuid> = Vec::new();
    for one in seen {
        if save_one(conn, one).await? {
            written.push(one.status.acceptor);
        }
    }
    written.dedup();
    sqlx::query!(
        "with acceptors as (
             select instance_id from instance_status where instance_id = any($1) order by instance_id for no key update)
         update instance_status s set version = version + 1 from acceptors a where s.instance_id = a.instance_id",
        &written
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn save_one(conn: &mut Conn, seen: &SeenTrust) -> Result<bool, StoreError> {
    let status = &seen.status;
    let since = match status.proof {
        Proof::Proven { since } => since,
        Proof::NeverDialled | Proof::NotPermittedToSee | Proof::Unknown => None,
    };
    let saved = sqlx::query!(
        "insert into trusts (acceptor_id, peer_id, configured, proof, proven_since, sha256, thumbprint,
                             checked_at, job_id, basis, admits, admits_reasons, lapses_at, next_sha256, next_in_place)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (acceptor_id, peer_id) do update
         set configured = excluded.configured, proof = excluded.proof, proven_since = excluded.proven_since,
             sha256 = excluded.sha256, thumbprint = excluded.thumbprint, checked_at = excluded.checked_at,
             job_id = excluded.job_id, basis = excluded.basis, admits = excluded.admits,
             admits_reasons = excluded.admits_reasons, lapses_at = excluded.lapses_at,
             next_sha256 = excluded.next_sha256, next_in_place = excluded.next_in_place,
             otherwise_at = case
                 when trusts.configured = 'yes' and trusts.sha256 is not distinct from excluded.sha256
                 then trusts.otherwise_at else trusts.checked_at end
         where trusts.checked_at <= excluded.checked_at",
        status.acceptor,
        status.peer,
        status.configured.as_str(),
        status.proof.as_str(),
        since,
        status.sha256.as_ref().map(Sha256::as_bytes),
        status.thumbprint.as_ref().map(Thumbprint::as_bytes),
        status.checked_at,
        status.job,
        seen.basis,
        status.admits.verdict.as_str(),
        serde_json::json!(status.admits.reasons),
        status.admits.lapses_at,
        status.next.as_ref().map(|next| next.sha256.as_bytes()),
        status.next.map(|next| next.in_place.as_str()),
    )
    .execute(conn)
    .await?;
    Ok(saved.rows_affected() == 1)
}

/// When a look last saw these trusts not in place, or by another certificate; one that was never seen so is left out.
pub async fn otherwise(
    conn: &mut Conn,
    instances: &[Uuid],
) -> Result<HashMap<(Uuid, Uuid), DateTime<Utc>>, StoreError> {
    let rows = sqlx::query!(
        r#"select acceptor_id, peer_id,
                  case when configured = 'yes' then otherwise_at else checked_at end as at
           from trusts where acceptor_id = any($1) and peer_id = any($1)"#,
        instances
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| Some(((row.acceptor_id, row.peer_id), row.at?)))
        .collect())
}

/// PostgreSQL's time: what `checked_at` is by.
pub async fn now(conn: &mut Conn) -> Result<DateTime<Utc>, StoreError> {
    Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
        .fetch_one(conn)
        .await?)
}

/// The last look at one trust.
pub async fn of(
    conn: &mut Conn,
    acceptor: Uuid,
    peer: Uuid,
) -> Result<Option<SeenTrust>, StoreError> {
    rows!(
        "where t.acceptor_id = $1 and t.peer_id = $2",
        acceptor,
        peer
    )
    .fetch_optional(conn)
    .await?
    .map(SeenTrust::try_from)
    .transpose()
}

/// The trusts with both ends among these instances.
pub async fn among(conn: &mut Conn, instances: &[Uuid]) -> Result<Vec<SeenTrust>, StoreError> {
    rows!(
        "where t.acceptor_id = any($1) and t.peer_id = any($1) order by t.acceptor_id, t.peer_id",
        instances
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(SeenTrust::try_from)
    .collect()
}

/// The trusts on one acceptor, from peers that are still registered.
pub async fn on(conn: &mut Conn, acceptor: Uuid) -> Result<Vec<SeenTrust>, StoreError> {
    rows!(
        "join instances i on i.id = t.peer_id where t.acceptor_id = $1 and i.deleted_at is null order by i.name_key",
        acceptor
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(SeenTrust::try_from)
    .collect()
}
