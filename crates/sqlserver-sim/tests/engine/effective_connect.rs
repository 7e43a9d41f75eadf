//! Who is let in: the login's effective CONNECT, through roles, public, covering permissions and ownership.

use sqlserver_sim::{InstanceSpec, Unverified};

use crate::world::{Trio, errors, inbound, number, ok, text, trio, trio_of};

/// A trusts B by everything but the grant.
async fn ungranted() -> Trio {
    ungranted_of(|spec| spec).await
}

async fn ungranted_of(change: impl Fn(InstanceSpec) -> InstanceSpec) -> Trio {
    let world = trio_of(change).await;
    for statement in &inbound(&world.b)[..3] {
        ok(&world.a, statement).await;
    }
    world
}

fn with(unverified: Unverified) -> impl Fn(InstanceSpec) -> InstanceSpec {
    move |spec| InstanceSpec { unverified, ..spec }
}

/// 0 when A lets B in.
fn refused(world: &Trio) -> i32 {
    let outcome = world.fleet.handshake(&world.b, &world.a);
    outcome.map_or_else(|r| r.number, |()| 0)
}

/// Runs each pair's statement on A and looks what the handshake says then.
async fn walk(world: &Trio, steps: &[(&str, i32)]) {
    for (sql, number) in steps {
        ok(&world.a, sql).await;
        assert_eq!(refused(world), *number, "{sql}");
    }
}

#[tokio::test]
async fn a_grant_to_a_role_counts_however_deep_and_a_deny_anywhere_wins() {
    let world = ungranted().await;
    walk(
        &world,
        &[
            ("CREATE SERVER ROLE [outer]; CREATE SERVER ROLE [inner]; GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO [outer]", 28034),
            ("ALTER SERVER ROLE [outer] ADD MEMBER [inner]", 28034),
            ("ALTER SERVER ROLE [inner] ADD MEMBER HOST_B_login", 0),
            ("DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO [inner]", 28034),
            ("GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO HOST_B_login", 28034),
            ("ALTER SERVER ROLE [inner] DROP MEMBER HOST_B_login", 0),
            ("DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO public", 28034),
            ("REVOKE CONNECT ON ENDPOINT::Endpoint_Mirroring FROM public", 0),
        ],
    )
    .await;
}

