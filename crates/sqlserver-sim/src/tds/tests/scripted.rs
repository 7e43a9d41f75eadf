//! A server whose every answer is written down here, and the certificate it shows.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::{NaiveDate, NaiveDateTime};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::protocol::{Column, Item, LoginRequest, Message, RpcRequest, SqlType, Value};
use crate::server_api::{
    Encryption, Greeting, Reply, RpcOutcome, Server, Session, TlsIdentity, TransactionRequest,
};

pub(super) const PASSWORD: &str = "Pä$$w0rd";

/// What happened to the server, by count.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) cancelled: AtomicUsize,
    pub(super) resets: AtomicUsize,
    pub(super) round_trips: AtomicUsize,
    pub(super) ended_sessions: AtomicUsize,
    pub(super) waiting: tokio::sync::Notify,
    pub(super) ended: tokio::sync::Notify,
}

pub(super) struct Scripted {
    greeting: Greeting,
    pub(super) seen: Arc<Seen>,
}

pub(super) struct Scene {
    encrypted: bool,
    seen: Arc<Seen>,
}

/// A running server; it ends when this is dropped.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) seen: Arc<Seen>,
    _shutdown: DropGuard,
}

/// The CA in PEM, and the identity it vouches for as `localhost`.
pub(super) fn identity() -> (String, Arc<TlsIdentity>) {
    static MADE: OnceLock<(String, Arc<TlsIdentity>)> = OnceLock::new();
    MADE.get_or_init(|| {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        // Not the leaf's name: OpenSSL takes a certificate issued by its own subject for self-signed.
        ca.distinguished_name.push(DnType::CommonName, "Test CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let identity =
            TlsIdentity::new(vec![leaf.der().clone(), ca_certificate.der().clone()], key).unwrap();
        (ca_certificate.pem(), Arc::new(identity))
    })
    .clone()
}

pub(super) fn greeting(encryption: Encryption) -> Greeting {
    Greeting {
        encryption,
        version: (16, 0, 4135),
        server_name: "HOST_A".into(),
        instance_name: None,
        tls: identity().1,
        attention_in_one_message: false,
    }
}

pub(super) async fn start(greeting: Greeting) -> Running {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let server = Arc::new(Scripted {
        greeting,
        seen: Arc::clone(&seen),
    });
    let shutdown = CancellationToken::new();
    tokio::spawn(super::serve(server, listener, shutdown.clone()));
    Running {
        address,
        seen,
        _shutdown: shutdown.drop_guard(),
    }
}

pub(super) fn moment() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 11, 22)
        .unwrap()
        .and_hms_milli_opt(21, 40, 3, 120)
        .unwrap()
}

/// One column of each type with a value.
pub(super) fn every_type() -> Vec<(SqlType, Value)> {
    vec![
        (SqlType::Bit, Value::Bit(true)),
        (SqlType::TinyInt, Value::TinyInt(200)),
        (SqlType::SmallInt, Value::SmallInt(-3)),
        (SqlType::Int, Value::Int(70_000)),
        (SqlType::BigInt, Value::BigInt(-5_000_000_000)),
        (SqlType::Decimal(10, 2), Value::Decimal(-12_345, 2)),
        (SqlType::Char(3), Value::Text("é  ".into())),
        (SqlType::VarChar(Some(20)), Value::Text("naïve".into())),
        (SqlType::VarChar(None), Value::Text("v".repeat(20_000))),
        (SqlType::NChar(4), Value::Text("日本  ".into())),
        (SqlType::NVarChar(Some(128)), Value::Text("a]b😀".into())),
        (SqlType::NVarChar(None), Value::Text("x😀".repeat(10_000))),
        (SqlType::VarBinary(Some(20)), Value::Binary(vec![1, 2, 255])),
        (SqlType::VarBinary(None), Value::Binary(vec![7; 30_000])),
        (SqlType::DateTime, Value::DateTime(moment())),
        (SqlType::DateTime2(7), Value::DateTime2(moment())),
        (SqlType::DateTime2(3), Value::DateTime2(moment())),
        (
            SqlType::UniqueIdentifier,
            Value::Guid(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10)),
        ),
        (SqlType::SqlVariant, Value::Text("variant".into())),
        (SqlType::SqlVariant, Value::Int(42)),
        (SqlType::SqlVariant, Value::DateTime(moment())),
    ]
}

