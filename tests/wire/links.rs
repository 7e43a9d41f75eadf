//! Links that fail before anyone has logged in: each is told apart, bounded in time, and leaves nothing behind.

use mirrorgate::domain::clock::Clock;
use mirrorgate::domain::failure::{Failure, FailureClass};
use mirrorgate::domain::instance::{Address, Tls};
use mirrorgate::sqlserver::{PoolSettings, Pools, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::world::{PASSWORD, closed_port, target};

async fn failure(target: &Target) -> Failure {
    let pools = Pools::new(PoolSettings::default());
    let outcome = pools.observe(target, "SELECT 1", &[], &Clock::System).await;
    assert_eq!(pools.open_sessions(), 0);
    let failure = outcome.unwrap_err();
    let text = serde_json::to_string(&failure).unwrap();
    assert!(!text.contains(PASSWORD), "{text}");
    failure
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let failure = failure(&target(closed_port(), Tls::default())).await;
    assert_eq!(failure.class, FailureClass::Unreachable);
    assert!(
        failure.detail.contains("refused the connection"),
        "{}",
        failure.detail
    );
}

#[tokio::test]
async fn a_name_nobody_knows_is_unreachable() {
    let mut nowhere = target(1433, Tls::default());
    nowhere.address = Address {
        host: "no-such-host.invalid".to_owned(),
        port: None,
        instance_name: None,
    };
    let failure = failure(&nowhere).await;
    assert_eq!(failure.class, FailureClass::Unreachable);
    assert!(failure.detail.contains("resolved"), "{}", failure.detail);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut silent = target(port, Tls::default());
    silent.timeouts.log_in = std::time::Duration::from_millis(300);
    let (failure, accepted) = tokio::join!(failure(&silent), listener.accept());
    assert_eq!(failure.class, FailureClass::Unreachable);
    assert!(
        failure.detail.contains("said nothing"),
        "{}",
        failure.detail
    );
    drop(accepted);
}

#[tokio::test]
async fn a_server_that_hangs_up_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hung_up = target(listener.local_addr().unwrap().port(), Tls::default());
    let hang_up = async { drop(listener.accept().await) };
    let (failure, ()) = tokio::join!(failure(&hung_up), hang_up);
    assert_eq!(failure.class, FailureClass::Unreachable);
}

#[tokio::test]
async fn something_that_is_no_sql_server_never_gets_the_log_in() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = target(listener.local_addr().unwrap().port(), Tls::default());
    let answer = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let first = stream.read(&mut heard).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        heard.truncate(first);
        // Whatever else it says before it gives up.
        let _ = stream.read_to_end(&mut heard).await;
        heard
    };
    let (failure, heard) = tokio::join!(failure(&other), answer);
    assert!(
        matches!(
            failure.class,
            FailureClass::Protocol | FailureClass::Unreachable | FailureClass::TlsNotTrusted
        ),
        "{failure:?}"
    );
    let password: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(!heard.windows(password.len()).any(|w| w == password));
    // LOGIN7 is packet type 16; PRELOGIN, 18, is all such a thing may hear.
    assert_eq!(heard.first(), Some(&18));
    assert!(
        heard.len() < 200,
        "{} bytes were sent to a stranger",
        heard.len()
    );
}
