//! Connections and transactions by names of our own, so that no other folder has to name sqlx.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres};

use super::StoreError;

/// What every function of the store takes.
pub type Conn = PgConnection;

/// A connection lent by the pool.
pub type Pooled = PoolConnection<Postgres>;

/// A transaction; dropping it undoes it.
pub struct Transaction(sqlx::Transaction<'static, Postgres>);

impl Transaction {
    pub(super) fn new(inner: sqlx::Transaction<'static, Postgres>) -> Self {
        Self(inner)
    }

    /// Makes everything done in it lasting, at once.
    ///
    /// # Errors
    /// [`StoreError::Unconfirmed`] when the link was lost meanwhile: whether it was done is then unknown.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.0.commit().await.map_err(StoreError::of_commit)
    }

    /// Undoes it now rather than when it is dropped.
    ///
    /// # Errors
    /// When the connection is lost; the transaction is undone all the same.
    pub async fn rollback(self) -> Result<(), StoreError> {
        Ok(self.0.rollback().await?)
    }
}

impl Deref for Transaction {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}
