//! tiberius, unmodified, as the client.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::NaiveDateTime;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Row};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use super::scripted::{PASSWORD, Running, every_type, greeting, identity, moment, start};
use crate::server_api::Encryption;

type Tiberius = Client<Compat<TcpStream>>;

const DEADLINE: Duration = Duration::from_secs(20);

fn config(level: EncryptionLevel) -> Config {
    let mut config = Config::new();
    config.host("localhost");
    config.authentication(AuthMethod::sql_server("sa", PASSWORD));
    config.encryption(level);
    config.trust_cert_ca_bundle(identity().0.into_bytes());
    config
}

async fn connect(server: &Running, config: Config) -> tiberius::Result<Tiberius> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    timeout(DEADLINE, Client::connect(config, stream.compat_write()))
        .await
        .expect("the log-in hangs")
}

async fn plain(server: &Running) -> Tiberius {
    connect(server, config(EncryptionLevel::NotSupported))
        .await
        .unwrap()
}

async fn sets(client: &mut Tiberius, text: &str) -> tiberius::Result<Vec<Vec<Row>>> {
    let work = async {
        client
            .simple_query(text.to_owned())
            .await?
            .into_results()
            .await
    };
    timeout(DEADLINE, work).await.expect("the query hangs")
}

async fn number(client: &mut Tiberius, text: &str) -> i32 {
    sets(client, text).await.unwrap()[0][0]
        .get::<i32, _>(0)
        .unwrap()
}

#[tokio::test]
async fn logs_in_at_every_encryption_level() {
    let cases = [
        (Encryption::Optional, EncryptionLevel::NotSupported, 0),
        (Encryption::Optional, EncryptionLevel::Off, 0),
        (Encryption::Optional, EncryptionLevel::On, 1),
        (Encryption::Optional, EncryptionLevel::Required, 1),
        (Encryption::Optional, EncryptionLevel::Strict, 1),
        (Encryption::Required, EncryptionLevel::Off, 1),
        (Encryption::Required, EncryptionLevel::On, 1),
        (Encryption::Required, EncryptionLevel::Required, 1),
        (Encryption::Required, EncryptionLevel::Strict, 1),
        (Encryption::NotSupported, EncryptionLevel::NotSupported, 0),
        (Encryption::Strict, EncryptionLevel::Strict, 1),
    ];
    for (server, client, encrypted) in cases {
        let running = start(greeting(server)).await;
        let mut session = connect(&running, config(client))
            .await
            .unwrap_or_else(|e| panic!("{server:?} {client:?}: {e}"));
        assert_eq!(
            number(&mut session, "encrypted").await,
            encrypted,
            "{server:?} {client:?}"
        );
        assert_eq!(
            number(&mut session, &"x".repeat(40_000)).await,
            40_000,
            "{server:?} {client:?}"
        );
        assert_eq!(
            sets(&mut session, "many").await.unwrap()[0].len(),
            20_000,
            "{server:?} {client:?}"
        );
    }
}

