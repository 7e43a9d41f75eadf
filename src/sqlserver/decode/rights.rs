//! Rights and role memberships.

use tiberius::Row;

use super::field::{self, Unreadable};
use crate::domain::object_name::SysName;
use crate::domain::rights::{Grantee, Right, RightRow, RoleMember};
use crate::tsql::sets;

pub(super) fn right(row: &Row) -> Result<RightRow, Unreadable> {
    Ok(RightRow {
        right: match field::need(row, sets::RIGHT)? {
            1 => Right::Connect,
            2 => Right::ControlEndpoint,
            3 => Right::ControlServer,
            4 => Right::ConnectSql,
            _ => {
                return Err(format!(
                    "column {0} of set {0} is out of range",
                    sets::RIGHT
                ));
            }
        },
        grantee: Grantee {
            principal_id: field::need(row, "grantee_id")?,
            name: field::opt_text(row, "grantee")?.and_then(|name| SysName::observed(&name).ok()),
            kind: kind(row, "grantee_kind")?,
        },
        granted: field::need(row, "granted")?,
    })
}

pub(super) fn role_member(row: &Row) -> Result<RoleMember, Unreadable> {
    Ok(RoleMember {
        role: field::need(row, sets::ROLE_MEMBER)?,
        member: field::need(row, "member_id")?,
        member_kind: kind(row, "member_kind")?,
    })
}

/// NULL where the principal is not seen.
fn kind(row: &Row, column: &str) -> Result<Option<char>, Unreadable> {
    Ok(field::opt_text(row, column)?.and_then(|kind| kind.chars().next()))
}
