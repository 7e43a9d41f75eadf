//! What instances that say nothing any more cost those that have nothing to do with them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sqlx::PgPool;

use super::fleet::{Process, Said};
use super::pairs;
use super::service::{Service, database};
use super::sizes::number;
use super::statistics::{spread, within};

const INSTANCES: usize = 200;
/// Jobs asked for one after the other, on a healthy pair each.
const PROBES: usize = 10;

pub async fn print() {
    let instances = number("STALL_INSTANCES", INSTANCES).max(2 * PROBES + 10);
    let silent = instances / 5;
    // Each of the silent ones in two pairs, with others that are healthy; the last ones are in no such pair.
    let mut all: Vec<pairs::Pair> = (0..2 * silent)
        .map(|n| (n / 2, silent + n % (instances - silent - 2 * PROBES)))
        .collect();
    let healthy = instances - 2 * PROBES;
    all.extend((0..PROBES).map(|n| (healthy + 2 * n, healthy + 2 * n + 1)));
    println!(
        "## stalls: {instances} instances, {silent} silent after the log-in, two jobs asked for on each of these"
    );
    let mut fleet = Process::start(instances);
    let stalls = Stalls::start(&fleet.said, &all).await;
    let before = stalls.probe(2 * silent).await;
    println!("before, started:  {}", spread(&before.started));
    println!("before, succeeded: {}", spread(&before.succeeded));
    fleet.silence(silent);
    pairs::ask(&stalls.service, 2 * silent, "configure-inbound").await;
    let after = stalls.probe(2 * silent).await;
    let all = [
        ("started", &before.started, &after.started),
        ("succeeded", &before.succeeded, &after.succeeded),
    ];
    for (what, before, after) in all {
        println!(
            "stalled, {what}: the first after {:.2} s, then {}; p50 {:.1} x before",
            after[0].as_secs_f64(),
            spread(&after[1..]),
            within(after, 50) / within(before, 50)
        );
    }
    let open: i64 =
        sqlx::query_scalar("select count(*) from jobs where state = 'queued' or state = 'running'")
            .fetch_one(&stalls.pool)
            .await
            .unwrap();
    println!(
        "{open} of {} jobs on silent instances are open then",
        2 * silent
    );
}

struct Stalls {
    service: Arc<Service>,
    pool: PgPool,
}

/// From the acceptance of jobs.
#[derive(Default)]
struct Times {
    started: Vec<Duration>,
    succeeded: Vec<Duration>,
}

impl Stalls {
    async fn start(fleet: &Said, all: &[pairs::Pair]) -> Self {
        let url = database("bench_stalls").await;
        let service = Arc::new(Service::start(&url, &[]).await);
        service.register(fleet).await;
        pairs::register(&service, fleet, all).await;
        Self {
            service,
            pool: PgPool::connect(&url).await.unwrap(),
        }
    }

    async fn probe(&self, first: usize) -> Times {
        let mut times = Times::default();
        for number in first..first + PROBES {
            let name = pairs::name(number);
            let job = self.service.ask(&name, "configure-inbound").await;
            let ended = self.service.ended(&job).await;
            assert_eq!(ended["state"], Value::from("succeeded"), "{ended}");
            let (started, succeeded): (f64, f64) = sqlx::query_as(
                "select extract(epoch from started_at - created_at)::float8, extract(epoch from finished_at - created_at)::float8
                 from jobs where id = $1::uuid",
            )
            .bind(job["id"].as_str())
            .fetch_one(&self.pool)
            .await
            .unwrap();
            times
                .started
                .push(Duration::from_secs_f64(started.max(0.0)));
            times.succeeded.push(Duration::from_secs_f64(succeeded));
        }
        times
    }
}
