//! The engine behind its TDS port, with an independent client.

use sqlserver_sim::{Fault, Instance, LoginFault, Rule};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Row};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use crate::world::{World, number, ok, one};

type TdsClient = Client<Compat<TcpStream>>;

async fn connect(
    world: &World,
    user: &str,
    password: &str,
) -> Result<TdsClient, tiberius::error::Error> {
    let ca = tempfile(world.fleet.ca_pem());
    let mut config = Config::new();
    config.host("localhost");
    config.port(world.a.port());
    config.authentication(AuthMethod::sql_server(user, password));
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca(&ca);
    let tcp = TcpStream::connect(("127.0.0.1", world.a.port()))
        .await
        .unwrap();
    Client::connect(config, tcp.compat_write()).await
}

fn tempfile(text: &str) -> String {
    let path = std::env::temp_dir().join(format!(
        "sqlserver-sim-ca-{}-{:x}.pem",
        std::process::id(),
        text.len() ^ text.as_ptr() as usize
    ));
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

async fn sa(world: &World) -> TdsClient {
    connect(world, "sa", "Passw0rd!sim").await.unwrap()
}

async fn rows(client: &mut TdsClient, sql: &str) -> Result<Vec<Vec<Row>>, tiberius::error::Error> {
    client.simple_query(sql).await?.into_results().await
}

fn code(error: &tiberius::error::Error) -> Option<u32> {
    error.code()
}

#[tokio::test]
async fn batches_parameters_and_transactions() {
    let world = one().await;
    let mut client = sa(&world).await;
    let sets = rows(&mut client, "SELECT name, principal_id, sid, is_disabled FROM sys.server_principals WHERE name = 'sa'; SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128))").await.unwrap();
    assert_eq!(sets[0][0].get::<&str, _>(0), Some("sa"));
    assert_eq!(sets[0][0].get::<i32, _>(1), Some(1));
    assert_eq!(sets[0][0].get::<&[u8], _>(2), Some(&[1_u8][..]));
    assert_eq!(sets[0][0].get::<bool, _>(3), Some(false));
    assert_eq!(sets[1][0].get::<&str, _>(0), Some("16.0.4135.4"));
    let found = client
        .query(
            "SELECT COUNT(*) FROM sys.server_principals WHERE name = @P1 AND principal_id < @P2",
            &[&"SA", &5_i32],
        )
        .await
        .unwrap();
    assert_eq!(
        found.into_row().await.unwrap().unwrap().get::<i32, _>(0),
        Some(1)
    );
    rows(
        &mut client,
        "BEGIN TRAN; CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass'",
    )
    .await
    .unwrap();
    rows(&mut client, "ROLLBACK").await.unwrap();
    let error = rows(&mut client, "DROP LOGIN l").await.unwrap_err();
    assert_eq!(code(&error), Some(15151));
    let counters = world.a.counters();
    assert_eq!(
        (counters.logins, counters.batches, counters.calls),
        (1, 4, 1)
    );
}

#[tokio::test]
async fn refused_log_ins_have_their_numbers() {
    let world = one().await;
    ok(&world.a, "CREATE LOGIN idle WITH PASSWORD = 'Str0ng!Pass'; ALTER LOGIN idle DISABLE; CREATE LOGIN lost WITH PASSWORD = 'Str0ng!Pass', DEFAULT_DATABASE = model").await;
    for (user, password, expected) in [
        ("sa", "wrong", 18456),
        ("nobody", "x", 18456),
        ("idle", "Str0ng!Pass", 18470),
        ("lost", "Str0ng!Pass", 4064),
    ] {
        let Err(error) = connect(&world, user, password).await else {
            panic!("{user} was let in")
        };
        assert_eq!(code(&error), Some(expected), "{user}");
    }
    assert!(
        world
            .a
            .error_log()
            .iter()
            .any(|l| l.text.contains("State: 8"))
    );
    world.a.faults().set_login(Some(LoginFault {
        refuse: Some((17187, 16, "not ready".to_owned())),
        times: Some(1),
        ..LoginFault::default()
    }));
    let Err(error) = connect(&world, "sa", "Passw0rd!sim").await else {
        panic!("let in")
    };
    assert_eq!(code(&error), Some(17187));
    sa(&world).await;
}

#[tokio::test]
async fn a_login_in_use_cannot_be_dropped() {
    let world = one().await;
    ok(&world.a, "CREATE LOGIN busy WITH PASSWORD = 'Str0ng!Pass'").await;
    let client = connect(&world, "busy", "Str0ng!Pass").await.unwrap();
    let errors = world.a.exec("DROP LOGIN busy").await.unwrap_err();
    assert_eq!(errors[0].number, 15434);
    drop(client);
    gone(&world.a, "busy").await;
    ok(&world.a, "DROP LOGIN busy").await;
}

/// Waits until no session of the login is left.
async fn gone(instance: &Instance, login: &str) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let count = format!("SELECT COUNT(*) FROM sys.dm_exec_sessions WHERE login_name = '{login}'");
    while number(instance, &count).await > 0 {
        assert!(
            std::time::Instant::now() < deadline,
            "the session of {login} never ended"
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn idle_connections_can_be_cut_and_statements_lost() {
    let world = one().await;
    let mut client = sa(&world).await;
    world
        .a
        .faults()
        .add(Rule::next("CREATE LOGIN", Fault::HangUpAfter));
    assert!(
        code(
            &rows(&mut client, "CREATE LOGIN l WITH PASSWORD = 'Str0ng!Pass'")
                .await
                .unwrap_err()
        )
        .is_none()
    );
    assert_eq!(
        number(
            &world.a,
            "SELECT COUNT(*) FROM sys.server_principals WHERE name = 'l'"
        )
        .await,
        1
    );
    let mut client = sa(&world).await;
    world.a.faults().drop_connections();
    assert!(rows(&mut client, "SELECT 1").await.is_err());
    world.a.stop();
    assert!(connect(&world, "sa", "Passw0rd!sim").await.is_err());
    world.a.start();
    sa(&world).await;
}
