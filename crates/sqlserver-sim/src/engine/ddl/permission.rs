//! GRANT, DENY and REVOKE.

use super::Change;
use crate::engine::errors::{Outcome, Raise, cannot, no_permission};
use crate::engine::lang::ast::{PermissionChange, SecurableClass, Verb};
use crate::engine::state::database::DBO;
use crate::engine::state::permission::{Permission, Securable, user_in};
use crate::engine::state::{MASTER, SA, State};

fn only_in_master() -> Raise {
    Raise::new(
        4621,
        16,
        "Permissions at the server scope can only be granted when the current database is master",
    )
    .with_state(10)
}

fn not_to_these() -> Raise {
    Raise::new(
        4624,
        16,
        "Cannot grant, deny, or revoke permissions to sa, dbo, entity owner, information_schema, sys, or yourself.",
    )
}

fn not_the_grantor() -> Raise {
    Raise::new(4613, 16, "Grantor does not have GRANT permission.")
}

/// Permissions of the server, as opposed to those of the current database, when no securable is named.
fn is_server_permission(name: &str) -> bool {
    matches!(
        name,
        "CONTROL SERVER"
            | "CONNECT SQL"
            | "CREATE LOGIN"
            | "CREATE ENDPOINT"
            | "CREATE ANY DATABASE"
    ) || name.starts_with("VIEW SERVER")
        || name.starts_with("VIEW ANY")
        || matches!(
            name,
            "ALTER ANY LOGIN" | "ALTER ANY ENDPOINT" | "ALTER ANY DATABASE" | "ALTER SERVER STATE"
        )
}

