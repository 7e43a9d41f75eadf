//! Statements that change the instance: permission, rules, then the change to a copy of the state.
//!
//! The copy is thrown away when anything fails, so a statement is all or nothing. What cannot be taken back (logs, live
//! connections, files, other instances) is returned as [`Effects`] or done last.

mod alter_login;
mod authorization;
mod certificate;
mod certificate_source;
mod database;
mod endpoint;
mod login;
mod master_key;
mod password;
pub use password::PasswordPolicy;
mod permission;
mod permission_rows;
mod role;
mod server_role;
mod trigger;
mod user;

use std::sync::Arc;

use super::Engine;
use super::errors::{Outcome, Raise, denied_in_database, no_permission};
use super::eval::Env;
use super::lang::ast::Ddl;
use super::state::State;
use super::state::asker::Asker;
use super::state::database::Database;
use super::state::permission::Securable;
use super::switches::InTransaction;
use crate::protocol::Message;

/// What a statement leaves behind besides the state.
#[derive(Debug, Default)]
pub struct Effects {
    /// INFO messages, or errors that do not undo the statement.
    pub messages: Vec<Message>,
    /// The mirroring endpoint changed: its transport restarts.
    pub restart_transport: bool,
    /// Logins whose endpoint connections are cut.
    pub cut: Vec<String>,
    /// OPEN or CLOSE MASTER KEY in a database: session state, never rolled back.
    pub master_key: Option<(i32, bool)>,
}

/// A statement being carried out: what it may look at, what it changes.
pub struct Change<'a> {
    /// The state before; permissions are judged by it.
    pub env: &'a Env<'a>,
    pub state: &'a mut State,
    pub effects: Effects,
}

impl<'a> Change<'a> {
    fn asker(&self) -> Asker<'a> {
        self.env.asker()
    }

    fn may(&self, securable: Securable, permission: &str) -> bool {
        self.asker().may(securable, permission)
    }

    fn current(&self) -> i32 {
        self.env.facts.database
    }

    fn here(&self) -> Securable {
        Securable::Database(self.current())
    }

    fn database(&self) -> Outcome<&Database> {
        let id = self.current();
        self.state.databases.get(&id).ok_or_else(no_permission)
    }

    fn database_mut(&mut self) -> Outcome<&mut Database> {
        let id = self.current();
        self.state.databases.get_mut(&id).ok_or_else(no_permission)
    }

    /// 15247 unless one of the permissions is held.
    fn needs(&self, securable: Securable, permissions: &[&str]) -> Outcome<()> {
        if permissions.iter().any(|p| self.may(securable, p)) {
            return Ok(());
        }
        Err(no_permission())
    }

    fn denied(&self, permission: &str) -> Raise {
        let class = if self.env.instance.switches().class_262_is_14 {
            14
        } else {
            16
        };
        let name = self.database().map(|d| d.name.clone()).unwrap_or_default();
        denied_in_database(permission, &name, class)
    }
}

/// Statements that refuse to run inside a transaction, with the name 226 and 574 give them.
fn outside_transactions(ddl: &Ddl) -> Option<&'static str> {
    Some(match ddl {
        Ddl::CreateEndpoint(_) => "CREATE ENDPOINT",
        Ddl::AlterEndpoint(_) => "ALTER ENDPOINT",
        Ddl::DropEndpoint(_) => "DROP ENDPOINT",
        Ddl::AlterDatabase(..) => "ALTER DATABASE",
        Ddl::CreateDatabase(_) => "CREATE DATABASE",
        Ddl::DropDatabase(_) => "DROP DATABASE",
        Ddl::BackupDatabase { .. } => "BACKUP DATABASE",
        Ddl::RestoreDatabase { .. } => "RESTORE DATABASE",
        _ => return None,
    })
}

/// Carries out `ddl` on `state`.
///
/// # Errors
/// The statement's own errors; `state` is then to be thrown away.
pub fn apply(
    instance: &Arc<Engine>,
    env: &Env<'_>,
    state: &mut State,
    ddl: &Ddl,
) -> Outcome<Effects> {
    if let Some(name) = outside_transactions(ddl)
        && env.facts.transaction_count > 0
    {
        let endpoint = name.ends_with("ENDPOINT");
        return Err(
            if endpoint && instance.switches().endpoint_in_transaction == InTransaction::E574 {
                Raise::new(
                    574,
                    16,
                    format!("{name} statement cannot be used inside a user transaction."),
                )
            } else {
                Raise::new(
                    226,
                    16,
                    format!("{name} statement not allowed within multi-statement transaction."),
                )
            },
        );
    }
    let mut change = Change {
        env,
        state,
        effects: Effects::default(),
    };
    dispatch(instance, &mut change, ddl)?;
    Ok(change.effects)
}

