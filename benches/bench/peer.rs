//! The peer: what a good script does. Sixteen tasks; a connection for each relation; it looks, and sends what is missing,
//! statement by statement. No history, no verification, no second look.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

use super::fleet::{Host, PASSWORD, Said};

const TASKS: usize = 16;

type Session = Client<Compat<TcpStream>>;

/// Makes both sides of every pair accept the other; how long that took.
pub async fn run(fleet: &Said, pairs: &[(usize, usize)]) -> Duration {
    let ca = tempfile::NamedTempFile::with_suffix(".pem").unwrap();
    std::fs::write(ca.path(), &fleet.ca_pem).unwrap();
    let ca = ca.path().display().to_string();
    let relations: Vec<(usize, usize)> =
        pairs.iter().flat_map(|&(a, b)| [(a, b), (b, a)]).collect();
    let (hosts, relations) = (Arc::new(fleet.hosts.clone()), Arc::new(relations));
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (hosts, relations) = (Arc::clone(&hosts), Arc::clone(&relations));
            let (next, ca) = (Arc::clone(&next), ca.clone());
            tokio::spawn(async move {
                while let Some(&(on, of)) = relations.get(next.fetch_add(1, Ordering::Relaxed)) {
                    accept(&hosts[on], &hosts[of], &ca).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    began.elapsed()
}

/// `host` lets `peer` in.
async fn accept(host: &Host, peer: &Host, ca: &str) {
    let mut session = connect(host, ca).await;
    let peer_name = &peer.name;
    let endpoint = text(
        &mut session,
        "SELECT name FROM sys.database_mirroring_endpoints",
    )
    .await
    .expect("an endpoint");
    let login = format!("SELECT name FROM sys.server_principals WHERE name = N'{peer_name}_login'");
    let login = text(&mut session, &login).await;
    let held = format!("SELECT name FROM master.sys.certificates WHERE name = N'{peer_name}_cert'");
    let held = text(&mut session, &held).await;
    if login.is_none() {
        let create = format!(
            "CREATE LOGIN [{peer_name}_login] WITH PASSWORD = N'{}x1!'",
            hex::encode(rand::random::<[u8; 16]>())
        );
        send(&mut session, &create).await;
        let user = format!("CREATE USER [{peer_name}_user] FOR LOGIN [{peer_name}_login]");
        send(&mut session, &user).await;
    }
    if held.is_none() {
        let import = format!(
            "CREATE CERTIFICATE [{peer_name}_cert] AUTHORIZATION [{peer_name}_user] FROM BINARY = 0x{}",
            peer.certificate
        );
        send(&mut session, &import).await;
    }
    let grant = format!("GRANT CONNECT ON ENDPOINT::[{endpoint}] TO [{peer_name}_login]");
    send(&mut session, &grant).await;
}

async fn connect(host: &Host, ca: &str) -> Session {
    let mut config = Config::new();
    config.host("127.0.0.1");
    config.port(host.port);
    config.authentication(AuthMethod::sql_server("sa", PASSWORD));
    config.encryption(EncryptionLevel::Required);
    config.trust_cert_ca(ca);
    let tcp = TcpStream::connect(("127.0.0.1", host.port)).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    Client::connect(config, tcp.compat_write()).await.unwrap()
}

async fn text(session: &mut Session, question: &str) -> Option<String> {
    let answer = session.simple_query(question).await.unwrap();
    let row = answer.into_row().await.unwrap()?;
    row.get::<&str, _>(0).map(str::to_owned)
}

async fn send(session: &mut Session, statement: &str) {
    let answer = session.simple_query(statement).await.unwrap();
    answer
        .into_results()
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}
