//! What more pairs and more history cost: the same requests at several sizes, each beside the smallest.

use std::time::{Duration, Instant};

use mirrorgate::store::claim::{self, Terms};
use mirrorgate::store::{Store, lease};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::copies;
use super::service::{Service, database};
use super::sizes::{number, numbers};
use super::statistics::within;

const PAIRS: [usize; 3] = [100, 10_000, 100_000];
/// Rows of job history at the largest.
const HISTORY: usize = 1_000_000;
const INSTANCES: usize = 1_000;
/// How often each is asked.
const TIMES: usize = 50;

pub async fn print() {
    let (sizes, history) = (numbers("GROWTH", &PAIRS), number("HISTORY", HISTORY));
    println!(
        "## growth: p50 and p99 of {TIMES}, one caller; {history} jobs of history at the largest"
    );
    let url = database("bench_growth").await;
    let service = Service::start(&url, &["--concurrency", "0"]).await;
    service.register_one_pair().await;
    let inspect = json!({"kind": "inspect"});
    service.post("/v1/instances/HOST_A/jobs", &inspect).await;
    let growth = Growth {
        pool: PgPool::connect(&url).await.unwrap(),
        store: Store::connect(&url, 2).await.unwrap(),
        service,
    };
    copies::instances(&growth.pool, 1, number("GROWTH_INSTANCES", INSTANCES)).await;
    let (mut there, mut smallest) = (0, Vec::new());
    for &size in &sizes {
        copies::pairs(&growth.pool, there + 1, size).await;
        there = size;
        if Some(&size) == sizes.last() {
            copies::history(&growth.pool, 1, history).await;
        }
        copies::end_all(&growth.pool).await;
        println!("{size} pairs:");
        let all = growth.measure(size).await;
        for (number, (what, times)) in all.iter().enumerate() {
            let p50 = within(times, 50);
            let first = *smallest.get(number).unwrap_or(&p50);
            println!(
                "  {what:22} p50 {p50:6.1} ms, p99 {:6.1} ms, {:.2} x the smallest",
                within(times, 99),
                p50 / first
            );
        }
        if smallest.is_empty() {
            smallest = all.iter().map(|(_, times)| within(times, 50)).collect();
        }
    }
}

struct Growth {
    service: Service,
    pool: PgPool,
    store: Store,
}

impl Growth {
    async fn measure(&self, size: usize) -> Vec<(&'static str, Vec<Duration>)> {
        let first = "/v1/pairs?limit=50".to_owned();
        let last = self.last_page(size).await;
        // Spread over all, and over the instances; each asked once.
        let count = TIMES.min(size);
        let pairs: Vec<String> = (0..count)
            .map(|n| format!("copy{:06}", 1 + n * (size / count + 1) % size))
            .collect();
        let (mut firsts, mut lasts) = (Vec::new(), Vec::new());
        let (mut puts, mut posts) = (Vec::new(), Vec::new());
        for pair in &pairs {
            firsts.push(timed(self.service.get(&first)).await);
            lasts.push(timed(self.service.get(&last)).await);
            puts.push(self.put_changed(pair, size).await);
            posts.push(timed(self.service.ask(pair, "configure-inbound")).await);
        }
        vec![
            ("first page of pairs", firsts),
            ("last page of pairs", lasts),
            ("PUT of a pair, changed", puts),
            ("POST of a job", posts),
            ("claim", self.claims().await),
        ]
    }

    /// Its address: what is left when the others have been turned.
    async fn last_page(&self, size: usize) -> String {
        let mut path = "/v1/pairs?limit=500".to_owned();
        let mut seen = 0;
        loop {
            // Those that are copied, and the first.
            let left = size + 1 - seen;
            let limit = if left > 550 {
                500
            } else {
                left.saturating_sub(50).max(1)
            };
            path = path.replace("limit=500", &format!("limit={limit}"));
            let page = self.service.get(&path).await;
            seen += page["items"].as_array().unwrap().len();
            let cursor = page["next_cursor"].as_str().expect("a page behind it");
            if size + 1 - seen <= 50 {
                return format!("/v1/pairs?limit=50&cursor={cursor}");
            }
            path = format!("/v1/pairs?limit=500&cursor={cursor}");
        }
    }

    async fn put_changed(&self, pair: &str, size: usize) -> Duration {
        let path = format!("/v1/pairs/{pair}");
        let mut view: Value = self.service.get(&path).await;
        let body = json!({"spec": view["spec"].take(), "labels": {"at": size.to_string()}});
        timed(self.service.put(&path, &body)).await
    }

    /// One by one, until all that were asked for are claimed and ended.
    async fn claims(&self) -> Vec<Duration> {
        let mut conn = self.store.acquire().await.unwrap();
        let terms = Terms::new("bench", Duration::from_secs(60), 5);
        let mut times = Vec::new();
        loop {
            let began = Instant::now();
            let claimed = claim::claim(&mut conn, &terms).await.unwrap();
            let took = began.elapsed();
            let Some((held, _)) = claimed else {
                return times;
            };
            times.push(took);
            lease::succeed(&mut conn, &held).await.unwrap();
        }
    }
}

async fn timed<T>(work: impl Future<Output = T>) -> Duration {
    let began = Instant::now();
    work.await;
    began.elapsed()
}
