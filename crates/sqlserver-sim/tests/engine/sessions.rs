//! What a session has for itself: temporary tables, rows of a call, another's identity; and how one session ends another.

use sqlserver_sim::protocol::Value;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use crate::world::{World, errors, number, numbers, ok, one, text};

/// Logs in over TDS as sa under an application name.
pub async fn client(
    world: &World,
    application: &str,
) -> tiberius::Result<Client<Compat<TcpStream>>> {
    let mut config = Config::new();
    config.host("localhost");
    config.port(world.a.port());
    config.authentication(AuthMethod::sql_server("sa", "Passw0rd!sim"));
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca_bundle(world.fleet.ca_pem().as_bytes().to_vec());
    config.application_name(application);
    let tcp = TcpStream::connect(config.get_addr()).await.unwrap();
    Client::connect(config, tcp.compat_write()).await
}

#[tokio::test]
async fn temporary_tables_live_as_long_as_their_session_or_scope() {
    let world = one().await;
    let a = &world.a;
    assert_eq!(
        number(a, "CREATE TABLE #t (n int NOT NULL, name sysname NULL); INSERT INTO #t VALUES (1, N'a'), (2, N'b'); INSERT #t (name) SELECT name FROM sys.server_principals WHERE name = 'sa'; SELECT COUNT(*) FROM #T AS x LEFT JOIN sys.server_principals p ON p.name = x.name WHERE x.n IS NULL OR x.n > 0").await,
        3
    );
    let mut session = a.connect_as("sa").unwrap();
    assert!(session.run("CREATE TABLE #t (n int); EXEC (N'INSERT #t VALUES (7); CREATE TABLE #inner (n int); SELECT * FROM #inner')").await.errors().is_empty());
    let after = session
        .run("SELECT n FROM tempdb..#t; SELECT * FROM #inner")
        .await;
    assert_eq!(after.sets[0].rows, [[Value::Int(7)]]);
    assert_eq!(
        numbers(&after.errors()),
        [208],
        "an inner scope's table ends with it"
    );
    assert_eq!(
        numbers(&session.run("CREATE TABLE #t (n int)").await.errors()),
        [2714]
    );
    assert!(
        session
            .run("DROP TABLE #t; DROP TABLE IF EXISTS #t")
            .await
            .errors()
            .is_empty()
    );
    assert_eq!(
        numbers(&session.run("DROP TABLE #t").await.errors()),
        [3701]
    );
    assert_eq!(errors(a, "INSERT #nowhere VALUES (1)").await, [208]);
}

#[tokio::test]
async fn insert_exec_keeps_the_rows_of_a_call() {
    let world = one().await;
    let a = &world.a;
    ok(a, "CREATE ENDPOINT e STATE = STARTED AS TCP (LISTENER_PORT = 7024) FOR DATABASE_MIRRORING (ROLE = ALL)").await;
    let found = number(a, "DECLARE @log table (at datetime, who nvarchar(50), line nvarchar(max)); INSERT @log EXEC xp_readerrorlog 0, 1, N'listening'; SELECT COUNT(*) FROM @log WHERE line LIKE N'%Database Mirroring%'").await;
    assert!(found >= 2, "{found}");
    assert_eq!(number(a, "CREATE TABLE #n (n int); INSERT INTO #n EXEC (N'SELECT 1; SELECT 2'); INSERT INTO #n EXEC sp_executesql N'SELECT @n', N'@n int', 3; SELECT SUM(n) FROM #n").await, 6);
    assert_eq!(
        errors(
            a,
            "CREATE TABLE #n (n int); INSERT #n EXEC (N'SELECT 1, 2')"
        )
        .await,
        [213]
    );
    assert_eq!(
        errors(
            a,
            "CREATE TABLE #n (n int); INSERT #n EXEC (N'SELECT 1; SELECT 1, 2')"
        )
        .await,
        [213]
    );
    assert_eq!(number(a, "CREATE TABLE #n (n int); BEGIN TRY INSERT #n EXEC (N'THROW 50001, N''x'', 1') END TRY BEGIN CATCH INSERT #n VALUES (ERROR_NUMBER()) END CATCH; SELECT n FROM #n").await, 50001);
}

#[tokio::test]
async fn execute_as_takes_anothers_rights_until_revert() {
    let world = one().await;
    let a = &world.a;
    ok(a, "CREATE LOGIN low WITH PASSWORD = 'Str0ng!Pass'; CREATE USER low_user FOR LOGIN low; CREATE USER alone WITHOUT LOGIN; CREATE LOGIN other WITH PASSWORD = 'Str0ng!Pass'").await;
    assert_eq!(
        text(
            a,
            "EXECUTE AS LOGIN = 'low'; SELECT SUSER_SNAME() + N' for ' + ORIGINAL_LOGIN()"
        )
        .await,
        "low for sa"
    );
    assert_eq!(
        errors(
            a,
            "EXECUTE AS LOGIN = 'low'; CREATE LOGIN x WITH PASSWORD = 'Str0ng!Pass'"
        )
        .await,
        [15247]
    );
    assert_eq!(text(a, "EXECUTE AS USER = 'low_user'; DECLARE @inner sysname = USER_NAME(); REVERT; SELECT @inner + N', ' + SUSER_SNAME()").await, "low_user, sa");
    assert_eq!(
        text(
            a,
            "EXEC (N'EXECUTE AS LOGIN = ''low'''); SELECT SUSER_SNAME()"
        )
        .await,
        "sa",
        "a scope gives back what it took"
    );
    assert_eq!(errors(a, "EXECUTE AS LOGIN = 'nobody'").await, [15406]);
    assert_eq!(errors(a, "EXECUTE AS USER = 'nobody'").await, [15517]);
    let refused = a
        .exec_as("low", "EXECUTE AS LOGIN = 'other'")
        .await
        .unwrap_err();
    assert_eq!(numbers(&refused), [15406]);
    ok(a, "GRANT IMPERSONATE ON LOGIN::other TO low").await;
    a.exec_as("low", "EXECUTE AS LOGIN = 'other'; REVERT; REVERT")
        .await
        .unwrap();
}

