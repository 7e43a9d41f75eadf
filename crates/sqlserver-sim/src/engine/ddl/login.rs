//! CREATE, ALTER and DROP LOGIN.

use uuid::Uuid;

use super::{Change, password};
use crate::engine::errors::{Outcome, Raise, cannot, no_permission};
use crate::engine::lang::ast::{AlterLogin, CreateLogin, LoginSource};
use crate::engine::state::certificate::sha1;
use crate::engine::state::permission::{Permission, Securable};
use crate::engine::state::principal::ServerPrincipal;
use crate::engine::state::trigger::ServerTrigger;
use crate::engine::state::{MASTER, SA};

fn invalid_name(name: &str) -> Raise {
    Raise::new(
        15006,
        16,
        format!("'{name}' is not a valid name because it contains invalid characters."),
    )
}

impl Change<'_> {
    pub(super) fn create_login(&mut self, login: &CreateLogin) -> Outcome<()> {
        self.needs(Securable::Server, &["ALTER ANY LOGIN", "CREATE LOGIN"])?;
        let kind = match login.source {
            LoginSource::Windows => 'U',
            LoginSource::Certificate(_) => 'C',
            LoginSource::AsymmetricKey(_) => 'K',
            _ => 'S',
        };
        if kind == 'U' && !login.name.contains('\\') {
            return Err(Raise::new(
                15407,
                11,
                format!(
                    "'{}' is not a valid Windows NT name. Give the complete name: <domain\\username>.",
                    login.name
                ),
            ));
        }
        if kind == 'S' && (login.name.contains('\\') || login.name.trim().is_empty()) {
            return Err(invalid_name(&login.name));
        }
        self.login_options_agree(login)?;
        if self.state.principal(&login.name).is_some() {
            return Err(Raise::new(
                15025,
                16,
                format!("The server principal '{}' already exists.", login.name),
            ));
        }
        if let Some(database) = &login.default_database
            && self.state.database(database).is_none()
        {
            return Err(Raise::new(
                15010,
                16,
                format!(
                    "The database '{database}' does not exist. Supply a valid database name. To see available databases, use sys.databases."
                ),
            ));
        }
        if let Some(language) = &login.default_language
            && ![
                "us_english",
                "english",
                "deutsch",
                "german",
                "français",
                "french",
            ]
            .contains(&language.to_lowercase().as_str())
        {
            return Err(Raise::new(
                15033,
                16,
                format!("'{language}' is not a valid official language name."),
            ));
        }
        let sid = self.login_sid(login, kind)?;
        self.insert_login(login, kind, sid);
        Ok(())
    }

    fn login_options_agree(&self, login: &CreateLogin) -> Outcome<()> {
        let policy = login.check_policy.unwrap_or(true);
        let expiration = login.check_expiration.unwrap_or(false);
        match &login.source {
            LoginSource::Hashed(_) if login.must_change => {
                return Err(Raise::new(
                    33010,
                    16,
                    "The MUST_CHANGE option is not supported with the HASHED option.",
                ));
            }
            LoginSource::Hashed(_) if login.check_policy == Some(true) => {
                return Err(Raise::new(
                    33020,
                    16,
                    "A HASHED password cannot be set for a login that has CHECK_POLICY turned on.",
                ));
            }
            _ => {}
        }
        if login.must_change && !expiration {
            return Err(Raise::new(
                15099,
                16,
                "The MUST_CHANGE option cannot be used when CHECK_EXPIRATION is OFF.",
            ));
        }
        if expiration && !policy {
            return Err(Raise::new(
                15122,
                16,
                "The CHECK_EXPIRATION option cannot be used when CHECK_POLICY is OFF.",
            ));
        }
        if let LoginSource::Password(text) = &login.source {
            self.password_fits(&login.name, text, policy)?;
        }
        Ok(())
    }

    fn password_fits(&self, name: &str, text: &str, policy: bool) -> Outcome<()> {
        if text.encode_utf16().count() > 128 {
            return Err(Raise::new(
                15156,
                16,
                "The password that you specified is too long. The password should have no more than 128 characters.",
            ));
        }
        let instance = self.env.instance;
        match instance.password_policy().filter(|_| policy) {
            Some(rules) => password::check(rules, instance.platform(), name, text),
            None => Ok(()),
        }
    }

    fn login_sid(&self, login: &CreateLogin, kind: char) -> Outcome<Vec<u8>> {
        if let LoginSource::AsymmetricKey(name) = &login.source {
            return Err(cannot("find", "asymmetric key", name));
        }
        if let LoginSource::Certificate(name) = &login.source {
            let master = self
                .state
                .databases
                .get(&MASTER)
                .ok_or_else(no_permission)?;
            let found = master.certificate(name, &self.state.collation);
            let found = found.ok_or_else(|| cannot("find", "certificate", name))?;
            let sid = found.facts.sid().0;
            if self.state.principal_by_sid(&sid).is_some() {
                return Err(Raise::new(
                    33140,
                    16,
                    format!(
                        "The login '{}' could not be created because a login is already associated with certificate '{name}'.",
                        login.name
                    ),
                ));
            }
            return Ok(sid);
        }
        match &login.sid {
            Some(sid) if sid.len() != 16 => Err(Raise::new(
                15419,
                16,
                "Supplied parameter sid should be binary(16).",
            )),
            Some(sid) if self.state.principal_by_sid(sid).is_some() => {
                Err(Raise::new(15433, 16, "Supplied parameter sid is in use."))
            }
            Some(sid) => Ok(sid.clone()),
            None if kind == 'U' => {
                // The domain's, not ours: the same account has the same one everywhere and for ever.
                let mut sid = vec![1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0];
                let account = login.name.to_lowercase();
                sid.extend(sha1(account.as_bytes()).iter().take(16));
                Ok(sid)
            }
            None => Ok(Uuid::new_v4().as_bytes().to_vec()),
        }
    }

    fn insert_login(&mut self, login: &CreateLogin, kind: char, sid: Vec<u8>) {
        let now = self.env.instance.now();
        let id = self.state.next_principal;
        self.state.next_principal += 1;
        let language = login.default_language.clone();
        self.state.principals.insert(
            id,
            ServerPrincipal {
                id,
                name: login.name.clone(),
                sid,
                kind,
                disabled: false,
                created: now,
                modified: now,
                default_database: login
                    .default_database
                    .clone()
                    .unwrap_or_else(|| "master".to_owned()),
                default_language: language.unwrap_or_else(|| "us_english".to_owned()),
                owner: None,
                fixed_role: false,
                password: match &login.source {
                    LoginSource::Password(text) => Some(text.clone()),
                    _ => None,
                },
                check_policy: kind == 'S'
                    && login
                        .check_policy
                        .unwrap_or(!matches!(login.source, LoginSource::Hashed(_))),
                check_expiration: login.check_expiration.unwrap_or(false),
                must_change: login.must_change,
            },
        );
        self.state.permissions.push(Permission {
            class: 100,
            major: 0,
            grantee: id,
            grantor: SA,
            name: "CONNECT SQL".to_owned(),
            state: 'G',
        });
    }

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
