//! Roles of a database: making and dropping them, and their members. Those of the server are in `server_role`.

use super::Change;
use crate::engine::errors::{Outcome, Raise, cannot, no_permission};
use crate::engine::state::database::{DB_PUBLIC, DBO};
use crate::engine::state::permission::Securable;
use crate::engine::state::principal::DatabasePrincipal;

/// 15405: sa, public, fixed roles where a principal made by people is wanted.
pub(super) fn special(name: &str) -> Raise {
    Raise::new(
        15405,
        11,
        format!("Cannot use the special principal '{name}'."),
    )
}

/// 15413: a role in itself, directly or around corners.
pub(super) fn circular() -> Raise {
    Raise::new(15413, 16, "Cannot make a role a member of itself.")
}

/// 15144.
pub(super) fn not_empty() -> Raise {
    Raise::new(
        15144,
        16,
        "The role has members. It must be empty before it can be dropped.",
    )
}

/// 15150.
pub(super) fn never(verb: &str, noun: &str, name: &str) -> Raise {
    Raise::new(15150, 16, format!("Cannot {verb} the {noun} '{name}'."))
}

fn taken(name: &str) -> Raise {
    Raise::new(
        15023,
        16,
        format!("User, group, or role '{name}' already exists in the current database."),
    )
}

impl Change<'_> {
    /// The role, if the asker may alter it.
    fn database_role(&self, verb: &str, role: &str) -> Outcome<(i32, bool)> {
        let missing = || cannot(verb, "role", role);
        let found = self.database()?.principal(role, &self.state.collation);
        let found = found.filter(|p| p.kind == 'R').ok_or_else(missing)?;
        let securable = Securable::Role(self.current(), found.id);
        let fixed = found.fixed_role || found.id == DB_PUBLIC;
        // A fixed role's members are the business of db_owner and of those who alter any role.
        let allowed = self.may(self.here(), "ALTER ANY ROLE") || self.may(securable, "ALTER");
        if allowed {
            Ok((found.id, fixed))
        } else {
            Err(missing())
        }
    }

    pub(super) fn database_role_member(
        &mut self,
        role: &str,
        member: &str,
        add: bool,
    ) -> Outcome<()> {
        let (role_id, _) = self.database_role("alter", role)?;
        let database = self.database()?;
        let verb = if add { "add" } else { "drop" };
        let found = database.principal(member, &self.state.collation);
        let found = found.ok_or_else(|| cannot(verb, "principal", member))?;
        if role_id == DB_PUBLIC {
            return Err(never("alter", "role", role));
        }
        if found.id == DBO || found.fixed_role || (found.kind == 'R' && found.id == DB_PUBLIC) {
            return Err(special(member));
        }
        let member_id = found.id;
        if add && database.identities(role_id).contains(&member_id) {
            return Err(circular());
        }
        let database = self.database_mut()?;
        if add {
            database.role_members.insert((role_id, member_id));
        } else {
            database.role_members.remove(&(role_id, member_id));
        }
        Ok(())
    }

    pub(super) fn create_database_role(&mut self, name: &str, owner: Option<&str>) -> Outcome<()> {
        self.needs(self.here(), &["CREATE ROLE"])?;
        let database = self.database()?;
        let owner = match owner {
            None => {
                crate::engine::state::asker::user_in(self.env.state, self.env.facts.login, database)
            }
            Some(owner) => {
                let found = database.principal(owner, &self.state.collation);
                let found = found.ok_or_else(|| cannot("find", "user", owner))?;
                if !self.may(Securable::of_user(database.id, found), "IMPERSONATE") {
                    return Err(cannot("find", "user", owner));
                }
                Some(found.id)
            }
        };
        if database.principal(name, &self.state.collation).is_some() {
            return Err(taken(name));
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
                sid: None,
                kind: 'R',
                default_schema: None,
                created: now,
                modified: now,
                owner: owner.or(Some(DBO)),
                fixed_role: false,
                authentication: 0,
            },
        );
        Ok(())
    }

    pub(super) fn rename_database_role(&mut self, role: &str, new_name: &str) -> Outcome<()> {
        let (id, fixed) = self.database_role("alter", role)?;
        if fixed {
            return Err(never("alter", "role", role));
        }
        let there = self.database()?.principal(new_name, &self.state.collation);
        if there.is_some_and(|p| p.id != id) {
            return Err(taken(new_name));
        }
        let found = self.database_mut()?.principals.get_mut(&id);
        new_name.clone_into(&mut found.ok_or_else(no_permission)?.name);
        Ok(())
    }

    pub(super) fn drop_database_role(&mut self, name: &str, if_exists: bool) -> Outcome<()> {
        let there = self.database()?.principal(name, &self.state.collation);
        if if_exists && there.is_none() {
            return Ok(());
        }
        let (id, fixed) = self.database_role("drop", name)?;
        if fixed {
            return Err(never("drop", "role", name));
        }
        let database = self.database_mut()?;
        if database.role_members.iter().any(|(role, _)| *role == id) {
            return Err(not_empty());
        }
        database.principals.remove(&id);
        database.role_members.retain(|(_, member)| *member != id);
        database
            .permissions
            .retain(|p| p.grantee != id && !(p.class == 4 && p.major == id));
        Ok(())
    }
}