impl Change<'_> {
    pub(super) fn permission(&mut self, change: &PermissionChange) -> Outcome<()> {
        let server = change
            .permissions
            .iter()
            .filter(|p| is_server_permission(p))
            .count();
        match &change.on {
            None if server == change.permissions.len() => self.on_server(change),
            None if server == 0 => {
                let here = self.here();
                self.in_database(change, here)
            }
            None => Err(Raise::new(
                4620,
                16,
                "All permissions in a grant/deny/revoke statement should be at the same scope (e.g., server or database)",
            )),
            Some((class, name)) => self.on_named(change, *class, &name.join(".")),
        }
    }

    fn on_named(
        &mut self,
        change: &PermissionChange,
        class: SecurableClass,
        name: &str,
    ) -> Outcome<()> {
        let collation = self.state.collation.clone();
        match class {
            SecurableClass::Endpoint => self.on_endpoint(change, name),
            SecurableClass::Login | SecurableClass::ServerRole => {
                self.must_be_master()?;
                let missing = || cannot("find", "login", name);
                let id = self
                    .state
                    .principal(name)
                    .map(|p| p.id)
                    .ok_or_else(missing)?;
                let securable = Securable::Login(id);
                if !self.asker().sees(securable) {
                    return Err(missing());
                }
                if !self.may(securable, "CONTROL") {
                    return Err(not_the_grantor());
                }
                self.change_logins(change, securable, None)
            }
            SecurableClass::User | SecurableClass::Role => {
                let missing = || cannot("find", "user", name);
                let found = self.database()?.principal(name, &collation).map(|p| p.id);
                let securable = Securable::User(self.current(), found.ok_or_else(missing)?);
                self.in_database_on(change, securable, missing)
            }
            SecurableClass::Certificate => {
                let missing = || cannot("find", "certificate", name);
                let found = self.database()?.certificate(name, &collation).map(|c| c.id);
                let securable = Securable::Certificate(self.current(), found.ok_or_else(missing)?);
                self.in_database_on(change, securable, missing)
            }
            SecurableClass::Database => {
                let missing = || cannot("find", "database", name);
                let id = self
                    .state
                    .database(name)
                    .map(|d| d.id)
                    .ok_or_else(missing)?;
                if id != self.current() {
                    return Err(missing());
                }
                self.in_database(change, Securable::Database(id))
            }
            SecurableClass::Schema => Err(cannot("find", "schema", name)),
            SecurableClass::SymmetricKey => Err(cannot("find", "symmetric key", name)),
            SecurableClass::Object => Err(cannot("find", "object", name)),
        }
    }

    fn must_be_master(&self) -> Outcome<()> {
        if self.current() == MASTER {
            Ok(())
        } else {
            Err(only_in_master())
        }
    }

    fn on_server(&mut self, change: &PermissionChange) -> Outcome<()> {
        self.must_be_master()?;
        let holds = |p: &String| {
            self.asker().is_sysadmin()
                || self.may(Securable::Server, "CONTROL SERVER")
                || self
                    .env
                    .state
                    .identities(self.env.facts.login)
                    .contains(&crate::engine::state::SECURITYADMIN)
                || self.asker().has_row(Securable::Server, p, &['W'])
        };
        if !change.permissions.iter().all(holds) {
            return Err(not_the_grantor());
        }
        self.change_logins(change, Securable::Server, None)
    }

    fn on_endpoint(&mut self, change: &PermissionChange, name: &str) -> Outcome<()> {
        self.must_be_master()?;
        let missing = || cannot("find", "endpoint", name);
        let found = self.state.endpoint(name).ok_or_else(missing)?;
        let (id, owner) = (found.id, found.owner);
        let securable = Securable::Endpoint(id);
        if !self.asker().sees(securable) {
            return Err(missing());
        }
        let grantable = change
            .permissions
            .iter()
            .all(|p| self.asker().has_row(securable, p, &['W']));
        if !(self.may(securable, "CONTROL")
            || self.may(Securable::Server, "ALTER ANY ENDPOINT")
            || grantable)
        {
            return Err(not_the_grantor());
        }
        self.change_logins(change, securable, Some(owner))?;
        if change.verb != Verb::Grant && self.env.instance.switches().revoke_cuts_connections {
            self.effects.cut.extend(change.principals.iter().cloned());
        }
        Ok(())
    }

    fn change_logins(
        &mut self,
        change: &PermissionChange,
        securable: Securable,
        owner: Option<i32>,
    ) -> Outcome<()> {
        let own = self.env.facts.login;
        let grantor = owner.unwrap_or(if self.asker().is_sysadmin() { SA } else { own });
        for name in &change.principals {
            let found = self.state.principal(name).map(|p| (p.id, p.fixed_role));
            let Some((id, fixed)) = found else {
                let user = self
                    .database()?
                    .principal(name, &self.state.collation)
                    .is_some();
                return Err(if user {
                    Raise::new(
                        4622,
                        16,
                        "Permissions at the server scope can only be granted to logins",
                    )
                } else {
                    cannot("find", "login", name)
                });
            };
            if fixed {
                return Err(Raise::new(
                    4617,
                    16,
                    "Cannot grant, deny or revoke permissions to or from special roles.",
                ));
            }
            if id == SA || id == own || Some(id) == owner {
                return Err(not_to_these());
            }
            write_rows(&mut self.state.permissions, change, securable, id, grantor)?;
        }
        Ok(())
    }

    fn in_database_on(
        &mut self,
        change: &PermissionChange,
        securable: Securable,
        missing: impl Fn() -> Raise,
    ) -> Outcome<()> {
        if !self.asker().sees(securable) {
            return Err(missing());
        }
        if !self.may(securable, "CONTROL") {
            return Err(not_the_grantor());
        }
        self.change_users(change, securable)
    }

    fn in_database(&mut self, change: &PermissionChange, securable: Securable) -> Outcome<()> {
        let grantable = change
            .permissions
            .iter()
            .all(|p| self.asker().has_row(securable, p, &['W']));
        if !(self.may(securable, "CONTROL") || grantable) {
            return Err(not_the_grantor());
        }
        self.change_users(change, securable)
    }

    fn change_users(&mut self, change: &PermissionChange, securable: Securable) -> Outcome<()> {
        let own = user_in(self.env.state, self.env.facts.login, self.database()?);
        for name in &change.principals {
            let State {
                databases,
                collation,
                ..
            } = &mut *self.state;
            let database = databases
                .get_mut(&self.env.facts.database)
                .ok_or_else(no_permission)?;
            let found = database
                .principal(name, collation)
                .map(|p| (p.id, p.fixed_role));
            let (id, fixed) = found.ok_or_else(|| cannot("find", "user", name))?;
            if fixed {
                return Err(Raise::new(
                    4617,
                    16,
                    "Cannot grant, deny or revoke permissions to or from special roles.",
                ));
            }
            if id == DBO || id == 3 || id == 4 || Some(id) == own {
                return Err(not_to_these());
            }
            write_rows(&mut database.permissions, change, securable, id, DBO)?;
        }
        Ok(())
    }
}

/// One row per permission: GRANT, DENY and REVOKE replace each other; repeating is silent.
fn write_rows(
    rows: &mut Vec<Permission>,
    change: &PermissionChange,
    securable: Securable,
    grantee: i32,
    grantor: i32,
) -> Outcome<()> {
    let (class, major) = securable.row_key();
    for name in &change.permissions {
        let same = |p: &Permission| {
            p.class == class && p.major == major && p.grantee == grantee && p.name == *name
        };
        let passed_on = rows.iter().any(|p| same(p) && p.state == 'W');
        if passed_on && change.verb != Verb::Grant && !change.cascade {
            return Err(Raise::new(
                4611,
                16,
                "To revoke or deny grantable privileges, specify the CASCADE option.",
            ));
        }
        rows.retain(|p| !same(p));
        let state = match change.verb {
            Verb::Revoke => continue,
            Verb::Deny => 'D',
            Verb::Grant if change.with_grant_option || passed_on => 'W',
            Verb::Grant => 'G',
        };
        rows.push(Permission {
            class,
            major,
            grantee,
            grantor,
            name: name.clone(),
            state,
        });
    }
    Ok(())
}
