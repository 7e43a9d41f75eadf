//! What the accepting endpoint checks: each thing left out or spoilt gives its own number.

use chrono::TimeDelta;
use sqlserver_sim::{Instance, Unverified};

use crate::world::{Trio, errors, inbound, number, ok, text, trio, trio_of};

async fn without(world: &Trio, skipped: usize, needed: &[&str]) -> i32 {
    for (n, statement) in inbound(&world.b).iter().enumerate() {
        if n != skipped {
            ok(&world.a, statement).await;
        }
    }
    for statement in needed {
        ok(&world.a, statement).await;
    }
    world
        .fleet
        .handshake(&world.b, &world.a)
        .map_or_else(|r| r.number, |()| 0)
}

#[tokio::test]
async fn the_complete_inbound_half_lets_the_peer_in_and_nothing_less() {
    let world = trio().await;
    let refusal = world.fleet.handshake(&world.b, &world.a).unwrap_err();
    assert_eq!(refusal.number, 28035);
    assert!(
        refusal.text.contains("Certificate not found"),
        "{}",
        refusal.text
    );
    assert_eq!(without(&world, 9, &[]).await, 0);
    let logged: Vec<i32> = world.a.error_log().iter().map(|l| l.number).collect();
    assert!(
        logged.contains(&28047) && logged.contains(&28046),
        "{logged:?}"
    );
}

#[tokio::test]
async fn a_missing_grant_is_28034_with_the_login_in_the_wrapper() {
    let world = trio().await;
    assert_eq!(without(&world, 3, &[]).await, 28034);
    let line = world
        .a
        .error_log()
        .into_iter()
        .find(|l| l.number == 28048)
        .unwrap();
    assert!(
        line.text.contains("HOST_B_login") && line.text.contains("CONNECT permission"),
        "{}",
        line.text
    );
}

#[tokio::test]
async fn an_orphaned_owner_is_28034() {
    let world = trio().await;
    assert_eq!(
        without(&world, 9, &["DROP LOGIN HOST_B_login"]).await,
        28034
    );
}

#[tokio::test]
async fn a_deny_beats_the_grant_and_a_grant_to_public_counts() {
    let world = trio().await;
    assert_eq!(
        without(
            &world,
            3,
            &["GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO public"]
        )
        .await,
        0
    );
    ok(
        &world.a,
        "DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO HOST_B_login",
    )
    .await;
    assert_eq!(
        world
            .fleet
            .handshake(&world.b, &world.a)
            .unwrap_err()
            .number,
        28034
    );
}

#[tokio::test]
async fn a_certificate_owned_by_dbo_lets_its_holder_in_as_sa() {
    let world = trio().await;
    let import = inbound(&world.b)[2].replace("AUTHORIZATION HOST_B_user ", "");
    ok(&world.a, &import).await;
    world.fleet.handshake(&world.b, &world.a).unwrap();
}

#[tokio::test]
async fn clocks_decide_whether_a_certificate_is_valid() {
    let world = trio().await;
    world.trust_all().await;
    // A's own certificate is good for decades, so that only B's is judged.
    ok(&world.a, "CREATE CERTIFICATE long WITH SUBJECT = 'long', START_DATE = '20100101', EXPIRY_DATE = '20600101';
        ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE long)").await;
    world.a.set_clock_offset(TimeDelta::days(-3));
    let refusal = world.fleet.handshake(&world.b, &world.a).unwrap_err();
    assert!(refusal.text.contains("not yet valid"), "{}", refusal.text);
    world.a.set_clock_offset(TimeDelta::days(400));
    assert_eq!(
        world
            .fleet
            .handshake(&world.b, &world.a)
            .unwrap_err()
            .number,
        28035
    );
    world.a.set_clock_offset(TimeDelta::zero());
    world.b.set_clock_offset(TimeDelta::days(400));
    assert_eq!(
        world
            .fleet
            .handshake(&world.b, &world.a)
            .unwrap_err()
            .number,
        28036
    );
}

