//! Who answered and who we are there.

use chrono::{Duration, NaiveDateTime};
use tiberius::Row;

use super::field::{self, Unreadable};
use crate::domain::identity::{MasterIdentity, ServerIdentity, Start};
use crate::domain::object_name::SysName;
use crate::domain::observation::{MasterKey, OwnLogin, Server};
use crate::domain::own_deny::{DeniedOn, OwnDeny, PermissionName};
use crate::tsql::sets;

/// What SERVERPROPERTY leaves NULL is taken as absent, except the two names that make an identity.
pub(super) fn server(row: &Row) -> Result<Server, Unreadable> {
    Ok(Server {
        identity: ServerIdentity {
            server_name: field::text(row, sets::SERVER)?,
            machine_name: field::text(row, "machine_name")?,
            instance_name: field::opt_text(row, "instance_name")?,
            master: master(row)?,
        },
        version: field::text(row, "version")?,
        edition: field::opt_text(row, "edition")?.unwrap_or_default(),
        engine_edition: field::opt(row, "engine_edition")?.unwrap_or(0),
        is_linux: field::need(row, "is_linux")?,
        collation: field::opt_text(row, "collation")?.unwrap_or_default(),
        clock: field::time(row, "clock")?,
        // Their own sets say so, later in the answer.
        encrypted: None,
        through_listener: false,
        start: start(row)?,
    })
}

fn master(row: &Row) -> Result<Option<MasterIdentity>, Unreadable> {
    let key_guid = field::opt_text(row, "key_guid")?;
    let key_created = field::opt::<NaiveDateTime>(row, "key_created")?;
    Ok(key_guid
        .zip(key_created)
        .map(|(key_guid, key_created)| MasterIdentity {
            key_guid,
            key_created,
        }))
}

/// By the server's clock; the reader puts it right once the answer is whole.
fn start(row: &Row) -> Result<Option<Start>, Unreadable> {
    let mark = field::opt::<NaiveDateTime>(row, "started")?;
    let up = field::opt::<i32>(row, "up_minutes")?;
    let clock = field::time(row, "clock")?;
    Ok(mark.zip(up).map(|(mark, up)| Start {
        mark,
        at: clock - Duration::minutes(up.into()),
    }))
}

pub(super) fn own_login(row: &Row) -> Result<OwnLogin, Unreadable> {
    Ok(OwnLogin {
        name: field::name(row, sets::LOGIN)?,
        principal_id: field::need(row, "principal_id")?,
        is_sysadmin: field::need(row, "is_sysadmin")?,
        create_login: field::permission(row, "create_login")?,
        create_user: field::permission(row, "create_user")?,
        create_certificate: field::permission(row, "create_certificate")?,
        control_master: field::permission(row, "control_master")?,
        grant_on_endpoint: field::permission(row, "grant_on_endpoint")?,
        view_any_definition: field::permission(row, "view_any_definition")?,
        view_server_state: field::permission(row, "view_server_state")?,
        view_master_definition: field::permission(row, "view_master_definition")?,
        // Their own set says so.
        denies: Vec::new(),
    })
}

/// A row of `sys.server_permissions` or of `master`'s `sys.database_permissions`, told apart by the class.
pub(super) fn own_deny(row: &Row) -> Result<OwnDeny, Unreadable> {
    let id = field::need(row, "major_id")?;
    let grantee = field::opt::<&str>(row, "grantee")?;
    Ok(OwnDeny {
        permission: PermissionName::observed(field::need(row, sets::OWN_DENY)?)
            .ok_or_else(|| format!("column {} holds no permission's name", sets::OWN_DENY))?,
        on: match field::need(row, "class")? {
            0 => DeniedOn::Master,
            4 => DeniedOn::User(id),
            25 => DeniedOn::Certificate(id),
            101 => DeniedOn::Login(id),
            105 => DeniedOn::Endpoint(id),
            _ => DeniedOn::Server,
        },
        grantee_principal_id: field::need(row, "grantee_id")?,
        grantee: grantee.and_then(|name| SysName::observed(name).ok()),
    })
}

pub(super) fn master_key(row: &Row) -> Result<MasterKey, Unreadable> {
    let opened_by_server = field::opt(row, "opened_by_server")?.unwrap_or(false);
    Ok(MasterKey {
        // The key's row may be invisible to us; that the server opens it proves it is there.
        exists: field::need::<bool>(row, sets::MASTER_KEY)? || opened_by_server,
        opened_by_server,
    })
}
