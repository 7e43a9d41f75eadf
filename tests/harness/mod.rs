//! The same application as in production, on a real PostgreSQL, against a simulated fleet over TLS; asked over real HTTP.

mod answer;
mod fleet;
mod members;
mod sqlcmd;

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Parser;
use mirrorgate::app::App;
use mirrorgate::config::ServeConfig;
use mirrorgate::domain::clock::Clock;
use serde_json::{Value, json};
use sqlserver_sim::{Fleet, Instance, InstanceSpec};
use sqlx::{ConnectOptions, PgPool};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use answer::Answer;
pub use fleet::{PASSWORD, certificate_of, der_of, host, is_change, outbound, unverified};
pub use members::{comment, least_privilege, member, target};
pub use sqlcmd::Sqlcmd;

/// One running service with its fleet. Everything stops when it is dropped.
pub struct TestApp {
    pub fleet: Fleet,
    pub hosts: BTreeMap<String, Instance>,
    pub url: String,
    pub directory: tempfile::TempDir,
    client: reqwest::Client,
    stop: CancellationToken,
    running: Option<JoinHandle<anyhow::Result<()>>>,
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    serve: ServeConfig,
}

impl TestApp {
    /// A service and the instances named, each with its outbound half ready; nothing is registered yet.
    pub async fn start(pool: &PgPool, hosts: &[&str]) -> Self {
        let specs = hosts.iter().map(|name| host(name)).collect();
        Self::with(pool, specs, &[]).await
    }

    /// The same with the instances described, and further flags for the service.
    pub async fn with(pool: &PgPool, specs: Vec<InstanceSpec>, flags: &[&str]) -> Self {
        let fleet = Fleet::new().expect("a fleet");
        let mut hosts = BTreeMap::new();
        for spec in specs {
            let name = spec.name.clone();
            let instance = fleet
                .start(spec)
                .await
                .expect("a simulated instance starts");
            outbound(&instance, &name).await;
            hosts.insert(name, instance);
        }
        let directory = tempfile::tempdir().unwrap();
        let mut app = Self {
            fleet,
            hosts,
            url: String::new(),
            directory,
            client: reqwest::Client::new(),
            stop: CancellationToken::new(),
            running: None,
        };
        app.serve(pool, flags).await;
        app
    }

    /// Starts the service, at first or once more after `stop`.
    pub async fn serve(&mut self, pool: &PgPool, flags: &[&str]) {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let key = self.directory.path().join("seal.key");
        if !key.exists() {
            mirrorgate::store::seal::SealKey::create_file(&key).unwrap();
        }
        let database = pool.connect_options().to_url_lossy().to_string();
        let mut arguments = vec![
            "test",
            "--listen",
            "127.0.0.1:0",
            "--database-url",
            &database,
        ];
        let key = key.display().to_string();
        arguments.extend(["--seal-key-file", &key, "--retry-base", "10ms"]);
        arguments.extend(flags);
        let config = Arguments::try_parse_from(arguments).unwrap().serve;
        self.stop = CancellationToken::new();
        let app = App::build(config, Clock::System, self.stop.clone())
            .await
            .unwrap();
        self.url = format!("http://{}", app.address().unwrap());
        self.running = Some(tokio::task::spawn(app.run(self.stop.clone())));
        until("the service is ready", || async {
            self.get("/readyz").await.status == 200
        })
        .await;
    }

