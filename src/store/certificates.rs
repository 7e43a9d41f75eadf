//! Public certificates of instances' endpoints. Only the bytes are kept; everything else is read from them again.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::peers::bump_status_around;
use super::read::{At, all, one};
use super::{Conn, StoreError};
use crate::domain::certificate::{Acceptance, Certificate, PinHashes, Purpose, Source};
use crate::domain::hash::Sha256;

const TABLE: &str = "certificates";

/// A certificate that an instance is known to have.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCertificate {
    pub instance_id: Uuid,
    pub certificate: Certificate,
    /// What its last upload was for; absent when it was only obtained.
    pub purpose: Option<Purpose>,
    pub source: Source,
    /// When it became known.
    pub created_at: DateTime<Utc>,
    pub uploaded_at: Option<DateTime<Utc>>,
    /// Its place among all uploads.
    pub uploaded_seq: Option<i64>,
    /// It counts now: the last upload of its purpose.
    pub pinned: bool,
}

/// The certificates that count for an instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pins {
    /// What its endpoint shall use now.
    pub current: Option<StoredCertificate>,
    /// What is handed out beforehand, for a renewal to come.
    pub next: Option<StoredCertificate>,
}

struct Row {
    instance_id: Uuid,
    der: Vec<u8>,
    source: String,
    purpose: Option<String>,
    created_at: DateTime<Utc>,
    uploaded_at: Option<DateTime<Utc>>,
    uploaded_seq: Option<i64>,
    pinned: bool,
}

/// The one select list of this table; the rest of the statement is the caller's.
macro_rules! rows {
    ($rest:tt $(, $argument:expr)*) => {
        sqlx::query_as!(
            Row,
            "select instance_id, der, source, purpose, created_at, uploaded_at, uploaded_seq, pinned
             from certificates " + $rest
            $(, $argument)*
        )
    };
}

impl TryFrom<Row> for StoredCertificate {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let at = At::new(TABLE, row.instance_id);
        Ok(Self {
            instance_id: row.instance_id,
            certificate: at.parsed("der", Certificate::from_der(&row.der))?,
            purpose: row.purpose.map(|p| at.word("purpose", &p)).transpose()?,
            source: at.word("source", &row.source)?,
            created_at: row.created_at,
            uploaded_at: row.uploaded_at,
            uploaded_seq: row.uploaded_seq,
            pinned: row.pinned,
        })
    }
}

/// What became of an upload.
#[derive(Debug, Clone, PartialEq)]
pub enum Upload {
    /// It is the pin of its purpose; `is_new` when the instance was not known to have it (to the caller: 201).
    Kept {
        certificate: Box<StoredCertificate>,
        is_new: bool,
    },
    /// See [`Acceptance::AlreadyCurrent`]; nothing was written.
    AlreadyCurrent,
}

/// Keeps an upload as the pin of its purpose. Bytes that are there already are moved to the purpose; uploading what is
/// that purpose's pin already writes nothing.
///
/// The instance is locked first, so that of two uploads at once one is plainly the last.
pub async fn upload(
    conn: &mut Conn,
    instance: Uuid,
    certificate: &Certificate,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<Upload, StoreError> {
    lock_instance(conn, instance).await?;
    let pins = pin_hashes(conn, &[instance]).await?;
    let pins = pins.get(&instance).copied().unwrap_or_default();
    let before = get(conn, instance, &certificate.sha256).await?;
    let is_new = before.is_none();
    match (pins.accept(certificate.sha256, purpose), before) {
        (Acceptance::AlreadyCurrent, _) => return Ok(Upload::AlreadyCurrent),
        (Acceptance::Unchanged, Some(pin)) => return Ok(Upload::kept(pin, false)),
        (Acceptance::Unchanged | Acceptance::Accepted, _) => {}
    }
    sqlx::query!(
        "update certificates set pinned = false where instance_id = $1 and purpose = $2 and pinned",
        instance,
        purpose.as_str()
    )
    .execute(&mut *conn)
    .await?;
    let kept = sqlx::query_as!(
        Row,
        "insert into certificates
             (instance_id, sha256, der, source, purpose, created_at, uploaded_at, uploaded_seq, pinned, issuer_serial)
         values ($1, $2, $3, $4, $5, $6, $6, nextval('certificate_uploads'), true, $7)
         on conflict (instance_id, sha256) do update
         set source = excluded.source, purpose = excluded.purpose, uploaded_at = excluded.uploaded_at,
             uploaded_seq = excluded.uploaded_seq, deleted_at = null, pinned = true
         returning instance_id, der, source, purpose, created_at, uploaded_at, uploaded_seq, pinned",
        instance,
        certificate.sha256.as_bytes(),
        certificate.der,
        Source::Uploaded.as_str(),
        purpose.as_str(),
        now,
        certificate.issuer_serial.as_bytes(),
    )
    .fetch_one(&mut *conn)
    .await?;
    bump_status_around(conn, instance).await?;
    Ok(Upload::kept(kept.try_into()?, is_new))
}

impl Upload {
    fn kept(certificate: StoredCertificate, is_new: bool) -> Self {
        Self::Kept {
            certificate: Box::new(certificate),
            is_new,
        }
    }
}

/// Notes a certificate that was read from the instance's endpoint. An upload of the same bytes stays what it is; one that
/// was deleted is known again, as obtained and so never as a pin. Nothing that `status` shows changes by it.
pub async fn note_obtained(
    conn: &mut Conn,
    instance: Uuid,
    certificate: &Certificate,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into certificates (instance_id, sha256, der, source, created_at, issuer_serial)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (instance_id, sha256) do update
         set source = excluded.source, purpose = null, uploaded_at = null, uploaded_seq = null, deleted_at = null
         where certificates.deleted_at is not null",
        instance,
        certificate.sha256.as_bytes(),
        certificate.der,
        Source::Obtained.as_str(),
        now,
        certificate.issuer_serial.as_bytes(),
    )
    .execute(&mut *conn)
    .await?;
    Ok(())
}

