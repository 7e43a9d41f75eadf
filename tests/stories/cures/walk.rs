//! A walk over one fleet: several things go wrong at once, the advice is followed to its end, and so on.
//!
//! `MIRRORGATE_TEST_CURES_SECONDS` makes it longer, `MIRRORGATE_TEST_CURES_SEED` repeats one.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::ground::{End, Ground};

/// What may go wrong on either member; what a server refuses has not gone wrong. `{me}` and `{peer}` are hosts, `{der}` is the peer's.
const HARMS: &[&str] = &[
    "DENY CONNECT ON ENDPOINT::{e} TO [{peer}_login]",
    "DENY CONNECT ON ENDPOINT::{e} TO public",
    "DENY CONTROL ON ENDPOINT::{e} TO [{peer}_login]",
    "REVOKE CONNECT ON ENDPOINT::{e} FROM [{peer}_login]",
    "CREATE SERVER ROLE [quarantine]",
    "ALTER SERVER ROLE [quarantine] ADD MEMBER [{peer}_login]",
    "DENY CONNECT ON ENDPOINT::{e} TO [quarantine]",
    "DROP CERTIFICATE [{peer}_cert]",
    "DROP LOGIN [{peer}_login]",
    "DROP USER [{peer}_user]",
    "CREATE USER [{peer}_user] WITHOUT LOGIN",
    "CREATE ROLE [{peer}_user]",
    "CREATE SERVER ROLE [{peer}_login]",
    "CREATE LOGIN [{peer}_login] WITH PASSWORD = N'Chosen-by-hand-1'",
    "CREATE CERTIFICATE [{peer}_cert] FROM BINARY = 0x{der}",
    "CREATE CERTIFICATE [{peer}_cert] WITH SUBJECT = N'somebody else'",
    "ALTER AUTHORIZATION ON CERTIFICATE::[{peer}_cert] TO [dbo]",
    "ALTER SERVER ROLE [sysadmin] ADD MEMBER [{peer}_login]",
    "ALTER AUTHORIZATION ON ENDPOINT::{e} TO [{peer}_login]",
    "ALTER ENDPOINT {e} STATE = STOPPED",
    "ALTER ENDPOINT {e} FOR DATABASE_MIRRORING (ROLE = WITNESS)",
    "ALTER ENDPOINT {e} FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4)",
    "ALTER ENDPOINT {e} FOR DATABASE_MIRRORING (ENCRYPTION = DISABLED)",
    "ALTER ENDPOINT {e} FOR DATABASE_MIRRORING (ENCRYPTION = SUPPORTED ALGORITHM AES RC4)",
    "ALTER ENDPOINT {e} FOR DATABASE_MIRRORING (AUTHENTICATION = WINDOWS NEGOTIATE)",
    "DROP ENDPOINT {e}",
    "CREATE CERTIFICATE [{me}_cert_2] WITH SUBJECT = N'{me}'",
];

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test]
async fn whatever_goes_wrong_at_once_the_advice_leads_out_of_it() {
    let seconds = setting("MIRRORGATE_TEST_CURES_SECONDS").unwrap_or(30);
    let seed = setting("MIRRORGATE_TEST_CURES_SEED").unwrap_or_else(rand::random);
    println!("MIRRORGATE_TEST_CURES_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let until = tokio::time::Instant::now() + Duration::from_secs(seconds);
    let mut green = 0;
    while tokio::time::Instant::now() < until {
        green += walk(&mut chance, until).await;
    }
    println!("{green} times to green");
    assert!(green > 0, "nothing was ever cured");
}

/// How often it became green. Until words are all that is left, or so much has been left behind that another fleet is quicker.
async fn walk(chance: &mut StdRng, until: tokio::time::Instant) -> usize {
    let mut green = 0;
    let mut ground = Ground::new().await;
    if chance.random_bool(0.5) {
        ground.let_the_stranger_in().await;
    }
    for turn in 0..12 {
        if tokio::time::Instant::now() >= until {
            return green;
        }
        ground.story.push(format!("— turn {turn}"));
        for _ in 0..chance.random_range(1..6) {
            harm(&mut ground, chance).await;
        }
        if let End::Words(findings) = ground.follow(None).await {
            assert!(
                findings.iter().all(|f| f.remedy_tsql.is_none()),
                "{findings:#?}{}",
                ground.told()
            );
            return green;
        }
        green += 1;
    }
    green
}

async fn harm(ground: &mut Ground, chance: &mut StdRng) {
    let me = chance.random_range(0..2_usize);
    let (mine, peer, der) = [("HOST_A", "HOST_B", "{B}"), ("HOST_B", "HOST_A", "{A}")][me];
    let harm = HARMS[chance.random_range(0..HARMS.len())];
    let sql = harm
        .replace("{me}", mine)
        .replace("{peer}", peer)
        .replace("{der}", der)
        .replace("{e}", "Endpoint_Mirroring");
    if ground.has_endpoint(1 - me) || !harm.contains("{der}") {
        // Some of it is refused, as it would be on a server.
        let _ = ground.run(me, &sql).await;
    }
}
