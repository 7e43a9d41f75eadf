//! From columns to domain values: every failure names table, column and row. No SQL here.

use chrono::{DateTime, Utc};
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde_json::Value;
use uuid::Uuid;

use super::StoreError;
use crate::domain::name::{NamedRef, RegistrationName};
use crate::domain::registration::Registered;

/// Where a value was read, for the error.
#[derive(Clone, Copy)]
pub(super) struct At<I> {
    pub table: &'static str,
    pub id: I,
}

impl<I: std::fmt::Display + Copy> At<I> {
    pub(super) fn wrong(self, column: &'static str) -> StoreError {
        StoreError::Inconsistent {
            table: self.table,
            column,
            id: self.id.to_string(),
        }
    }

    /// A word of one of the domain's closed lists.
    pub(super) fn word<T: DeserializeOwned>(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        let word: StrDeserializer<'_, WordError> = text.into_deserializer();
        T::deserialize(word).map_err(|_| self.wrong(column))
    }

    /// A domain value kept as JSON.
    pub(super) fn json<T: DeserializeOwned>(
        self,
        column: &'static str,
        value: Value,
    ) -> Result<T, StoreError> {
        serde_json::from_value(value).map_err(|_| self.wrong(column))
    }

    /// A value the domain parses itself.
    pub(super) fn parsed<T, E>(
        self,
        column: &'static str,
        parsed: Result<T, E>,
    ) -> Result<T, StoreError> {
        parsed.map_err(|_| self.wrong(column))
    }

    pub(super) fn named(
        self,
        column: &'static str,
        id: Uuid,
        name: &str,
    ) -> Result<NamedRef, StoreError> {
        let name = self.parsed(column, RegistrationName::parse(name))?;
        Ok(NamedRef { id, name })
    }

    /// Asserts that a write met exactly the row it was meant for.
    pub(super) fn exactly_one(self, rows: u64) -> Result<(), StoreError> {
        self.exactly(rows == 1, "id")
    }

    /// Asserts that a write met all and only the rows it was meant for.
    pub(super) fn exactly(self, met: bool, column: &'static str) -> Result<(), StoreError> {
        if met { Ok(()) } else { Err(self.wrong(column)) }
    }
}

/// What every registration has around its spec, as columns.
pub(super) struct Head {
    pub id: Uuid,
    pub name: String,
    pub labels: Value,
    pub revision: i64,
    pub status_version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Head {
    pub(super) fn around<S>(
        self,
        table: &'static str,
        spec: S,
    ) -> Result<Registered<S>, StoreError> {
        let at = At { table, id: self.id };
        Ok(Registered {
            id: self.id,
            name: at.parsed("name", RegistrationName::parse(&self.name))?,
            labels: at.json("labels", self.labels)?,
            revision: self.revision,
            status_version: self.status_version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            spec,
        })
    }
}

/// A domain value as JSON for a column.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<Value, StoreError> {
    serde_json::to_value(value).map_err(|e| StoreError::Other(sqlx::Error::Encode(Box::new(e))))
}