async fn lock_instance(conn: &mut Conn, instance: Uuid) -> Result<(), StoreError> {
    sqlx::query_scalar!(
        "select id from instances where id = $1 and deleted_at is null for no key update",
        instance
    )
    .fetch_optional(conn)
    .await?
    .map(drop)
    .ok_or(StoreError::Referenced)
}

/// All that are not deleted: uploads newest first, then obtained ones.
pub async fn list(conn: &mut Conn, instance: Uuid) -> Result<Vec<StoredCertificate>, StoreError> {
    all(rows!(
        "where instance_id = $1 and deleted_at is null
         order by uploaded_seq desc nulls last, created_at desc, sha256",
        instance
    )
    .fetch_all(conn)
    .await?)
}

/// One that is not deleted.
pub async fn get(
    conn: &mut Conn,
    instance: Uuid,
    sha256: &Sha256,
) -> Result<Option<StoredCertificate>, StoreError> {
    one(rows!(
        "where instance_id = $1 and sha256 = $2 and deleted_at is null",
        instance,
        sha256.as_bytes()
    )
    .fetch_optional(conn)
    .await?)
}

/// Takes it away, as a pin too; no earlier upload takes its place, and jobs accepted with it keep it. Says whether it was there.
pub async fn mark_deleted(
    conn: &mut Conn,
    instance: Uuid,
    sha256: &Sha256,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    lock_instance(conn, instance).await?;
    let deleted = sqlx::query!(
        "update certificates set deleted_at = $3, pinned = false where instance_id = $1 and sha256 = $2 and deleted_at is null",
        instance,
        sha256.as_bytes(),
        now
    )
    .execute(&mut *conn)
    .await?;
    if deleted.rows_affected() == 0 {
        return Ok(false);
    }
    bump_status_around(conn, instance).await?;
    Ok(true)
}

/// The certificate that counts for each purpose.
pub async fn pins(conn: &mut Conn, instance: Uuid) -> Result<Pins, StoreError> {
    let mut pins = Pins::default();
    let rows = rows!("where instance_id = $1 and pinned", instance)
        .fetch_all(conn)
        .await?;
    for row in rows {
        let stored = StoredCertificate::try_from(row)?;
        match stored.purpose {
            Some(Purpose::Current) => pins.current = Some(stored),
            Some(Purpose::Next) => pins.next = Some(stored),
            None => {}
        }
    }
    Ok(pins)
}

/// The hashes of the certificates that count, of each of these instances; one without any is left out.
pub async fn pin_hashes(
    conn: &mut Conn,
    instances: &[Uuid],
) -> Result<HashMap<Uuid, PinHashes>, StoreError> {
    let rows = sqlx::query!(
        r#"select instance_id, purpose as "purpose!", sha256 from certificates
           where instance_id = any($1) and pinned"#,
        instances
    )
    .fetch_all(conn)
    .await?;
    let mut all: HashMap<Uuid, PinHashes> = HashMap::new();
    for row in rows {
        let at = At::new(TABLE, row.instance_id);
        let hash = at.parsed("sha256", Sha256::from_bytes(&row.sha256))?;
        let pins = all.entry(row.instance_id).or_default();
        match at.word("purpose", &row.purpose)? {
            Purpose::Current => pins.current = Some(hash),
            Purpose::Next => pins.next = Some(hash),
        }
    }
    Ok(all)
}

/// The certificates of these hashes, deleted ones too: a job keeps what it was accepted with.
pub async fn by_hashes(conn: &mut Conn, hashes: &[Sha256]) -> Result<Vec<Certificate>, StoreError> {
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|h| h.as_bytes().to_vec()).collect();
    sqlx::query!(
        "select distinct on (sha256) instance_id, der from certificates where sha256 = any($1) order by sha256",
        &hashes
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| {
        let at = At::new(TABLE, row.instance_id);
        at.parsed("der", Certificate::from_der(&row.der))
    })
    .collect()
}

/// Every certificate the instance was ever known to have, deleted ones too.
pub async fn known(conn: &mut Conn, instance: Uuid) -> Result<Vec<Sha256>, StoreError> {
    let at = At::new(TABLE, instance);
    sqlx::query_scalar!(
        "select sha256 from certificates where instance_id = $1 order by created_at, sha256",
        instance
    )
    .fetch_all(conn)
    .await?
    .iter()
    .map(|bytes| at.parsed("sha256", Sha256::from_bytes(bytes)))
    .collect()
}
