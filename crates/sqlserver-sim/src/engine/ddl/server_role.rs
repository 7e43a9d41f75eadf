//! Roles of the server: making and dropping them, and their members; nested ones too.

use super::Change;
use super::role::{circular, never, not_empty, special};
use crate::engine::errors::{Outcome, Raise, cannot, no_permission};
use crate::engine::state::permission::Securable;
use crate::engine::state::principal::ServerPrincipal;
use crate::engine::state::{PUBLIC, SA, SYSADMIN};

fn taken(name: &str) -> Raise {
    Raise::new(
        15025,
        16,
        format!("The server principal '{name}' already exists."),
    )
}

impl Change<'_> {
    fn role_called(&self, name: &str) -> Option<&ServerPrincipal> {
        self.state.principal(name).filter(|p| !p.is_login())
    }

    /// A role made by people, if the asker holds `permission` on it.
    fn own_server_role(&self, verb: &str, name: &str, permission: &str) -> Outcome<i32> {
        let missing = || cannot(verb, "server role", name);
        let found = self.role_called(name).ok_or_else(missing)?;
        let may = self.may(Securable::ServerRole(found.id), permission)
            || self.may(Securable::Server, "ALTER ANY SERVER ROLE");
        if !may {
            return Err(missing());
        }
        if found.fixed_role || found.id == PUBLIC {
            return Err(never(verb, "server role", name));
        }
        Ok(found.id)
    }

    pub(super) fn server_role_member(
        &mut self,
        role: &str,
        member: &str,
        add: bool,
    ) -> Outcome<()> {
        let missing = || cannot("alter", "server role", role);
        let found = self.role_called(role).ok_or_else(missing)?;
        let (role_id, fixed) = (found.id, found.fixed_role);
        let verb = if add { "add" } else { "drop" };
        let principal = self.state.principal(member);
        let principal = principal.ok_or_else(|| cannot(verb, "principal", member))?;
        let (member_id, unfit) = (
            principal.id,
            principal.fixed_role || [SA, PUBLIC].contains(&principal.id),
        );
        let own = self.env.facts.login;
        // Members of a fixed role may add members to it; over a role made by people its owner and ALTER decide.
        let allowed = if fixed {
            self.asker().is_sysadmin() || self.env.state.identities(own).contains(&role_id)
        } else {
            self.may(Securable::ServerRole(role_id), "ALTER")
        };
        if !allowed {
            return Err(missing());
        }
        if role_id == PUBLIC {
            return Err(never("alter", "server role", role));
        }
        if unfit {
            return Err(special(member));
        }
        if add && self.state.identities(role_id).contains(&member_id) {
            return Err(circular());
        }
        if add {
            self.state.role_members.insert((role_id, member_id));
        } else {
            self.state.role_members.remove(&(role_id, member_id));
        }
        Ok(())
    }

    pub(super) fn create_server_role(&mut self, name: &str, owner: Option<&str>) -> Outcome<()> {
        self.needs(Securable::Server, &["CREATE SERVER ROLE"])?;
        let owner = match owner {
            None => self.env.facts.login,
            Some(owner) => {
                let missing = || cannot("find", "principal", owner);
                let found = self.state.principal(owner).ok_or_else(missing)?;
                let own = found.id == self.env.facts.login;
                if !own && !self.may(Securable::of_principal(found), "IMPERSONATE") {
                    return Err(missing());
                }
                found.id
            }
        };
        if self.state.principal(name).is_some() {
            return Err(taken(name));
        }
        let now = self.env.instance.now();
        let id = self.state.next_principal;
        self.state.next_principal += 1;
        self.state.principals.insert(
            id,
            ServerPrincipal {
                id,
                name: name.to_owned(),
                sid: uuid::Uuid::new_v4().as_bytes().to_vec(),
                kind: 'R',
                disabled: false,
                created: now,
                modified: now,
                default_database: String::new(),
                default_language: String::new(),
                owner: Some(owner),
                fixed_role: false,
                password: None,
                check_policy: false,
                check_expiration: false,
                must_change: false,
            },
        );
        Ok(())
    }

    pub(super) fn rename_server_role(&mut self, role: &str, new_name: &str) -> Outcome<()> {
        let id = self.own_server_role("alter", role, "ALTER")?;
        if self.state.principal(new_name).is_some_and(|p| p.id != id) {
            return Err(taken(new_name));
        }
        let now = self.env.instance.now();
        let found = self.state.principals.get_mut(&id);
        let found = found.ok_or_else(no_permission)?;
        found.modified = now;
        new_name.clone_into(&mut found.name);
        Ok(())
    }

    pub(super) fn drop_server_role(&mut self, name: &str) -> Outcome<()> {
        let id = self.own_server_role("drop", name, "CONTROL")?;
        if self.state.role_members.iter().any(|(role, _)| *role == id) {
            return Err(not_empty());
        }
        if self.state.principals.values().any(|p| p.owner == Some(id)) {
            return Err(Raise::new(
                15141,
                16,
                "The server principal owns one or more server role(s) and cannot be dropped.",
            ));
        }
        self.remove_server_principal(id, name)
    }

    /// Takes a principal away with its memberships and the permissions it has and those on it.
    pub(super) fn remove_server_principal(&mut self, id: i32, name: &str) -> Outcome<()> {
        if self.state.permissions.iter().any(|p| p.grantor == id) {
            return Err(Raise::new(
                15173,
                16,
                format!(
                    "Server principal '{name}' has granted one or more permission(s). Revoke the permission(s) before dropping the server principal."
                ),
            ));
        }
        self.state.principals.remove(&id);
        self.state.role_members.retain(|(_, member)| *member != id);
        self.state
            .permissions
            .retain(|p| p.grantee != id && !(p.class == 101 && p.major == id));
        Ok(())
    }

    pub(super) fn server_role_to(&mut self, name: &str, owner: &str) -> Outcome<()> {
        let missing = || cannot("find", "server role", name);
        let no_owner = || cannot("find", "principal", owner);
        let found = self.role_called(name).ok_or_else(missing)?;
        let (id, fixed) = (found.id, found.fixed_role || found.id == PUBLIC);
        let new = self.state.principal(owner).ok_or_else(no_owner)?;
        let (new_id, securable) = (new.id, Securable::of_principal(new));
        if !self.may(Securable::ServerRole(id), "TAKE OWNERSHIP") {
            return Err(missing());
        }
        if fixed || new_id == SYSADMIN {
            return Err(never("alter", "server role", name));
        }
        if new_id != self.env.facts.login && !self.may(securable, "IMPERSONATE") {
            return Err(no_owner());
        }
        if let Some(role) = self.state.principals.get_mut(&id) {
            role.owner = Some(new_id);
        }
        self.state
            .permissions
            .retain(|p| !(p.class == 101 && p.major == id));
        Ok(())
    }
}