pub(super) fn message(number: i32, class: u8, text: &str, line: u32) -> Message {
    Message {
        number,
        state: 2,
        class,
        text: text.into(),
        line,
        procedure: "sp_x".into(),
    }
}

fn done(rows: u64) -> Item {
    Item::Done {
        command: 0xC1,
        rows: Some(rows),
        failed: false,
    }
}

fn column(name: &str, ty: SqlType, nullable: bool) -> Column {
    Column {
        name: name.into(),
        ty,
        nullable,
    }
}

fn one(name: &str, value: Value) -> Vec<Item> {
    let ty = match value {
        Value::Int(_) => SqlType::Int,
        _ => SqlType::NVarChar(None),
    };
    vec![
        Item::Columns(vec![column(name, ty, false)]),
        Item::Row(vec![value]),
        done(1),
    ]
}

fn typed_row(columns: Vec<(SqlType, Value)>, nullable: bool) -> Vec<Item> {
    let described = columns
        .iter()
        .map(|(ty, _)| column("c", *ty, nullable))
        .collect();
    vec![
        Item::Columns(described),
        Item::Row(columns.into_iter().map(|(_, value)| value).collect()),
        done(1),
    ]
}

fn numbers(count: i32) -> Vec<Item> {
    let rows = (0..count).map(|n| Item::Row(vec![Value::Int(n)]));
    let mut items = vec![Item::Columns(vec![column("n", SqlType::Int, false)])];
    items.extend(rows);
    items.push(done(u64::from(count.unsigned_abs())));
    items
}

fn script(text: &str, encrypted: bool) -> Vec<Item> {
    let failed = Item::Done {
        command: 0,
        rows: None,
        failed: true,
    };
    match text {
        "types" => typed_row(every_type(), true),
        "types not null" => typed_row(every_type(), false),
        "nulls" => typed_row(
            every_type()
                .into_iter()
                .map(|(ty, _)| (ty, Value::Null))
                .collect(),
            true,
        ),
        "error" => vec![
            Item::Message(message(15_151, 16, "Cannot find the login 'x'.", 3)),
            failed,
        ],
        "error after rows" => [
            one("a", Value::Int(1)),
            vec![Item::Message(message(15_151, 16, "Gone.", 7)), failed],
        ]
        .concat(),
        "fatal" => vec![Item::Message(message(823, 24, "I/O error.", 1)), failed],
        "two sets" => [
            one("a", Value::Int(1)),
            vec![Item::Message(message(0, 0, "a PRINT", 2))],
            one("b", Value::Int(2)),
        ]
        .concat(),
        "encrypted" => one("e", Value::Int(i32::from(encrypted))),
        "wrong type" => vec![
            Item::Columns(vec![column("a", SqlType::Int, false)]),
            Item::Row(vec![Value::Null]),
            done(1),
        ],
        "hang up" => [one("a", Value::Int(1)), vec![Item::HangUp]].concat(),
        "stall" => [one("a", Value::Int(1)), vec![Item::Stall]].concat(),
        "many" => numbers(20_000),
        // What clients send by themselves after the log-in.
        other
            if other
                .get(..4)
                .is_some_and(|start| start.eq_ignore_ascii_case("set ")) =>
        {
            vec![Item::Done {
                command: 0,
                rows: None,
                failed: false,
            }]
        }
        other => one(
            "length",
            Value::Int(i32::try_from(other.chars().count()).unwrap()),
        ),
    }
}

impl Server for Scripted {
    type Session = Scene;

    fn greeting(&self) -> Greeting {
        self.greeting.clone()
    }

