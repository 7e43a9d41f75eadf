//! Error numbers, one statement each.

use sqlserver_sim::{
    BadDer, DropBoundCertificate, Edition, InTransaction, InstanceSpec, Platform, Unverified,
    Version,
};

use crate::world::{errors, hex, number, ok, one, one_of, spec, text, trio};

/// The number that a statement ends with, a tab, the statement.
const NUMBERS: &str = include_str!("errors.tsv");

#[tokio::test]
async fn statements_end_with_their_numbers() {
    let world = one().await;
    let a = &world.a;
    ok(a, "CREATE LOGIN taken WITH PASSWORD = 'Str0ng!Pass'; CREATE USER taken FOR LOGIN taken; CREATE LOGIN free WITH PASSWORD = 'Str0ng!Pass';
        CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'Master!Key1'; CREATE CERTIFICATE mine WITH SUBJECT = 'mine', START_DATE = '20200101', EXPIRY_DATE = '20450101';").await;
    for line in NUMBERS.lines() {
        let (number, sql) = line.split_once('\t').unwrap();
        let number: i32 = number.parse().unwrap();
        assert_eq!(errors(a, sql).await, [number], "{sql}");
    }
    let long = format!(
        "CREATE LOGIN [{}] WITH PASSWORD = 'Str0ng!Pass'",
        "x".repeat(129)
    );
    assert_eq!(errors(a, &long).await, [103]);
    assert_eq!(
        number(
            a,
            "SELECT COUNT(*) FROM sys.server_principals WHERE name = 'x'"
        )
        .await,
        0
    );
}

#[tokio::test]
async fn endpoint_rules() {
    let world = trio().await;
    let a = &world.a;
    let second = "CREATE ENDPOINT second AS TCP (LISTENER_PORT = 7030) FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE HOST_A_cert, ROLE = ALL)";
    assert_eq!(errors(a, second).await, [7862]);
    assert_eq!(
        errors(
            a,
            "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING ()"
        )
        .await,
        [7863]
    );
    ok(a, "CREATE CERTIFICATE old WITH SUBJECT = 'old', START_DATE = '20200101', EXPIRY_DATE = '20210101'").await;
    assert_eq!(errors(a, "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE old)").await, [28055]);
    assert_eq!(errors(a, "DROP CERTIFICATE HOST_A_cert").await, [15352]);
    assert_eq!(
        errors(
            a,
            "BEGIN TRAN; ALTER ENDPOINT Endpoint_Mirroring STATE = STOPPED; ROLLBACK"
        )
        .await,
        [574]
    );
    assert_eq!(
        errors(
            a,
            "BEGIN TRAN; ALTER DATABASE sales SET PARTNER OFF; ROLLBACK"
        )
        .await,
        [226]
    );
    let row = "SELECT CONCAT(e.role_desc, ' ', e.connection_auth_desc, ' ', e.encryption_algorithm_desc, ' ', e.encryption_algorithm, ' ', t.port, ' ', e.state_desc)
        FROM sys.database_mirroring_endpoints e LEFT JOIN sys.tcp_endpoints t ON t.endpoint_id = e.endpoint_id";
    assert_eq!(text(a, row).await, "ALL CERTIFICATE AES 2 7024 STARTED");
    ok(a, "ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = WINDOWS KERBEROS CERTIFICATE HOST_A_cert, ENCRYPTION = SUPPORTED ALGORITHM AES RC4)").await;
    assert_eq!(
        text(a, row).await,
        "ALL KERBEROS, CERTIFICATE NONE, AES, RC4 8 7024 STARTED"
    );
    ok(
        a,
        "ALTER ENDPOINT Endpoint_Mirroring AS TCP (LISTENER_PORT = 7040, LISTENER_IP = (10.0.0.1))",
    )
    .await;
    assert_eq!(
        text(
            a,
            "SELECT ip_address FROM sys.tcp_endpoints WHERE port = 7040"
        )
        .await,
        "10.0.0.1"
    );
}

#[tokio::test]
async fn dropping_in_the_wrong_order() {
    let world = trio().await;
    world.trust_all().await;
    let a = &world.a;
    assert_eq!(errors(a, "DROP USER HOST_B_user").await, [15138]);
    ok(
        a,
        "GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO HOST_B_login",
    )
    .await;
    assert_eq!(number(a, "SELECT COUNT(*) FROM sys.server_permissions WHERE class = 105 AND type = 'CO' AND grantee_principal_id = SUSER_ID('HOST_B_login')").await, 1, "a repeated GRANT leaves one row");
    ok(a, "DROP LOGIN HOST_B_login").await;
    assert_eq!(
        number(
            a,
            "SELECT COUNT(*) FROM sys.database_principals WHERE name = 'HOST_B_user'"
        )
        .await,
        1,
        "the user stays as an orphan"
    );
    ok(a, "DROP CERTIFICATE HOST_B_cert; DROP USER HOST_B_user").await;
}

#[tokio::test]
async fn the_same_certificate_under_another_name_is_a_duplicate() {
    let world = trio().await;
    world.trust_all().await;
    let der = hex(&world.b.endpoint_certificate_der().unwrap());
    assert_eq!(
        errors(
            &world.a,
            &format!("CREATE CERTIFICATE other FROM BINARY = 0x{der}")
        )
        .await,
        [15232]
    );
    assert_eq!(
        errors(
            &world.a,
            &format!("CREATE CERTIFICATE other FROM BINARY = 0x{der}00")
        )
        .await,
        [15297],
        "trailing bytes"
    );
}

#[tokio::test]
async fn odd_validity_warns_and_succeeds() {
    for as_errors in [false, true] {
        let unverified = Unverified {
            validity_warnings_are_errors: as_errors,
            ..Unverified::default()
        };
        let world = one_of(InstanceSpec {
            unverified,
            ..spec("HOST_A")
        })
        .await;
        let answer = world.a.run("CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'Master!Key1'; CREATE CERTIFICATE c WITH SUBJECT = 'c', START_DATE = '20190101', EXPIRY_DATE = '20200101'").await;
        let warning = answer.messages.iter().find(|m| m.number == 15214).unwrap();
        assert_eq!(warning.class > 10, as_errors);
        assert_eq!(
            number(
                &world.a,
                "SELECT COUNT(*) FROM sys.certificates WHERE name = 'c'"
            )
            .await,
            1
        );
    }
}

#[tokio::test]
async fn versions_platforms_and_editions_differ() {
    let old = one_of(InstanceSpec {
        version: Version::V2008R2,
        ..spec("OLD")
    })
    .await;
    assert_eq!(
        errors(
            &old.a,
            "PRINT 'not run'; CREATE CERTIFICATE c FROM BINARY = 0x00"
        )
        .await,
        [102]
    );
    assert_eq!(errors(&old.a, "SELECT CERTENCODED(1)").await, [195]);
    assert_eq!(
        errors(&old.a, "SELECT is_fixed_role FROM sys.server_principals").await,
        [207]
    );
    let linux = one_of(InstanceSpec {
        platform: Platform::Linux,
        ..spec("LINUX")
    })
    .await;
    assert_eq!(
        errors(&linux.a, "CREATE LOGIN x WITH PASSWORD = 'short'").await,
        [33062]
    );
    assert_eq!(
        errors(&linux.a, "CREATE LOGIN x WITH PASSWORD = 'alllowercase'").await,
        [33064]
    );
    let express = one_of(InstanceSpec {
        edition: Edition::Express,
        ..spec("EXPRESS")
    })
    .await;
    let endpoint = |role: &str| {
        format!(
            "CREATE ENDPOINT e AS TCP (LISTENER_PORT = 7024) FOR DATABASE_MIRRORING (ROLE = {role})"
        )
    };
    assert_eq!(errors(&express.a, &endpoint("ALL")).await, [7878]);
    ok(&express.a, &endpoint("WITNESS")).await;
    assert_eq!(
        text(
            &express.a,
            "SELECT state_desc FROM sys.database_mirroring_endpoints"
        )
        .await,
        "STOPPED"
    );
}

#[tokio::test]
async fn switches_turn_numbers() {
    let unverified = Unverified {
        bad_der: BadDer::E15468,
        bad_file_is_15208: false,
        drop_bound_certificate: DropBoundCertificate::E3716,
        endpoint_in_transaction: InTransaction::E226,
        user_sid_checked_first: true,
        ..Unverified::default()
    };
    let world = one_of(InstanceSpec {
        unverified,
        ..spec("HOST_A")
    })
    .await;
    let a = &world.a;
    a.prepare_outbound("HOST_A", 7024).await.unwrap();
    a.files().put("pem", "-----BEGIN CERTIFICATE-----");
    assert_eq!(
        errors(a, "CREATE CERTIFICATE c FROM FILE = 'pem'").await,
        [15468]
    );
    assert_eq!(errors(a, "DROP CERTIFICATE HOST_A_cert").await, [3716]);
    assert_eq!(
        errors(a, "BEGIN TRAN; DROP ENDPOINT Endpoint_Mirroring; ROLLBACK").await,
        [226]
    );
    ok(
        a,
        "CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass'; CREATE USER u FOR LOGIN l",
    )
    .await;
    assert_eq!(errors(a, "CREATE USER u FOR LOGIN l").await, [15063]);
}

#[tokio::test]
async fn names_compare_by_the_instances_collation() {
    let world = one_of(InstanceSpec {
        collation: "Latin1_General_BIN2".to_owned(),
        ..spec("CS")
    })
    .await;
    ok(&world.a, "CREATE LOGIN peer WITH PASSWORD = 'Str0ng!Pass'; CREATE LOGIN PEER WITH PASSWORD = 'Str0ng!Pass'").await;
    assert_eq!(
        number(
            &world.a,
            "SELECT COUNT(*) FROM sys.server_principals WHERE name = N'peer'"
        )
        .await,
        1
    );
    assert_eq!(
        number(&world.a, "SELECT CASE WHEN 'a' = 'a  ' THEN 1 ELSE 0 END").await,
        1
    );
}
