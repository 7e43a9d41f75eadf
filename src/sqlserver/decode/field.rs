//! One value of a row, strictly typed. The batch CASTs every column, so another type than expected is a protocol fault.

use chrono::{DateTime, NaiveDateTime, Utc};
use tiberius::{FromSql, Row};

use crate::domain::hash::Thumbprint;
use crate::domain::object_name::SysName;

/// Why an answer cannot be read: a sentence for `Failure::detail`. It names the column, never what was in it.
pub(in crate::sqlserver) type Unreadable = String;

pub(in crate::sqlserver) fn opt<'a, T: FromSql<'a>>(
    row: &'a Row,
    column: &str,
) -> Result<Option<T>, Unreadable> {
    row.try_get::<T, _>(column).map_err(|_| {
        format!(
            "column {column} of set {} is missing or of another type",
            set_of(row)
        )
    })
}

pub(in crate::sqlserver) fn need<'a, T: FromSql<'a>>(
    row: &'a Row,
    column: &str,
) -> Result<T, Unreadable> {
    opt(row, column)?.ok_or_else(|| format!("column {column} of set {} is NULL", set_of(row)))
}

/// PostgreSQL keeps no U+0000, in text or in JSON: one in a server's answer must not make its history unwritable.
#[must_use]
pub(in crate::sqlserver) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

pub(super) fn text(row: &Row, column: &str) -> Result<String, Unreadable> {
    need::<&str>(row, column).map(storable)
}

pub(super) fn opt_text(row: &Row, column: &str) -> Result<Option<String>, Unreadable> {
    opt::<&str>(row, column).map(|text| text.map(storable))
}

pub(super) fn name(row: &Row, column: &str) -> Result<SysName, Unreadable> {
    SysName::observed(need(row, column)?).map_err(|_| no_name(row, column))
}

fn no_name(row: &Row, column: &str) -> Unreadable {
    format!("column {column} of set {} holds no sysname", set_of(row))
}

/// The first letter of a `type` column.
pub(super) fn kind(row: &Row, column: &str) -> Result<char, Unreadable> {
    need::<&str>(row, column)?
        .chars()
        .next()
        .ok_or_else(|| format!("column {column} of set {} is empty", set_of(row)))
}

/// Times are asked for in UTC.
pub(in crate::sqlserver) fn time(row: &Row, column: &str) -> Result<DateTime<Utc>, Unreadable> {
    need::<NaiveDateTime>(row, column).map(|t| t.and_utc())
}

pub(super) fn opt_time(row: &Row, column: &str) -> Result<Option<DateTime<Utc>>, Unreadable> {
    opt::<NaiveDateTime>(row, column).map(|t| t.map(|t| t.and_utc()))
}

pub(super) fn thumbprint(row: &Row, column: &str) -> Result<Thumbprint, Unreadable> {
    Thumbprint::from_bytes(need(row, column)?)
        .map_err(|_| format!("column {column} of set {} holds no SHA-1 hash", set_of(row)))
}

/// HAS_PERMS_BY_NAME: 1, 0, or NULL for unknown.
pub(super) fn permission(row: &Row, column: &str) -> Result<Option<bool>, Unreadable> {
    opt::<i32>(row, column).map(|p| p.map(|p| p == 1))
}

/// The name of the first column: what tells result sets apart.
pub(in crate::sqlserver) fn set_of(row: &Row) -> &str {
    row.columns().first().map_or("", |column| column.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_cannot_keep_is_made_visible() {
        assert_eq!(storable("Developer\0 Edition"), "Developer\u{fffd} Edition");
        assert_eq!(storable("plain"), "plain");
    }
}
