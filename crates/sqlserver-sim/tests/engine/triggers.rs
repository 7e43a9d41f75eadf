//! Triggers on the whole server: what sets them off, what a roll-back in one does, and who is kept out at log-on.

use crate::sessions::client;
use crate::world::{errors, number, numbers, ok, one, text, trio};

const NO_LOGINS: &str =
    "CREATE TRIGGER no_logins ON ALL SERVER FOR CREATE_LOGIN, DDL_ENDPOINT_EVENTS AS
    PRINT N'not here'; ROLLBACK;";

#[tokio::test]
async fn a_ddl_trigger_takes_the_statement_back() {
    let world = one().await;
    let a = &world.a;
    ok(a, NO_LOGINS).await;
    let run = a
        .run("CREATE LOGIN x WITH PASSWORD = 'Str0ng!Pass'; SELECT 1")
        .await;
    assert_eq!(numbers(&run.errors()), [3609]);
    assert!(run.sets.is_empty(), "the batch is over");
    assert_eq!(run.messages[0].text, "not here");
    assert_eq!(errors(a, "BEGIN TRANSACTION; CREATE USER u WITHOUT LOGIN; CREATE LOGIN x WITH PASSWORD = 'Str0ng!Pass'").await, [3609]);
    assert_eq!(
        number(
            a,
            "SELECT COUNT(*) FROM sys.database_principals WHERE name = 'u'"
        )
        .await,
        0,
        "with all the transaction had done"
    );
    assert_eq!(
        errors(
            a,
            "CREATE ENDPOINT e AS TCP (LISTENER_PORT = 7024) FOR DATABASE_MIRRORING (ROLE = ALL)"
        )
        .await,
        [3609]
    );
    ok(a, "CREATE USER u WITHOUT LOGIN").await;
    ok(a, "DISABLE TRIGGER no_logins ON ALL SERVER; CREATE LOGIN x WITH PASSWORD = 'Str0ng!Pass'; ENABLE TRIGGER ALL ON ALL SERVER").await;
    assert_eq!(
        errors(a, "CREATE LOGIN y WITH PASSWORD = 'Str0ng!Pass'").await,
        [3609]
    );
    ok(
        a,
        "DROP TRIGGER no_logins ON ALL SERVER; CREATE LOGIN y WITH PASSWORD = 'Str0ng!Pass'",
    )
    .await;
}

#[tokio::test]
async fn one_that_lets_through_may_do_something_and_fires_for_what_it_waits_for_only() {
    let world = trio().await;
    let a = &world.a;
    ok(a, "CREATE TRIGGER watch ON ALL SERVER WITH EXECUTE AS 'sa' FOR DDL_GDR_SERVER_EVENTS AS IF SUSER_SNAME() = N'sa' PRINT N'seen'").await;
    let printed = |run: &sqlserver_sim::Execution| run.messages.iter().any(|m| m.text == "seen");
    ok(
        a,
        "CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass'; CREATE USER u FOR LOGIN l",
    )
    .await;
    assert!(printed(
        &a.run("GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO l")
            .await
    ));
    assert!(printed(
        &a.run("REVOKE CONNECT ON ENDPOINT::Endpoint_Mirroring FROM l")
            .await
    ));
    assert!(!printed(&a.run("GRANT CREATE CERTIFICATE TO u").await));
    assert!(!printed(&a.run("DROP USER u").await));
    assert_eq!(
        text(
            a,
            "SELECT name FROM sys.server_triggers WHERE is_disabled = 0"
        )
        .await,
        "watch"
    );
    assert_eq!(
        text(a, "SELECT type_desc FROM sys.server_trigger_events").await,
        "DDL_GDR_SERVER_EVENTS"
    );
    ok(
        a,
        "CREATE TRIGGER broken ON ALL SERVER FOR DROP_LOGIN AS SELECT 1/0",
    )
    .await;
    assert_eq!(errors(a, "DROP LOGIN l").await, [8134, 3609]);
    assert_eq!(
        number(
            a,
            "SELECT COUNT(*) FROM sys.server_principals WHERE name = 'l'"
        )
        .await,
        1
    );
}

#[tokio::test]
async fn a_logon_trigger_keeps_out_by_application_name() {
    let world = one().await;
    ok(
        &world.a,
        "CREATE TRIGGER only_tools ON ALL SERVER FOR LOGON AS IF APP_NAME() LIKE N'%bot%' ROLLBACK",
    )
    .await;
    client(&world, "friendly tool").await.unwrap();
    let refused = client(&world, "a bot").await.unwrap_err();
    let code = match &refused {
        tiberius::error::Error::Server(token) => token.code(),
        other => panic!("{other}"),
    };
    assert_eq!(code, 17892);
    assert!(
        refused.to_string().contains("due to trigger execution"),
        "{refused}"
    );
    assert_eq!(
        number(
            &world.a,
            "SELECT type FROM sys.server_trigger_events WHERE type_desc = 'LOGON'"
        )
        .await,
        147
    );
    let open = number(
        &world.a,
        "SELECT COUNT(*) FROM sys.dm_exec_sessions WHERE program_name = 'a bot'",
    )
    .await;
    assert_eq!(open, 0);
    ok(
        &world.a,
        "ALTER TRIGGER only_tools ON ALL SERVER FOR LOGON AS THROW 50001, N'nobody', 1",
    )
    .await;
    client(&world, "friendly tool").await.unwrap_err();
    ok(&world.a, "DROP TRIGGER only_tools ON ALL SERVER").await;
    client(&world, "a bot").await.unwrap();
}

#[tokio::test]
async fn what_is_no_trigger_is_refused() {
    let world = one().await;
    let a = &world.a;
    ok(a, "CREATE LOGIN low WITH PASSWORD = 'Str0ng!Pass'").await;
    for (sql, number) in [
        (
            "SELECT 1; CREATE TRIGGER t ON ALL SERVER FOR LOGON AS SELECT 1",
            111,
        ),
        (
            "CREATE TRIGGER t ON ALL SERVER FOR NONSENSE AS SELECT 1",
            1084,
        ),
        ("CREATE TRIGGER t ON ALL SERVER FOR LOGON AS", 102),
        ("ALTER TRIGGER t ON ALL SERVER FOR LOGON AS SELECT 1", 1088),
        ("DROP TRIGGER t ON ALL SERVER", 3701),
        ("DISABLE TRIGGER t ON ALL SERVER", 1088),
        (
            "CREATE TRIGGER t ON ALL SERVER WITH EXECUTE AS 'nobody' FOR LOGON AS SELECT 1",
            15151,
        ),
    ] {
        assert_eq!(errors(a, sql).await, [number], "{sql}");
    }
    ok(
        a,
        "CREATE TRIGGER t ON ALL SERVER WITH EXECUTE AS 'low' FOR CREATE_USER AS SELECT 1",
    )
    .await;
    assert_eq!(
        errors(a, "CREATE TRIGGER T ON ALL SERVER FOR LOGON AS SELECT 1").await,
        [2714]
    );
    assert_eq!(errors(a, "DROP LOGIN low").await, [15186]);
    ok(
        a,
        "CREATE OR ALTER TRIGGER t ON ALL SERVER FOR CREATE_USER AS SELECT 1",
    )
    .await;
    ok(a, "DROP LOGIN low").await;
}
