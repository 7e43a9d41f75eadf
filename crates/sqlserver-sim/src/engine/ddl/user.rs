//! CREATE, ALTER and DROP USER.

use super::Change;
use crate::engine::errors::{Outcome, Raise, cannot, no_permission};
use crate::engine::lang::ast::UserLogin;
use crate::engine::state::database::DBO;
use crate::engine::state::permission::{Permission, Securable};
use crate::engine::state::principal::DatabasePrincipal;
use crate::engine::state::version::Version;
use crate::engine::views::visibility;

/// S-1-9-3 and random bytes: 28 in all, so that no login, whose SID has 16 (or a domain's), can ever have it.
fn sid_of_no_login() -> Vec<u8> {
    let mut sid = vec![1, 5, 0, 0, 0, 0, 0, 9, 3, 0, 0, 0];
    sid.extend(uuid::Uuid::new_v4().as_bytes());
    sid
}

/// `authentication_type`: 0 is none, 1 by an instance's login, 3 Windows.
fn authentication(kind: char, login: &UserLogin) -> i32 {
    match (kind, login) {
        ('U', _) => 3,
        ('C' | 'K', _) => 0,
        (_, UserLogin::Without | UserLogin::Certificate(_) | UserLogin::AsymmetricKey(_)) => 0,
        _ => 1,
    }
}

/// 33016 for a user that never had a login, 33017 for a login of another kind.
fn remappable(user: &DatabasePrincipal, login: char) -> Outcome<()> {
    if user.authentication == 0 || matches!(user.kind, 'C' | 'K') {
        return Err(Raise::new(
            33016,
            16,
            "The user cannot be remapped to a login. Remapping can only be done for users that were mapped to Windows or SQL logins.",
        ));
    }
    if user.kind != login {
        return Err(Raise::new(
            33017,
            16,
            "Cannot remap a user of one type to a login of a different type. For example, a SQL user must be mapped to a SQL login; it cannot be remapped to a Windows login.",
        ));
    }
    Ok(())
}

