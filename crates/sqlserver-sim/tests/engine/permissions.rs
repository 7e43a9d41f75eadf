//! What a login without sysadmin may do and see.

use sqlserver_sim::{Instance, InstanceSpec, Unverified, Version};

use crate::world::{World, inbound, numbers, ok, one_of, spec, trio};
use sqlserver_sim::protocol::Value;

async fn low(setup: &str) -> World {
    let world = one_of(spec("HOST_A")).await;
    world.a.prepare_outbound("HOST_A", 7024).await.unwrap();
    ok(&world.a, "CREATE LOGIN low WITH PASSWORD = 'Str0ng!Pass'; CREATE USER low FOR LOGIN low; CREATE LOGIN other WITH PASSWORD = 'Str0ng!Pass'; CREATE USER other FOR LOGIN other; CREATE USER third WITHOUT LOGIN;").await;
    if !setup.is_empty() {
        ok(&world.a, setup).await;
    }
    world
}

async fn as_low(instance: &Instance, sql: &str) -> Vec<i32> {
    match instance.exec_as("low", sql).await {
        Ok(_) => Vec::new(),
        Err(messages) => numbers(&messages),
    }
}

async fn value(instance: &Instance, sql: &str) -> Value {
    let sets = instance
        .exec_as("low", sql)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    sets[0].rows.first().map_or(Value::Null, |r| r[0].clone())
}

const CREATE_ENDPOINT: &str =
    "CREATE ENDPOINT e AS TCP (LISTENER_PORT = 1) FOR DATABASE_MIRRORING (ROLE = ALL)";

