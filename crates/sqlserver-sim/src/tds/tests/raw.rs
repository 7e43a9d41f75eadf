//! Hand-made packets, for what no polite client sends and for what none shows.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::scripted::{PASSWORD, Running, greeting, start};
use crate::server_api::{Encryption, Greeting};
use crate::tds::login7::tests::with_login;

const DEADLINE: Duration = Duration::from_secs(20);
/// Long enough for an answer that must not come to have come.
const SILENCE: Duration = Duration::from_millis(200);

/// The DONE that acknowledges an attention.
const ACKNOWLEDGED: [u8; 13] = [0xFD, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// The DONE that ends a failed or abandoned answer.
const FAILED: [u8; 13] = [0xFD, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Logged in without PRELOGIN, in clear.
    async fn new(server: &Running) -> (Self, Vec<u8>) {
        let mut raw = Self {
            stream: TcpStream::connect(server.address).await.unwrap(),
        };
        raw.send(0x10, 1, &with_login("sa", PASSWORD)).await;
        let answer = raw.message().await.expect("an answer to the log-in");
        (raw, answer)
    }

    async fn bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    async fn send(&mut self, kind: u8, status: u8, body: &[u8]) {
        let packet = packet(kind, status, body);
        self.bytes(&packet).await;
    }

    async fn batch(&mut self, status: u8, text: &str) {
        self.send(1, status, &batch(text)).await;
    }

    async fn packet(&mut self) -> Option<([u8; 8], Vec<u8>)> {
        let read = async {
            let mut header = [0; 8];
            self.stream.read_exact(&mut header).await.ok()?;
            let mut body = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]])) - 8];
            self.stream.read_exact(&mut body).await.ok()?;
            Some((header, body))
        };
        timeout(DEADLINE, read).await.expect("no answer")
    }

    /// One message; `None` once the connection is closed.
    async fn message(&mut self) -> Option<Vec<u8>> {
        let mut message = Vec::new();
        loop {
            let (header, body) = self.packet().await?;
            message.extend_from_slice(&body);
            if header[1] & 1 != 0 {
                return Some(message);
            }
        }
    }

    async fn closed(&mut self) -> bool {
        self.message().await.is_none()
    }

    async fn silent(&mut self) -> bool {
        timeout(SILENCE, self.stream.read_u8()).await.is_err()
    }
}

fn packet(kind: u8, status: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 8).unwrap().to_be_bytes();
    [
        [kind, status, length[0], length[1], 0, 0, 1, 0].as_slice(),
        body,
    ]
    .concat()
}

fn batch(text: &str) -> Vec<u8> {
    let mut body = vec![22, 0, 0, 0];
    body.extend_from_slice(&[0; 18]);
    body.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    body
}

async fn server() -> Running {
    start(greeting(Encryption::Optional)).await
}

/// The last column value of the only row: four bytes before the closing DONE.
fn number(message: &[u8]) -> i32 {
    i32::from_le_bytes(
        message[message.len() - 17..message.len() - 13]
            .try_into()
            .unwrap(),
    )
}

#[tokio::test]
async fn the_log_in_is_answered_in_the_order_clients_expect() {
    let running = server().await;
    let (_raw, answer) = Raw::new(&running).await;
    let mut kinds = Vec::new();
    let mut rest = answer.as_slice();
    while let [token, a, b, kind, ..] = rest {
        kinds.push((*token, if *token == 0xE3 { *kind } else { 0 }));
        let size = if *token == 0xFD {
            13
        } else if *token == 0xAE {
            8
        } else {
            usize::from(u16::from_le_bytes([*a, *b])) + 3
        };
        rest = &rest[size..];
    }
    let wanted = [
        (0xE3, 1),
        (0xAB, 0),
        (0xE3, 7),
        (0xE3, 2),
        (0xAB, 0),
        (0xAD, 0),
        (0xE3, 4),
        (0xAE, 0),
        (0xFD, 0),
    ];
    assert_eq!(kinds, wanted);
}

