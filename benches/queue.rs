//! How fast the job queue is: claims per second with little and much history, and how soon a job is begun.
//!
//! Prints figures and asserts none. Run by `scripts/with-postgres cargo bench --bench queue`; what came out, and where, is in
//! `docs/benchmarks.md`. Everything is written into a database of its own, which is dropped at the end.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking"
)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mirrorgate::store::claim::{self, Terms};
use mirrorgate::store::{Store, lease};
use serde_json::json;
use sqlx::{ConnectOptions, Connection, PgPool};

/// Open jobs claimed and ended in one measurement.
const CLAIMS: usize = 1_000;
/// Jobs asked for one after the other when the pick-up is measured.
const PICK_UPS: usize = 400;

#[tokio::main]
async fn main() {
    let server =
        std::env::var("DATABASE_URL").expect("DATABASE_URL, as scripts/with-postgres sets it");
    let admin = PgPool::connect(&server).await.unwrap();
    // Each by itself: neither may stand in a transaction.
    for statement in [
        "drop database if exists queue_bench with (force)",
        "create database queue_bench",
    ] {
        sqlx::query(statement).execute(&admin).await.unwrap();
    }
    let options = admin
        .connect_options()
        .as_ref()
        .clone()
        .database("queue_bench");
    let url = options.to_url_lossy().to_string();
    let directory = tempfile::tempdir().unwrap();
    mirrorgate::store::seal::SealKey::create_file(&directory.path().join("seal.key")).unwrap();

    let http_only = Process::start(&directory, &url, "0").await;
    http_only.register().await;
    claims(&url).await;
    drop(http_only);
    pick_ups(&directory, &url).await;

    sqlx::raw_sql("drop database queue_bench with (force)")
        .execute(&admin)
        .await
        .unwrap();
}

async fn claims(url: &str) {
    let store = Store::connect(url, 12).await.unwrap();
    let pool = PgPool::connect(url).await.unwrap();
    let mut history = 0_i64;
    for wanted in [1_000, 1_000_000] {
        copy_jobs(&pool, wanted - history, true).await;
        history = wanted;
        sqlx::raw_sql("vacuum analyze")
            .execute(&pool)
            .await
            .unwrap();
        for hands in [1, 8] {
            copy_jobs(&pool, CLAIMS as i64, false).await;
            sqlx::raw_sql("analyze jobs").execute(&pool).await.unwrap();
            measure_claims(&store, wanted, hands).await;
        }
    }
    pool.close().await;
    store.close().await;
}

/// Copies the one job that was asked for, as ended or as open ones; history comes with its rows of the other tables.
async fn copy_jobs(pool: &PgPool, count: i64, ended: bool) {
    let columns: String = sqlx::query_scalar(
        "select string_agg(quote_ident(column_name), ', ') from information_schema.columns
         where table_name = 'jobs' and is_generated = 'NEVER'
           and column_name not in ('id', 'state', 'next_attempt_at', 'finished_at', 'queue_position')",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    let (state, due, finished) = if ended {
        ("succeeded", "null", "clock_timestamp()")
    } else {
        ("queued", "clock_timestamp()", "null")
    };
    let copy = format!(
        "with made as (
             insert into jobs ({columns}, id, state, next_attempt_at, finished_at)
             select {columns}, gen_random_uuid(), '{state}', {due}, {finished}
             from (select * from jobs order by id limit 1) j, generate_series(1, $1)
             returning id)
         insert into job_instances (job_id, instance_id, instance_name_key)
         select made.id, n.instance_id, n.instance_name_key from made,
             (select * from job_instances order by job_id limit 1) n"
    );
    sqlx::query(sqlx::AssertSqlSafe(copy))
        .bind(count)
        .execute(pool)
        .await
        .unwrap();
}

async fn measure_claims(store: &Store, history: i64, hands: usize) {
    let began = Instant::now();
    let claiming: Vec<_> = (0..hands)
        .map(|hand| {
            let store = store.clone();
            tokio::spawn(async move { claim_until_none(&store, hand).await })
        })
        .collect();
    let mut times = Vec::new();
    for hand in claiming {
        times.extend(hand.await.unwrap());
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "claim, {history:>7} jobs of history, {hands} hand(s): {:>5.0} claimed and ended per second, claim alone {}",
        times.len() as f64 / took,
        spread(times)
    );
}

