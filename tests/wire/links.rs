//! Links that fail before anyone has logged in: each is told apart, bounded in time, and leaves nothing behind.

use mirrorgate::domain::clock::Clock;
use mirrorgate::domain::failure::{Failure, FailureClass};
use mirrorgate::domain::id::new_id;
use mirrorgate::domain::instance::{Address, Tls};
use mirrorgate::sqlserver::{PoolSettings, Pools, Target};
use mirrorgate::tsql::batch_comment::BatchComment;
use mirrorgate::tsql::observe::observe;
use sqlserver_sim::serve_browser;
use sqlserver_sim::{Fleet, InstanceSpec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

use super::world::{PASSWORD, closed_port, target, verified};

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

#[tokio::test]
async fn a_named_instance_is_found_by_its_browser() {
    let fleet = Fleet::new().unwrap();
    let mut spec = InstanceSpec::named("HOST_A");
    spec.instance_name = Some("PROD".to_owned());
    spec.sa_password = PASSWORD.to_owned();
    let instance = fleet.start(spec).await.unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut named = target(0, verified(fleet.ca_pem()));
    named.timeouts.browser_port = socket.local_addr().unwrap().port();
    named.address.port = None;
    let look = |name: &str| {
        let mut target = named.clone();
        target.address.instance_name = Some(name.to_owned());
        async move {
            let comment = BatchComment {
                job: new_id(),
                change_ref: None,
            };
            let pools = Pools::new(PoolSettings::default());
            pools
                .observe(&target, &observe(comment, &[]), &[], &Clock::System)
                .await
        }
    };
    let stop = CancellationToken::new();
    let browser = serve_browser(socket, fleet.browser_entries(), stop.clone());
    let asking = async {
        let found = look("prod").await.unwrap();
        assert_eq!(found.server.identity.instance_name.as_deref(), Some("PROD"));
        let unknown = look("OTHER").await.unwrap_err();
        assert_eq!(unknown.class, FailureClass::Unreachable);
        assert!(unknown.detail.contains("Browser"), "{}", unknown.detail);
        stop.cancel();
    };
    tokio::join!(browser, asking);
    assert_eq!(instance.counters().logins, 1);
}

/// Answers PRELOGIN as a server without encryption, and the log-in with messages that have no end.
async fn talks_for_ever(listener: TcpListener) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut heard = vec![0; 4096];
    assert_ne!(stream.read(&mut heard).await.unwrap(), 0);
    let version_and_encryption = [
        0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xFF, 16, 0, 3, 0xE8, 0, 0, 2,
    ];
    stream
        .write_all(&packet(&version_and_encryption, 1))
        .await
        .unwrap();
    assert_ne!(stream.read(&mut heard).await.unwrap(), 0);
    let words: Vec<u8> = "and another thing "
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut info = vec![0xAB];
    let length = 4 + 1 + 1 + 2 + words.len() + 1 + 1 + 4;
    info.extend(u16::try_from(length).unwrap().to_le_bytes());
    info.extend(5701_i32.to_le_bytes());
    info.extend([1, 0]);
    info.extend(u16::try_from(words.len() / 2).unwrap().to_le_bytes());
    info.extend(&words);
    info.extend([0, 0]);
    info.extend(1_u32.to_le_bytes());
    let part = packet(&info.repeat(50), 0);
    while stream.write_all(&part).await.is_ok() {}
}

/// A packet of a server's answer; with status 1 the last of its message.
fn packet(body: &[u8], status: u8) -> Vec<u8> {
    let mut all = vec![4, status];
    all.extend(u16::try_from(body.len() + 8).unwrap().to_be_bytes());
    all.extend([0, 0, 1, 0]);
    all.extend(body);
    all
}

#[tokio::test]
async fn a_server_that_talks_for_ever_is_told_as_that() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let chatty = target(listener.local_addr().unwrap().port(), Tls::Off);
    let talking = tokio::spawn(talks_for_ever(listener));
    let failure = failure(&chatty).await;
    assert_eq!(failure.class, FailureClass::Protocol, "{failure:?}");
    assert!(
        failure.detail.contains("more bytes than"),
        "{}",
        failure.detail
    );
    talking.await.unwrap();
}
