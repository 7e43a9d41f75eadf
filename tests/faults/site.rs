//! A fleet with its pairs, the database they are registered in, and the replicas that share it.

use std::time::Duration;

use chrono::NaiveDateTime;
use serde_json::{Value, json};
use sqlserver_sim::{Fleet, Instance};
use sqlx::{ConnectOptions, PgPool};
use uuid::Uuid;

use super::ledger;
use super::replica::Replica;
use super::within;
use crate::harness::{PASSWORD, host, outbound};

/// How long anything may take to come to its end on a busy machine.
pub const LONG: Duration = Duration::from_secs(60);

/// Everything but the processes.
pub struct Site {
    pub fleet: Fleet,
    pub hosts: Vec<Instance>,
    /// Partners, by their place in `hosts`.
    pub pairs: Vec<(usize, usize)>,
    /// For looking into; the replicas have their own.
    pub pool: PgPool,
    pub database: String,
    pub directory: tempfile::TempDir,
}

impl Site {
    /// `size` instances, each with its outbound half, and a ring of pairs: each instance is in two.
    pub async fn ring(pool: &PgPool, size: usize) -> Self {
        let pairs = (0..size).map(|i| (i, (i + 1) % size)).collect();
        Self::new(pool, size, pairs).await
    }

    /// `count` pairs that share nothing.
    pub async fn apart(pool: &PgPool, count: usize) -> Self {
        let pairs = (0..count).map(|i| (2 * i, 2 * i + 1)).collect();
        Self::new(pool, 2 * count, pairs).await
    }

    async fn new(pool: &PgPool, size: usize, pairs: Vec<(usize, usize)>) -> Self {
        let fleet = Fleet::new().expect("a fleet");
        let mut hosts = Vec::new();
        for number in 0..size {
            let name = format!("HOST_{number:02}");
            let instance = fleet.start(host(&name)).await.expect("an instance starts");
            outbound(&instance, &name).await;
            hosts.push(instance);
        }
        let directory = tempfile::tempdir().expect("a directory");
        mirrorgate::store::seal::SealKey::create_file(&directory.path().join("seal.key"))
            .expect("a seal key");
        Self {
            fleet,
            hosts,
            pairs,
            pool: pool.clone(),
            database: pool.connect_options().to_url_lossy().to_string(),
            directory,
        }
    }

    pub async fn replica(&self, flags: &[&str]) -> Replica {
        Replica::start(self.directory.path(), &self.database, flags, &[]).await
    }

    /// Registers everything, each instance at its own port or at the one given in its place (a proxy's).
    pub async fn register(&self, by: &Replica, ports: &[u16]) {
        let credential = json!({"spec": {
            "kind": "sql_login", "user": "sa", "password": PASSWORD, "hosts": ["127.0.0.1"],
        }});
        by.put("/v1/credentials/dba", &credential)
            .await
            .expect_status(201);
        for (place, host) in self.hosts.iter().enumerate() {
            let port = ports.get(place).copied().unwrap_or(host.port());
            let spec = json!({
                "host": "127.0.0.1", "port": port, "credential": "dba",
                "tls": {"mode": "required", "ca_pem": self.fleet.ca_pem()},
            });
            by.put(
                &format!("/v1/instances/{}", host.name()),
                &json!({"spec": spec}),
            )
            .await
            .expect_status(201);
        }
        for (number, (a, b)) in self.pairs.iter().enumerate() {
            let spec = json!({"partners": [self.hosts[*a].name(), self.hosts[*b].name()]});
            by.put(
                &format!("/v1/pairs/{}", pair(number)),
                &json!({"spec": spec}),
            )
            .await
            .expect_status(201);
        }
    }

    /// Asks for a configuration of one pair.
    pub async fn configure(&self, by: &Replica, number: usize) -> Uuid {
        let answer = by
            .post(&jobs(number), &json!({"kind": "configure-inbound"}))
            .await;
        assert!(matches!(answer.status, 200 | 202), "{answer:?}");
        id(&answer.json())
    }

    /// Asks for a configuration of every pair.
    pub async fn configure_all(&self, by: &Replica) -> Vec<Uuid> {
        let mut asked = Vec::new();
        for number in 0..self.pairs.len() {
            asked.push(self.configure(by, number).await);
        }
        asked
    }

    /// State, failure code and counted attempts of a job.
    pub async fn job(&self, id: Uuid) -> (String, Option<String>, i32) {
        sqlx::query_as("select state, failure_code, attempts from jobs where id = $1")
            .bind(id)
            .fetch_one(&self.pool)
            .await
            .expect("a job that was accepted is there")
    }

    /// Outcomes of a job's attempts in their order; `running` while one has none.
    pub async fn attempts(&self, id: Uuid) -> Vec<String> {
        sqlx::query_scalar(
            "select coalesce(outcome, 'running') from job_attempts where job_id = $1 order by number",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await
        .expect("a job has attempts")
    }

    /// How many of these jobs have not ended.
    pub async fn open(&self, jobs: &[Uuid]) -> i64 {
        sqlx::query_scalar(
            "select count(*) from jobs where id = any($1) and state in ('queued', 'running')",
        )
        .bind(jobs)
        .fetch_one(&self.pool)
        .await
        .expect("jobs can be counted")
    }

    pub async fn all_end(&self, jobs: &[Uuid], limit: Duration) {
        within(limit, "every accepted job ends", || async {
            self.open(jobs).await == 0
        })
        .await;
    }

    /// Waits for the end of these jobs; fails unless all succeeded.
    pub async fn all_succeed(&self, jobs: &[Uuid], limit: Duration) {
        self.all_end(jobs, limit).await;
        for job in jobs {
            let (state, code, attempts) = self.job(*job).await;
            assert_eq!(
                state, "succeeded",
                "{job}: {code:?} after {attempts} attempts"
            );
        }
    }

    /// The fleet is as asked for: every partner lets its partner in, and nothing was made twice.
    #[track_caller]
    pub fn assert_as_asked(&self, since: NaiveDateTime) {
        for (a, b) in &self.pairs {
            for (to, from) in [(a, b), (b, a)] {
                let (to, from) = (&self.hosts[*to], &self.hosts[*from]);
                let let_in = self.fleet.handshake(from, to);
                assert!(
                    let_in.is_ok(),
                    "{} does not let {} in: {let_in:?}",
                    to.name(),
                    from.name()
                );
            }
        }
        for host in &self.hosts {
            ledger::assert_made_once(host, since);
        }
    }

    /// Forgets what was configured, as a DBA would by hand.
    pub async fn undo(&self) {
        for (a, b) in &self.pairs {
            for (on, from) in [(a, b), (b, a)] {
                let from = self.hosts[*from].name();
                let script = format!(
                    "IF EXISTS (SELECT 1 FROM sys.certificates WHERE name = N'{from}_cert') DROP CERTIFICATE [{from}_cert];
                     IF EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'{from}_user') DROP USER [{from}_user];
                     IF EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'{from}_login') DROP LOGIN [{from}_login];"
                );
                self.hosts[*on]
                    .exec(&script)
                    .await
                    .expect("objects can be dropped");
            }
        }
    }

    /// The fleet's time now, for questions to the ledgers.
    pub fn now(&self) -> NaiveDateTime {
        chrono::Utc::now().naive_utc()
    }
}

pub fn pair(number: usize) -> String {
    format!("pair-{number:02}")
}

pub fn jobs(number: usize) -> String {
    format!("/v1/pairs/{}/jobs", pair(number))
}

pub fn id(job: &Value) -> Uuid {
    let text = job["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no job: {job:#}"));
    Uuid::parse_str(text).expect("a job's id")
}
