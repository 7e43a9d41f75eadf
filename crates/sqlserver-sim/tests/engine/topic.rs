//! The topic's whole script, by hand and through files, ends with mirroring established.

use crate::world::{errors, inbound, number, ok, spec, text, trio, trio_of};
use sqlserver_sim::{Fleet, InstanceSpec, Unverified};

#[tokio::test]
async fn the_whole_script_establishes_mirroring_with_a_witness() {
    let world = trio().await;
    assert_eq!(
        world.set_partners().await,
        [1418],
        "before the inbound half"
    );
    world.trust_all().await;
    ok(&world.b, "ALTER DATABASE sales SET PARTNER OFF").await;
    assert_eq!(world.set_partners().await, Vec::<i32>::new());
    assert_eq!(world.set_witness().await, Vec::<i32>::new());
    let state = "SELECT CONCAT(mirroring_state_desc, ' ', mirroring_role_desc, ' ', mirroring_witness_state_desc, ' ', mirroring_partner_instance)
        FROM sys.database_mirroring WHERE database_id = DB_ID('sales')";
    assert_eq!(
        text(&world.a, state).await,
        "SYNCHRONIZED PRINCIPAL CONNECTED HOST_B"
    );
    assert_eq!(
        text(&world.b, state).await,
        "SYNCHRONIZED MIRROR CONNECTED HOST_A"
    );
    assert_eq!(
        number(
            &world.w,
            "SELECT COUNT(*) FROM sys.database_mirroring_witnesses WHERE database_name = 'SALES'"
        )
        .await,
        1
    );
    let accepted = "SELECT COUNT(*) FROM sys.dm_db_mirroring_connections c JOIN sys.certificates k ON k.certificate_id = c.peer_certificate_id
        WHERE c.is_accept = 1 AND c.login_state_desc = 'ONLINE' AND c.principal_name LIKE 'HOST[_]_[_]login'";
    for instance in [&world.a, &world.b, &world.w] {
        assert_eq!(number(instance, accepted).await, 2, "{}", instance.name());
    }
    assert!(world.a.error_log().iter().any(|l| l.number == 28046));
}

#[tokio::test]
async fn certificates_travel_as_files_too() {
    let fleet = Fleet::new().unwrap();
    let a = fleet.start(spec("HOST_A")).await.unwrap();
    let b = fleet.start(spec("HOST_B")).await.unwrap();
    a.prepare_outbound("HOST_A", 7024).await.unwrap();
    b.prepare_outbound("HOST_B", 7024).await.unwrap();
    ok(
        &b,
        "BACKUP CERTIFICATE HOST_B_cert TO FILE = N'C:\\HOST_B_cert.cer'",
    )
    .await;
    assert_eq!(
        errors(
            &b,
            "BACKUP CERTIFICATE HOST_B_cert TO FILE = N'c:\\host_b_cert.CER'"
        )
        .await,
        [15240]
    );
    let bytes = b.files().read("C:\\HOST_B_cert.cer").unwrap();
    assert_eq!(Some(&bytes), b.endpoint_certificate_der().as_ref());
    let mut script = inbound(&b);
    script[2] = "CREATE CERTIFICATE HOST_B_cert AUTHORIZATION HOST_B_user FROM FILE = N'C:\\HOST_B_cert.cer';".to_owned();
    assert_eq!(
        errors(&a, &script.join("\n")).await,
        [15208],
        "the file is not on A"
    );
    a.files().put("C:\\HOST_B_cert.cer", bytes);
    a.files().set_readable("C:\\HOST_B_cert.cer", false);
    assert_eq!(errors(&a, &script[2]).await, [15208]);
    a.files().set_readable("C:\\HOST_B_cert.cer", true);
    ok(&a, &script[2]).await;
    fleet.handshake(&b, &a).unwrap();
}

#[tokio::test]
async fn a_private_key_can_be_copied_so_that_both_sides_share_one_certificate() {
    let fleet = Fleet::new().unwrap();
    let a = fleet.start(spec("HOST_A")).await.unwrap();
    let b = fleet.start(spec("HOST_B")).await.unwrap();
    ok(&a, "CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'Master!Key1'; CREATE CERTIFICATE shared WITH SUBJECT = 'shared';
        BACKUP CERTIFICATE shared TO FILE = 'c' WITH PRIVATE KEY (FILE = 'k', ENCRYPTION BY PASSWORD = 'Copy!Pass1');").await;
    b.files().put("c", a.files().read("c").unwrap());
    b.files().put("k", a.files().read("k").unwrap());
    ok(
        &b,
        "CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'Master!Key2';",
    )
    .await;
    let restore = |password: &str| {
        format!(
            "CREATE CERTIFICATE shared FROM FILE = 'c' WITH PRIVATE KEY (FILE = 'k', DECRYPTION BY PASSWORD = '{password}')"
        )
    };
    assert_eq!(errors(&b, &restore("wrong")).await, [15465]);
    ok(&b, &restore("Copy!Pass1")).await;
    for (instance, port) in [(&a, 5022), (&b, 5022)] {
        ok(instance, &format!("CREATE ENDPOINT AGEP STATE = STARTED AS TCP (LISTENER_PORT = {port}) FOR DATA_MIRRORING (AUTHENTICATION = CERTIFICATE shared, ROLE = ALL)")).await;
    }
    // Owned by dbo: the peer comes in as sa.
    fleet.handshake(&a, &b).unwrap();
    fleet.handshake(&b, &a).unwrap();
}

#[tokio::test]
async fn the_script_works_with_every_switch_turned_round() {
    let unverified = Unverified::opposite();
    let world = trio_of(|spec| InstanceSpec { unverified, ..spec }).await;
    world.trust_all().await;
    assert_eq!(world.set_partners().await, Vec::<i32>::new());
    assert_eq!(world.set_witness().await, Vec::<i32>::new());
}
