//! Credentials: stored log-ins. The password comes and goes sealed; opening it is the worker's, at the last minute.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::Value;
use uuid::Uuid;

use super::list::{Page, one_more};
use super::read::{At, all, one, registered, to_json};
use super::seal::{SealError, SealKey, Sealed};
use super::{Conn, StoreError};
use crate::domain::credential::{CredentialSpec, HostPattern};
use crate::domain::registration::Registered;

const TABLE: &str = "credentials";

/// A credential as it is registered.
pub type Credential = Registered<CredentialSpec>;

struct Row {
    id: Uuid,
    name: String,
    labels: Value,
    revision: i64,
    status_version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    kind: String,
    login: String,
    hosts: Vec<String>,
}

/// The one select list of this table; the rest of the statement is the caller's.
macro_rules! rows {
    ($rest:tt $(, $argument:expr)*) => {
        sqlx::query_as!(
            Row,
            "select id, name, labels, revision, status_version, created_at, updated_at, kind, login, hosts
             from credentials " + $rest
            $(, $argument)*
        )
    };
}

impl TryFrom<Row> for Credential {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let at = At::new(TABLE, row.id);
        let hosts = row.hosts.iter().map(|h| HostPattern::parse(h)).collect();
        let spec = CredentialSpec {
            kind: at.word("kind", &row.kind)?,
            user: row.login,
            hosts: at.parsed::<Vec<_>, _>("hosts", hosts)?,
        };
        registered!(at, row, spec)
    }
}

/// Seals a credential's password with all that decides where it may go: turned in the database, neither opens any more.
///
/// # Errors
/// When the cryptography library refuses.
pub fn seal(
    key: &SealKey,
    credential: &Credential,
    password: &SecretString,
) -> Result<Sealed, SealError> {
    with_place(credential, |place| key.seal(place, password))
}

/// Opens what [`seal`] sealed.
///
/// # Errors
/// When it was sealed for another row or with another key, or one of them was changed since.
pub fn open(
    key: &SealKey,
    credential: &Credential,
    sealed: &Sealed,
) -> Result<SecretString, SealError> {
    with_place(credential, |place| key.open(place, sealed))
}

fn with_place<T>(credential: &Credential, of: impl FnOnce(&[&str]) -> T) -> T {
    let row = format!("{}/{}", credential.id, credential.name.key());
    let spec = &credential.spec;
    let hosts = hosts(spec);
    let mut place = vec!["credential", &row, spec.kind.as_str(), &spec.user];
    place.extend(hosts.iter().map(String::as_str));
    of(&place)
}

/// The live credential of this name (lower case).
pub async fn get(conn: &mut Conn, name_key: &str) -> Result<Option<Credential>, StoreError> {
    one(
        rows!("where name_key = $1 and deleted_at is null", name_key)
            .fetch_optional(conn)
            .await?,
    )
}

/// The live credential of this id.
pub async fn get_by_id(conn: &mut Conn, id: Uuid) -> Result<Option<Credential>, StoreError> {
    one(rows!("where id = $1 and deleted_at is null", id)
        .fetch_optional(conn)
        .await?)
}

/// Like [`get`], and nobody else changes, deletes or begins to use it until the transaction ends.
pub async fn get_for_update(
    conn: &mut Conn,
    name_key: &str,
) -> Result<Option<Credential>, StoreError> {
    one(rows!(
        "where name_key = $1 and deleted_at is null for no key update",
        name_key
    )
    .fetch_optional(conn)
    .await?)
}

/// Like [`get`], held against changes and deletion until the transaction ends, side by side with others that begin to use it.
pub async fn get_for_use(
    conn: &mut Conn,
    name_key: &str,
) -> Result<Option<Credential>, StoreError> {
    one(rows!(
        "where name_key = $1 and deleted_at is null for share",
        name_key
    )
    .fetch_optional(conn)
    .await?)
}