#[tokio::test]
async fn refuses_levels_that_do_not_meet() {
    let cases = [
        (Encryption::Strict, EncryptionLevel::Required),
        (Encryption::Strict, EncryptionLevel::NotSupported),
        (Encryption::NotSupported, EncryptionLevel::Required),
        (Encryption::NotSupported, EncryptionLevel::Strict),
        (Encryption::Required, EncryptionLevel::NotSupported),
    ];
    for (server, client) in cases {
        let running = start(greeting(server)).await;
        assert!(
            connect(&running, config(client)).await.is_err(),
            "{server:?} {client:?}"
        );
    }
    let mut old = greeting(Encryption::Optional);
    old.version = (15, 0, 4430);
    assert!(
        connect(&start(old).await, config(EncryptionLevel::Strict))
            .await
            .is_err(),
        "2019 has no TDS 8.0"
    );
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_by_the_client() {
    let running = start(greeting(Encryption::Optional)).await;
    let mut stranger = Config::new();
    stranger.host("localhost");
    stranger.authentication(AuthMethod::sql_server("sa", PASSWORD));
    stranger.encryption(EncryptionLevel::Required);
    assert!(connect(&running, stranger).await.is_err());
    assert_eq!(
        running.seen.round_trips.load(Ordering::SeqCst),
        0,
        "no password was sent"
    );
}

#[tokio::test]
async fn a_refused_log_in_says_why() {
    let running = start(greeting(Encryption::Optional)).await;
    let mut wrong = config(EncryptionLevel::Required);
    wrong.authentication(AuthMethod::sql_server("sa", "wrong"));
    match connect(&running, wrong).await.err() {
        Some(tiberius::error::Error::Server(error)) => {
            assert_eq!(
                (error.code(), error.state(), error.class()),
                (18_456, 2, 14)
            );
        }
        other => panic!("{other:?}"),
    }
}

fn check_every_type(row: &Row) {
    assert_eq!(row.len(), every_type().len());
    assert_eq!(row.get::<bool, _>(0), Some(true));
    assert_eq!(row.get::<u8, _>(1), Some(200));
    assert_eq!(row.get::<i16, _>(2), Some(-3));
    assert_eq!(row.get::<i32, _>(3), Some(70_000));
    assert_eq!(row.get::<i64, _>(4), Some(-5_000_000_000));
    assert_eq!(
        row.get::<tiberius::numeric::Numeric, _>(5)
            .unwrap()
            .to_string(),
        "-123.45"
    );
    assert_eq!(row.get::<&str, _>(6), Some("é  "));
    assert_eq!(row.get::<&str, _>(7), Some("naïve"));
    assert_eq!(row.get::<&str, _>(8), Some("v".repeat(20_000).as_str()));
    assert_eq!(row.get::<&str, _>(9), Some("日本  "));
    assert_eq!(row.get::<&str, _>(10), Some("a]b😀"));
    assert_eq!(row.get::<&str, _>(11), Some("x😀".repeat(10_000).as_str()));
    assert_eq!(row.get::<&[u8], _>(12), Some([1, 2, 255].as_slice()));
    assert_eq!(row.get::<&[u8], _>(13), Some([7; 30_000].as_slice()));
    let datetime = row.get::<NaiveDateTime, _>(14).unwrap();
    assert!(
        (datetime - moment()).abs() < chrono::Duration::milliseconds(2),
        "{datetime}"
    );
    assert_eq!(row.get::<NaiveDateTime, _>(15), Some(moment()));
    assert_eq!(row.get::<NaiveDateTime, _>(16), Some(moment()));
    assert_eq!(
        row.get::<tiberius::Uuid, _>(17).unwrap().to_string(),
        "01020304-0506-0708-090a-0b0c0d0e0f10"
    );
    assert_eq!(row.get::<&str, _>(18), Some("variant"));
    assert_eq!(row.get::<i32, _>(19), Some(42));
    assert!(row.get::<NaiveDateTime, _>(20).is_some());
}

#[tokio::test]
async fn reads_every_type_at_every_packet_size() {
    let running = start(greeting(Encryption::Optional)).await;
    for size in [512, 4096, 32_767] {
        let mut config = config(EncryptionLevel::Required);
        config.packet_size(size);
        let mut client = connect(&running, config).await.unwrap();
        for text in ["types", "types not null"] {
            check_every_type(&sets(&mut client, text).await.unwrap()[0][0]);
        }
        let nulls = sets(&mut client, "nulls").await.unwrap();
        let null_cells = nulls[0][0]
            .cells()
            .filter(|(_, data)| format!("{data:?}").ends_with("(None)"))
            .count();
        assert_eq!(null_cells, every_type().len());
    }
}

#[tokio::test]
async fn errors_keep_number_state_class_line_and_the_session() {
    let running = start(greeting(Encryption::Optional)).await;
    let mut client = plain(&running).await;
    for (text, line) in [("error", 3), ("error after rows", 7)] {
        match sets(&mut client, text).await.err() {
            Some(tiberius::error::Error::Server(error)) => {
                assert_eq!(
                    (error.code(), error.state(), error.class(), error.line()),
                    (15_151, 2, 16, line)
                );
                assert_eq!((error.server(), error.procedure()), ("HOST_A", "sp_x"));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(number(&mut client, "1234").await, 4);
    }
}

#[tokio::test]
async fn a_fatal_error_and_an_unsendable_row_end_the_connection() {
    let running = start(greeting(Encryption::Optional)).await;
    for (text, code) in [("fatal", 823), ("wrong type", 50_000)] {
        let mut client = plain(&running).await;
        match sets(&mut client, text).await.err() {
            Some(tiberius::error::Error::Server(error)) => assert_eq!(error.code(), code),
            other => panic!("{other:?}"),
        }
        assert!(sets(&mut client, "1234").await.is_err());
    }
}

#[tokio::test]
async fn several_result_sets() {
    let running = start(greeting(Encryption::Optional)).await;
    let mut client = plain(&running).await;
    let sets = sets(&mut client, "two sets").await.unwrap();
    let found: Vec<_> = sets.iter().map(|set| set[0].get::<i32, _>(0)).collect();
    assert_eq!(found, [Some(1), Some(2)]);
}

#[tokio::test]
async fn parameters_of_a_procedure_come_back() {
    let running = start(greeting(Encryption::Optional)).await;
    let mut client = plain(&running).await;
    let long = "ü".repeat(9000);
    let bytes = vec![3_u8; 9000];
    let none: Option<i32> = None;
    let number = tiberius::numeric::Numeric::new_with_scale(-12_345, 2);
    let guid = tiberius::Uuid::from_u128(99);
    let stream = client
        .query(
            "x",
            &[
                &1_i32,
                &"text",
                &long,
                &bytes,
                &none,
                &true,
                &moment(),
                &2_i64,
                &number,
                &guid,
                &1.5_f64,
            ],
        )
        .await
        .unwrap();
    let row = stream.into_row().await.unwrap().unwrap();
    assert_eq!(row.get::<i32, _>(0), Some(1));
    assert_eq!(row.get::<&str, _>(1), Some("text"));
    assert_eq!(row.get::<&str, _>(2), Some(long.as_str()));
    assert_eq!(row.get::<&[u8], _>(3), Some(bytes.as_slice()));
    assert_eq!(row.get::<i32, _>(4), None);
    assert_eq!(row.get::<bool, _>(5), Some(true));
    assert_eq!(row.get::<NaiveDateTime, _>(6), Some(moment()));
    assert_eq!(row.get::<i64, _>(7), Some(2));
    assert_eq!(
        row.get::<tiberius::numeric::Numeric, _>(8)
            .unwrap()
            .to_string(),
        "-123.45"
    );
    assert_eq!(row.get::<tiberius::Uuid, _>(9), Some(guid));
    assert_eq!(
        row.get::<tiberius::numeric::Numeric, _>(10)
            .unwrap()
            .to_string(),
        "1.5"
    );
}

#[tokio::test]
async fn transactions() {
    let running = start(greeting(Encryption::Optional)).await;
    let mut client = plain(&running).await;
    client.begin_transaction().await.unwrap();
    assert_eq!(number(&mut client, "12").await, 2);
    client.commit_transaction().await.unwrap();
    client.begin_transaction().await.unwrap();
    client.rollback_transaction().await.unwrap();
    assert_eq!(number(&mut client, "123").await, 3);
}

/// tiberius understands the acknowledgement only in the same message as the answer.
#[tokio::test]
async fn cancels_a_running_query_and_goes_on() {
    let mut one = greeting(Encryption::Optional);
    one.attention_in_one_message = true;
    for level in [EncryptionLevel::NotSupported, EncryptionLevel::Required] {
        let running = start(one.clone()).await;
        let mut client = connect(&running, config(level)).await.unwrap();
        let waits = async { client.simple_query("wait").await?.into_results().await };
        tokio::select! {
            ended = waits => panic!("{ended:?}"),
            () = running.seen.waiting.notified() => {}
        }
        timeout(DEADLINE, client.cancel_query())
            .await
            .expect("cancel hangs")
            .unwrap();
        assert_eq!(running.seen.cancelled.load(Ordering::SeqCst), 1);
        assert_eq!(number(&mut client, "12345").await, 5);
        assert_eq!(number(&mut client, "123456").await, 6);
    }
}

#[tokio::test]
async fn hanging_up_breaks_the_query() {
    let running = start(greeting(Encryption::Optional)).await;
    for level in [EncryptionLevel::NotSupported, EncryptionLevel::Required] {
        let mut client = connect(&running, config(level)).await.unwrap();
        match sets(&mut client, "hang up").await.err() {
            Some(tiberius::error::Error::Io { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_session() {
    let running = start(greeting(Encryption::Optional)).await;
    let mut client = plain(&running).await;
    {
        let waits = async { client.simple_query("wait").await?.into_results().await };
        tokio::select! {
            ended = waits => panic!("{ended:?}"),
            () = running.seen.waiting.notified() => {}
        }
    }
    drop(client);
    timeout(DEADLINE, running.seen.ended.notified())
        .await
        .expect("the session lives on");
    assert_eq!(running.seen.ended_sessions.load(Ordering::SeqCst), 1);
    assert_eq!(running.seen.cancelled.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn round_trips_are_counted() {
    let running = start(greeting(Encryption::Optional)).await;
    let mut client = connect(&running, config(EncryptionLevel::Required))
        .await
        .unwrap();
    number(&mut client, "1").await;
    client
        .query("x", &[&1])
        .await
        .unwrap()
        .into_results()
        .await
        .unwrap();
    assert_eq!(
        running.seen.round_trips.load(Ordering::SeqCst),
        3,
        "log-in, batch, call"
    );
}
