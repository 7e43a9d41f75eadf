//! ALTER and DROP LOGIN.

use super::Change;
use super::login::invalid_name;
use crate::engine::errors::{Outcome, Raise, cannot};
use crate::engine::lang::ast::AlterLogin;
use crate::engine::state::SA;
use crate::engine::state::permission::Securable;
use crate::engine::state::trigger::ServerTrigger;

impl Change<'_> {
    /// The login, if it exists and the asker may alter it; else 15151 with `verb`.
    fn alterable(&self, verb: &str, name: &str) -> Outcome<i32> {
        let missing = || cannot(verb, "login", name);
        let login = self
            .state
            .principal(name)
            .filter(|p| p.is_login())
            .ok_or_else(missing)?;
        let guarded =
            self.state.is_sysadmin(login.id) && !self.may(Securable::Server, "CONTROL SERVER");
        if guarded || !self.may(Securable::Login(login.id), "ALTER") {
            return Err(missing());
        }
        Ok(login.id)
    }

    pub(super) fn alter_login(&mut self, name: &str, what: &AlterLogin) -> Outcome<()> {
        let own = self.env.state.principals.get(&self.env.facts.login);
        let own = own
            .filter(|p| self.state.collation.same(&p.name, name))
            .map(|p| p.id);
        let id = match (own, what) {
            (
                Some(id),
                AlterLogin::With {
                    password: Some(_), ..
                },
            ) => id,
            _ => self.alterable("alter", name)?,
        };
        self.alteration_fits(id, name, what)?;
        let now = self.env.instance.now();
        let Some(login) = self.state.principals.get_mut(&id) else {
            return Err(cannot("alter", "login", name));
        };
        login.modified = now;
        match what {
            AlterLogin::Enable(on) => login.disabled = !on,
            AlterLogin::With {
                password,
                name,
                default_database,
                check_policy,
                check_expiration,
                must_change,
                unlock,
            } => {
                if password.is_some() {
                    login.password.clone_from(password);
                    login.must_change = *must_change;
                }
                if *unlock {
                    self.env.instance.forget_wrong_passwords(id);
                }
                if let Some(name) = name {
                    login.name.clone_from(name);
                }
                if let Some(database) = default_database {
                    login.default_database.clone_from(database);
                }
                login.check_expiration = check_expiration.unwrap_or(login.check_expiration);
                login.check_policy = check_policy.unwrap_or(login.check_policy);
                if !login.check_policy {
                    login.check_expiration = false;
                }
            }
        }
        Ok(())
    }

    /// The new password keeps to the policy, the new name is free.
    fn alteration_fits(&self, id: i32, name: &str, what: &AlterLogin) -> Outcome<()> {
        if let AlterLogin::With {
            password: Some(text),
            check_policy,
            ..
        } = what
        {
            let old = self
                .state
                .principals
                .get(&id)
                .is_some_and(|p| p.check_policy);
            self.password_fits(name, text, check_policy.unwrap_or(old))?;
        }
        if let AlterLogin::With {
            name: Some(new), ..
        } = what
        {
            if new.contains('\\') {
                return Err(invalid_name(new));
            }
            if self.state.principal(new).is_some_and(|p| p.id != id) {
                return Err(Raise::new(
                    15025,
                    16,
                    format!("The server principal '{new}' already exists."),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn drop_login(&mut self, name: &str) -> Outcome<()> {
        let id = self.alterable("drop", name)?;
        if id == SA {
            return Err(Raise::new(
                15405,
                11,
                format!("Cannot use the special principal '{name}'."),
            ));
        }
        let instance = self.env.instance;
        let connected = instance.sessions().all().values().any(|s| s.login == id);
        let as_peer = instance.switches().drop_login_blocked_by_connection
            && instance.transport().connections.iter().any(|c| {
                c.principal
                    .as_deref()
                    .is_some_and(|p| self.state.collation.same(p, name))
            });
        if connected || as_peer {
            return Err(Raise::new(
                15434,
                16,
                format!("Could not drop login '{name}' as the user is currently logged in."),
            ));
        }
        self.owns_nothing(id, name)?;
        // Users of the login stay behind as orphans; its grants go with it.
        self.remove_server_principal(id, name)
    }

    /// Whoever owns something, or is who a trigger runs as, cannot be dropped.
    fn owns_nothing(&self, id: i32, name: &str) -> Outcome<()> {
        if self.state.endpoints.values().any(|e| e.owner == id) {
            return Err(Raise::new(
                15141,
                16,
                "The server principal owns one or more endpoint(s) and cannot be dropped.",
            ));
        }
        if self.state.principals.values().any(|p| p.owner == Some(id)) {
            return Err(Raise::new(
                15141,
                16,
                "The server principal owns one or more server role(s) and cannot be dropped.",
            ));
        }
        let sid = self
            .state
            .principals
            .get(&id)
            .map(|p| p.sid.clone())
            .unwrap_or_default();
        if self.state.databases.values().any(|d| d.owner_sid == sid) {
            return Err(Raise::new(
                15174,
                16,
                format!(
                    "Login '{name}' owns one or more database(s). Change the owner of the database(s) before dropping the login."
                ),
            ));
        }
        let acts = |t: &ServerTrigger| {
            let login = t.runs_as.as_deref();
            login.is_some_and(|l| self.state.collation.same(l, name))
        };
        if self.state.server_triggers.iter().any(acts) {
            return Err(Raise::new(
                15186,
                16,
                "The server principal is set as the execution context of a trigger or event notification and cannot be dropped.",
            ));
        }
        Ok(())
    }
}
