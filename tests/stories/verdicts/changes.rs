//! What may happen to a server between two looks: by anybody, to any object, at every level.

use rand::RngExt;
use rand::rngs::StdRng;
use sqlserver_sim::protocol::Value;

use super::world::{HOSTS, World};

/// `{p}` is any server principal, `{l}` a login, `{r}` a server role, `{u}` a user of master, `{c}` a certificate, `{own}` the
/// endpoint's, `{der}` the bytes of any certificate, `{right}` a right on the endpoint, `{e}` the endpoint.
const STATEMENTS: &[&str] = &[
    "GRANT {right} ON ENDPOINT::{e} TO {p}",
    "GRANT CONNECT ON ENDPOINT::{e} TO {l}",
    "GRANT CONNECT ON ENDPOINT::{e} TO {p} WITH GRANT OPTION",
    "DENY {right} ON ENDPOINT::{e} TO {p} CASCADE",
    "DENY CONNECT ON ENDPOINT::{e} TO {p} CASCADE",
    "REVOKE {right} ON ENDPOINT::{e} FROM {p} CASCADE",
    "REVOKE CONNECT ON ENDPOINT::{e} FROM {p} CASCADE",
    "REVOKE GRANT OPTION FOR CONNECT ON ENDPOINT::{e} FROM {p} CASCADE",
    "GRANT {server} TO {p}",
    "DENY {server} TO {p} CASCADE",
    "REVOKE {server} FROM {p} CASCADE",
    "CREATE SERVER ROLE {r}",
    "DROP SERVER ROLE {r}",
    "ALTER SERVER ROLE {r} ADD MEMBER {l}",
    "ALTER SERVER ROLE {r} ADD MEMBER {r}",
    "ALTER SERVER ROLE {r} DROP MEMBER {p}",
    "ALTER SERVER ROLE [sysadmin] ADD MEMBER {l}",
    "ALTER SERVER ROLE [sysadmin] DROP MEMBER {l}",
    "ALTER SERVER ROLE [securityadmin] ADD MEMBER {l}",
    "ALTER LOGIN {l} DISABLE",
    "ALTER LOGIN {l} ENABLE",
    "DROP LOGIN {l}",
    "CREATE LOGIN {l} WITH PASSWORD = N'Chosen-by-hand-1'",
    "CREATE LOGIN [CORP\\svc] FROM WINDOWS",
    "CREATE USER {u} FOR LOGIN {l}",
    "CREATE USER {u} WITHOUT LOGIN",
    "ALTER USER {u} WITH LOGIN = {l}",
    "DROP USER {u}",
    "CREATE ROLE {u}",
    "DROP ROLE {u}",
    "ALTER AUTHORIZATION ON CERTIFICATE::{c} TO {u}",
    "ALTER AUTHORIZATION ON CERTIFICATE::{c} TO [dbo]",
    "ALTER AUTHORIZATION ON ENDPOINT::{e} TO {l}",
    "ALTER AUTHORIZATION ON ENDPOINT::{e} TO [sa]",
    "DROP CERTIFICATE {c}",
    "CREATE CERTIFICATE {c} AUTHORIZATION {u} FROM BINARY = 0x{der}",
    "CREATE CERTIFICATE {c} AUTHORIZATION {u} FROM BINARY = 0x{der}",
    "CREATE CERTIFICATE {c} FROM BINARY = 0x{der}",
    "ALTER CERTIFICATE {own} REMOVE PRIVATE KEY",
    "ALTER CERTIFICATE {own} WITH PRIVATE KEY (ENCRYPTION BY PASSWORD = N'Chosen-by-hand-1')",
    "ALTER CERTIFICATE {own} WITH PRIVATE KEY (DECRYPTION BY PASSWORD = N'Chosen-by-hand-1')",
    "ALTER CERTIFICATE {c} WITH ACTIVE FOR BEGIN_DIALOG = OFF",
    "ALTER MASTER KEY DROP ENCRYPTION BY SERVICE MASTER KEY",
    "OPEN MASTER KEY DECRYPTION BY PASSWORD = N'Outb0und!Key-7'; ALTER MASTER KEY ADD ENCRYPTION BY SERVICE MASTER KEY; CLOSE MASTER KEY",
    "DROP MASTER KEY",
    "CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'Outb0und!Key-7'",
    "ALTER ENDPOINT {e} STATE = STARTED",
    "ALTER ENDPOINT {e} STATE = STARTED",
    "ALTER ENDPOINT {e} STATE = STOPPED",
    "ALTER ENDPOINT {e} STATE = DISABLED",
    "ALTER ENDPOINT {e} FOR DATABASE_MIRRORING (ROLE = {role})",
    "ALTER ENDPOINT {e} FOR DATABASE_MIRRORING (ROLE = ALL)",
    "ALTER ENDPOINT {e} FOR DATABASE_MIRRORING (ENCRYPTION = {encryption})",
    "ALTER ENDPOINT {e} FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM AES)",
    "ALTER ENDPOINT {e} FOR DATABASE_MIRRORING (AUTHENTICATION = {authentication})",
    "ALTER ENDPOINT {e} FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE {own})",
    "DROP ENDPOINT {e}",
    "CREATE ENDPOINT {e} STATE = STARTED AS TCP (LISTENER_PORT = 5022) FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE {own}, ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = ALL)",
];