async fn claim_until_none(store: &Store, hand: usize) -> Vec<Duration> {
    let mut conn = store.acquire().await.unwrap();
    let mut times = Vec::new();
    let name = format!("bench:{hand}");
    loop {
        let began = Instant::now();
        let claimed = claim::claim(&mut conn, &Terms::new(&name, Duration::from_secs(60), 5))
            .await
            .unwrap();
        let took = began.elapsed();
        let Some((held, _)) = claimed else {
            return times;
        };
        times.push(took);
        lease::succeed(&mut conn, &held).await.unwrap();
    }
}

async fn pick_ups(directory: &tempfile::TempDir, url: &str) {
    let http_only = Process::start(directory, url, "0").await;
    let _hands = Process::start(directory, url, "8").await;
    let pool = PgPool::connect(url).await.unwrap();
    println!(
        "pick-up, idle:                         {}",
        measure_pick_up(&http_only, &pool).await
    );
    let killer = tokio::spawn(kill_listeners(url.to_owned()));
    println!(
        "pick-up, listener killed every 5 s:    {}",
        measure_pick_up(&http_only, &pool).await
    );
    killer.abort();
    pool.close().await;
}

/// From the acceptance to the first attempt, over jobs asked for one by one.
async fn measure_pick_up(http_only: &Process, pool: &PgPool) -> String {
    let mut times = Vec::new();
    for _ in 0..PICK_UPS {
        let id = http_only.inspect().await;
        let waited = loop {
            let waited: Option<f64> = sqlx::query_scalar(
                "select extract(epoch from started_at - created_at)::float8 from jobs where id = $1::uuid",
            )
            .bind(&id)
            .fetch_one(pool)
            .await
            .unwrap();
            match waited {
                Some(waited) => break waited,
                None => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        };
        times.push(Duration::from_secs_f64(waited.max(0.0)));
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    spread(times)
}

async fn kill_listeners(url: String) {
    let mut conn = sqlx::PgConnection::connect(&url).await.unwrap();
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'")
            .execute(&mut conn)
            .await
            .unwrap();
    }
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms (n {})",
        at(50),
        at(99),
        at(100),
        times.len()
    )
}

/// A mirrorgate process.
struct Process {
    child: Child,
    url: String,
    client: reqwest::Client,
}

impl Process {
    async fn start(directory: &tempfile::TempDir, database: &str, hands: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new(env!("CARGO_BIN_EXE_mirrorgate"))
            .args([
                "serve",
                "--listen",
                &format!("127.0.0.1:{port}"),
                "--concurrency",
                hands,
            ])
            .args(["--max-attempts", "1", "--log", "error"])
            .arg("--seal-key-file")
            .arg(directory.path().join("seal.key"))
            .env("DATABASE_URL", database)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let process = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
            client: reqwest::Client::new(),
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        let ready = format!("{}/readyz", process.url);
        while !process
            .client
            .get(&ready)
            .send()
            .await
            .is_ok_and(|a| a.status() == 200)
        {
            assert!(
                Instant::now() < deadline,
                "the service does not become ready"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        process
    }

    async fn put(&self, path: &str, body: serde_json::Value) {
        let request = self.client.put(format!("{}{path}", self.url)).json(&body);
        request.send().await.unwrap().error_for_status().unwrap();
    }

    /// One instance, at a port that refuses: what is measured ends where talking to SQL Server begins.
    async fn register(&self) {
        let credential = json!({"spec": {"kind": "sql_login", "user": "sa", "password": "unused-Pass1", "hosts": ["127.0.0.1"]}});
        self.put("/v1/credentials/dba", credential).await;
        let instance = json!({"spec": {"host": "127.0.0.1", "port": 1, "credential": "dba"}});
        self.put("/v1/instances/HOST_A", instance).await;
        self.inspect().await;
    }

    async fn inspect(&self) -> String {
        let request = self
            .client
            .post(format!("{}/v1/instances/HOST_A/jobs", self.url));
        let answer = request
            .json(&json!({"kind": "inspect"}))
            .send()
            .await
            .unwrap();
        let job: serde_json::Value = answer.error_for_status().unwrap().json().await.unwrap();
        job["id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
