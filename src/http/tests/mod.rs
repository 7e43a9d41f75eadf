//! The router as callers meet it, over a real PostgreSQL: one file per subject, the harness here.

mod bulk;
mod certificates;
mod conditions;
mod document;
mod edges;
mod events;
mod idempotency;
mod jobs;
mod pages;
mod races;
mod registrations;
mod waiting;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use chrono::{DateTime, TimeZone, Utc};
use rcgen::{CertificateParams, KeyPair, RsaKeySize};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{Api, Parts, Readiness, Settings, router};
use crate::domain::clock::Clock;
use crate::store::seal::SealKey;
use crate::store::{Store, wake};

pub fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 12, 0, 0).unwrap()
}

/// A service under test.
pub struct Service {
    pub router: Router,
    pub api: Api,
    pub store: Store,
    pub readiness: Readiness,
    pub wakeups: wake::Wakeups,
    /// Ends with the test, and the listening with it.
    _listening: JoinSet<()>,
}

/// An answer, read to its end.
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// Asserts the status and gives the JSON body.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// Asserts a problem of this status and code, and gives it.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text()
        );
        let problem = self.expect(status);
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], self.header("request-id"));
        problem
    }

    /// Asserts a problem with one fault, by pointer and code.
    #[track_caller]
    pub fn fault(&self, status: u16, pointer: &str, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert_eq!(problem["errors"][0]["code"], code, "{problem}");
        problem
    }
}

impl Service {
    pub fn new(pool: PgPool) -> Self {
        Self::with(pool, Settings::default())
    }

    pub fn with(pool: PgPool, settings: Settings) -> Self {
        let store = Store::from_pool(pool);
        let (wakeups, listen) = wake::listen(&store, CancellationToken::new());
        let mut listening = JoinSet::new();
        listening.spawn(listen);
        let readiness = Readiness::default();
        readiness.set(true);
        let directory = tempfile::tempdir().unwrap();
        let api = Api::new(Parts {
            store: store.clone(),
            wakeups: wakeups.clone(),
            seal: SealKey::create_file(&directory.path().join("key")).unwrap(),
            clock: Clock::manual(now()),
            settings,
            readiness: readiness.clone(),
        });
        Self {
            router: router(api.clone()),
            api,
            store,
            readiness,
            wakeups,
            _listening: listening,
        }
    }

    /// Every client names the host it asks.
    pub async fn send(&self, mut request: Request<Body>) -> Answered {
        let host = HeaderValue::from_static("localhost");
        request.headers_mut().entry(header::HOST).or_insert(host);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answered {
            status: parts.status,
            headers: parts.headers,
            body: to_bytes(body, usize::MAX).await.unwrap(),
        }
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answered {
        self.ask(Method::GET, path, &[], Body::empty()).await
    }

    pub async fn get_text(&self, path: &str) -> Answered {
        self.ask(
            Method::GET,
            path,
            &[("accept", "text/plain")],
            Body::empty(),
        )
        .await
    }

    pub async fn delete(&self, path: &str) -> Answered {
        self.ask(Method::DELETE, path, &[], Body::empty()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answered {
        self.put_if(path, &[], body).await
    }

    pub async fn put_if(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answered {
        let mut all = vec![(header::CONTENT_TYPE.as_str(), "application/json")];
        all.extend_from_slice(headers);
        self.ask(Method::PUT, path, &all, Body::from(body.to_string()))
            .await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answered {
        let headers = [(header::CONTENT_TYPE.as_str(), "application/json")];
        self.ask(Method::POST, path, &headers, Body::from(body.to_string()))
            .await
    }

    /// A credential for `*.corp`, and instances `host-a.corp` … by the given names.
    pub async fn register(&self, instances: &[&str]) {
        let dba = self.put("/v1/credentials/dba", &credential()).await;
        assert!(dba.status.is_success(), "{}", dba.text());
        for name in instances {
            self.put(&format!("/v1/instances/{name}"), &instance(name))
                .await
                .expect(201);
        }
    }

    /// HOST_A, HOST_B, HOST_W and the pair `erp` of all three.
    pub async fn register_erp(&self) {
        self.register(&["HOST_A", "HOST_B", "HOST_W"]).await;
        self.put("/v1/pairs/erp", &pair("HOST_A", "HOST_B", Some("HOST_W")))
            .await
            .expect(201);
    }
}

pub fn credential() -> Value {
    json!({"spec": {"kind": "sql_login", "user": "mirrorgate", "password": "hunter2-canary", "hosts": ["*.corp"]}})
}

pub fn instance(name: &str) -> Value {
    json!({"spec": {"host": format!("{}.corp", name.to_lowercase().replace('_', "-")), "credential": "dba"}})
}

pub fn pair(one: &str, other: &str, witness: Option<&str>) -> Value {
    json!({"spec": {"partners": [one, other], "witness": witness}})
}

/// A self-signed certificate that is valid at [`now`], with its key.
pub fn certificate(common_name: &str, days_left: i64) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, common_name);
    let at = |days: i64| {
        let moment = now() + chrono::Duration::days(days);
        time::OffsetDateTime::from_unix_timestamp(moment.timestamp()).unwrap()
    };
    params.not_before = at(-400);
    params.not_after = at(days_left);
    (params.self_signed(&key).unwrap(), key)
}
