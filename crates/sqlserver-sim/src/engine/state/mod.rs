//! What one simulated instance remembers: principals, permissions, databases, certificates, endpoints.
//!
//! Plain data with look-ups. It is cloned as a whole for every change, so that a transaction can be thrown away; live
//! connections, mirroring sessions and logs are not transactional and live in `net`.

pub mod asker;
pub mod certificate;
pub mod collation;
mod covering;
pub mod database;
pub mod endpoint;
pub mod initial;
mod internal;
pub mod issue;
pub mod permission;
pub mod permission_names;
pub mod principal;
pub mod trigger;
pub mod version;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;

use collation::Collation;
use database::Database;
use endpoint::Endpoint;
use permission::Permission;
use principal::{ServerPrincipal, with_roles};
use trigger::ServerTrigger;
use uuid::Uuid;

/// `principal_id` of sa, of public, and of the first fixed server roles.
pub const SA: i32 = 1;
pub const PUBLIC: i32 = 2;
pub const SYSADMIN: i32 = 3;
pub const SECURITYADMIN: i32 = 4;
pub const SERVERADMIN: i32 = 5;
/// `database_id` of master.
pub const MASTER: i32 = 1;
pub const TEMPDB: i32 = 2;

/// Everything a transaction can take back.
#[derive(Debug, Clone)]
pub struct State {
    pub collation: Collation,
    pub principals: BTreeMap<i32, ServerPrincipal>,
    /// (role, member).
    pub role_members: BTreeSet<(i32, i32)>,
    pub permissions: Vec<Permission>,
    pub databases: BTreeMap<i32, Database>,
    pub endpoints: BTreeMap<i32, Endpoint>,
    pub server_triggers: Vec<ServerTrigger>,
    pub next_principal: i32,
    pub next_endpoint: i32,
    pub next_database: i32,
    pub created: NaiveDateTime,
    /// Of the service master key: made by the installer, kept in master.
    pub service_key: ServiceKey,
}

/// What the catalog shows of the service master key.
#[derive(Debug, Clone, Copy)]
pub struct ServiceKey {
    pub guid: Uuid,
    pub created: NaiveDateTime,
}

impl State {
    pub fn principal(&self, name: &str) -> Option<&ServerPrincipal> {
        self.principals
            .values()
            .find(|p| self.collation.same(&p.name, name))
    }

    pub fn principal_by_sid(&self, sid: &[u8]) -> Option<&ServerPrincipal> {
        self.principals.values().find(|p| p.sid == sid)
    }

    pub fn database(&self, name: &str) -> Option<&Database> {
        self.databases
            .values()
            .find(|d| self.collation.same(&d.name, name))
    }

    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints
            .values()
            .find(|e| self.collation.same(&e.name, name))
    }

    pub fn mirroring_endpoint(&self) -> Option<&Endpoint> {
        self.endpoints.values().find(|e| e.mirroring.is_some())
    }

    /// The login itself, its roles (nested ones too) and public.
    pub fn identities(&self, login: i32) -> BTreeSet<i32> {
        with_roles([login, PUBLIC], &self.role_members)
    }

    pub fn is_sysadmin(&self, login: i32) -> bool {
        login == SA || self.identities(login).contains(&SYSADMIN)
    }
}
