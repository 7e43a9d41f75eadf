//! An instance as it leaves the installer: fixed principals, system databases, built-in endpoints.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::collation::Collation;
use super::database::{DB_OWNER, DBO, Database, DatabaseState, GUEST};
use super::endpoint::{Endpoint, FIRST_USER_ENDPOINT};
use super::permission::Permission;
use super::principal::{DatabasePrincipal, ServerPrincipal};
use super::version::Version;
use super::{MASTER, PUBLIC, SA, SYSADMIN, ServiceKey, State, internal};
use crate::engine::lang::ast::EndpointState;

const FIXED_ROLES: [&str; 8] = [
    "sysadmin",
    "securityadmin",
    "serveradmin",
    "setupadmin",
    "processadmin",
    "diskadmin",
    "dbcreator",
    "bulkadmin",
];
const ROLES_2022: [&str; 10] = [
    "##MS_ServerStateReader##",
    "##MS_ServerStateManager##",
    "##MS_DefinitionReader##",
    "##MS_DatabaseConnector##",
    "##MS_DatabaseManager##",
    "##MS_LoginManager##",
    "##MS_SecurityDefinitionReader##",
    "##MS_PerformanceDefinitionReader##",
    "##MS_ServerSecurityStateReader##",
    "##MS_ServerPerformanceStateReader##",
];
const DATABASE_ROLES: [(i32, &str); 9] = [
    (0, "db_owner"),
    (1, "db_accessadmin"),
    (2, "db_securityadmin"),
    (3, "db_ddladmin"),
    (5, "db_backupoperator"),
    (6, "db_datareader"),
    (7, "db_datawriter"),
    (8, "db_denydatareader"),
    (9, "db_denydatawriter"),
];

/// The state of a freshly installed instance.
pub fn installed(collation: Collation, version: Version, sa: &str, now: NaiveDateTime) -> State {
    let mut state = State {
        collation,
        principals: BTreeMap::new(),
        role_members: BTreeSet::from([(SYSADMIN, SA)]),
        permissions: Vec::new(),
        databases: BTreeMap::new(),
        endpoints: BTreeMap::new(),
        server_triggers: Vec::new(),
        next_principal: 258,
        next_endpoint: FIRST_USER_ENDPOINT,
        next_database: 5,
        created: now,
        service_key: ServiceKey {
            guid: Uuid::new_v4(),
            created: now,
        },
    };
    server_principals(&mut state, version, sa, now);
    built_in_endpoints(&mut state);
    for (id, name) in [(1, "master"), (2, "tempdb"), (3, "model"), (4, "msdb")] {
        let model = if id == 3 { "FULL" } else { "SIMPLE" };
        state.databases.insert(id, database(id, name, model, now));
    }
    let principals = &state.principals;
    let sid_of = |name: &str| {
        let found = principals.values().find(|p| p.name == name);
        found.map(|p| p.sid.clone())
    };
    if let Some(master) = state.databases.get_mut(&MASTER) {
        internal::furnish(master, now, sid_of);
    }
    state
}

fn server_principals(state: &mut State, version: Version, sa: &str, now: NaiveDateTime) {
    let mut sa_row = principal(SA, "sa", vec![1], 'S', now);
    sa_row.password = Some(sa.to_owned());
    let mut rows = vec![sa_row, principal(PUBLIC, "public", vec![2], 'R', now)];
    for (id, name) in (3..).zip(FIXED_ROLES) {
        rows.push(principal(
            id,
            name,
            vec![u8::try_from(id).unwrap_or(0)],
            'R',
            now,
        ));
    }
    if version >= Version::V2022 {
        for (id, name) in (11..).zip(ROLES_2022) {
            rows.push(principal(
                id,
                name,
                vec![u8::try_from(id).unwrap_or(0)],
                'R',
                now,
            ));
        }
    }
    for (id, name, sid) in internal::logins() {
        rows.push(principal(id, name, sid, 'C', now));
    }
    let policies = [
        (256, "##MS_PolicyEventProcessingLogin##"),
        (257, "##MS_PolicyTsqlExecutionLogin##"),
    ];
    for (id, name) in policies {
        let mut row = principal(id, name, Uuid::new_v4().as_bytes().to_vec(), 'S', now);
        row.disabled = true;
        rows.push(row);
    }
    for mut row in rows {
        row.fixed_role = row.kind == 'R' && row.id != PUBLIC;
        row.owner = (row.kind == 'R').then_some(SA);
        if row.kind != 'R' {
            state.permissions.push(grant(100, 0, row.id, "CONNECT SQL"));
        }
        state.principals.insert(row.id, row);
    }
    state
        .permissions
        .push(grant(100, 0, PUBLIC, "VIEW ANY DATABASE"));
}

