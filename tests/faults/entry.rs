//! The door before anybody has said who he is: silence, half a request and crowds keep nobody else out for long.

use std::time::Duration;

use sqlx::PgPool;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::replica::Replica;
use super::site::{LONG, Site};
use super::within;

/// What is sent before nothing more is.
const HALVES: [&[u8]; 2] = [b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nhost: x\r\n"];
/// What is no HTTP/1.1: an HTTP/2 preface, half a TLS greeting.
const OTHERS: [&[u8]; 2] = [
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
];

async fn connect(replica: &Replica) -> TcpStream {
    let address = replica.url.trim_start_matches("http://");
    TcpStream::connect(address).await.expect("a connection")
}

/// All that comes until the other side ends it.
async fn rest(stream: &mut TcpStream, limit: Duration) -> String {
    let mut said = Vec::new();
    // A reset after the last byte is an end like any other.
    let _read = tokio::time::timeout(limit, stream.read_to_end(&mut said))
        .await
        .expect("the connection ends");
    String::from_utf8_lossy(&said).into_owned()
}

#[sqlx::test(migrations = false)]
async fn who_says_nothing_is_turned_out_and_others_get_in(pool: PgPool) {
    let site = Site::apart(&pool, 0).await;
    let few = [
        "--max-connections",
        "40",
        "--max-connections-per-address",
        "20",
    ];
    let replica = site.replica(&few).await;
    for other in OTHERS {
        let mut stream = connect(&replica).await;
        stream.write_all(other).await.unwrap();
        rest(&mut stream, Duration::from_secs(5)).await;
    }
    let mut halves = Vec::new();
    for half in HALVES {
        let mut stream = connect(&replica).await;
        stream.write_all(half).await.unwrap();
        halves.push(stream);
    }
    let mut silent = Vec::new();
    for _ in 0..28 {
        silent.push(connect(&replica).await);
    }
    // Who of them gets in is the runtime's choice; twenty do, and lose the place they do not use.
    let mut turned_away = 0;
    for mut stream in silent {
        let said = rest(&mut stream, LONG).await;
        turned_away += usize::from(said.starts_with("HTTP/1.1 503 "));
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 503 "),
            "{said}"
        );
    }
    assert!((8..=10).contains(&turned_away), "{turned_away}");
    for mut stream in halves {
        let said = rest(&mut stream, LONG).await;
        assert!(!said.contains("200 OK"), "{said}");
    }
    within(LONG, "the log tells", || {
        let log = replica.log();
        std::future::ready(
            log.contains("connection turned away: there are 20 connections from this address"),
        )
    })
    .await;
    replica.get("/healthz").await.expect_status(200);
}
