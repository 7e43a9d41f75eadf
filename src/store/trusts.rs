//! What was last seen of each trust: one row per (acceptor, peer), whichever pairs share it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::json;
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

/// Keeps these looks, each unless a newer one is kept already. That the acceptors' status (and so their pairs') counts on is the
/// caller's: `looks::keep` does it, in the same transaction.
pub async fn save(conn: &mut Conn, seen: &[SeenTrust]) -> Result<(), StoreError> {
    if seen.is_empty() {
        return Ok(());
    }
    // In the order of the key: two jobs that share trusts must not wait for each other in a circle.
    let mut seen: Vec<&SeenTrust> = seen.iter().collect();
    seen.sort_by_key(|s| (s.status.acceptor, s.status.peer));
    let all = || seen.iter().map(|seen| &seen.status);
    let words = |of: fn(&TrustStatus) -> &'static str| -> Vec<String> {
        all().map(|status| of(status).to_owned()).collect()
    };
    let next = |status: &TrustStatus| status.next.map(|next| next.in_place.as_str().to_owned());
    sqlx::query!(
        "insert into trusts (acceptor_id, peer_id, configured, proof, proven_since, sha256, thumbprint,
                             checked_at, job_id, basis, admits, admits_reasons, lapses_at, next_sha256, next_in_place)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::bytea[], $7::bytea[],
                              $8::timestamptz[], $9::uuid[], $10::text[], $11::text[], $12::jsonb[], $13::timestamptz[],
                              $14::bytea[], $15::text[])
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
        &all().map(|s| s.acceptor).collect::<Vec<_>>(),
        &all().map(|s| s.peer).collect::<Vec<_>>(),
        &words(|s| s.configured.as_str()),
        &words(|s| s.proof.as_str()),
        &all().map(|s| since(s.proof)).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &all().map(|s| s.sha256.map(|h| h.as_bytes().to_vec())).collect::<Vec<_>>() as &[Option<Vec<u8>>],
        &all().map(|s| s.thumbprint.map(|t| t.as_bytes().to_vec())).collect::<Vec<_>>() as &[Option<Vec<u8>>],
        &all().map(|s| s.checked_at).collect::<Vec<_>>(),
        &all().map(|s| s.job).collect::<Vec<_>>(),
        &seen.iter().map(|s| s.basis.clone()).collect::<Vec<_>>(),
        &words(|s| s.admits.verdict.as_str()),
        &all().map(|s| json!(s.admits.reasons)).collect::<Vec<_>>(),
        &all().map(|s| s.admits.lapses_at).collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
        &all().map(|s| s.next.map(|n| n.sha256.as_bytes().to_vec())).collect::<Vec<_>>() as &[Option<Vec<u8>>],
        &all().map(next).collect::<Vec<_>>() as &[Option<String>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn since(proof: Proof) -> Option<DateTime<Utc>> {
    match proof {
        Proof::Proven { since } => since,
        Proof::NeverDialled | Proof::NotPermittedToSee | Proof::Unknown => None,
    }
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

/// An acceptor and a peer.
pub type Couple = (Uuid, Uuid);

/// What was last seen of these trusts, and of no others, however many there are among their instances; one that nobody has looked
/// at is left out.
pub async fn these(conn: &mut Conn, couples: &[Couple]) -> Result<Vec<SeenTrust>, StoreError> {
    let (acceptors, peers): (Vec<Uuid>, Vec<Uuid>) = couples.iter().copied().unzip();
    rows!(
        "join unnest($1::uuid[], $2::uuid[]) as asked (acceptor, peer)
             on t.acceptor_id = asked.acceptor and t.peer_id = asked.peer",
        &acceptors,
        &peers
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(SeenTrust::try_from)
    .collect()
}
