//! From the acceptance of a job over HTTP to its first attempt, beside a bare notification of PostgreSQL.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::postgres::PgListener;
use sqlx::{Connection as _, PgPool};

use super::fleet::Process;
use super::service::{Service, database};
use super::sizes::number;
use super::statistics::{spread, within};

/// Jobs asked for one after the other.
const PICK_UPS: usize = 400;
/// How often the listener is killed.
const KILLS: usize = 6;
/// When a caller who waits is told too late.
const LATE: Duration = Duration::from_secs(1);
const BETWEEN_KILLS: Duration = Duration::from_secs(5);

pub async fn print() {
    let (jobs, kills) = (number("PICK_UPS", PICK_UPS), number("KILLS", KILLS));
    println!("## pick-up: from acceptance to first attempt, 8 hands in a process of their own");
    let fleet = Process::start(1);
    let url = database("bench_pick_up").await;
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("seal.key");
    mirrorgate::store::seal::SealKey::create_file(&key).unwrap();
    let asked = Service::with_key(&url, &key, &["--concurrency", "0"]).await;
    asked.register(&fleet.said).await;
    let _hands = Service::with_key(&url, &key, &["--concurrency", "8"]).await;
    let pool = PgPool::connect(&url).await.unwrap();
    let pick_up = PickUp {
        asked,
        path: format!("/v1/instances/{}/jobs", fleet.said.hosts[0].name),
        pool: pool.clone(),
    };
    let bare = notifications(&pool, jobs).await;
    println!("notify to listener: {}", spread(&bare));
    let mut idle = Vec::new();
    for _ in 0..jobs {
        idle.push(pick_up.one().await.0);
    }
    println!(
        "idle: {}; p50 {:.1} x, p99 {:.1} x notify",
        spread(&idle),
        within(&idle, 50) / within(&bare, 50),
        within(&idle, 99) / within(&bare, 99)
    );
    let killer = tokio::spawn(kill_listeners(url.clone(), kills));
    let (mut hurt, mut late) = (Vec::new(), 0);
    while !killer.is_finished() {
        let (waited, answered_late) = pick_up.one().await;
        hurt.push(waited);
        late += usize::from(answered_late > LATE);
    }
    println!(
        "listeners killed every 5 s ({} killed): {}; p50 {:.1} x, p99 {:.1} x idle",
        killer.await.unwrap(),
        spread(&hurt),
        within(&hurt, 50) / within(&idle, 50),
        within(&hurt, 99) / within(&idle, 99)
    );
    println!("answers to callers who wait that came over 1 s after the end meanwhile: {late}");
}

struct PickUp {
    asked: Service,
    path: String,
    pool: PgPool,
}

impl PickUp {
    /// How long it waited for its attempt, and how long after its end the caller who waits was told. The next one is asked for
    /// then: it finds nothing to do either.
    async fn one(&self) -> (Duration, Duration) {
        let began = Instant::now();
        let inspect = json!({"kind": "inspect"});
        let job = self.asked.post(&self.path, &inspect).await;
        self.asked.ended(&job).await;
        let answered = began.elapsed();
        let (waited, took): (f64, f64) = sqlx::query_as(
            "select extract(epoch from started_at - created_at)::float8, extract(epoch from finished_at - created_at)::float8
             from jobs where id = $1::uuid",
        )
        .bind(job["id"].as_str())
        .fetch_one(&self.pool)
        .await
        .unwrap();
        let late = answered.saturating_sub(Duration::from_secs_f64(took.max(0.0)));
        (Duration::from_secs_f64(waited.max(0.0)), late)
    }
}

/// What PostgreSQL takes to tell a listener.
async fn notifications(pool: &PgPool, count: usize) -> Vec<Duration> {
    let mut listener = PgListener::connect_with(pool).await.unwrap();
    listener.listen("bench").await.unwrap();
    let mut times = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        sqlx::query("notify bench").execute(pool).await.unwrap();
        listener.recv().await.unwrap();
        times.push(began.elapsed());
    }
    times
}

/// How many connections it has killed.
async fn kill_listeners(url: String, times: usize) -> i64 {
    let mut conn = sqlx::PgConnection::connect(&url).await.unwrap();
    let mut killed = 0;
    let mut clock = tokio::time::interval(BETWEEN_KILLS);
    for _ in 0..times {
        clock.tick().await;
        let now: i64 = sqlx::query_scalar(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid() and query ilike 'listen%'",
        )
        .fetch_one(&mut conn)
        .await
        .unwrap();
        killed += now;
    }
    // What the last one does is looked at for as long.
    clock.tick().await;
    killed
}
