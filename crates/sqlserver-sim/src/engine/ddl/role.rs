//! Roles: creating them and their members.

use super::Change;
use crate::engine::errors::{Outcome, Raise, cannot, no_permission};
use crate::engine::state::permission::Securable;
use crate::engine::state::principal::{DatabasePrincipal, ServerPrincipal};
use crate::engine::state::version::Version;

impl Change<'_> {
    pub(super) fn role_member(
        &mut self,
        server: bool,
        role: &str,
        member: &str,
        add: bool,
    ) -> Outcome<()> {
        if self.env.instance.version() < Version::V2012 {
            return Err(crate::engine::errors::syntax("ROLE", false, 0));
        }
        if server {
            self.server_role(role, member, add)
        } else {
            self.database_role(role, member, add)
        }
    }

    fn server_role(&mut self, role: &str, member: &str, add: bool) -> Outcome<()> {
        let missing = || cannot("alter", "server role", role);
        let found = self
            .state
            .principal(role)
            .filter(|p| p.kind == 'R')
            .ok_or_else(missing)?;
        let role_id = found.id;
        let member_id = self
            .state
            .principal(member)
            .map(|p| p.id)
            .ok_or_else(|| Raise::new(15151, 16, format!("Cannot add the principal '{member}', because it does not exist or you do not have permission.")))?;
        // Members of a fixed role may add members to it.
        let allowed = self.may(Securable::Server, "CONTROL SERVER") && self.asker().is_sysadmin()
            || self
                .env
                .state
                .identities(self.env.facts.login)
                .contains(&role_id)
                && found.fixed_role
            || self.asker().is_sysadmin();
        if !allowed {
            return Err(missing());
        }
        if add {
            self.state.role_members.insert((role_id, member_id));
        } else {
            self.state.role_members.remove(&(role_id, member_id));
        }
        Ok(())
    }

    fn database_role(&mut self, role: &str, member: &str, add: bool) -> Outcome<()> {
        let missing = || cannot("alter", "role", role);
        let database = self.database()?;
        let collation = &self.state.collation;
        let role_id = database
            .principal(role, collation)
            .filter(|p| p.kind == 'R')
            .map(|p| p.id)
            .ok_or_else(missing)?;
        let member_id = database
            .principal(member, collation)
            .map(|p| p.id)
            .ok_or_else(|| Raise::new(15151, 16, format!("Cannot add the principal '{member}', because it does not exist or you do not have permission.")))?;
        if !self.may(self.here(), "ALTER ANY ROLE") {
            return Err(missing());
        }
        let database = self.database_mut()?;
        if add {
            database.role_members.insert((role_id, member_id));
        } else {
            database.role_members.remove(&(role_id, member_id));
        }
        Ok(())
    }

    pub(super) fn create_role(&mut self, server: bool, name: &str) -> Outcome<()> {
        let now = self.env.instance.now();
        if server {
            self.needs(Securable::Server, &["CONTROL SERVER"])?;
            if self.state.principal(name).is_some() {
                return Err(Raise::new(
                    15025,
                    16,
                    format!("The server principal '{name}' already exists."),
                ));
            }
            let id = self.state.next_principal;
            self.state.next_principal += 1;
            let sa = self
                .state
                .principals
                .get(&1)
                .cloned()
                .ok_or_else(no_permission)?;
            self.state.principals.insert(
                id,
                ServerPrincipal {
                    id,
                    name: name.to_owned(),
                    sid: uuid::Uuid::new_v4().as_bytes().to_vec(),
                    kind: 'R',
                    created: now,
                    modified: now,
                    password: None,
                    owner: Some(self.env.facts.login),
                    ..sa
                },
            );
            return Ok(());
        }
        self.needs(self.here(), &["ALTER ANY ROLE"])?;
        if self
            .database()?
            .principal(name, &self.state.collation)
            .is_some()
        {
            return Err(Raise::new(
                15023,
                16,
                format!("User, group, or role '{name}' already exists in the current database."),
            ));
        }
        let database = self.database_mut()?;
        let id = database.next_principal;
        database.next_principal += 1;
        database.principals.insert(
            id,
            DatabasePrincipal {
                id,
                name: name.to_owned(),
                sid: None,
                kind: 'R',
                default_schema: None,
                created: now,
                modified: now,
                owner: Some(1),
                fixed_role: false,
                authentication: 0,
            },
        );
        Ok(())
    }
}