    fn count_round_trip(&self, bytes: usize) {
        assert!(bytes > 0);
        self.seen.round_trips.fetch_add(1, Ordering::SeqCst);
    }

    async fn log_in(&self, request: LoginRequest) -> Result<(Scene, Vec<Item>), Vec<Item>> {
        assert!(!format!("{request:?}").contains(PASSWORD));
        if request.user != "sa" || request.password != PASSWORD {
            return Err(vec![Item::Message(message(
                18_456,
                14,
                "Login failed for user 'x'.",
                1,
            ))]);
        }
        let items = vec![
            Item::DatabaseChanged {
                from: "master".into(),
                to: "master".into(),
            },
            Item::Message(message(5701, 0, "Changed database context to 'master'.", 0)),
            Item::Message(message(
                5703,
                0,
                "Changed language setting to us_english.",
                0,
            )),
        ];
        Ok((
            Scene {
                encrypted: request.encrypted,
                seen: Arc::clone(&self.seen),
            },
            items,
        ))
    }
}

impl Session for Scene {
    fn spid(&self) -> u16 {
        51
    }

    async fn batch(&mut self, text: String, reply: Reply) {
        if text.ends_with("wait") {
            // "just wait" sends nothing before.
            let before = if text == "wait" {
                one("before", Value::Int(1))
            } else {
                Vec::new()
            };
            for item in before {
                reply.send(item).await.unwrap();
            }
            self.seen.waiting.notify_one();
            std::future::pending::<()>().await;
        }
        for item in script(&text, self.encrypted) {
            if reply.send(item).await.is_err() {
                return;
            }
        }
        if text == "flood" {
            self.flood(&reply).await;
        }
    }

    /// Echoes the parameters after the first two as a row, and each output parameter as 7.
    async fn rpc(&mut self, request: RpcRequest, reply: Reply) -> RpcOutcome {
        if request.procedure == "sp_fails" {
            reply
                .send(Item::Message(message(2812, 16, "Could not find it.", 1)))
                .await
                .unwrap();
            return RpcOutcome {
                return_status: -6,
                outputs: Vec::new(),
            };
        }
        let outputs = request
            .parameters
            .iter()
            .filter(|parameter| parameter.output);
        let outputs = outputs
            .map(|parameter| (parameter.name.clone(), Value::Int(7)))
            .collect();
        let echoed = request
            .parameters
            .into_iter()
            .skip(2)
            .map(|parameter| (parameter.ty, parameter.value));
        for item in typed_row(echoed.collect(), true) {
            if reply.send(item).await.is_err() {
                break;
            }
        }
        RpcOutcome {
            return_status: 0,
            outputs,
        }
    }

    async fn transaction(&mut self, request: TransactionRequest, reply: Reply) {
        let item = match request {
            TransactionRequest::Begin => Item::TransactionBegan(77),
            TransactionRequest::Commit { .. } => Item::TransactionCommitted(77),
            TransactionRequest::Rollback { .. } => Item::TransactionRolledBack(77),
        };
        reply.send(item).await.unwrap();
    }

    fn reset(&mut self) {
        self.seen.resets.fetch_add(1, Ordering::SeqCst);
    }

    fn cancelled(&mut self) {
        self.seen.cancelled.fetch_add(1, Ordering::SeqCst);
    }
}

impl Scene {
    /// Rows without end; says so when they have begun.
    async fn flood(&self, reply: &Reply) {
        let columns = vec![column("n", SqlType::NVarChar(None), false)];
        let _ = reply.send(Item::Columns(columns)).await;
        let row = Item::Row(vec![Value::Text("x".repeat(4096))]);
        let mut sent = 0_u32;
        while reply.send(row.clone()).await.is_ok() {
            sent += 1;
            if sent == 20 {
                self.seen.waiting.notify_one();
            }
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.seen.ended_sessions.fetch_add(1, Ordering::SeqCst);
        self.seen.ended.notify_one();
    }
}
