//! A mirrorgate process with a database of its own, asked over HTTP.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, PgPool};

use super::fleet::{PASSWORD, Said};

/// A fresh database on the server of `scripts/with-postgres`; gives its URL. Those of the parts before are gone.
pub async fn database(name: &str) -> String {
    let server =
        std::env::var("DATABASE_URL").expect("DATABASE_URL, as scripts/with-postgres sets it");
    let admin = PgPool::connect(&server).await.unwrap();
    // Each by itself: neither may stand in a transaction.
    let old: Vec<String> = sqlx::query_scalar(
        "select format('drop database %I with (force)', datname) from pg_database where datname like 'bench!_%' escape '!'",
    )
    .fetch_all(&admin)
    .await
    .unwrap();
    for statement in old.into_iter().chain([format!("create database {name}")]) {
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&admin)
            .await
            .unwrap();
    }
    let options = admin.connect_options().as_ref().clone().database(name);
    options.to_url_lossy().to_string()
}

/// A mirrorgate process.
pub struct Service {
    child: Child,
    pub url: String,
    pub client: reqwest::Client,
    /// From its start until it was ready.
    pub ready_after: Duration,
    _directory: Option<tempfile::TempDir>,
}

impl Service {
    pub async fn start(database: &str, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("seal.key");
        mirrorgate::store::seal::SealKey::create_file(&key).unwrap();
        let mut service = Self::with_key(database, &key, flags).await;
        service._directory = Some(directory);
        service
    }

    /// One of several on the same database.
    pub async fn with_key(database: &str, key: &std::path::Path, flags: &[&str]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        // Today's build beside another one: the same bench runs either.
        let binary = std::env::var("MIRRORGATE_BENCH_BINARY")
            .unwrap_or_else(|_| env!("CARGO_BIN_EXE_mirrorgate").to_owned());
        let client = reqwest::Client::new();
        let began = Instant::now();
        let child = Command::new(binary)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .args(["--log", "error,tiberius=error,sqlx=error"])
            .args(flags)
            .arg("--seal-key-file")
            .arg(key)
            .env("DATABASE_URL", database)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut service = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
            client,
            ready_after: Duration::ZERO,
            _directory: None,
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !service.is_ready().await {
            assert!(
                Instant::now() < deadline,
                "the service does not become ready"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        service.ready_after = began.elapsed();
        service
    }

    /// Asks it to stop; how long it took to be gone.
    pub fn stop(mut self) -> Duration {
        let began = Instant::now();
        let mut told = Command::new("kill");
        told.args(["-TERM", &self.id().to_string()]);
        assert!(told.status().unwrap().success());
        self.child.wait().unwrap();
        began.elapsed()
    }

    async fn is_ready(&self) -> bool {
        let answer = self.client.get(format!("{}/readyz", self.url)).send().await;
        answer.is_ok_and(|a| a.status() == 200)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub async fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}{path}", self.url));
        let answer = request.send().await.unwrap().error_for_status().unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    /// Waits until the job has ended; gives it. Asks anew after 5 s.
    pub async fn ended(&self, job: &Value) -> Value {
        let path = format!("/v1/jobs/{}?wait=5s", job["id"].as_str().unwrap());
        loop {
            let job = self.get(&path).await;
            if !job["finished_at"].is_null() {
                return job;
            }
        }
    }

    pub async fn put(&self, path: &str, body: &Value) {
        let request = self.client.put(format!("{}{path}", self.url)).json(body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        assert!(
            status.is_success(),
            "PUT {path}: {status} {}",
            answer.text().await.unwrap()
        );
    }

    /// A job on a pair; gives it as it was accepted.
    pub async fn ask(&self, pair: &str, kind: &str) -> Value {
        let path = format!("/v1/pairs/{pair}/jobs");
        self.post(&path, &json!({"kind": kind})).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.url)).json(body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "POST {path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn register_log_in(&self) {
        let credential = json!({"spec": {"kind": "sql_login", "user": "sa", "password": PASSWORD, "hosts": ["127.0.0.1"]}});
        self.put("/v1/credentials/dba", &credential).await;
    }

    /// A pair of two instances that nobody will ask: for parts that end where talking to SQL Server begins.
    pub async fn register_one_pair(&self) {
        self.register_log_in().await;
        for name in ["HOST_A", "HOST_B"] {
            let instance = json!({"spec": {"host": "127.0.0.1", "port": 1, "credential": "dba"}});
            self.put(&format!("/v1/instances/{name}"), &instance).await;
        }
        self.put_pair("first", "HOST_A", "HOST_B").await;
    }

    pub async fn put_pair(&self, name: &str, one: &str, other: &str) {
        let pair = json!({"spec": {"partners": [one, other]}});
        self.put(&format!("/v1/pairs/{name}"), &pair).await;
    }

    /// The log-in and all instances of the fleet.
    pub async fn register(&self, fleet: &Said) {
        self.register_log_in().await;
        for host in &fleet.hosts {
            let tls = json!({"mode": "required", "ca_pem": fleet.ca_pem});
            let instance = json!({"spec": {"host": "127.0.0.1", "port": host.port, "credential": "dba", "tls": tls}});
            self.put(&format!("/v1/instances/{}", host.name), &instance)
                .await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