#[tokio::test]
async fn endpoints_must_be_started_and_agree() {
    let world = trio().await;
    world.trust_all().await;
    let cases = [
        ("ALTER ENDPOINT Endpoint_Mirroring STATE = STOPPED", 28080),
        ("ALTER ENDPOINT Endpoint_Mirroring STATE = DISABLED", 0),
        (
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4)",
            28027,
        ),
        (
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (ENCRYPTION = DISABLED)",
            28027,
        ),
        (
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = WINDOWS NEGOTIATE)",
            28027,
        ),
    ];
    for (change, number) in cases {
        ok(&world.a, change).await;
        assert_eq!(
            world
                .fleet
                .handshake(&world.b, &world.a)
                .unwrap_err()
                .number,
            number,
            "{change}"
        );
        ok(&world.a, "ALTER ENDPOINT Endpoint_Mirroring STATE = STARTED FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE HOST_A_cert, ENCRYPTION = REQUIRED ALGORITHM AES)").await;
        world.fleet.handshake(&world.b, &world.a).unwrap();
    }
}

#[tokio::test]
async fn the_master_key_must_be_opened_by_the_server() {
    let world = trio().await;
    world.trust_all().await;
    ok(
        &world.b,
        "ALTER MASTER KEY DROP ENCRYPTION BY SERVICE MASTER KEY",
    )
    .await;
    assert_eq!(
        number(
            &world.b,
            "SELECT is_master_key_encrypted_by_server FROM sys.databases WHERE name = 'master'"
        )
        .await,
        0
    );
    assert_eq!(
        world
            .fleet
            .handshake(&world.b, &world.a)
            .unwrap_err()
            .number,
        28037
    );
    ok(&world.b, "OPEN MASTER KEY DECRYPTION BY PASSWORD = 'Outb0und!Key-7'; ALTER MASTER KEY ADD ENCRYPTION BY SERVICE MASTER KEY").await;
    world.fleet.handshake(&world.b, &world.a).unwrap();
}

async fn state(instance: &Instance) -> String {
    text(instance, "SELECT mirroring_state_desc FROM sys.database_mirroring WHERE database_id = DB_ID('sales')").await
}

#[tokio::test]
async fn rotation_with_both_certificates_in_place_reconnects() {
    let world = trio().await;
    world.trust_all().await;
    assert!(world.set_partners().await.is_empty());
    ok(&world.b, "CREATE CERTIFICATE HOST_B_cert_2 WITH SUBJECT = 'HOST_B certificate', START_DATE = '20200101', EXPIRY_DATE = '20400101'").await;
    let switch = "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE HOST_B_cert_2)";
    ok(&world.b, switch).await;
    assert_eq!(
        state(&world.a).await,
        "DISCONNECTED",
        "A does not hold the new certificate"
    );
    let import =
        inbound(&world.b)[2].replace("CERTIFICATE HOST_B_cert ", "CERTIFICATE HOST_B_cert_2 ");
    ok(&world.a, &import).await;
    assert_eq!(
        state(&world.a).await,
        "SYNCHRONIZED",
        "the next attempt to connect finds it"
    );
    ok(&world.a, "DROP CERTIFICATE HOST_B_cert").await;
    assert_eq!(state(&world.a).await, "SYNCHRONIZED");
}

#[tokio::test]
async fn live_connections_survive_expiry_until_the_endpoint_restarts() {
    let world = trio().await;
    world.trust_all().await;
    assert!(world.set_partners().await.is_empty());
    for instance in [&world.a, &world.b] {
        instance.set_clock_offset(TimeDelta::days(400));
    }
    assert_eq!(state(&world.a).await, "SYNCHRONIZED");
    ok(
        &world.b,
        "ALTER ENDPOINT Endpoint_Mirroring STATE = STOPPED",
    )
    .await;
    ok(
        &world.b,
        "ALTER ENDPOINT Endpoint_Mirroring STATE = STARTED",
    )
    .await;
    assert_eq!(state(&world.a).await, "DISCONNECTED");
}

