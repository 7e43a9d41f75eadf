//! Server principals and database principals as rows.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;

/// A row of `sys.server_principals`, with what only the engine knows.
#[derive(Debug, Clone)]
pub struct ServerPrincipal {
    pub id: i32,
    pub name: String,
    pub sid: Vec<u8>,
    /// `S`, `U`, `G`, `R`, `C`, `K`.
    pub kind: char,
    pub disabled: bool,
    pub created: NaiveDateTime,
    pub modified: NaiveDateTime,
    pub default_database: String,
    pub default_language: String,
    pub owner: Option<i32>,
    pub fixed_role: bool,
    /// Kept in the clear: a simulator guards no secrets.
    pub password: Option<String>,
    pub check_policy: bool,
    pub check_expiration: bool,
    pub must_change: bool,
}

impl ServerPrincipal {
    pub fn is_login(&self) -> bool {
        self.kind != 'R'
    }

    pub fn type_desc(&self) -> &'static str {
        match self.kind {
            'S' => "SQL_LOGIN",
            'U' => "WINDOWS_LOGIN",
            'G' => "WINDOWS_GROUP",
            'R' => "SERVER_ROLE",
            'C' => "CERTIFICATE_MAPPED_LOGIN",
            'K' => "ASYMMETRIC_KEY_MAPPED_LOGIN",
            _ => "EXTERNAL_LOGIN",
        }
    }
}

/// A row of `sys.database_principals`.
#[derive(Debug, Clone)]
pub struct DatabasePrincipal {
    pub id: i32,
    pub name: String,
    pub sid: Option<Vec<u8>>,
    /// `S`, `U`, `G`, `R`, `C`, `K`, `A`.
    pub kind: char,
    pub default_schema: Option<String>,
    pub created: NaiveDateTime,
    pub modified: NaiveDateTime,
    pub owner: Option<i32>,
    pub fixed_role: bool,
    /// 0 NONE, 1 INSTANCE, 3 WINDOWS.
    pub authentication: i32,
}

impl DatabasePrincipal {
    pub fn type_desc(&self) -> &'static str {
        match self.kind {
            'S' => "SQL_USER",
            'U' => "WINDOWS_USER",
            'G' => "WINDOWS_GROUP",
            'R' => "DATABASE_ROLE",
            'C' => "CERTIFICATE_MAPPED_USER",
            'K' => "ASYMMETRIC_KEY_MAPPED_USER",
            'A' => "APPLICATION_ROLE",
            _ => "EXTERNAL_USER",
        }
    }

    pub fn authentication_desc(&self) -> &'static str {
        match self.authentication {
            1 => "INSTANCE",
            3 => "WINDOWS",
            _ => "NONE",
        }
    }
}

/// Principals and the roles they are in, nested ones too; `members` are pairs of role and member.
pub fn with_roles(principals: [i32; 2], members: &BTreeSet<(i32, i32)>) -> BTreeSet<i32> {
    let mut found = BTreeSet::from(principals);
    loop {
        let before = found.len();
        for (role, member) in members {
            if found.contains(member) {
                found.insert(*role);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}
