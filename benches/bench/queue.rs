//! How fast jobs are claimed and ended, by what the open ones wait for, beside a bare table that workers take rows from.

use std::time::{Duration, Instant};

use mirrorgate::store::claim::{self, Terms};
use mirrorgate::store::{Conn, Store, lease};
use serde_json::json;
use sqlx::PgPool;

use super::copies::{self, Wait};
use super::service::{Service, database};
use super::sizes::{number, numbers};
use super::statistics::{spread, within};

const OPEN: usize = 10_000;
/// Jobs claimed and ended in one measurement.
const CLAIMS: usize = 1_000;

pub async fn print() {
    let (open, claims) = (number("OPEN_JOBS", OPEN), number("CLAIMS", CLAIMS));
    let url = database("bench_queue").await;
    let service = Service::start(&url, &["--concurrency", "0"]).await;
    service.register_one_pair().await;
    service.ask("first", "configure-inbound").await;
    let inspect = json!({"kind": "inspect"});
    service.post("/v1/instances/HOST_A/jobs", &inspect).await;
    drop(service);
    let queue = Queue {
        pool: PgPool::connect(&url).await.unwrap(),
        // As the workers are connected: with one plan for each statement.
        store: Store::for_workers(&url, 12, Duration::from_secs(3)).unwrap(),
        open,
        claims: claims.min(open / 2),
    };
    let (last, pool) = (open + queue.claims, &queue.pool);
    copies::instances(pool, 1, 2 * last).await;
    copies::pairs(pool, 1, last).await;
    println!(
        "## queue: {open} open jobs, {} of them claimed",
        queue.claims
    );
    let mut there = 0;
    for history in numbers("HISTORIES", &[1_000, 1_000_000]) {
        copies::history(pool, there + 1, history).await;
        there = history;
        for hands in [1, 8] {
            println!("{history} jobs of history, {hands} hand(s):");
            queue.measure(hands).await;
        }
    }
}

struct Queue {
    pool: PgPool,
    store: Store,
    open: usize,
    claims: usize,
}

impl Queue {
    async fn measure(&self, hands: usize) {
        let bare = self.bare(hands).await;
        copies::end_all(&self.pool).await;
        copies::open_jobs(&self.pool, 1, self.open, Wait::Nothing).await;
        copies::settle(&self.pool).await;
        self.claimed("all free:", hands, bare).await;

        copies::end_all(&self.pool).await;
        copies::hold_host_a(&self.pool).await;
        copies::open_jobs(&self.pool, 1, self.open, Wait::OneInstance).await;
        let (first, last) = (self.open + 1, self.open + self.claims);
        copies::open_jobs(&self.pool, first, first, Wait::Nothing).await;
        copies::settle(&self.pool).await;
        let mut conn = self.store.acquire().await.unwrap();
        let began = Instant::now();
        assert!(claim_and_end(&mut conn, "bench").await);
        let took = began.elapsed().as_secs_f64() * 1e3;
        println!(
            "  all wait for one held instance: the one free job behind them claimed and ended after {took:.0} ms"
        );
        copies::open_jobs(&self.pool, first, last, Wait::Nothing).await;
        self.claimed("  free ones that come then:", hands, bare)
            .await;

        copies::end_all(&self.pool).await;
        copies::open_jobs(&self.pool, 1, self.open, Wait::ItsTime).await;
        copies::settle(&self.pool).await;
        self.claimed("all retries not yet due:", hands, bare).await;
        copies::end_all(&self.pool).await;
    }

    /// Claims and ends, or finds nothing, as often as there are claims to make.
    async fn claimed(&self, what: &str, hands: usize, bare: f64) {
        let began = Instant::now();
        let claiming: Vec<_> = (0..hands)
            .map(|hand| {
                let (store, count) = (self.store.clone(), self.claims / hands);
                tokio::spawn(async move { claim_often(&store, hand, count).await })
            })
            .collect();
        let (mut times, mut ended) = (Vec::new(), 0);
        for hand in claiming {
            let (of_hand, ended_by_hand) = hand.await.unwrap();
            times.extend(of_hand);
            ended += ended_by_hand;
        }
        let per_second = times.len() as f64 / began.elapsed().as_secs_f64();
        let what = format!("{what} {per_second:.0}/s, {:.2} x bare", per_second / bare);
        println!("  {what}; a claim {}, {ended} jobs", spread(&times));
    }

    /// Rows per second that are taken from a bare table of as many, and ended.
    async fn bare(&self, hands: usize) -> f64 {
        let make = format!(
            "drop table if exists bare;
             create table bare (id bigserial primary key, state text not null default 'queued');
             insert into bare select from generate_series(1, {});
             create index on bare (id) where state = 'queued';
             vacuum analyze bare",
            self.open
        );
        for statement in make.split(';') {
            let statement = sqlx::AssertSqlSafe(statement.to_owned());
            sqlx::query(statement).execute(&self.pool).await.unwrap();
        }
        let began = Instant::now();
        let taking: Vec<_> = (0..hands)
            .map(|_| {
                let (pool, count) = (self.pool.clone(), self.claims / hands);
                tokio::spawn(async move { take_often(&pool, count).await })
            })
            .collect();
        let mut times = Vec::new();
        for hand in taking {
            times.extend(hand.await.unwrap());
        }
        let per_second = times.len() as f64 / began.elapsed().as_secs_f64();
        let (p50, p99) = (within(&times, 50), within(&times, 99));
        println!(
            "  bare table, skip locked: {per_second:.0}/s; a claim p50 {p50:.1} ms, p99 {p99:.1} ms"
        );
        per_second
    }
}

async fn claim_and_end(conn: &mut Conn, worker: &str) -> bool {
    let terms = Terms::new(worker, Duration::from_secs(60), 5);
    let claimed = claim::claim(conn, &terms).await.unwrap();
    if let Some((held, _)) = &claimed {
        lease::succeed(conn, held).await.unwrap();
    }
    claimed.is_some()
}

/// The time of each claim, without the end; and how many there was something for.
async fn claim_often(store: &Store, hand: usize, count: usize) -> (Vec<Duration>, usize) {
    let mut conn = store.acquire().await.unwrap();
    let (mut times, mut ended) = (Vec::new(), 0);
    let name = format!("bench:{hand}");
    let terms = Terms::new(&name, Duration::from_secs(60), 5);
    for _ in 0..count {
        let began = Instant::now();
        let claimed = claim::claim(&mut conn, &terms).await.unwrap();
        times.push(began.elapsed());
        if let Some((held, _)) = claimed {
            lease::succeed(&mut conn, &held).await.unwrap();
            ended += 1;
        }
    }
    (times, ended)
}

async fn take_often(pool: &PgPool, count: usize) -> Vec<Duration> {
    let mut conn = pool.acquire().await.unwrap();
    let mut times = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        let id: i64 = sqlx::query_scalar(
            "update bare set state = 'running' where id = (
                 select id from bare where state = 'queued' order by id limit 1 for update skip locked)
             returning id",
        )
        .fetch_one(&mut *conn)
        .await
        .unwrap();
        times.push(began.elapsed());
        sqlx::query("update bare set state = 'ended' where id = $1")
            .bind(id)
            .execute(&mut *conn)
            .await
            .unwrap();
    }
    times
}
