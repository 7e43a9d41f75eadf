//! The one question asked of permissions: may this principal do that? Statements say which one they need.

use std::collections::BTreeSet;

use super::covering::covering;
use super::database::{DB_OWNER, DBO, Database, GUEST};
use super::permission::Securable;
use super::{SECURITYADMIN, SERVERADMIN, State};

/// Who asks: a login, and the user it is in each database.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    pub state: &'a State,
    pub login: i32,
}

/// The user a login is in a database; `None` when it cannot enter.
pub fn user_in(state: &State, login: i32, database: &Database) -> Option<i32> {
    let principal = state.principals.get(&login)?;
    if state.is_sysadmin(login) || principal.sid == database.owner_sid {
        return Some(DBO);
    }
    if let Some(user) = database.user_of_sid(&principal.sid) {
        return Some(user.id);
    }
    (database.is_system() && database.id != 3).then_some(GUEST)
}

impl Asker<'_> {
    pub fn is_sysadmin(self) -> bool {
        self.state.is_sysadmin(self.login)
    }

    /// Whether the login holds `name` on `securable`, by grant, ownership, role or a permission that covers it, and no
    /// DENY on the way.
    pub fn may(self, securable: Securable, name: &str) -> bool {
        if self.is_sysadmin() {
            return true;
        }
        let covering = covering(securable, name);
        if covering.iter().any(|(s, n)| self.has_row(*s, n, &['D'])) {
            return false;
        }
        covering
            .iter()
            .any(|(s, n)| self.has_row(*s, n, &['G', 'W']) || self.by_standing(*s, n))
    }

    /// Whether a row with one of `states` names the login, the user, or a role of theirs.
    pub fn has_row(self, securable: Securable, name: &str, states: &[char]) -> bool {
        let (class, major) = securable.row_key();
        let (rows, who) = match securable.database() {
            None => (&self.state.permissions, self.state.identities(self.login)),
            Some(db) => match self.state.databases.get(&db) {
                Some(database) => (&database.permissions, self.database_identities(database)),
                None => return false,
            },
        };
        rows.iter().any(|row| {
            row.class == class
                && row.major == major
                && row.name == name
                && states.contains(&row.state)
                && who.contains(&row.grantee)
        })
    }

    fn database_identities(self, database: &Database) -> BTreeSet<i32> {
        user_in(self.state, self.login, database)
            .map(|user| database.identities(user))
            .unwrap_or_default()
    }

    /// Ownership and fixed roles.
    fn by_standing(self, securable: Securable, name: &str) -> bool {
        match securable {
            Securable::Server => self.by_server_role(name),
            Securable::Endpoint(id) => {
                name == "CONTROL"
                    && self
                        .state
                        .endpoints
                        .get(&id)
                        .is_some_and(|e| e.owner == self.login)
            }
            Securable::ServerRole(id) => {
                let owner = self.state.principals.get(&id).and_then(|p| p.owner);
                let mine = self.state.identities(self.login);
                name == "CONTROL" && owner.is_some_and(|o| mine.contains(&o))
            }
            Securable::Database(db) => self.by_database_role(db, name),
            Securable::Login(_) | Securable::User(..) => false,
            Securable::Role(db, id) => {
                name == "CONTROL"
                    && self.state.databases.get(&db).is_some_and(|d| {
                        let owner = d.principals.get(&id).and_then(|p| p.owner);
                        owner.is_some_and(|o| self.database_identities(d).contains(&o))
                    })
            }
            Securable::Certificate(db, id) => {
                name == "CONTROL"
                    && self.state.databases.get(&db).is_some_and(|d| {
                        let mine = self.database_identities(d);
                        d.certificates
                            .get(&id)
                            .is_some_and(|c| mine.contains(&c.owner))
                    })
            }
        }
    }

    fn by_server_role(self, name: &str) -> bool {
        let roles = self.state.identities(self.login);
        let named = |role: &str| {
            self.state
                .principals
                .values()
                .any(|p| p.name == role && roles.contains(&p.id))
        };
        match name {
            "ALTER ANY LOGIN" => roles.contains(&SECURITYADMIN),
            "ALTER ANY ENDPOINT" | "ALTER SERVER STATE" => roles.contains(&SERVERADMIN),
            "CREATE LOGIN" => named("##MS_LoginManager##"),
            "VIEW ANY DEFINITION" => named("##MS_DefinitionReader##"),
            "VIEW ANY SECURITY DEFINITION" => named("##MS_SecurityDefinitionReader##"),
            "VIEW SERVER STATE" => named("##MS_ServerStateReader##"),
            "VIEW SERVER SECURITY STATE" => named("##MS_ServerSecurityStateReader##"),
            "VIEW SERVER PERFORMANCE STATE" => named("##MS_ServerPerformanceStateReader##"),
            _ => false,
        }
    }

    fn by_database_role(self, db: i32, name: &str) -> bool {
        let Some(database) = self.state.databases.get(&db) else {
            return false;
        };
        let roles = self.database_identities(database);
        match name {
            "CONTROL" => roles.contains(&DB_OWNER) || roles.contains(&DBO),
            "ALTER ANY USER" => roles.contains(&(DB_OWNER + 1)),
            "ALTER ANY CERTIFICATE" => roles.contains(&(DB_OWNER + 3)),
            "CONNECT" => !roles.is_empty(),
            _ => false,
        }
    }

    /// Metadata visibility: any permission on it, and VIEW DEFINITION not denied.
    pub fn sees(self, securable: Securable) -> bool {
        if self.is_sysadmin() {
            return true;
        }
        let viewing = covering(securable, "VIEW DEFINITION");
        if viewing.iter().any(|(s, n)| self.has_row(*s, n, &['D'])) {
            return false;
        }
        let names = [
            "VIEW DEFINITION",
            "ALTER",
            "CONTROL",
            "CONNECT",
            "IMPERSONATE",
            "TAKE OWNERSHIP",
            "REFERENCES",
        ];
        names.iter().any(|n| self.may(securable, n))
    }
}