#[tokio::test]
async fn a_stopped_instance_disconnects_and_comes_back() {
    let world = trio().await;
    world.trust_all().await;
    assert!(world.set_partners().await.is_empty());
    world.b.stop();
    assert_eq!(state(&world.a).await, "DISCONNECTED");
    world.b.start();
    assert_eq!(state(&world.a).await, "SYNCHRONIZED");
}

#[tokio::test]
async fn set_partner_and_witness_name_what_is_wrong() {
    let world = trio().await;
    world.trust_all().await;
    let to_b = "ALTER DATABASE sales SET PARTNER = 'TCP://HOST_B:7025'";
    for (sql, numbers) in [
        // The mirror first.
        (to_b, &[1416][..]),
        (
            "ALTER DATABASE sales SET PARTNER = 'TCP://NOWHERE:7025'",
            &[1418],
        ),
        ("ALTER DATABASE sales SET PARTNER = 'HOST_B:7025'", &[1449]),
        (
            "ALTER DATABASE sales SET WITNESS = 'TCP://HOST_W:7026'",
            &[1416],
        ),
        ("ALTER DATABASE nothing SET PARTNER OFF", &[5011, 5069]),
    ] {
        assert_eq!(errors(&world.a, sql).await, numbers, "{sql}");
    }
    assert!(world.set_partners().await.is_empty());
    assert_eq!(errors(&world.a, to_b).await, [1405]);
    for (login, number) in [("HOST_A_login", 1456), ("HOST_B_login", 1426)] {
        let on = "CONNECT ON ENDPOINT::Endpoint_Mirroring";
        ok(&world.w, &format!("REVOKE {on} FROM {login}")).await;
        assert_eq!(world.set_witness().await, [number]);
        ok(&world.w, &format!("GRANT {on} TO {login}")).await;
    }
    assert_eq!(world.set_witness().await, Vec::<i32>::new());
}

#[tokio::test]
async fn manual_failover_swaps_the_roles() {
    let world = trio().await;
    world.trust_all().await;
    assert!(world.set_partners().await.is_empty());
    ok(&world.a, "ALTER DATABASE sales SET PARTNER FAILOVER").await;
    let role =
        "SELECT mirroring_role_desc FROM sys.database_mirroring WHERE database_id = DB_ID('sales')";
    assert_eq!(text(&world.a, role).await, "MIRROR");
    assert_eq!(text(&world.b, role).await, "PRINCIPAL");
    assert_eq!(
        text(
            &world.b,
            "SELECT state_desc FROM sys.databases WHERE name = 'sales'"
        )
        .await,
        "ONLINE"
    );
}

#[tokio::test]
async fn a_disabled_login_passes_or_not_by_the_switch() {
    for passes in [true, false] {
        let world = trio_of(|mut spec| {
            spec.unverified = Unverified {
                disabled_login_passes: passes,
                ..Unverified::default()
            };
            spec
        })
        .await;
        assert_eq!(
            without(&world, 9, &["ALTER LOGIN HOST_B_login DISABLE"]).await == 0,
            passes
        );
    }
}

#[tokio::test]
async fn revoke_cuts_connections_or_not_by_the_switch() {
    for cuts in [true, false] {
        let world = trio_of(|mut spec| {
            spec.unverified = Unverified {
                revoke_cuts_connections: cuts,
                ..Unverified::default()
            };
            spec
        })
        .await;
        world.trust_all().await;
        assert!(world.set_partners().await.is_empty());
        ok(
            &world.a,
            "REVOKE CONNECT ON ENDPOINT::Endpoint_Mirroring FROM HOST_B_login",
        )
        .await;
        assert_eq!(state(&world.a).await == "DISCONNECTED", cuts);
    }
}