/// Writes a new credential.
///
/// # Errors
/// [`StoreError::Taken`] when the name is.
pub async fn insert(
    conn: &mut Conn,
    new: &Credential,
    password: &Sealed,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into credentials (id, name, labels, revision, status_version, created_at, updated_at,
                                  kind, login, hosts, seal_key_id, seal_nonce, seal_ciphertext)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        new.id,
        new.name.as_str(),
        to_json(&new.labels)?,
        new.revision,
        new.status_version,
        new.created_at,
        new.updated_at,
        new.spec.kind.as_str(),
        new.spec.user,
        &hosts(&new.spec),
        password.named_key(),
        password.nonce,
        password.ciphertext,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes labels, spec, revision and time as the caller has set them, and the password that was sealed with them.
pub async fn update(
    conn: &mut Conn,
    changed: &Credential,
    password: &Sealed,
) -> Result<(), StoreError> {
    let updated = sqlx::query!(
        "update credentials
         set labels = $2, revision = $3, updated_at = $4, kind = $5, login = $6, hosts = $7,
             seal_key_id = $8, seal_nonce = $9, seal_ciphertext = $10
         where id = $1 and deleted_at is null",
        changed.id,
        to_json(&changed.labels)?,
        changed.revision,
        changed.updated_at,
        changed.spec.kind.as_str(),
        changed.spec.user,
        &hosts(&changed.spec),
        password.named_key(),
        password.nonce,
        password.ciphertext,
    )
    .execute(conn)
    .await?;
    At::new(TABLE, changed.id).exactly_one(updated.rows_affected())
}

fn hosts(spec: &CredentialSpec) -> Vec<String> {
    spec.hosts.iter().map(|h| h.as_str().to_owned()).collect()
}

/// The sealed password of a live credential, with the revision it belongs to.
pub async fn sealed(conn: &mut Conn, id: Uuid) -> Result<Option<(Sealed, i64)>, StoreError> {
    let found = sealed_by_ids(conn, &[id]).await?.remove(&id);
    Ok(found.and_then(|(credential, sealed)| Some((sealed?, credential.revision))))
}

/// Live credentials by id, each with its password where one is stored.
pub async fn sealed_by_ids(
    conn: &mut Conn,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, (Credential, Option<Sealed>)>, StoreError> {
    let rows = sqlx::query_as!(
        SealedRow,
        "select id, name, labels, revision, status_version, created_at, updated_at, kind, login, hosts,
                seal_key_id, seal_nonce, seal_ciphertext
         from credentials where id = any($1) and deleted_at is null",
        ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(SealedRow::read).collect()
}

struct SealedRow {
    id: Uuid,
    name: String,
    labels: Value,
    revision: i64,
    status_version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    kind: String,
    login: String,
    hosts: Vec<String>,
    seal_key_id: Option<String>,
    seal_nonce: Option<Vec<u8>>,
    seal_ciphertext: Option<Vec<u8>>,
}

impl SealedRow {
    fn read(self) -> Result<(Uuid, (Credential, Option<Sealed>)), StoreError> {
        let Self {
            id,
            name,
            labels,
            revision,
            status_version,
            created_at,
            updated_at,
            kind,
            login,
            hosts,
            ..
        } = self;
        let sealed = self
            .seal_key_id
            .zip(self.seal_nonce)
            .zip(self.seal_ciphertext)
            .map(|((key, nonce), ciphertext)| Sealed::stored(&key, nonce, ciphertext));
        let credential = Credential::try_from(Row {
            id,
            name,
            labels,
            revision,
            status_version,
            created_at,
            updated_at,
            kind,
            login,
            hosts,
        })?;
        Ok((id, (credential, sealed)))
    }
}

/// Live credentials by name, after a name key.
pub async fn list(
    conn: &mut Conn,
    after: Option<&str>,
    limit: u32,
) -> Result<Page<Credential>, StoreError> {
    let rows = rows!(
        "where deleted_at is null and name_key > $1 order by name_key limit $2",
        after.unwrap_or_default(),
        one_more(limit)
    )
    .fetch_all(conn)
    .await?;
    Ok(Page::of(all(rows)?, limit, |c: &Credential| c.name.key()))
}

/// Names of the live instances that log in with it.
pub async fn used_by(conn: &mut Conn, id: Uuid) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select name from instances where credential_id = $1 and deleted_at is null order by name_key",
        id
    )
    .fetch_all(conn)
    .await?)
}

/// Forgets it, the password for good. Take it with [`get_for_update`] and ask [`used_by`] first, in one transaction.
pub async fn mark_deleted(conn: &mut Conn, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    let deleted = sqlx::query!(
        "update credentials
         set deleted_at = $2, seal_key_id = null, seal_nonce = null, seal_ciphertext = null
         where id = $1 and deleted_at is null",
        id,
        now
    )
    .execute(conn)
    .await?;
    At::new(TABLE, id).exactly_one(deleted.rows_affected())
}
