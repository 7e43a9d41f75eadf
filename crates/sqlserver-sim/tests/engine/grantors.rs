//! Permission rows belong to their grantor: AS, grant options, CASCADE, and who may be dropped.

use sqlserver_sim::{Instance, InstanceSpec, Unverified};

use crate::world::{World, errors, number, numbers, ok, one_of, spec};

const SETUP: &str = "CREATE LOGIN owner_ WITH PASSWORD = 'Str0ng!Pass'; CREATE LOGIN passer WITH PASSWORD = 'Str0ng!Pass';
    CREATE LOGIN peer WITH PASSWORD = 'Str0ng!Pass'; CREATE LOGIN low WITH PASSWORD = 'Str0ng!Pass'; CREATE USER low FOR LOGIN low;
    CREATE ENDPOINT e AS TCP (LISTENER_PORT = 7024) FOR DATABASE_MIRRORING (ROLE = ALL)";

async fn world(unverified: Unverified) -> World {
    let world = one_of(InstanceSpec {
        unverified,
        ..spec("HOST_A")
    })
    .await;
    ok(&world.a, SETUP).await;
    world
}

/// Whether the endpoint has this row.
async fn has(instance: &Instance, grantee: &str, grantor: &str, state: &str) -> bool {
    number(instance, &format!("SELECT COUNT(*) FROM sys.server_permissions p JOIN sys.server_principals e ON e.principal_id = p.grantee_principal_id
        JOIN sys.server_principals o ON o.principal_id = p.grantor_principal_id WHERE p.class = 105 AND p.major_id > 65535
        AND e.name = '{grantee}' AND o.name = '{grantor}' AND p.state = '{state}'")).await == 1
}

async fn all(instance: &Instance) -> i64 {
    number(
        instance,
        "SELECT COUNT(*) FROM sys.server_permissions WHERE class = 105 AND major_id > 65535",
    )
    .await
}

async fn as_(instance: &Instance, login: &str, sql: &str) -> Vec<i32> {
    match instance.exec_as(login, sql).await {
        Ok(_) => Vec::new(),
        Err(messages) => numbers(&messages),
    }
}

#[tokio::test]
async fn a_revoke_leaves_what_another_granted() {
    let world = world(Unverified::default()).await;
    let a = &world.a;
    ok(a, "GRANT CONNECT ON ENDPOINT::e TO passer WITH GRANT OPTION; GRANT CONNECT ON ENDPOINT::e TO peer; GRANT CONNECT ON ENDPOINT::e TO peer AS passer").await;
    assert!(has(a, "peer", "sa", "G").await && has(a, "peer", "passer", "G").await);
    assert_eq!(all(a).await, 3);
    ok(a, "REVOKE CONNECT ON ENDPOINT::e FROM peer").await;
    assert!(!has(a, "peer", "sa", "G").await && has(a, "peer", "passer", "G").await);
    ok(a, "DENY CONNECT ON ENDPOINT::e TO peer; GRANT CONNECT ON ENDPOINT::e TO peer; REVOKE CONNECT ON ENDPOINT::e FROM peer AS passer").await;
    assert!(has(a, "peer", "sa", "G").await);
    assert_eq!(all(a).await, 2);
    ok(
        a,
        "DENY CONNECT ON ENDPOINT::e TO peer AS passer; GRANT CONNECT ON ENDPOINT::e TO peer",
    )
    .await;
    assert!(
        has(a, "peer", "passer", "D").await,
        "another's DENY stands against the grant"
    );
}

#[tokio::test]
async fn or_takes_every_grantors_row_by_a_switch() {
    let world = world(Unverified {
        revoke_leaves_other_grantors: false,
        ..Unverified::default()
    })
    .await;
    let a = &world.a;
    ok(a, "GRANT CONNECT ON ENDPOINT::e TO passer WITH GRANT OPTION; GRANT CONNECT ON ENDPOINT::e TO peer; GRANT CONNECT ON ENDPOINT::e TO peer AS passer; REVOKE CONNECT ON ENDPOINT::e FROM peer").await;
    assert_eq!(all(a).await, 1);
}

#[tokio::test]
async fn the_right_to_pass_on_goes_only_with_cascade_and_takes_along_what_was_passed_on() {
    let world = world(Unverified::default()).await;
    let a = &world.a;
    let grants = "GRANT CONNECT ON ENDPOINT::e TO passer WITH GRANT OPTION; GRANT CONNECT ON ENDPOINT::e TO peer AS passer";
    for (refused, taken, left) in [
        (
            "REVOKE GRANT OPTION FOR CONNECT ON ENDPOINT::e FROM passer",
            "REVOKE GRANT OPTION FOR CONNECT ON ENDPOINT::e FROM passer CASCADE",
            "G",
        ),
        (
            "REVOKE CONNECT ON ENDPOINT::e FROM passer",
            "REVOKE CONNECT ON ENDPOINT::e FROM passer CASCADE",
            "",
        ),
        (
            "DENY CONNECT ON ENDPOINT::e TO passer",
            "DENY CONNECT ON ENDPOINT::e TO passer CASCADE",
            "D",
        ),
    ] {
        ok(a, grants).await;
        assert_eq!(errors(a, refused).await, [4611], "{refused}");
        assert_eq!(all(a).await, 2);
        ok(a, taken).await;
        assert!(!has(a, "peer", "passer", "G").await, "{taken}");
        assert_eq!(all(a).await, i64::from(!left.is_empty()), "{taken}");
        if !left.is_empty() {
            assert!(has(a, "passer", "sa", left).await, "{taken}");
        }
        ok(a, "REVOKE CONNECT ON ENDPOINT::e FROM passer").await;
    }
}

#[tokio::test]
async fn as_wants_a_principal_one_may_act_for_and_who_may_grant() {
    let world = world(Unverified::default()).await;
    let a = &world.a;
    assert_eq!(
        errors(a, "GRANT CONNECT ON ENDPOINT::e TO peer AS nobody").await,
        [15151]
    );
    assert_eq!(
        errors(a, "GRANT CONNECT ON ENDPOINT::e TO peer AS passer").await,
        [4613]
    );
    ok(a, "GRANT CONNECT ON ENDPOINT::e TO low WITH GRANT OPTION; GRANT CONNECT ON ENDPOINT::e TO passer WITH GRANT OPTION").await;
    assert_eq!(
        as_(a, "low", "GRANT CONNECT ON ENDPOINT::e TO peer AS passer").await,
        [4618]
    );
    assert_eq!(
        as_(a, "low", "GRANT CONNECT ON ENDPOINT::e TO peer").await,
        Vec::<i32>::new()
    );
    assert!(has(a, "peer", "low", "G").await);
    assert_eq!(
        as_(a, "low", "GRANT CONTROL ON ENDPOINT::e TO peer").await,
        [4613]
    );
    assert_eq!(errors(a, "DROP LOGIN low").await, [15173]);
    ok(
        a,
        "REVOKE CONNECT ON ENDPOINT::e FROM low CASCADE; DROP LOGIN low",
    )
    .await;
}

#[tokio::test]
async fn who_grants_on_anothers_endpoint_is_written_down_by_a_switch() {
    for executor_is_grantor in [false, true] {
        let world = world(Unverified {
            executor_is_grantor,
            ..Unverified::default()
        })
        .await;
        let a = &world.a;
        ok(
            a,
            "GRANT ALTER ANY ENDPOINT TO low; ALTER AUTHORIZATION ON ENDPOINT::e TO owner_",
        )
        .await;
        assert_eq!(
            as_(a, "low", "GRANT CONNECT ON ENDPOINT::e TO peer").await,
            Vec::<i32>::new()
        );
        let grantor = if executor_is_grantor { "low" } else { "owner_" };
        assert!(has(a, "peer", grantor, "G").await);
        let expected = if executor_is_grantor {
            vec![15173]
        } else {
            vec![]
        };
        assert_eq!(errors(a, "DROP LOGIN low").await, expected);
    }
}

#[tokio::test]
async fn a_permission_that_does_not_exist_is_a_syntax_error() {
    let world = world(Unverified::default()).await;
    let a = &world.a;
    for sql in [
        "GRANT CONECT ON ENDPOINT::e TO peer",
        "GRANT SELECT ON ENDPOINT::e TO peer",
        "DENY IMPERSONATE ON ENDPOINT::e TO peer",
        "REVOKE CONNECT ON LOGIN::peer FROM low",
        "GRANT ANYTHING TO peer",
    ] {
        assert_eq!(errors(a, sql).await, [102], "{sql}");
    }
    let old = one_of(InstanceSpec {
        version: sqlserver_sim::Version::V2019,
        ..spec("OLD")
    })
    .await;
    ok(&old.a, "CREATE LOGIN x WITH PASSWORD = 'Str0ng!Pass'").await;
    assert_eq!(errors(&old.a, "GRANT CREATE LOGIN TO x").await, [102]);
}