impl Change<'_> {
    pub(super) fn create_user(&mut self, name: &str, login: &UserLogin) -> Outcome<()> {
        let own = self.env.instance.version() >= Version::V2022;
        let needed: &[&str] = if own {
            &["ALTER ANY USER", "CREATE USER"]
        } else {
            &["ALTER ANY USER"]
        };
        self.needs(self.here(), needed)?;
        let (kind, sid) = self.sid_for_user(name, login)?;
        self.user_is_new(name, sid.as_deref())?;
        if name.contains('\\') && kind == 'S' {
            return Err(Raise::new(
                15006,
                16,
                format!("'{name}' is not a valid name because it contains invalid characters."),
            ));
        }
        let now = self.env.instance.now();
        let database = self.database_mut()?;
        let id = database.next_principal;
        database.next_principal += 1;
        database.principals.insert(
            id,
            DatabasePrincipal {
                id,
                name: name.to_owned(),
                authentication: authentication(kind, login),
                sid,
                kind,
                default_schema: (kind == 'S').then(|| "dbo".to_owned()),
                created: now,
                modified: now,
                owner: None,
                fixed_role: false,
            },
        );
        database.permissions.push(Permission {
            class: 0,
            major: 0,
            grantee: id,
            grantor: DBO,
            name: "CONNECT".to_owned(),
            state: 'G',
        });
        Ok(())
    }

    /// Neither the name nor the login has a user yet.
    fn user_is_new(&self, name: &str, sid: Option<&[u8]>) -> Outcome<()> {
        let database = self.database()?;
        let by_name = database.principal(name, &self.state.collation).is_some();
        let by_sid = sid.is_some_and(|s| database.user_of_sid(s).is_some());
        let taken = Raise::new(
            15023,
            16,
            format!("User, group, or role '{name}' already exists in the current database."),
        );
        let mapped = Raise::new(
            15063,
            16,
            "The login already has an account under a different user name.",
        );
        if self.env.instance.switches().user_sid_checked_first && by_sid {
            return Err(mapped);
        }
        if by_name {
            return Err(taken);
        }
        if by_sid {
            return Err(mapped);
        }
        Ok(())
    }

    fn sid_for_user(&self, name: &str, login: &UserLogin) -> Outcome<(char, Option<Vec<u8>>)> {
        let wanted = match login {
            UserLogin::SameName => name,
            UserLogin::Named(login) => login,
            UserLogin::Without => return Ok(('S', Some(sid_of_no_login()))),
            UserLogin::AsymmetricKey(key) => return Err(cannot("find", "asymmetric key", key)),
            UserLogin::Certificate(certificate) => {
                let found = self
                    .database()?
                    .certificate(certificate, &self.state.collation);
                let found = found.ok_or_else(|| cannot("find", "certificate", certificate))?;
                return Ok(('C', Some(found.facts.sid().0)));
            }
        };
        let asker = self.asker();
        let missing = || {
            Raise::new(
                15007,
                16,
                format!("'{wanted}' is not a valid login or you do not have permission."),
            )
        };
        let found = self
            .state
            .principal(wanted)
            .filter(|p| p.is_login())
            .ok_or_else(missing)?;
        if found.id == crate::engine::state::SA {
            return Err(Raise::new(
                15405,
                11,
                format!("Cannot use the special principal '{wanted}'."),
            ));
        }
        if !visibility::server_principal(asker, found) {
            return Err(missing());
        }
        let kind = if found.kind == 'C' { 'C' } else { found.kind };
        Ok((kind, Some(found.sid.clone())))
    }

    /// A user made by people, if the asker may alter it.
    fn alterable_user(&self, verb: &str, name: &str) -> Outcome<i32> {
        let missing = || cannot(verb, "user", name);
        let found = self.database()?.principal(name, &self.state.collation);
        let found = found.filter(|p| p.kind != 'R').ok_or_else(missing)?;
        if !self.may(Securable::User(self.current(), found.id), "ALTER") {
            return Err(missing());
        }
        Ok(found.id)
    }

    pub(super) fn alter_user(
        &mut self,
        name: &str,
        login: Option<&str>,
        new_name: Option<&str>,
    ) -> Outcome<()> {
        let id = self.alterable_user("alter", name)?;
        if id < 5 {
            return Err(Raise::new(
                15150,
                16,
                format!("Cannot alter the user '{name}'."),
            ));
        }
        if let Some(new) = new_name
            && self
                .database()?
                .principal(new, &self.state.collation)
                .is_some_and(|p| p.id != id)
        {
            return Err(Raise::new(
                15023,
                16,
                format!("User, group, or role '{new}' already exists in the current database."),
            ));
        }
        let sid = match login {
            Some(login) => {
                let (kind, sid) = self.sid_for_user(name, &UserLogin::Named(login.to_owned()))?;
                let user = self.database()?.principals.get(&id);
                remappable(user.ok_or_else(no_permission)?, kind)?;
                let other = sid
                    .as_ref()
                    .and_then(|s| self.database().ok()?.user_of_sid(s));
                if other.is_some_and(|u| u.id != id) {
                    return Err(Raise::new(
                        15063,
                        16,
                        "The login already has an account under a different user name.",
                    ));
                }
                sid
            }
            None => None,
        };
        let now = self.env.instance.now();
        let user = self
            .database_mut()?
            .principals
            .get_mut(&id)
            .ok_or_else(no_permission)?;
        user.modified = now;
        if sid.is_some() {
            user.sid = sid;
        }
        if let Some(new) = new_name {
            new.clone_into(&mut user.name);
        }
        Ok(())
    }

    pub(super) fn drop_user(&mut self, name: &str, if_exists: bool) -> Outcome<()> {
        if if_exists && self.env.instance.version() < Version::V2016 {
            return Err(crate::engine::errors::syntax("IF", true, 0));
        }
        if if_exists
            && self
                .database()?
                .principal(name, &self.state.collation)
                .is_none()
        {
            return Ok(());
        }
        let id = self.alterable_user("drop", name)?;
        if id < 5 {
            return Err(Raise::new(
                15150,
                16,
                format!("Cannot drop the user '{name}'."),
            ));
        }
        let database = self.database_mut()?;
        if database.certificates.values().any(|c| c.owner == id) {
            return Err(Raise::new(
                15138,
                16,
                "The database principal owns a certificate in the database, and cannot be dropped.",
            ));
        }
        if database.permissions.iter().any(|p| p.grantor == id) {
            return Err(Raise::new(
                15284,
                16,
                "The database principal has granted or denied permissions to objects in the database and cannot be dropped.",
            ));
        }
        if database.principals.values().any(|p| p.owner == Some(id)) {
            return Err(Raise::new(
                15421,
                16,
                "The database principal owns a database role and cannot be dropped.",
            ));
        }
        database.principals.remove(&id);
        database.role_members.retain(|(_, member)| *member != id);
        database
            .permissions
            .retain(|p| p.grantee != id && !(p.class == 4 && p.major == id));
        Ok(())
    }
}