#[tokio::test]
async fn covering_permissions_let_in_and_keep_out() {
    let world = ungranted().await;
    walk(
        &world,
        &[
            ("GRANT CONTROL ON ENDPOINT::Endpoint_Mirroring TO HOST_B_login", 0),
            ("REVOKE CONTROL ON ENDPOINT::Endpoint_Mirroring FROM HOST_B_login", 28034),
            ("GRANT ALTER ANY ENDPOINT TO HOST_B_login; GRANT ALTER, VIEW DEFINITION, TAKE OWNERSHIP ON ENDPOINT::Endpoint_Mirroring TO HOST_B_login", 28034),
            ("GRANT CONTROL SERVER TO HOST_B_login", 0),
            ("DENY CONTROL ON ENDPOINT::Endpoint_Mirroring TO HOST_B_login", 28034),
            ("REVOKE CONTROL ON ENDPOINT::Endpoint_Mirroring FROM HOST_B_login; GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO HOST_B_login", 0),
            ("DENY CONTROL SERVER TO HOST_B_login", 28034),
            ("ALTER SERVER ROLE sysadmin ADD MEMBER HOST_B_login", 0),
            ("DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO HOST_B_login", 0),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_owner_is_let_in_without_a_grant_and_a_new_owner_ends_every_grant() {
    let world = ungranted().await;
    walk(
        &world,
        &[
            ("ALTER AUTHORIZATION ON ENDPOINT::Endpoint_Mirroring TO HOST_B_login", 0),
            ("CREATE SERVER ROLE r; ALTER SERVER ROLE r ADD MEMBER HOST_B_login; DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO r", 0),
            ("ALTER AUTHORIZATION ON ENDPOINT::Endpoint_Mirroring TO sa", 28034),
            ("GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO HOST_B_login", 0),
            ("ALTER AUTHORIZATION ON ENDPOINT::Endpoint_Mirroring TO sa", 28034),
        ],
    )
    .await;
    let world = ungranted_of(with(Unverified {
        denied_owner_is_refused: true,
        ..Unverified::default()
    }))
    .await;
    walk(
        &world,
        &[
            ("ALTER AUTHORIZATION ON ENDPOINT::Endpoint_Mirroring TO HOST_B_login", 0),
            ("CREATE SERVER ROLE r; ALTER SERVER ROLE r ADD MEMBER HOST_B_login; DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO r", 28034),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_disabled_login_and_one_without_connect_sql_are_a_switch_each() {
    let steps = |disabled: i32, connect: i32| {
        [
            (
                "GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO HOST_B_login",
                0,
            ),
            ("ALTER LOGIN HOST_B_login DISABLE", disabled),
            ("ALTER LOGIN HOST_B_login ENABLE", 0),
            (
                "CREATE SERVER ROLE r; ALTER SERVER ROLE r ADD MEMBER HOST_B_login; DENY CONNECT SQL TO r",
                connect,
            ),
            ("DROP LOGIN HOST_B_login", 28034),
        ]
    };
    let settings = [
        (true, true, 0, 0),
        (false, true, 28034, 0),
        (true, false, 0, 28034),
    ];
    for (disabled_login_passes, without_connect_sql_passes, disabled, connect) in settings {
        let world = ungranted_of(with(Unverified {
            disabled_login_passes,
            without_connect_sql_passes,
            ..Unverified::default()
        }))
        .await;
        walk(&world, &steps(disabled, connect)).await;
    }
}

#[tokio::test]
async fn roles_are_made_renamed_filled_and_dropped() {
    let world = trio().await;
    let a = &world.a;
    ok(a, "CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass'; CREATE SERVER ROLE first; CREATE SERVER ROLE second AUTHORIZATION l; ALTER SERVER ROLE first ADD MEMBER second; ALTER SERVER ROLE second ADD MEMBER l").await;
    assert_eq!(
        number(a, "SELECT COUNT(*) FROM sys.server_role_members m JOIN sys.server_principals r ON r.principal_id = m.role_principal_id WHERE r.name IN ('first', 'second') AND r.is_fixed_role = 0 AND r.type = 'R'").await,
        2
    );
    assert_eq!(
        text(a, "SELECT o.name FROM sys.server_principals r JOIN sys.server_principals o ON o.principal_id = r.owning_principal_id WHERE r.name = 'second'").await,
        "l"
    );
    assert_eq!(number(a, "SELECT COUNT(*) FROM sys.server_principals WHERE is_fixed_role = 1 AND name IN ('sysadmin', 'public', 'first')").await, 1);
    assert_eq!(number(a, "SELECT IS_SRVROLEMEMBER('first', 'l')").await, 1);
    let refusals: &[(&str, i32)] = &[
        ("ALTER SERVER ROLE second ADD MEMBER first", 15413),
        ("ALTER SERVER ROLE first ADD MEMBER first", 15413),
        ("ALTER SERVER ROLE first ADD MEMBER sa", 15405),
        ("ALTER SERVER ROLE first ADD MEMBER setupadmin", 15405),
        ("ALTER SERVER ROLE first ADD MEMBER nobody", 15151),
        ("ALTER SERVER ROLE nowhere ADD MEMBER l", 15151),
        ("ALTER SERVER ROLE first WITH NAME = second", 15025),
        ("CREATE SERVER ROLE FIRST", 15025),
        ("DROP SERVER ROLE first", 15144),
        ("DROP SERVER ROLE sysadmin", 15150),
        ("DROP LOGIN l", 15141),
    ];
    for (sql, expected) in refusals {
        assert_eq!(errors(a, sql).await, [*expected], "{sql}");
    }
    ok(a, "ALTER AUTHORIZATION ON SERVER ROLE::second TO sa; ALTER SERVER ROLE first DROP MEMBER second; ALTER SERVER ROLE first WITH NAME = renamed; DROP SERVER ROLE renamed; DROP LOGIN l; DROP SERVER ROLE second").await;
    assert_eq!(number(a, "SELECT COUNT(*) FROM sys.server_principals WHERE name IN ('first', 'renamed', 'second')").await, 0);
}
