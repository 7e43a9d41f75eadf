//! CREATE LOGIN.

use uuid::Uuid;

use super::{Change, password};
use crate::engine::errors::{Outcome, Raise, cannot, no_permission};
use crate::engine::lang::ast::{CreateLogin, LoginSource};
use crate::engine::state::certificate::sha1;
use crate::engine::state::permission::{Permission, Securable};
use crate::engine::state::principal::ServerPrincipal;
use crate::engine::state::{MASTER, SA};

pub(super) fn invalid_name(name: &str) -> Raise {
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

    pub(super) fn password_fits(&self, name: &str, text: &str, policy: bool) -> Outcome<()> {
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
}
