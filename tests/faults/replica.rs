//! One mirrorgate process, started from the built binary and hurt by signals.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::Value;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::within;
use crate::harness::Answer;

/// A running process. Dropping it kills it.
pub struct Replica {
    child: Child,
    pub url: String,
    log: PathBuf,
    client: reqwest::Client,
}

impl Replica {
    /// Starts a process and waits until it serves.
    pub async fn start(
        directory: &Path,
        database: &str,
        flags: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut replica = Self::launch(directory, database, flags, environment);
        within(Duration::from_secs(30), "a replica listens", || {
            let ended = replica.has_ended();
            assert!(!ended, "ended at the start: {}", replica.log());
            std::future::ready(replica.is_listening())
        })
        .await;
        replica
    }

    /// Starts a process, whatever it waits for.
    pub fn launch(
        directory: &Path,
        database: &str,
        flags: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let (file, log) = tempfile::Builder::new()
            .prefix("replica-")
            .suffix(".log")
            .tempfile_in(directory)
            .expect("a log file")
            .keep()
            .expect("a log file that stays");
        let any_port: &[&str] = match flags.contains(&"--listen") {
            true => &[],
            false => &["--listen", "127.0.0.1:0"],
        };
        let child = Command::new(env!("CARGO_BIN_EXE_mirrorgate"))
            .args(["serve", "--retry-base", "10ms", "--max-attempts", "100"])
            .args(any_port)
            .arg("--seal-key-file")
            .arg(directory.join("seal.key"))
            .args(flags)
            .env("DATABASE_URL", database)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("the binary starts");
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(70))
            .connect_timeout(Duration::from_secs(2))
            .build()
            .expect("a client");
        Self {
            child,
            url: String::new(),
            log,
            client,
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log can be read")
    }

    /// Whether it serves; from then on it has an address.
    pub fn is_listening(&mut self) -> bool {
        let url = self.address();
        let listens = url.is_some();
        self.url = url.unwrap_or_default();
        listens
    }

    fn address(&self) -> Option<String> {
        let log = self.log();
        let (_, after) = log.split_once("listening on ")?;
        Some(after.lines().next()?.trim().to_owned())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How this process signs its attempts.
    pub fn is_worker(&self, name: &str) -> bool {
        name.rsplit(':').next() == Some(&self.pid().to_string())
    }

    /// Sends `KILL`, `TERM`, `STOP` or `CONT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", "kill -\"$0\" \"$1\"", name, &self.pid().to_string()])
            .status()
            .expect("a shell to send signals with");
        assert!(sent.success(), "signal {name} could not be sent");
    }

    /// `kill -9`, and waits until the process is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a killed child ends");
    }

    pub fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child can be asked")
            .is_some()
    }

    /// Waits for the process's end.
    pub async fn ended(&mut self, limit: Duration) -> ExitStatus {
        within(limit, "the process ends", || {
            let ended = self.child.try_wait().expect("a child can be asked");
            std::future::ready(ended.is_some())
        })
        .await;
        self.child.wait().expect("an ended child has a status")
    }

    fn to(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.to(reqwest::Method::PUT, path).json(body)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.to(reqwest::Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.to(reqwest::Method::POST, path).json(body)).await
    }

    /// The status of an answer, none when the process or its link is not there, or says nothing for `limit`.
    pub async fn try_get(&self, path: &str, limit: Duration) -> Option<u16> {
        let request = self.to(reqwest::Method::GET, path).timeout(limit);
        Some(request.send().await.ok()?.status().as_u16())
    }

    /// Everything a job's live events tell until they end; none when they break off. Comes back when it is put off.
    pub fn follow(&self, job: Uuid) -> JoinHandle<Option<String>> {
        let url = format!("{}/v1/jobs/{job}/events", self.url);
        let client = self.client.clone();
        tokio::spawn(async move {
            loop {
                let answer = client.get(&url).send().await.ok()?;
                match answer.status().as_u16() {
                    200 => return answer.text().await.ok(),
                    503 => tokio::time::sleep(Duration::from_millis(200)).await,
                    status => panic!("{status}: {:?}", answer.text().await),
                }
            }
        })
    }

    /// Status and body of an answer that may not come.
    pub async fn try_post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        tried(self.to(reqwest::Method::POST, path).json(body)).await
    }

    /// Likewise, with an `Idempotency-Key`.
    pub async fn try_post_keyed(
        &self,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Option<(u16, Value)> {
        let request = self.to(reqwest::Method::POST, path).json(body);
        tried(request.header("idempotency-key", key)).await
    }
}

async fn tried(request: RequestBuilder) -> Option<(u16, Value)> {
    let request = request.timeout(Duration::from_secs(10));
    let answer = request.send().await.ok()?;
    Some((answer.status().as_u16(), answer.json().await.ok()?))
}

impl Drop for Replica {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.len().saturating_sub(60);
            eprintln!("log of {}:\n{}", self.child.id(), lines[last..].join("\n"));
        }
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