#[tokio::test]
async fn kill_ends_another_session_and_never_ones_own() {
    let world = one().await;
    let mut victim = client(&world, "victim").await.unwrap();
    let spid = number(
        &world.a,
        "SELECT session_id FROM sys.dm_exec_sessions WHERE program_name = 'victim'",
    )
    .await;
    ok(&world.a, &format!("KILL {spid}")).await;
    let answer = victim.simple_query("SELECT 1").await;
    let ended = match answer {
        Ok(stream) => stream.into_results().await.is_err(),
        Err(_) => true,
    };
    assert!(ended);
    assert_eq!(errors(&world.a, &format!("KILL {spid}")).await, [6106]);
    assert_eq!(errors(&world.a, "KILL 12").await, [6107]);
    let mut own = world.a.connect_as("sa").unwrap();
    let run = own.run("SELECT @@SPID").await;
    let Value::SmallInt(spid) = run.sets[0].rows[0][0] else {
        panic!("no spid");
    };
    assert_eq!(
        numbers(&own.run(&format!("KILL {spid}")).await.errors()),
        [6104]
    );
    ok(&world.a, "CREATE LOGIN low WITH PASSWORD = 'Str0ng!Pass'").await;
    assert_eq!(
        numbers(&world.a.exec_as("low", "KILL 60").await.unwrap_err()),
        [6102]
    );
}

#[tokio::test]
async fn the_instance_tells_its_listeners_messages_and_what_one_may() {
    let world = one().await;
    let a = &world.a;
    ok(a, "CREATE ENDPOINT e STATE = STARTED AS TCP (LISTENER_PORT = 7024) FOR DATABASE_MIRRORING (ROLE = ALL); CREATE LOGIN low WITH PASSWORD = 'Str0ng!Pass'; GRANT CONTROL ON ENDPOINT::e TO low").await;
    assert_eq!(number(a, "SELECT port FROM sys.dm_tcp_listener_states WHERE type_desc = 'Database Mirroring' AND state_desc = 'ONLINE'").await, 7024);
    assert_eq!(
        number(
            a,
            "SELECT port FROM sys.dm_tcp_listener_states WHERE type_desc = 'TSQL'"
        )
        .await,
        i64::from(a.port())
    );
    assert_eq!(
        text(
            a,
            "SELECT text FROM sys.messages WHERE message_id = 15025 AND language_id = 1033"
        )
        .await,
        "The server principal '%s' already exists."
    );
    assert_eq!(number(a, "SELECT COUNT(*) FROM sys.fn_my_permissions(NULL, 'SERVER') WHERE permission_name = 'CONTROL SERVER'").await, 1);
    let mine = a.exec_as("low", "SELECT permission_name FROM fn_my_permissions(N'e', 'ENDPOINT') AS m ORDER BY permission_name; SELECT permission_name FROM fn_my_permissions(NULL, NULL)").await.unwrap();
    assert_eq!(mine[0].rows.len(), 5);
    assert!(
        mine[1]
            .rows
            .iter()
            .all(|r| r[0] != Value::Text("CONTROL SERVER".into()))
    );
    assert_eq!(errors(a, "SELECT * FROM fn_nothing()").await, [208]);
}

#[tokio::test]
async fn a_locked_login_says_so_until_it_is_unlocked() {
    let fleet = sqlserver_sim::Fleet::new().unwrap();
    let a = fleet
        .start(sqlserver_sim::InstanceSpec {
            lockout_after: Some(1),
            sa_password: "Another!Pass1".to_owned(),
            ..crate::world::spec("HOST_A")
        })
        .await
        .unwrap();
    let world = World { fleet, a };
    client(&world, "guesser").await.unwrap_err();
    let asked = "SELECT CAST(LOGINPROPERTY('sa', 'IsLocked') AS int) * 10 + CAST(LOGINPROPERTY('sa', 'BadPasswordCount') AS int)";
    assert_eq!(number(&world.a, asked).await, 11);
    ok(
        &world.a,
        "ALTER LOGIN sa WITH PASSWORD = N'Passw0rd!sim' UNLOCK",
    )
    .await;
    assert_eq!(number(&world.a, asked).await, 0);
    client(&world, "owner").await.unwrap();
}
