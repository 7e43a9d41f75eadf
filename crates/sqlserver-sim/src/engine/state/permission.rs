//! Permission rows, and what they are about.

use super::principal::{DatabasePrincipal, ServerPrincipal};

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

    pub(super) fn database(self) -> Option<i32> {
        match self {
            Self::Database(db)
            | Self::User(db, _)
            | Self::Role(db, _)
            | Self::Certificate(db, _) => Some(db),
            _ => None,
        }
    }
}
