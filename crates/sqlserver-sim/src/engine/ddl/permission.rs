//! GRANT, DENY and REVOKE: on what, to whom, and by whose right. The rows they leave are written in `permission_rows`.

use super::Change;
use super::permission_rows::{Rows, write};
use crate::engine::errors::{Outcome, Raise, cannot, no_permission, syntax};
use crate::engine::lang::ast::{PermissionChange, SecurableClass, Verb};
use crate::engine::state::asker::user_in;
use crate::engine::state::database::DBO;
use crate::engine::state::permission::Securable;
use crate::engine::state::permission_names::{exists, is_of_the_server};
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

fn special_role() -> Raise {
    Raise::new(
        4617,
        16,
        "Cannot grant, deny or revoke permissions to or from special roles.",
    )
}

pub(super) fn not_the_grantor() -> Raise {
    Raise::new(4613, 16, "Grantor does not have GRANT permission.")
}

impl Change<'_> {
    pub(super) fn permission(&mut self, change: &PermissionChange) -> Outcome<()> {
        let server = change
            .permissions
            .iter()
            .filter(|p| is_of_the_server(p))
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

    /// A permission that this class or this version lacks is a syntax error.
    fn must_exist(&self, change: &PermissionChange, securable: Securable) -> Outcome<()> {
        let version = self.env.instance.version();
        let known = |p: &&String| !exists(securable, p, version);
        match change.permissions.iter().find(known) {
            Some(unknown) => Err(syntax(&format!("{unknown}..."), false, 0)),
            None => Ok(()),
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
            SecurableClass::Login => self.on_principal(change, name, "login", true),
            SecurableClass::ServerRole => self.on_principal(change, name, "server role", false),
            SecurableClass::User | SecurableClass::Role => {
                let noun = if class == SecurableClass::User {
                    "user"
                } else {
                    "role"
                };
                let missing = || cannot("find", noun, name);
                let found = self.database()?.principal(name, &collation);
                let found = found.filter(|p| (p.kind == 'R') == (noun == "role"));
                let securable = Securable::of_user(self.current(), found.ok_or_else(missing)?);
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
        self.must_exist(change, Securable::Server)?;
        self.change_logins(change, Securable::Server, None)
    }

    fn on_principal(
        &mut self,
        change: &PermissionChange,
        name: &str,
        noun: &str,
        login: bool,
    ) -> Outcome<()> {
        self.must_be_master()?;
        let missing = || cannot("find", noun, name);
        let found = self.state.principal(name);
        let found = found
            .filter(|p| p.is_login() == login)
            .ok_or_else(missing)?;
        let (securable, owner) = (Securable::of_principal(found), found.owner);
        self.must_exist(change, securable)?;
        if !self.asker().sees(securable) {
            return Err(missing());
        }
        self.change_logins(change, securable, owner)
    }

    fn on_endpoint(&mut self, change: &PermissionChange, name: &str) -> Outcome<()> {
        self.must_be_master()?;
        let missing = || cannot("find", "endpoint", name);
        let found = self.state.endpoint(name).ok_or_else(missing)?;
        let (id, owner) = (found.id, found.owner);
        let securable = Securable::Endpoint(id);
        self.must_exist(change, securable)?;
        if !self.asker().sees(securable) {
            return Err(missing());
        }
        self.change_logins(change, securable, Some(owner))?;
        if change.verb != Verb::Grant && self.env.instance.switches().revoke_cuts_connections {
            self.cut_members(&change.principals);
        }
        Ok(())
    }

    /// The logins that are one of these principals, or in a role that is.
    fn cut_members(&mut self, principals: &[String]) {
        let named = principals.iter().filter_map(|n| self.state.principal(n));
        let named: Vec<i32> = named.map(|p| p.id).collect();
        let logins = self.state.principals.values().filter(|p| p.is_login());
        let hit = logins.filter(|p| {
            let who = self.state.identities(p.id);
            named.iter().any(|id| who.contains(id))
        });
        let hit: Vec<String> = hit.map(|p| p.name.clone()).collect();
        self.effects.cut.extend(hit);
    }

    fn change_logins(
        &mut self,
        change: &PermissionChange,
        securable: Securable,
        owner: Option<i32>,
    ) -> Outcome<()> {
        let own = self.env.facts.login;
        let grantor = self.server_grantor(change, securable, owner)?;
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
                return Err(special_role());
            }
            if id == SA || id == own || id == grantor || Some(id) == owner {
                return Err(not_to_these());
            }
            let rows = Rows {
                securable,
                grantee: id,
                grantor,
                others_stay: self.env.instance.switches().revoke_leaves_other_grantors,
            };
            write(&mut self.state.permissions, change, &rows)?;
        }
        Ok(())
    }

    fn in_database_on(
        &mut self,
        change: &PermissionChange,
        securable: Securable,
        missing: impl Fn() -> Raise,
    ) -> Outcome<()> {
        self.must_exist(change, securable)?;
        if !self.asker().sees(securable) {
            return Err(missing());
        }
        self.change_users(change, securable)
    }

    fn in_database(&mut self, change: &PermissionChange, securable: Securable) -> Outcome<()> {
        self.must_exist(change, securable)?;
        self.change_users(change, securable)
    }

    fn change_users(&mut self, change: &PermissionChange, securable: Securable) -> Outcome<()> {
        let own = user_in(self.env.state, self.env.facts.login, self.database()?);
        let grantor = self.database_grantor(change, securable)?;
        let others_stay = self.env.instance.switches().revoke_leaves_other_grantors;
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
                return Err(special_role());
            }
            if id == DBO || id == 3 || id == 4 || Some(id) == own || id == grantor {
                return Err(not_to_these());
            }
            let rows = Rows {
                securable,
                grantee: id,
                grantor,
                others_stay,
            };
            write(&mut database.permissions, change, &rows)?;
        }
        Ok(())
    }
}