    /// Stops the service as SIGTERM would.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            running.await.unwrap().unwrap();
        }
    }

    pub fn host(&self, name: &str) -> &Instance {
        self.hosts.get(name).expect("a host of this story")
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.client.get(format!("{}{path}", self.url))).await
    }

    pub async fn get_as(&self, path: &str, accept: &str) -> Answer {
        Answer::of(
            self.client
                .get(format!("{}{path}", self.url))
                .header("accept", accept),
        )
        .await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.client.put(format!("{}{path}", self.url)).json(body)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.client.post(format!("{}{path}", self.url)).json(body)).await
    }

    /// Uploads `der` as a certificate of `name`.
    pub async fn upload(&self, name: &str, der: Vec<u8>, purpose: &str) -> Answer {
        let url = format!(
            "{}/v1/instances/{name}/certificates?purpose={purpose}",
            self.url
        );
        Answer::of(
            self.client
                .post(url)
                .header("content-type", "application/pkix-cert")
                .body(der),
        )
        .await
    }

    /// What an instance's registration says when nothing special is meant.
    pub fn instance_spec(&self, name: &str) -> Value {
        json!({
            "host": "127.0.0.1",
            "port": self.host(name).port(),
            "credential": "dba",
            "tls": {"mode": "required", "ca_pem": self.fleet.ca_pem()},
        })
    }

    pub async fn register_credential(&self) {
        let body = json!({"spec": {
            "kind": "sql_login", "user": "sa", "password": PASSWORD, "hosts": ["127.0.0.1"],
        }});
        self.put("/v1/credentials/dba", &body)
            .await
            .expect_status(201);
    }

    pub async fn register_instance(&self, name: &str) {
        let body = json!({"spec": self.instance_spec(name)});
        self.put(&format!("/v1/instances/{name}"), &body)
            .await
            .expect_status(201);
    }

    pub async fn pin(&self, name: &str) {
        let der = certificate_of(self.host(name));
        self.upload(name, der, "current").await.expect_status(201);
    }

    /// The credential, all instances with their certificates, and the pair `erp` of the first two with the third as witness.
    pub async fn register_all(&self, members: &[&str]) {
        self.register_credential().await;
        for name in members {
            self.register_instance(name).await;
            self.pin(name).await;
        }
        self.register_pair("erp", members).await;
    }

    pub async fn register_pair(&self, pair: &str, members: &[&str]) {
        let mut spec = json!({"partners": [members[0], members[1]]});
        if let Some(witness) = members.get(2) {
            spec["witness"] = json!(witness);
        }
        self.put(&format!("/v1/pairs/{pair}"), &json!({"spec": spec}))
            .await
            .expect_status(201);
    }

    /// Asks for a job on a pair and waits for its end.
    pub async fn job(&self, pair: &str, body: Value) -> Value {
        self.ended(&format!("/v1/pairs/{pair}/jobs"), body).await
    }

    /// Asks for an inspection and waits for its end.
    pub async fn inspect(&self, instance: &str, accept_identity: bool) -> Value {
        let body = json!({"kind": "inspect", "accept_identity": accept_identity});
        self.ended(&format!("/v1/instances/{instance}/jobs"), body)
            .await
    }

    async fn ended(&self, path: &str, body: Value) -> Value {
        let answer = self.post(&format!("{path}?wait=60s"), &body).await;
        assert_eq!(
            answer.status, 200,
            "the job has not ended in time: {answer:?}"
        );
        answer.json()
    }

    pub async fn configure(&self, pair: &str) -> Value {
        self.job(pair, json!({"kind": "configure-inbound"})).await
    }

    pub async fn verify(&self, pair: &str) -> Value {
        self.job(pair, json!({"kind": "verify-inbound"})).await
    }

    pub async fn dry_run(&self, pair: &str) -> Value {
        self.job(pair, json!({"kind": "configure-inbound", "dry_run": true}))
            .await
    }

    pub async fn steps(&self, job: &Value) -> Vec<Value> {
        let path = format!("/v1/jobs/{}/steps?limit=500", job["id"].as_str().unwrap());
        self.get(&path).await.json()["items"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// Whether `from` can log in to `to`'s endpoint now: the only question that matters.
    pub fn lets_in(&self, to: &str, from: &str) -> bool {
        self.fleet.handshake(self.host(from), self.host(to)).is_ok()
    }

    pub fn reset_counters(&self) {
        for instance in self.hosts.values() {
            instance.reset_counters();
        }
    }

    /// Every statement run on `name` through mirrorgate that changes something.
    pub fn changes(&self, name: &str) -> Vec<String> {
        self.host(name)
            .ledger()
            .into_iter()
            .filter(|entry| entry.application == "mirrorgate" && is_change(entry.kind))
            .map(|entry| entry.text)
            .collect()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Waits for a condition, looking again as often as it can, for at most 30 seconds.
pub async fn until<F, Fut>(what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(
            tokio::time::Instant::now() < deadline,
            "waited in vain: {what}"
        );
        tokio::task::yield_now().await;
    }
}

/// The codes of a job's findings of one severity (or all), with instance and peer.
pub fn findings(job: &Value, severity: Option<&str>) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found: Vec<_> = job["plan"]["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|f| severity.is_none_or(|wanted| f["severity"] == wanted))
        .map(|f| (text(&f["code"]), text(&f["instance"]), text(&f["peer"])))
        .collect();
    found.sort();
    found
}

/// Whether a finding of this code is there about this instance.
pub fn has_finding(job: &Value, code: &str, instance: &str) -> bool {
    findings(job, None)
        .iter()
        .any(|(c, i, _)| c == code && i == instance)
}

pub fn assert_succeeded(job: &Value) {
    assert_eq!(job["state"], "succeeded", "{job:#}");
}

pub fn assert_failed(job: &Value, code: &str) {
    assert_eq!(job["state"], "failed", "{job:#}");
    assert_eq!(job["failure"]["code"], code, "{job:#}");
}
