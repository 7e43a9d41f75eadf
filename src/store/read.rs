//! From columns to domain values: every failure names table, column and row. No SQL here.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::StoreError;
use crate::domain::name::{NamedRef, RegistrationName};

/// Where a value was read, for the error.
#[derive(Clone, Copy)]
pub(super) struct At<I> {
    pub table: &'static str,
    pub id: I,
}

impl<I: std::fmt::Display + Copy> At<I> {
    pub(super) fn new(table: &'static str, id: I) -> Self {
        Self { table, id }
    }

    pub(super) fn wrong(self, column: &'static str) -> StoreError {
        StoreError::Inconsistent {
            table: self.table,
            column,
            id: self.id.to_string(),
        }
    }

    /// A word of one of the domain's closed lists.
    pub(super) fn word<T: FromStr>(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        text.parse().map_err(|_| self.wrong(column))
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

/// The one row of a statement as a domain value.
pub(super) fn one<R, T: TryFrom<R, Error = StoreError>>(
    row: Option<R>,
) -> Result<Option<T>, StoreError> {
    row.map(T::try_from).transpose()
}

/// All rows of a statement as domain values.
pub(super) fn all<R, T: TryFrom<R, Error = StoreError>>(
    rows: Vec<R>,
) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(T::try_from).collect()
}

/// A registration: its spec, with the columns that every one has around it.
macro_rules! registered {
    ($at:ident, $row:ident, $spec:expr) => {
        Ok($crate::domain::registration::Registered {
            id: $row.id,
            name: $at.parsed(
                "name",
                $crate::domain::name::RegistrationName::parse(&$row.name),
            )?,
            labels: $at.json("labels", $row.labels)?,
            revision: $row.revision,
            status_version: $row.status_version,
            created_at: $row.created_at,
            updated_at: $row.updated_at,
            spec: $spec,
        })
    };
}
pub(super) use registered;

/// A domain value as JSON for a column.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<Value, StoreError> {
    serde_json::to_value(value).map_err(unwritable)
}

/// The same as text, where PostgreSQL shall not read it unless it is needed.
pub(super) fn to_text<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> StoreError {
    StoreError::Other(sqlx::Error::Encode(Box::new(error)))
}

/// Words of a closed list, for `= any(…)`.
pub(super) fn words<T: Copy + Into<&'static str>>(list: &[T]) -> Vec<String> {
    list.iter().map(|&word| word.into().to_owned()).collect()
}
