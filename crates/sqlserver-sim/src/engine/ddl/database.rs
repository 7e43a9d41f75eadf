//! Databases: creating, dropping, restoring as a mirror, and ALTER DATABASE's mirroring options.

use std::sync::Arc;

use uuid::Uuid;

use super::Change;
use crate::engine::Engine;
use crate::engine::errors::{Outcome, Raise, no_permission};
use crate::engine::lang::ast::AlterDatabase;
use crate::engine::net::mirroring;
use crate::engine::state::database::{Database, DatabaseState};
use crate::engine::state::initial;
use crate::engine::state::permission::Securable;

/// Begins a simulated backup: the family id and the database's name follow.
const BACKUP: &[u8] = b"SIMBAK1\0";

impl Change<'_> {
    pub(super) fn create_database(&mut self, name: &str) -> Outcome<()> {
        if !(self.may(Securable::Server, "CREATE ANY DATABASE")
            || self.may(Securable::Server, "ALTER ANY DATABASE"))
        {
            return Err(self.denied("CREATE DATABASE"));
        }
        if self.state.database(name).is_some() {
            return Err(Raise::new(
                1801,
                16,
                format!("Database '{name}' already exists. Choose a different database name."),
            )
            .with_state(3));
        }
        self.add_database(name, DatabaseState::Online, Uuid::new_v4());
        Ok(())
    }

    fn add_database(&mut self, name: &str, state: DatabaseState, family: Uuid) {
        let id = self.state.next_database;
        self.state.next_database += 1;
        let mut database: Database = initial::database(id, name, "FULL", self.env.instance.now());
        database.state = state;
        database.family = family;
        if let Some(creator) = self.state.principals.get(&self.env.facts.login) {
            database.owner_sid.clone_from(&creator.sid);
            if let Some(dbo) = database.principals.get_mut(&1) {
                dbo.sid = Some(creator.sid.clone());
            }
        }
        self.state.databases.insert(id, database);
    }

    fn found(&self, name: &str, verb: &str) -> Outcome<Database> {
        let missing = || {
            Raise::new(
                3701,
                11,
                format!(
                    "Cannot {verb} the database '{name}', because it does not exist or you do not have permission."
                ),
            )
        };
        let database = self.state.database(name).cloned().ok_or_else(missing)?;
        if database.is_system() && verb == "drop" {
            return Err(Raise::new(
                3708,
                16,
                format!("Cannot drop the database '{name}' because it is a system database."),
            ));
        }
        if !self.may(Securable::Database(database.id), "ALTER") {
            return Err(missing());
        }
        Ok(database)
    }

    pub(super) fn drop_database(&mut self, name: &str) -> Outcome<()> {
        let database = self.found(name, "drop")?;
        if self
            .env
            .instance
            .transport()
            .mirrors
            .contains_key(&database.id)
        {
            return Err(Raise::new(
                3743,
                16,
                format!(
                    "The database '{name}' is enabled for database mirroring. Database mirroring must be removed before you drop the database."
                ),
            ));
        }
        self.state.databases.remove(&database.id);
        Ok(())
    }

    pub(super) fn alter_database(
        &mut self,
        instance: &Arc<Engine>,
        name: &str,
        what: &AlterDatabase,
    ) -> Outcome<()> {
        let refused = || {
            Raise::new(5011, 14, format!("User does not have permission to alter database '{name}', the database does not exist, or the database is not in a state that allows access checks."))
                .then(5069, 16, "ALTER DATABASE statement failed.")
        };
        let database = self.state.database(name).cloned().ok_or_else(refused)?;
        if !self.may(Securable::Database(database.id), "ALTER") {
            return Err(refused());
        }
        if let AlterDatabase::Recovery(model) = what {
            if instance.transport().mirrors.contains_key(&database.id) {
                return Err(Raise::new(1468, 16, format!("The operation cannot be performed on database \"{name}\" because it is involved in a database mirroring session or an availability group. Some operations are not allowed on a database that is participating in a database mirroring session or in an availability group.")).then(5069, 16, "ALTER DATABASE statement failed."));
            }
            self.state
                .databases
                .get_mut(&database.id)
                .ok_or_else(no_permission)?
                .recovery_model
                .clone_from(model);
        }
        mirroring::alter(instance, &database, what)?;
        if matches!(what, AlterDatabase::Failover) {
            // Roles were swapped in the published states; this statement's copy must not undo it.
            let now = instance.committed();
            if let (Some(own), Some(new)) = (
                self.state.databases.get_mut(&database.id),
                now.databases.get(&database.id),
            ) {
                own.state = new.state;
            }
        }
        Ok(())
    }

    pub(super) fn backup_database(&mut self, name: &str, path: &str) -> Outcome<()> {
        let database = self.found(name, "back up")?;
        if database.state != DatabaseState::Online {
            return Err(Raise::new(
                3059,
                16,
                format!(
                    "This BACKUP or RESTORE command is not supported on a database mirror or secondary replica ('{name}')."
                ),
            ));
        }
        let bytes = [BACKUP, database.family.as_bytes(), database.name.as_bytes()].concat();
        self.env.instance.files().put(path, bytes);
        Ok(())
    }

    pub(super) fn restore_database(
        &mut self,
        name: &str,
        path: Option<&str>,
        no_recovery: bool,
        log: bool,
    ) -> Outcome<()> {
        if !(self.may(Securable::Server, "CREATE ANY DATABASE")
            || self.may(Securable::Server, "ALTER ANY DATABASE"))
        {
            return Err(self.denied("CREATE DATABASE"));
        }
        let state = if no_recovery {
            DatabaseState::Restoring
        } else {
            DatabaseState::Online
        };
        let existing = self.state.database(name).map(|d| (d.id, d.state));
        if let Some((id, _)) = existing
            && self.env.instance.transport().mirrors.contains_key(&id)
        {
            return Err(Raise::new(
                3104,
                16,
                format!(
                    "RESTORE cannot operate on database '{name}' because it is configured for database mirroring or has joined an availability group. If you intend to restore the database, use ALTER DATABASE to remove mirroring or to remove the database from its availability group."
                ),
            ));
        }
        let family = match path {
            Some(path) => Some(self.backup_family(path)?),
            None => None,
        };
        match (existing, family) {
            (Some((id, now)), family) if !log || now == DatabaseState::Restoring => {
                let database = self
                    .state
                    .databases
                    .get_mut(&id)
                    .ok_or_else(no_permission)?;
                database.state = state;
                database.family = family.unwrap_or(database.family);
                Ok(())
            }
            (None, Some(family)) if !log => {
                self.add_database(name, state, family);
                Ok(())
            }
            _ => Err(Raise::new(
                3118,
                16,
                format!(
                    "The database \"{name}\" does not exist or is not in a state that can be restored."
                ),
            )),
        }
    }

    fn backup_family(&self, path: &str) -> Outcome<Uuid> {
        let missing = || {
            Raise::new(3201, 16, format!("Cannot open backup device '{path}'. Operating system error 2(The system cannot find the file specified.).")).then(3013, 16, "RESTORE DATABASE is terminating abnormally.")
        };
        let bytes = self.env.instance.files().read(path).ok_or_else(missing)?;
        let body = bytes.strip_prefix(BACKUP).and_then(|b| b.get(..16));
        let family = body.and_then(|b| Uuid::from_slice(b).ok());
        family.ok_or_else(|| Raise::new(3241, 16, format!("The media family on device '{path}' is incorrectly formed. SQL Server cannot process this media family.")).then(3013, 16, "RESTORE DATABASE is terminating abnormally."))
    }
}
