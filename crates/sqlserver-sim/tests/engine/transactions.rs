//! Transactions: what is taken back, what dooms, who waits.

use sqlserver_sim::{InstanceSpec, Unverified};

use crate::world::{inbound, number, numbers, one, one_of, spec, trio};

const SET_UP: &str = "CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass'; CREATE USER u FOR LOGIN l;";
const LOGINS: &str = "SELECT COUNT(*) FROM sys.server_principals WHERE name = 'l'";
const USERS: &str = "SELECT COUNT(*) FROM sys.database_principals WHERE name = 'u'";

#[tokio::test]
async fn everything_of_the_inbound_half_rolls_back() {
    let world = trio().await;
    let script = format!(
        "SET XACT_ABORT ON; BEGIN TRAN; {} SELECT 1 AS inside FROM sys.certificates WHERE name = 'HOST_B_cert'; ROLLBACK;",
        inbound(&world.b).join("\n")
    );
    let answer = world.a.run(&script).await;
    assert_eq!(
        answer.sets.last().unwrap().rows.len(),
        1,
        "visible inside: {:?}",
        answer.messages
    );
    for count in [
        "SELECT COUNT(*) FROM sys.server_principals WHERE name LIKE 'HOST[_]B%'",
        "SELECT COUNT(*) FROM sys.database_principals WHERE name LIKE 'HOST[_]B%'",
        "SELECT COUNT(*) FROM sys.certificates WHERE name LIKE 'HOST[_]B%'",
        "SELECT COUNT(*) FROM sys.server_permissions WHERE class = 105 AND major_id >= 65536",
    ] {
        assert_eq!(number(&world.a, count).await, 0, "{count}");
    }
}

#[tokio::test]
async fn users_survive_a_rollback_when_the_switch_says_so() {
    let unverified = Unverified {
        user_and_certificate_survive_rollback: true,
        ..Unverified::default()
    };
    let world = one_of(InstanceSpec {
        unverified,
        ..spec("HOST_A")
    })
    .await;
    world
        .a
        .exec(&format!("BEGIN TRAN; {SET_UP} ROLLBACK"))
        .await
        .unwrap();
    assert_eq!(number(&world.a, LOGINS).await, 0);
    assert_eq!(number(&world.a, USERS).await, 1);
}

#[tokio::test]
async fn errors_as_data_with_xact_abort() {
    let world = one().await;
    let script = format!(
        "SET XACT_ABORT ON;
DECLARE @n int, @x smallint;
BEGIN TRY
  BEGIN TRANSACTION;
  {SET_UP}
  CREATE USER u FOR LOGIN l;
  COMMIT;
END TRY
BEGIN CATCH
  SELECT @n = ERROR_NUMBER(), @x = XACT_STATE();
  IF XACT_STATE() <> 0 ROLLBACK;
  SELECT @n AS number, @x AS state, @@TRANCOUNT AS open_transactions;
END CATCH"
    );
    let sets = world.a.exec(&script).await.unwrap();
    let row = format!("{:?}", sets.last().unwrap().rows[0]);
    assert_eq!(row, "[Int(15023), SmallInt(-1), Int(0)]");
    assert_eq!(number(&world.a, LOGINS).await, 0);
}

#[tokio::test]
async fn xact_abort_outside_try_ends_batch_and_transaction() {
    let world = one().await;
    let answer = world
        .a
        .run(&format!(
            "SET XACT_ABORT ON; BEGIN TRAN; {SET_UP} DROP LOGIN nobody; PRINT 'went on'"
        ))
        .await;
    assert_eq!(numbers(&answer.errors()), [15151]);
    assert!(answer.messages.iter().all(|m| m.text != "went on"));
    assert_eq!(number(&world.a, LOGINS).await, 0);
    let answer = world
        .a
        .run(&format!(
            "BEGIN TRAN; {SET_UP} DROP LOGIN nobody; COMMIT; PRINT 'went on'"
        ))
        .await;
    assert!(
        answer.messages.iter().any(|m| m.text == "went on"),
        "without it the batch goes on"
    );
    assert_eq!(number(&world.a, LOGINS).await, 1);
}

#[tokio::test]
async fn a_doomed_transaction_refuses_writes_and_is_rolled_back_at_the_end() {
    let world = one().await;
    let answer = world.a.run("SET XACT_ABORT ON; BEGIN TRY BEGIN TRAN; SELECT 1/0; END TRY BEGIN CATCH CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass'; END CATCH").await;
    assert_eq!(numbers(&answer.errors()), [3930]);
    let answer = world.a.run("SET XACT_ABORT ON; BEGIN TRY BEGIN TRAN; SELECT 1/0; END TRY BEGIN CATCH PRINT 'caught' END CATCH").await;
    assert_eq!(numbers(&answer.errors()), [3998]);
}

#[tokio::test]
async fn a_second_writer_waits_or_gets_1222() {
    let world = one().await;
    let mut first = world.a.connect_as("sa").unwrap();
    let mut second = world.a.connect_as("sa").unwrap();
    first.run(&format!("BEGIN TRAN; {SET_UP}")).await;
    assert_eq!(
        number(&world.a, LOGINS).await,
        0,
        "uncommitted work is not seen"
    );
    let answer = second
        .run("SET LOCK_TIMEOUT 10; CREATE LOGIN m WITH PASSWORD = 'Str0ng!Pass'")
        .await;
    assert_eq!(numbers(&answer.errors()), [1222]);
    let waiting = tokio::spawn(async move {
        second
            .run("SET LOCK_TIMEOUT -1; CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass'")
            .await
    });
    tokio::task::yield_now().await;
    first.run("COMMIT").await;
    assert_eq!(numbers(&waiting.await.unwrap().errors()), [15025]);
}

#[tokio::test]
async fn a_session_that_goes_away_gives_its_locks_back() {
    let world = one().await;
    let mut first = world.a.connect_as("sa").unwrap();
    first
        .run(&format!(
            "BEGIN TRAN; {SET_UP} EXEC sp_getapplock @Resource = 'r', @LockMode = 'Exclusive'"
        ))
        .await;
    drop(first);
    let sets = world.a.exec("DECLARE @r int; EXEC @r = sp_getapplock @Resource = 'r', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0; SELECT @r").await.unwrap();
    assert_eq!(format!("{:?}", sets[0].rows[0][0]), "Int(0)");
    world
        .a
        .exec("SET LOCK_TIMEOUT 0; CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass'")
        .await
        .unwrap();
}