fn principal(id: i32, name: &str, sid: Vec<u8>, kind: char, now: NaiveDateTime) -> ServerPrincipal {
    ServerPrincipal {
        id,
        name: name.to_owned(),
        sid,
        kind,
        disabled: false,
        created: now,
        modified: now,
        default_database: "master".to_owned(),
        default_language: "us_english".to_owned(),
        owner: None,
        fixed_role: false,
        password: None,
        check_policy: kind == 'S',
        check_expiration: false,
        must_change: false,
    }
}

fn grant(class: u8, major: i32, grantee: i32, name: &str) -> Permission {
    Permission {
        class,
        major,
        grantee,
        grantor: SA,
        name: name.to_owned(),
        state: 'G',
    }
}

fn built_in_endpoints(state: &mut State) {
    let rows = [
        (1, "Dedicated Admin Connection", 2, true),
        (2, "TSQL Local Machine", 4, false),
        (3, "TSQL Named Pipes", 3, false),
        (4, "TSQL Default TCP", 2, false),
        (5, "TSQL Default VIA", 5, false),
    ];
    for (id, name, protocol, is_admin) in rows {
        state.endpoints.insert(
            id,
            Endpoint {
                id,
                name: name.to_owned(),
                owner: SA,
                protocol,
                state: EndpointState::Started,
                is_admin,
                port: 0,
                ip: None,
                mirroring: None,
            },
        );
        if !is_admin {
            state.permissions.push(grant(105, id, PUBLIC, "CONNECT"));
        }
    }
}

/// A new database owned by sa, with its fixed principals.
pub fn database(id: i32, name: &str, recovery_model: &str, now: NaiveDateTime) -> Database {
    let mut principals = BTreeMap::new();
    let mut add = |id: i32, name: &str, sid: Option<Vec<u8>>, kind: char, authentication: i32| {
        principals.insert(
            id,
            DatabasePrincipal {
                id,
                name: name.to_owned(),
                sid,
                kind,
                default_schema: (kind == 'S')
                    .then(|| if id == 1 { "dbo" } else { "guest" }.to_owned()),
                created: now,
                modified: now,
                owner: (kind == 'R').then_some(DBO),
                fixed_role: kind == 'R' && id >= DB_OWNER,
                authentication,
            },
        );
    };
    add(0, "public", None, 'R', 0);
    add(DBO, "dbo", Some(vec![1]), 'S', 1);
    add(GUEST, "guest", Some(vec![0]), 'S', 0);
    add(3, "INFORMATION_SCHEMA", None, 'S', 0);
    add(4, "sys", None, 'S', 0);
    for (offset, role) in DATABASE_ROLES {
        add(DB_OWNER + offset, role, None, 'R', 0);
    }
    let mut permissions = vec![grant(0, 0, DBO, "CONNECT")];
    if matches!(id, 1 | 2 | 4) {
        permissions.push(grant(0, 0, GUEST, "CONNECT"));
    }
    Database {
        id,
        name: name.to_owned(),
        owner_sid: vec![1],
        state: DatabaseState::Online,
        recovery_model: recovery_model.to_owned(),
        created: now,
        principals,
        role_members: BTreeSet::from([(DB_OWNER, DBO)]),
        permissions,
        certificates: BTreeMap::new(),
        master_key: None,
        next_principal: 5,
        next_certificate: 257,
        family: Uuid::new_v4(),
    }
}
