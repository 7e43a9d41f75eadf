//! The database master key.

use uuid::Uuid;

use super::{Change, password};
use crate::engine::errors::{Outcome, Raise, no_permission};
use crate::engine::lang::ast::AlterMasterKey;
use crate::engine::state::certificate::KeyProtection;
use crate::engine::state::database::MasterKey;

fn no_key() -> Raise {
    Raise::new(
        15151,
        16,
        "Cannot find the symmetric key 'master key', because it does not exist or you do not have permission.",
    )
}

impl Change<'_> {
    fn key_password(&self, text: &str) -> Outcome<()> {
        let instance = self.env.instance;
        match instance.password_policy() {
            Some(rules) => password::check(rules, instance.platform(), "", text),
            None => Ok(()),
        }
    }

    pub(super) fn create_master_key(&mut self, text: Option<&str>) -> Outcome<()> {
        self.needs(self.here(), &["CONTROL"])?;
        let Some(text) = text else {
            return Err(Raise::new(
                33161,
                15,
                "Database master keys without password are not supported in this version of SQL Server.",
            ));
        };
        if self.database()?.master_key.is_some() {
            return Err(Raise::new(
                15578,
                16,
                "There is already a master key in the database. Please drop it before performing this statement.",
            ));
        }
        self.key_password(text)?;
        let now = self.env.instance.now();
        self.database_mut()?.master_key = Some(MasterKey {
            passwords: vec![text.to_owned()],
            by_service_key: true,
            created: now,
            modified: now,
            guid: Uuid::new_v4(),
        });
        Ok(())
    }

    pub(super) fn open_master_key(&mut self, text: &str) -> Outcome<()> {
        self.needs(self.here(), &["CONTROL"])?;
        let key = self.database()?.master_key.as_ref().ok_or_else(no_key)?;
        if !key.passwords.iter().any(|p| p == text) {
            return Err(Raise::new(
                15313,
                16,
                "The key is not encrypted using the specified decryptor.",
            ));
        }
        self.effects.master_key = Some((self.current(), true));
        Ok(())
    }

    pub(super) fn close_master_key(&mut self) -> Outcome<()> {
        if !self.env.facts.open_master_keys.contains(&self.current()) {
            return Err(Raise::new(
                15315,
                16,
                "The key 'MASTER KEY' is not open. Please open the key before using it.",
            ));
        }
        self.effects.master_key = Some((self.current(), false));
        Ok(())
    }

    pub(super) fn drop_master_key(&mut self) -> Outcome<()> {
        self.needs(self.here(), &["CONTROL"])?;
        let database = self.database_mut()?;
        if database.master_key.is_none() {
            return Err(no_key());
        }
        let guarded = database.certificates.values().find(|c| {
            c.private_key
                .as_ref()
                .is_some_and(|k| k.protection == KeyProtection::MasterKey)
        });
        if let Some(certificate) = guarded {
            return Err(Raise::new(
                15580,
                16,
                format!(
                    "Cannot drop master key because certificate '{}' is encrypted by it.",
                    certificate.name
                ),
            ));
        }
        database.master_key = None;
        Ok(())
    }

    pub(super) fn alter_master_key(&mut self, what: &AlterMasterKey) -> Outcome<()> {
        self.needs(self.here(), &["CONTROL"])?;
        let id = self.current();
        let opened = self.env.facts.open_master_keys.contains(&id);
        if let AlterMasterKey::Password {
            add: true,
            password,
        }
        | AlterMasterKey::Regenerate(password) = what
        {
            self.key_password(password)?;
        }
        let now = self.env.instance.now();
        let database = self
            .state
            .databases
            .get_mut(&id)
            .ok_or_else(no_permission)?;
        let key = database.master_key.as_mut().ok_or_else(no_key)?;
        if !(key.by_service_key || opened) {
            return Err(Raise::new(15581, 16, "Please create a master key in the database or open the master key in the session before performing this operation.").with_state(3));
        }
        key.modified = now;
        match what {
            AlterMasterKey::ServiceMasterKey { add } => {
                if key.by_service_key == *add {
                    let (number, text) = if *add {
                        (
                            15557,
                            "The master key is already encrypted by the service master key.",
                        )
                    } else {
                        (
                            15558,
                            "Cannot drop encryption by the service master key: there is none.",
                        )
                    };
                    return Err(Raise::new(number, 16, text));
                }
                key.by_service_key = *add;
                self.effects.restart_transport = false;
            }
            AlterMasterKey::Password { add, password } => {
                if *add {
                    key.passwords.push(password.clone());
                } else {
                    key.passwords.retain(|p| p != password);
                }
            }
            AlterMasterKey::Regenerate(password) => key.passwords = vec![password.clone()],
        }
        Ok(())
    }
}
