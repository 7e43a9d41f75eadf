//! One database: its principals, permissions, certificates and master key.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::certificate::Certificate;
use super::collation::Collation;
use super::permission::Permission;
use super::principal::{DatabasePrincipal, with_roles};

pub const DBO: i32 = 1;
pub const GUEST: i32 = 2;
pub const DB_PUBLIC: i32 = 0;
pub const DB_OWNER: i32 = 16384;

/// Whether a database can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseState {
    Online,
    /// Restored WITH NORECOVERY: a mirror in waiting.
    Restoring,
}

/// The database master key.
#[derive(Debug, Clone)]
pub struct MasterKey {
    pub passwords: Vec<String>,
    /// Whether the service master key opens it, so that endpoints can use what it protects.
    pub by_service_key: bool,
    pub created: NaiveDateTime,
    pub modified: NaiveDateTime,
    pub guid: Uuid,
}

#[derive(Debug, Clone)]
pub struct Database {
    pub id: i32,
    pub name: String,
    pub owner_sid: Vec<u8>,
    pub state: DatabaseState,
    /// `FULL`, `SIMPLE` or `BULK_LOGGED`.
    pub recovery_model: String,
    pub created: NaiveDateTime,
    pub principals: BTreeMap<i32, DatabasePrincipal>,
    pub role_members: BTreeSet<(i32, i32)>,
    pub permissions: Vec<Permission>,
    pub certificates: BTreeMap<i32, Certificate>,
    pub master_key: Option<MasterKey>,
    pub next_principal: i32,
    pub next_certificate: i32,
    /// What ties a restored copy to its original.
    pub family: Uuid,
}

impl Database {
    pub fn principal(&self, name: &str, collation: &Collation) -> Option<&DatabasePrincipal> {
        self.principals
            .values()
            .find(|p| collation.same(&p.name, name))
    }

    pub fn certificate(&self, name: &str, collation: &Collation) -> Option<&Certificate> {
        self.certificates
            .values()
            .find(|c| collation.same(&c.name, name))
    }

    pub fn user_of_sid(&self, sid: &[u8]) -> Option<&DatabasePrincipal> {
        self.principals
            .values()
            .find(|p| p.kind != 'R' && p.sid.as_deref() == Some(sid))
    }

    /// The user itself, its roles (nested ones too) and public.
    pub fn identities(&self, user: i32) -> BTreeSet<i32> {
        with_roles([user, DB_PUBLIC], &self.role_members)
    }

    pub fn is_system(&self) -> bool {
        self.id <= 4
    }
}