#[tokio::test]
async fn every_statement_needs_its_permission() {
    let world = low("").await;
    let der = "3082";
    let cases: Vec<(String, Vec<i32>)> = vec![
        (
            "CREATE LOGIN x WITH PASSWORD = 'Str0ng!Pass'".into(),
            vec![15247],
        ),
        ("ALTER LOGIN other DISABLE".into(), vec![15151]),
        ("DROP LOGIN other".into(), vec![15151]),
        ("CREATE USER x FOR LOGIN low".into(), vec![15247]),
        ("DROP USER other".into(), vec![15151]),
        (
            format!("CREATE CERTIFICATE x FROM BINARY = 0x{der}"),
            vec![15247],
        ),
        (
            "CREATE CERTIFICATE x AUTHORIZATION other WITH SUBJECT = 'x'".into(),
            vec![15151],
        ),
        ("DROP CERTIFICATE HOST_A_cert".into(), vec![15151]),
        (
            "BACKUP CERTIFICATE HOST_A_cert TO FILE = 'f'".into(),
            vec![15151],
        ),
        (
            "GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO other".into(),
            vec![15151],
        ),
        (CREATE_ENDPOINT.into(), vec![15247]),
        (
            "ALTER ENDPOINT Endpoint_Mirroring STATE = STOPPED".into(),
            vec![15151],
        ),
        ("DROP ENDPOINT Endpoint_Mirroring".into(), vec![15151]),
        (
            "CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'Master!Key1'".into(),
            vec![15247],
        ),
        ("GRANT ALTER ANY LOGIN TO other".into(), vec![4613]),
        (
            "ALTER SERVER ROLE sysadmin ADD MEMBER low".into(),
            vec![15151],
        ),
        (
            "SELECT * FROM sys.dm_db_mirroring_connections".into(),
            vec![300, 297],
        ),
        ("EXEC xp_readerrorlog".into(), vec![229]),
        ("USE model".into(), vec![916]),
        (
            "ALTER AUTHORIZATION ON CERTIFICATE::HOST_A_cert TO low".into(),
            vec![15151],
        ),
    ];
    for (sql, expected) in cases {
        assert_eq!(as_low(&world.a, &sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn the_least_privilege_recipe_is_enough_with_impersonate() {
    let world = trio().await;
    ok(
        &world.a,
        "CREATE LOGIN low WITH PASSWORD = 'Str0ng!Pass'; CREATE USER low FOR LOGIN low;
        GRANT ALTER ANY LOGIN, ALTER ANY ENDPOINT, VIEW ANY DEFINITION, VIEW SERVER STATE TO low;
        GRANT ALTER ANY USER, CREATE CERTIFICATE, ALTER ANY CERTIFICATE TO low;",
    )
    .await;
    let statements = inbound(&world.b);
    assert_eq!(as_low(&world.a, &statements[0]).await, Vec::<i32>::new());
    assert_eq!(as_low(&world.a, &statements[1]).await, Vec::<i32>::new());
    assert_eq!(
        as_low(&world.a, &statements[2]).await,
        [15151],
        "IMPERSONATE is missing"
    );
    ok(&world.a, "GRANT IMPERSONATE ON USER::HOST_B_user TO low").await;
    assert_eq!(as_low(&world.a, &statements[2]).await, Vec::<i32>::new());
    assert_eq!(as_low(&world.a, &statements[3]).await, Vec::<i32>::new());
    world.fleet.handshake(&world.b, &world.a).unwrap();
}

#[tokio::test]
async fn impersonate_is_not_needed_when_the_switch_says_so() {
    let unverified = Unverified {
        authorization_needs_impersonate: false,
        ..Unverified::default()
    };
    let world = one_of(InstanceSpec {
        unverified,
        ..spec("HOST_A")
    })
    .await;
    ok(&world.a, "CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'Master!Key1'; CREATE LOGIN low WITH PASSWORD = 'Str0ng!Pass'; CREATE USER low FOR LOGIN low; CREATE USER other WITHOUT LOGIN; GRANT CREATE CERTIFICATE TO low").await;
    assert_eq!(
        as_low(
            &world.a,
            "CREATE CERTIFICATE x AUTHORIZATION other WITH SUBJECT = 'x'"
        )
        .await,
        Vec::<i32>::new()
    );
}

#[tokio::test]
async fn invisible_rows_are_absent_and_exist_all_the_same() {
    let world = low("GRANT ALTER ANY USER TO low").await;
    let a = &world.a;
    assert_eq!(value(a, "SELECT COUNT(*) FROM sys.server_principals WHERE name IN ('sa', 'public', 'low', 'other')").await, Value::Int(3));
    assert_eq!(
        value(a, "SELECT COUNT(*) FROM sys.certificates").await,
        Value::Int(0)
    );
    assert_eq!(
        value(a, "SELECT COUNT(*) FROM sys.database_mirroring_endpoints").await,
        Value::Int(0)
    );
    assert_eq!(value(a, "SELECT CERTENCODED(257)").await, Value::Null);
    assert_eq!(value(a, "SELECT SUSER_ID('other')").await, Value::Null);
    assert_eq!(as_low(a, "CREATE USER x FOR LOGIN other").await, [15007]);
    ok(a, "GRANT VIEW ANY DEFINITION TO low").await;
    assert_eq!(
        value(
            a,
            "SELECT COUNT(*) FROM sys.certificates WHERE name = 'host_a_CERT'"
        )
        .await,
        Value::Int(1)
    );
    assert_eq!(
        value(a, "SELECT COUNT(*) FROM sys.database_mirroring_endpoints").await,
        Value::Int(1)
    );
    ok(a, "DENY VIEW ANY DEFINITION TO low").await;
    assert_eq!(
        value(
            a,
            "SELECT COUNT(*) FROM sys.server_principals WHERE name = 'low'"
        )
        .await,
        Value::Int(0)
    );
}

#[tokio::test]
async fn has_perms_by_name_says_yes_no_or_unknown() {
    let world = low("GRANT ALTER ANY ENDPOINT TO low; GRANT CREATE CERTIFICATE TO low").await;
    let cases = [
        ("NULL, NULL, 'ALTER ANY ENDPOINT'", Value::Int(1)),
        ("NULL, NULL, 'CREATE ENDPOINT'", Value::Int(1)),
        ("NULL, NULL, 'ALTER ANY LOGIN'", Value::Int(0)),
        ("NULL, NULL, 'NO SUCH THING'", Value::Null),
        ("N'master', 'DATABASE', 'CREATE CERTIFICATE'", Value::Int(1)),
        ("N'master', 'DATABASE', 'CONTROL'", Value::Int(0)),
        ("N'nowhere', 'DATABASE', 'CONTROL'", Value::Null),
        ("N'Endpoint_Mirroring', 'ENDPOINT', 'ALTER'", Value::Int(1)),
        (
            "N'Endpoint_Mirroring', 'ENDPOINT', 'CONTROL'",
            Value::Int(0),
        ),
        ("N'other', 'USER', 'IMPERSONATE'", Value::Null),
    ];
    for (arguments, expected) in cases {
        assert_eq!(
            value(&world.a, &format!("SELECT HAS_PERMS_BY_NAME({arguments})")).await,
            expected,
            "{arguments}"
        );
    }
    let old = one_of(InstanceSpec {
        version: Version::V2019,
        ..spec("OLD")
    })
    .await;
    let sets = old
        .a
        .exec("SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'CREATE LOGIN')")
        .await
        .unwrap();
    assert_eq!(sets[0].rows[0][0], Value::Null);
}

#[tokio::test]
async fn roles_carry_permissions() {
    let world =
        low("ALTER SERVER ROLE securityadmin ADD MEMBER low; ALTER ROLE db_owner ADD MEMBER low")
            .await;
    assert_eq!(
        as_low(
            &world.a,
            "CREATE LOGIN x WITH PASSWORD = 'Str0ng!Pass'; CREATE USER x FOR LOGIN x"
        )
        .await,
        Vec::<i32>::new()
    );
    assert_eq!(
        as_low(
            &world.a,
            "CREATE CERTIFICATE c AUTHORIZATION x WITH SUBJECT = 'c'"
        )
        .await,
        Vec::<i32>::new()
    );
    assert_eq!(
        as_low(&world.a, "ALTER LOGIN sa DISABLE").await,
        [15151],
        "a sysadmin is out of reach"
    );
    ok(&world.a, "ALTER SERVER ROLE sysadmin ADD MEMBER low").await;
    assert_eq!(
        value(&world.a, "SELECT IS_SRVROLEMEMBER('sysadmin')").await,
        Value::Int(1)
    );
}