fn dispatch(instance: &Arc<Engine>, change: &mut Change<'_>, ddl: &Ddl) -> Outcome<()> {
    match ddl {
        Ddl::CreateLogin(login) => change.create_login(login),
        Ddl::AlterLogin(name, what) => change.alter_login(name, what),
        Ddl::DropLogin(name) => change.drop_login(name),
        Ddl::CreateUser { name, login } => change.create_user(name, login),
        Ddl::AlterUser {
            name,
            login,
            new_name,
        } => change.alter_user(name, login.as_deref(), new_name.as_deref()),
        Ddl::DropUser { name, if_exists } => change.drop_user(name, *if_exists),
        Ddl::CreateCertificate(certificate) => change.create_certificate(certificate),
        Ddl::AlterCertificate(name, what) => change.alter_certificate(name, what),
        Ddl::DropCertificate(name) => change.drop_certificate(name),
        Ddl::BackupCertificate {
            name,
            path,
            private_key,
        } => change.backup_certificate(name, path, private_key.as_ref()),
        Ddl::CreateMasterKey(password) => change.create_master_key(password.as_deref()),
        Ddl::OpenMasterKey(password) => change.open_master_key(password),
        Ddl::CloseMasterKey => change.close_master_key(),
        Ddl::DropMasterKey => change.drop_master_key(),
        Ddl::AlterMasterKey(what) => change.alter_master_key(what),
        Ddl::CreateEndpoint(spec) => change.create_endpoint(spec),
        Ddl::AlterEndpoint(spec) => change.alter_endpoint(spec),
        Ddl::DropEndpoint(name) => change.drop_endpoint(name),
        Ddl::Permission(permission) => change.permission(permission),
        Ddl::AlterAuthorization { class, name, owner } => {
            change.alter_authorization(*class, name, owner)
        }
        Ddl::RoleMember { .. }
        | Ddl::CreateRole { .. }
        | Ddl::RenameRole { .. }
        | Ddl::DropRole { .. } => dispatch_role(change, ddl),
        Ddl::CreateTrigger(trigger) => change.create_trigger(trigger),
        Ddl::DropTrigger(name) => change.drop_trigger(name),
        Ddl::EnableTrigger { name, on } => change.enable_trigger(name.as_deref(), *on),
        Ddl::CreateDatabase(name) => change.create_database(name),
        Ddl::DropDatabase(name) => change.drop_database(name),
        Ddl::AlterDatabase(name, what) => change.alter_database(instance, name, what),
        Ddl::BackupDatabase { name, path, .. } => change.backup_database(name, path),
        Ddl::RestoreDatabase {
            name,
            path,
            no_recovery,
            log,
        } => change.restore_database(name, path.as_deref(), *no_recovery, *log),
    }
}

/// Roles of the server and of a database have the same statements.
fn dispatch_role(change: &mut Change<'_>, ddl: &Ddl) -> Outcome<()> {
    match ddl {
        Ddl::RoleMember {
            server,
            role,
            member,
            add,
        } => match server {
            true => change.server_role_member(role, member, *add),
            false => change.database_role_member(role, member, *add),
        },
        Ddl::CreateRole {
            server,
            name,
            owner,
        } => match server {
            true => change.create_server_role(name, owner.as_deref()),
            false => change.create_database_role(name, owner.as_deref()),
        },
        Ddl::RenameRole {
            server,
            role,
            new_name,
        } => match server {
            true => change.rename_server_role(role, new_name),
            false => change.rename_database_role(role, new_name),
        },
        Ddl::DropRole {
            server,
            name,
            if_exists,
        } => match server {
            true => change.drop_server_role(name),
            false => change.drop_database_role(name, *if_exists),
        },
        _ => Ok(()),
    }
}

/// The kind faults and counters know a statement by.
pub fn kind(ddl: &Ddl) -> &'static str {
    match ddl {
        Ddl::CreateLogin(_) => "CREATE LOGIN",
        Ddl::AlterLogin(..) => "ALTER LOGIN",
        Ddl::DropLogin(_) => "DROP LOGIN",
        Ddl::CreateUser { .. } => "CREATE USER",
        Ddl::AlterUser { .. } => "ALTER USER",
        Ddl::DropUser { .. } => "DROP USER",
        Ddl::CreateCertificate(_) => "CREATE CERTIFICATE",
        Ddl::AlterCertificate(..) => "ALTER CERTIFICATE",
        Ddl::DropCertificate(_) => "DROP CERTIFICATE",
        Ddl::BackupCertificate { .. } => "BACKUP CERTIFICATE",
        Ddl::CreateMasterKey(_) => "CREATE MASTER KEY",
        Ddl::OpenMasterKey(_) => "OPEN MASTER KEY",
        Ddl::CloseMasterKey => "CLOSE MASTER KEY",
        Ddl::DropMasterKey => "DROP MASTER KEY",
        Ddl::AlterMasterKey(_) => "ALTER MASTER KEY",
        Ddl::CreateEndpoint(_) => "CREATE ENDPOINT",
        Ddl::AlterEndpoint(_) => "ALTER ENDPOINT",
        Ddl::DropEndpoint(_) => "DROP ENDPOINT",
        Ddl::Permission(p) => match p.verb {
            super::lang::ast::Verb::Grant => "GRANT",
            super::lang::ast::Verb::Deny => "DENY",
            super::lang::ast::Verb::Revoke => "REVOKE",
        },
        Ddl::AlterAuthorization { .. } => "ALTER AUTHORIZATION",
        Ddl::RoleMember { .. } | Ddl::RenameRole { .. } => "ALTER ROLE",
        Ddl::DropRole { .. } => "DROP ROLE",
        Ddl::CreateRole { .. } => "CREATE ROLE",
        Ddl::CreateTrigger(_) => "CREATE TRIGGER",
        Ddl::DropTrigger(_) => "DROP TRIGGER",
        Ddl::EnableTrigger { on: true, .. } => "ENABLE TRIGGER",
        Ddl::EnableTrigger { on: false, .. } => "DISABLE TRIGGER",
        Ddl::CreateDatabase(_) => "CREATE DATABASE",
        Ddl::DropDatabase(_) => "DROP DATABASE",
        Ddl::AlterDatabase(..) => "ALTER DATABASE",
        Ddl::BackupDatabase { .. } => "BACKUP DATABASE",
        Ddl::RestoreDatabase { .. } => "RESTORE DATABASE",
    }
}
