//! Logins and users of `master`, as several result sets carry them in the same columns.

use chrono::{DateTime, Utc};
use tiberius::Row;

use super::field::{self, Unreadable};
use crate::domain::observation::{Login, MasterUser};

/// The `login_…` columns; `None` where the join found nothing.
pub(super) fn login(row: &Row) -> Result<Option<Login>, Unreadable> {
    let Some(principal_id) = field::opt::<i32>(row, "login_id")? else {
        return Ok(None);
    };
    Ok(Some(Login {
        principal_id,
        name: field::name(row, "login_name")?,
        kind: field::kind(row, "login_kind")?,
        is_disabled: field::opt(row, "login_disabled")?.unwrap_or(false),
        is_privileged: field::need(row, "login_privileged")?,
        is_sysadmin: field::need(row, "login_sysadmin")?,
        connect_sql: field::need(row, "login_connect_sql")?,
        changed_at: later(row, "login_created", "login_changed")?,
    }))
}

/// The `user_…` columns with the login beside them; `None` where the join found nothing.
pub(super) fn user(row: &Row) -> Result<Option<MasterUser>, Unreadable> {
    let Some(principal_id) = field::opt::<i32>(row, "user_id")? else {
        return Ok(None);
    };
    Ok(Some(MasterUser {
        principal_id,
        name: field::name(row, "user_name")?,
        kind: field::kind(row, "user_kind")?,
        // A set of its own says so.
        without_login: false,
        sid: field::opt::<&[u8]>(row, "user_sid")?.map(<[u8]>::to_vec),
        changed_at: later(row, "user_created", "user_changed")?,
        login: login(row)?,
    }))
}

/// Which of the two is the later differs for objects that came with a restore.
fn later(row: &Row, created: &str, changed: &str) -> Result<Option<DateTime<Utc>>, Unreadable> {
    Ok(field::opt_time(row, created)?.max(field::opt_time(row, changed)?))
}
