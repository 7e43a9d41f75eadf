//! Permission rows, and the one question asked of them: may this principal do that?
//!
//! Knows the hierarchy of permissions; statements say which one they need.

use std::collections::BTreeSet;

use super::database::{DB_OWNER, DBO, Database, GUEST};
use super::principal::{DatabasePrincipal, ServerPrincipal};
use super::{SECURITYADMIN, SERVERADMIN, State};

/// A row of `sys.server_permissions` or `sys.database_permissions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    pub class: u8,
    pub major: i32,
    pub grantee: i32,
    pub grantor: i32,
    pub name: String,
    /// `G`, `W` or `D`.
    pub state: char,
}

/// What a permission is held on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Securable {
    Server,
    Endpoint(i32),
    Login(i32),
    ServerRole(i32),
    Database(i32),
    User(i32, i32),
    Role(i32, i32),
    Certificate(i32, i32),
}

impl Securable {
    /// `class` and `major_id` of its rows.
    pub fn row_key(self) -> (u8, i32) {
        match self {
            Self::Server => (100, 0),
            Self::Endpoint(id) => (105, id),
            Self::Login(id) | Self::ServerRole(id) => (101, id),
            Self::Database(_) => (0, 0),
            Self::User(_, id) | Self::Role(_, id) => (4, id),
            Self::Certificate(_, id) => (25, id),
        }
    }

    /// A login or a server role.
    pub fn of_principal(principal: &ServerPrincipal) -> Self {
        if principal.is_login() {
            Self::Login(principal.id)
        } else {
            Self::ServerRole(principal.id)
        }
    }

    /// A user or a database role.
    pub fn of_user(database: i32, principal: &DatabasePrincipal) -> Self {
        if principal.kind == 'R' {
            Self::Role(database, principal.id)
        } else {
            Self::User(database, principal.id)
        }
    }

    fn database(self) -> Option<i32> {
        match self {
            Self::Database(db)
            | Self::User(db, _)
            | Self::Role(db, _)
            | Self::Certificate(db, _) => Some(db),
            _ => None,
        }
    }
}

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

/// `name` on `securable` and everything that implies it.
fn covering(securable: Securable, name: &str) -> Vec<(Securable, String)> {
    let mut found = vec![(securable, name.to_owned())];
    let mut next = 0;
    while let Some((securable, name)) = found.get(next).cloned() {
        for parent in parents(securable, &name) {
            if !found.contains(&parent) {
                found.push(parent);
            }
        }
        next += 1;
    }
    found
}

fn parents(securable: Securable, name: &str) -> Vec<(Securable, String)> {
    let mut list: Vec<(Securable, &str)> = Vec::new();
    let server = Securable::Server;
    if name != "CONTROL" && securable != server {
        list.push((securable, "CONTROL"));
    }
    match (securable, name) {
        (Securable::Server, "CONTROL SERVER") => {}
        (Securable::Server, _) => {
            list.push((server, "CONTROL SERVER"));
            list.extend(server_parent(name).map(|p| (server, p)));
        }
        (Securable::Endpoint(_), "ALTER") => list.push((server, "ALTER ANY ENDPOINT")),
        (Securable::Login(_), "ALTER") => list.push((server, "ALTER ANY LOGIN")),
        (Securable::Login(_), "IMPERSONATE") => list.push((server, "IMPERSONATE ANY LOGIN")),
        (Securable::ServerRole(_), "ALTER") => list.push((server, "ALTER ANY SERVER ROLE")),
        (
            Securable::Endpoint(_)
            | Securable::Login(_)
            | Securable::ServerRole(_)
            | Securable::Database(_),
            "VIEW DEFINITION",
        ) => {
            list.push((server, "VIEW ANY DEFINITION"));
            if !matches!(securable, Securable::Database(_)) {
                list.push((server, "VIEW ANY SECURITY DEFINITION"));
            }
        }
        (
            Securable::Endpoint(_)
            | Securable::Login(_)
            | Securable::ServerRole(_)
            | Securable::Database(_),
            "CONTROL",
        ) => list.push((server, "CONTROL SERVER")),
        (Securable::Database(_), _) => {
            list.extend(database_parent(name).map(|p| (securable, p)));
        }
        (Securable::User(db, _), _) => user_parents(db, name, "ALTER ANY USER", &mut list),
        (Securable::Role(db, _), _) => user_parents(db, name, "ALTER ANY ROLE", &mut list),
        (Securable::Certificate(db, _), _) => {
            user_parents(db, name, "ALTER ANY CERTIFICATE", &mut list);
        }
        _ => {}
    }
    list.into_iter().map(|(s, n)| (s, n.to_owned())).collect()
}

fn user_parents(
    db: i32,
    name: &str,
    alter_any: &'static str,
    list: &mut Vec<(Securable, &'static str)>,
) {
    let database = Securable::Database(db);
    match name {
        "ALTER" => list.push((database, alter_any)),
        "CONTROL" => list.push((database, "CONTROL")),
        "VIEW DEFINITION" => {
            list.push((database, "VIEW DEFINITION"));
            list.push((Securable::Server, "VIEW ANY SECURITY DEFINITION"));
        }
        _ => {}
    }
}

fn server_parent(name: &str) -> Option<&'static str> {
    Some(match name {
        "CREATE LOGIN" => "ALTER ANY LOGIN",
        "CREATE ENDPOINT" => "ALTER ANY ENDPOINT",
        "CREATE SERVER ROLE" => "ALTER ANY SERVER ROLE",
        "CREATE ANY DATABASE" => "ALTER ANY DATABASE",
        "VIEW ANY DATABASE" => "VIEW ANY DEFINITION",
        "VIEW ANY SECURITY DEFINITION" => "VIEW ANY DEFINITION",
        "VIEW SERVER SECURITY STATE" | "VIEW SERVER PERFORMANCE STATE" => "VIEW SERVER STATE",
        "VIEW SERVER STATE" => "ALTER SERVER STATE",
        _ => return None,
    })
}

fn database_parent(name: &str) -> Option<&'static str> {
    Some(match name {
        "CREATE CERTIFICATE" => "ALTER ANY CERTIFICATE",
        "CREATE USER" => "ALTER ANY USER",
        "CREATE ROLE" => "ALTER ANY ROLE",
        "ALTER ANY CERTIFICATE" | "ALTER ANY USER" | "ALTER ANY ROLE" => "ALTER",
        _ => return None,
    })
}