#[tokio::test]
async fn attention_while_running_is_answered_in_two_messages() {
    let running = server().await;
    let (mut raw, _) = Raw::new(&running).await;
    raw.batch(1, "wait").await;
    let (header, body) = raw.packet().await.unwrap();
    assert_eq!(
        header[1] & 1,
        0,
        "the row before the wait is sent without the end of the message"
    );
    assert!(body.contains(&0xD1));
    raw.send(6, 1, &[]).await;
    assert!(raw.message().await.unwrap().ends_with(&FAILED));
    assert_eq!(raw.message().await.unwrap(), ACKNOWLEDGED);
    raw.batch(1, "123").await;
    assert_eq!(number(&raw.message().await.unwrap()), 3);
    assert_eq!(running.seen.cancelled.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn attention_may_come_in_the_same_bytes_as_the_request() {
    let running = server().await;
    let (mut raw, _) = Raw::new(&running).await;
    let together = [packet(1, 1, &batch("wait")), packet(6, 1, &[])].concat();
    raw.bytes(&together).await;
    assert!(raw.message().await.unwrap().ends_with(&FAILED));
    assert_eq!(raw.message().await.unwrap(), ACKNOWLEDGED);
}

#[tokio::test]
async fn attention_is_heard_while_nobody_reads_an_endless_answer() {
    let running = server().await;
    let (mut raw, _) = Raw::new(&running).await;
    raw.batch(1, "flood").await;
    timeout(DEADLINE, running.seen.waiting.notified())
        .await
        .expect("the flood never began");
    raw.send(6, 1, &[]).await;
    let flood = raw.message().await.unwrap();
    assert!(flood.ends_with(&FAILED));
    assert_eq!(raw.message().await.unwrap(), ACKNOWLEDGED);
    raw.batch(1, "12").await;
    assert_eq!(number(&raw.message().await.unwrap()), 2);
}

#[tokio::test]
async fn attention_in_one_message_if_asked_for() {
    let one = Greeting {
        attention_in_one_message: true,
        ..greeting(Encryption::Optional)
    };
    let running = start(one).await;
    let (mut raw, _) = Raw::new(&running).await;
    for text in ["wait", "just wait"] {
        raw.batch(1, text).await;
        running.seen.waiting.notified().await;
        raw.send(6, 1, &[]).await;
        assert!(raw.message().await.unwrap().ends_with(&ACKNOWLEDGED));
    }
    raw.batch(1, "1234").await;
    assert_eq!(number(&raw.message().await.unwrap()), 4);
}

#[tokio::test]
async fn attention_when_idle_is_acknowledged_each_time() {
    let running = server().await;
    let (mut raw, _) = Raw::new(&running).await;
    for _ in 0..2 {
        raw.send(6, 1, &[]).await;
        assert_eq!(raw.message().await.unwrap(), ACKNOWLEDGED);
    }
    assert_eq!(running.seen.cancelled.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_reset_is_acknowledged_first() {
    let running = server().await;
    let (mut raw, _) = Raw::new(&running).await;
    raw.batch(0x09, "123").await;
    let answer = raw.message().await.unwrap();
    assert!(answer.starts_with(&[0xE3, 3, 0, 18, 0, 0]));
    assert_eq!(number(&answer), 3);
    assert_eq!(running.seen.resets.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_ignored_request_does_not_run() {
    let running = server().await;
    let (mut raw, _) = Raw::new(&running).await;
    raw.batch(0x03, "fatal").await;
    assert_eq!(raw.message().await.unwrap(), FAILED);
    raw.batch(1, "12").await;
    assert_eq!(number(&raw.message().await.unwrap()), 2);
    assert_eq!(running.seen.round_trips.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let running = server().await;
    let (mut raw, _) = Raw::new(&running).await;
    let ahead = ["1", "12", "123"]
        .map(|text| packet(1, 1, &batch(text)))
        .concat();
    raw.bytes(&ahead).await;
    for wanted in 1..=3 {
        assert_eq!(number(&raw.message().await.unwrap()), wanted);
    }
}

#[tokio::test]
async fn bytes_may_dribble() {
    let running = server().await;
    let (mut raw, _) = Raw::new(&running).await;
    let packet = packet(1, 1, &batch("12345"));
    for part in packet.chunks(3) {
        raw.bytes(part).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(number(&raw.message().await.unwrap()), 5);
}

#[tokio::test]
async fn output_parameters_follow_the_return_status() {
    let running = server().await;
    let (mut raw, _) = Raw::new(&running).await;
    let mut body = vec![22, 0, 0, 0];
    body.extend_from_slice(&[0; 18]);
    body.extend_from_slice(&crate::tds::rpc::tests::sample());
    raw.send(3, 1, &body).await;
    let answer = raw.message().await.unwrap();
    let handle = [0xAC, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x26, 4, 4, 7, 0, 0, 0];
    let wanted = [[0x79, 0, 0, 0, 0].as_slice(), &handle, &[0xFE, 1, 0]].concat();
    assert!(
        answer.windows(wanted.len()).any(|window| window == wanted),
        "{answer:02x?}"
    );
    assert!(
        answer.ends_with(&[0xFE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        "the second call ends the answer"
    );
}

#[tokio::test]
async fn a_stalled_answer_is_silence_even_for_attention() {
    let running = server().await;
    let (mut raw, _) = Raw::new(&running).await;
    raw.batch(1, "stall").await;
    // What was sent before the fault may or may not have gone out.
    while timeout(SILENCE, raw.stream.read_u8())
        .await
        .is_ok_and(|read| read.is_ok())
    {}
    raw.send(6, 1, &[]).await;
    raw.batch(1, "1").await;
    assert!(raw.silent().await);
}

#[tokio::test]
async fn broken_requests_are_told_and_end_the_connection() {
    let bulk_load = packet(7, 1, &batch("x"));
    let short = packet(1, 1, &[200, 0, 0, 0]);
    let headless = vec![1, 1, 0, 3, 0, 0, 1, 0];
    let unknown_procedure = packet(3, 1, &[4, 0, 0, 0, 0xFF, 0xFF, 99, 0, 0, 0]);
    for broken in [bulk_load, short, headless, unknown_procedure] {
        let running = server().await;
        let (mut raw, _) = Raw::new(&running).await;
        raw.bytes(&broken).await;
        let answer = raw.message().await.unwrap();
        assert_eq!(answer[0], 0xAA);
        assert_eq!(i32::from_le_bytes(answer[3..7].try_into().unwrap()), 4002);
        assert!(raw.closed().await);
    }
}

#[tokio::test]
async fn an_unknown_parameter_type_is_an_error_the_session_survives() {
    let running = server().await;
    let (mut raw, _) = Raw::new(&running).await;
    raw.send(3, 1, &[4, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, 0, 0, 0, 0xF3])
        .await;
    let answer = raw.message().await.unwrap();
    assert_eq!(i32::from_le_bytes(answer[3..7].try_into().unwrap()), 8009);
    raw.batch(1, "12").await;
    assert_eq!(number(&raw.message().await.unwrap()), 2);
}

#[tokio::test]
async fn nothing_but_the_protocol_opens_a_connection() {
    let running = server().await;
    for opening in [
        b"GET / HTTP/1.1\r\n\r\n".as_slice(),
        &packet(1, 1, &batch("1")),
        &packet(0x12, 1, &[1]),
    ] {
        let mut raw = Raw {
            stream: TcpStream::connect(running.address).await.unwrap(),
        };
        raw.bytes(opening).await;
        assert!(raw.closed().await);
    }
    let required = start(greeting(Encryption::Required)).await;
    let mut raw = Raw {
        stream: TcpStream::connect(required.address).await.unwrap(),
    };
    raw.send(0x10, 1, &with_login("sa", PASSWORD)).await;
    assert!(
        raw.closed().await,
        "a password in clear where encryption is required"
    );
}

#[tokio::test]
async fn prelogin_answers_the_instance_and_names_itself() {
    let named = Greeting {
        instance_name: Some("SQL1".into()),
        ..greeting(Encryption::Optional)
    };
    let running = start(named).await;
    for (asked, wanted) in [(b"sql1\0".as_slice(), 0), (b"other\0", 1), (b"\0", 0)] {
        let mut raw = Raw {
            stream: TcpStream::connect(running.address).await.unwrap(),
        };
        let length = u8::try_from(asked.len()).unwrap();
        let options = [
            [1, 0, 11, 0, 1, 2, 0, 12, 0, length, 0xFF, 2].as_slice(),
            asked,
        ]
        .concat();
        raw.send(0x12, 1, &options).await;
        let answer = raw.message().await.unwrap();
        assert_eq!(answer[26..32], [16, 0, 0x10, 0x27, 0, 0]);
        assert_eq!((answer[32], answer[33]), (2, wanted));
    }
}