/// What only a log-in with less than sysadmin is blinded by.
const BLINDERS: &[&str] = &[
    "DENY VIEW ANY DEFINITION TO [mirrorgate] CASCADE",
    "REVOKE VIEW ANY DEFINITION FROM [mirrorgate] CASCADE",
    "GRANT VIEW ANY DEFINITION TO [mirrorgate]",
    "DENY VIEW DEFINITION TO [mirrorgate]",
    "REVOKE VIEW DEFINITION FROM [mirrorgate]",
    "DENY VIEW DEFINITION ON ENDPOINT::{e} TO [mirrorgate] CASCADE",
    "REVOKE VIEW DEFINITION ON ENDPOINT::{e} FROM [mirrorgate] CASCADE",
    "DENY VIEW DEFINITION ON CERTIFICATE::{c} TO [mirrorgate]",
    "DENY VIEW DEFINITION ON LOGIN::{l} TO [mirrorgate] CASCADE",
    "DENY VIEW DEFINITION ON SERVER ROLE::{r} TO [mirrorgate] CASCADE",
    "DENY VIEW DEFINITION ON USER::{u} TO [mirrorgate]",
    "DENY CONTROL ON ENDPOINT::{e} TO [mirrorgate] CASCADE",
    "DENY CONTROL SERVER TO [mirrorgate] CASCADE",
];

const RIGHTS: &[&str] = &[
    "CONNECT",
    "CONTROL",
    "ALTER",
    "VIEW DEFINITION",
    "TAKE OWNERSHIP",
];
const SERVER_RIGHTS: &[&str] = &[
    "CONTROL SERVER",
    "CONNECT SQL",
    "ALTER ANY ENDPOINT",
    "VIEW ANY DEFINITION",
    "CONNECT ANY DATABASE",
    "ALTER ANY LOGIN",
];
const ENCRYPTIONS: &[&str] = &[
    "DISABLED",
    "SUPPORTED ALGORITHM AES",
    "SUPPORTED ALGORITHM RC4",
    "SUPPORTED ALGORITHM AES RC4",
    "REQUIRED ALGORITHM RC4",
    "REQUIRED ALGORITHM RC4 AES",
    "REQUIRED ALGORITHM AES RC4",
];
const AUTHENTICATIONS: &[&str] = &[
    "WINDOWS NEGOTIATE",
    "WINDOWS NTLM CERTIFICATE {own}",
    "CERTIFICATE {own} WINDOWS KERBEROS",
    "CERTIFICATE {own}",
];

fn of<'a>(chance: &mut StdRng, all: &[&'a str]) -> &'a str {
    all[chance.random_range(0..all.len())]
}

/// One change on one host; whether anything has changed by it.
pub async fn one(world: &mut World, chance: &mut StdRng) -> bool {
    let host = chance.random_range(0..HOSTS.len());
    match chance.random_range(0..100) {
        0..10 => world.configure().await,
        10..14 => {
            let days = [0, 0, 0, -400, -2, 2, 200, 400, 4000][chance.random_range(0..9)];
            world.set_clock(host, days);
        }
        14..20 => new_certificate(world, chance, host).await,
        20..22 => twin(world, chance),
        22..24 => with_the_peers_key(world, chance, host).await,
        24..27 => on_both_sides(world, chance, host).await,
        27..35 if !world.is_sysadmin => statement(world, chance, host, BLINDERS).await,
        _ => statement(world, chance, host, STATEMENTS).await,
    }
    world.has_changed()
}

/// What two endpoints make of each other: the one's setting alone seldom shows it.
async fn on_both_sides(world: &mut World, chance: &mut StdRng, host: usize) {
    let other = (host + chance.random_range(1..HOSTS.len())) % HOSTS.len();
    for side in [host, other] {
        let encryption = of(chance, ENCRYPTIONS);
        let sql = format!(
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = {encryption})"
        );
        world.run(side, &sql).await;
    }
}

async fn statement(world: &mut World, chance: &mut StdRng, host: usize, all: &[&str]) {
    let template = of(chance, all);
    let sql = fill(world, chance, host, template);
    world.run(host, &sql).await;
}

/// Every mark gets a value of its own, so that two `{r}` may be two roles.
fn fill(world: &World, chance: &mut StdRng, host: usize, template: &str) -> String {
    let mut sql = template.to_owned();
    for outer in [
        "{right}",
        "{server}",
        "{role}",
        "{encryption}",
        "{authentication}",
    ] {
        let all = match outer {
            "{right}" => RIGHTS,
            "{server}" => SERVER_RIGHTS,
            "{role}" => &["ALL", "PARTNER", "WITNESS"],
            "{encryption}" => ENCRYPTIONS,
            _ => AUTHENTICATIONS,
        };
        sql = sql.replace(outer, of(chance, all));
    }
    while let Some(start) = sql.find('{') {
        let end = start + sql[start..].find('}').unwrap() + 1;
        let value = value(world, chance, host, &sql[start..end]);
        sql.replace_range(start..end, &value);
    }
    sql
}

fn value(world: &World, chance: &mut StdRng, host: usize, mark: &str) -> String {
    let peers: Vec<&str> = HOSTS
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != host)
        .map(|(_, (name, _))| *name)
        .collect();
    let peer = of(chance, &peers);
    match mark {
        "{e}" => "Endpoint_Mirroring".to_owned(),
        "{own}" => {
            let mine = HOSTS[host].0;
            match chance.random_range(0..3) {
                0 => format!("[own{}]", chance.random_range(0..3)),
                _ => format!("[{mine}_cert]"),
            }
        }
        "{l}" => match chance.random_range(0..8) {
            0 => "[x1]".to_owned(),
            1 => "[CORP\\svc]".to_owned(),
            _ => format!("[{peer}_login]"),
        },
        "{r}" => of(chance, &["[r1]", "[r2]", "[r3]"]).to_owned(),
        "{p}" => match chance.random_range(0..8) {
            0 => "public".to_owned(),
            1 | 2 => of(chance, &["[r1]", "[r2]", "[r3]"]).to_owned(),
            3 => of(chance, &["[x1]", "[CORP\\svc]"]).to_owned(),
            _ => format!("[{peer}_login]"),
        },
        "{u}" => match chance.random_range(0..6) {
            0 => "[xu]".to_owned(),
            _ => format!("[{peer}_user]"),
        },
        "{c}" => match chance.random_range(0..6) {
            0 => of(chance, &["[xc1]", "[xc2]"]).to_owned(),
            1 => format!("[{}_cert]", HOSTS[host].0),
            _ => format!("[{peer}_cert]"),
        },
        "{der}" => {
            let chosen = chance.random_range(0..world.certificates.len());
            hex::encode(&world.certificates[chosen])
        }
        other => panic!("no mark: {other}"),
    }
}

/// The endpoint gets a certificate of its own, good or not.
async fn new_certificate(world: &mut World, chance: &mut StdRng, host: usize) {
    let name = format!("own{}", chance.random_range(0..3));
    let dates = of(
        chance,
        &[
            "",
            "",
            ", START_DATE = '20200101', EXPIRY_DATE = '20300101'",
            ", START_DATE = '20200101', EXPIRY_DATE = '20210101'",
            ", START_DATE = '20350101', EXPIRY_DATE = '20360101'",
        ],
    );
    let mine = HOSTS[host].0;
    let sql = format!("CREATE CERTIFICATE [{name}] WITH SUBJECT = N'{mine} {name}'{dates}");
    world.run(host, &sql).await;
    if let Some(der) = bytes(world, host, &name).await {
        world.certificates.push(der);
    }
    let sql = format!(
        "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE [{name}])"
    );
    world.run(host, &sql).await;
}

async fn bytes(world: &World, host: usize, name: &str) -> Option<Vec<u8>> {
    let question = format!("SELECT CERTENCODED(CERT_ID(N'{name}')) AS der");
    let sets = world.hosts[host].exec(&question).await.ok()?;
    match sets.first()?.rows.first()?.first()? {
        Value::Binary(der) => Some(der.clone()),
        _ => None,
    }
}

/// A certificate of the same issuer and serial with other bytes: its signature is damaged.
fn twin(world: &mut World, chance: &mut StdRng) {
    let chosen = chance.random_range(0..world.certificates.len());
    let mut der = world.certificates[chosen].clone();
    if let Some(last) = der.last_mut() {
        *last ^= 0x55;
    }
    world.certificates.push(der);
}

/// Another member's certificate, key and all, becomes the one this endpoint uses.
async fn with_the_peers_key(world: &mut World, chance: &mut StdRng, host: usize) {
    let other = (host + chance.random_range(1..HOSTS.len())) % HOSTS.len();
    let theirs = format!("{}_cert", HOSTS[other].0);
    let question = format!(
        "SELECT CERTENCODED(CERT_ID(N'{theirs}')), CERTPRIVATEKEY(CERT_ID(N'{theirs}'), N'Chosen-by-hand-1')"
    );
    let Ok(sets) = world.hosts[other].exec(&question).await else {
        return;
    };
    let [Value::Binary(der), Value::Binary(key)] = &sets[0].rows[0][..] else {
        return;
    };
    let name = format!("own{}", chance.random_range(0..3));
    let sql = format!(
        "CREATE CERTIFICATE [{name}] FROM BINARY = 0x{} WITH PRIVATE KEY (BINARY = 0x{}, DECRYPTION BY PASSWORD = N'Chosen-by-hand-1')",
        hex::encode(der),
        hex::encode(key)
    );
    world.run(host, &sql).await;
    let sql = format!(
        "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE [{name}])"
    );
    world.run(host, &sql).await;
}
