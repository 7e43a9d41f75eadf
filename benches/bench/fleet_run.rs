//! The whole job: 1,000 pairs over 200 instances, from the first PUT until all are configured, beside the script.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgPool;

use super::fleet::Process;
use super::service::{Service, database};
use super::sizes::number;
use super::statistics::{Work, count_statements, cpu_seconds};
use super::{pairs, peer};

const INSTANCES: usize = 200;
const PAIRS: usize = 1_000;

pub async fn print() {
    let (instances, pairs) = (number("INSTANCES", INSTANCES), number("PAIRS", PAIRS));
    let pairs = pairs::at_random(instances, pairs);
    let count = pairs.len() as f64;
    println!(
        "## fleet: {} pairs over {instances} instances, TLS, 5 ms a batch",
        pairs.len()
    );
    let script = {
        let fleet = Process::start(instances);
        let before = cpu_seconds(fleet.id());
        let took = peer::run(&fleet.said, &pairs).await;
        println!(
            "script, 16 tasks:      {:6.1} s (fleet's CPU {:.1} ms a pair)",
            took.as_secs_f64(),
            (cpu_seconds(fleet.id()) - before) * 1e3 / count
        );
        took
    };
    let fleet = Process::start(instances);
    let url = database("bench_fleet").await;
    let service = Arc::new(Service::start(&url, &[]).await);
    service.register(&fleet.said).await;
    let pool = PgPool::connect(&url).await.unwrap();
    count_statements(&pool).await;
    let run = Run {
        service: &service,
        pool: &pool,
        fleet: &fleet,
        pairs: pairs.len(),
        script,
    };
    let began = Instant::now();
    let (before, cpu) = (Work::so_far(&pool).await, cpu_seconds(service.id()));
    pairs::register(&service, &fleet.said, &pairs).await;
    println!(
        "pair PUTs:             {:6.1} s (own CPU {:.1} ms each; {})",
        began.elapsed().as_secs_f64(),
        (cpu_seconds(service.id()) - cpu) * 1e3 / count,
        Work::so_far(&pool).await.per(before, count)
    );
    let configuring = run.jobs("configure-inbound").await;
    println!(
        "first PUT to all configured: {:.1} s, {:.2} x the script (jobs {:.1} s)",
        began.elapsed().as_secs_f64(),
        began.elapsed().as_secs_f64() / script.as_secs_f64(),
        configuring.as_secs_f64()
    );
    run.jobs("configure-inbound").await;
    run.jobs("verify-inbound").await;
}

struct Run<'a> {
    service: &'a Arc<Service>,
    pool: &'a PgPool,
    fleet: &'a Process,
    pairs: usize,
    script: Duration,
}

impl Run<'_> {
    /// A job on every pair; ends when all have ended.
    async fn jobs(&self, kind: &'static str) -> Duration {
        let count = self.pairs as f64;
        let (before, cpu) = (
            Work::so_far(self.pool).await,
            cpu_seconds(self.service.id()),
        );
        let fleets = cpu_seconds(self.fleet.id());
        let began = Instant::now();
        pairs::ask(self.service, self.pairs, kind).await;
        let asked = began.elapsed();
        while self.open().await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let took = began.elapsed();
        println!(
            "{kind:20}   {:6.1} s, {:.2} x the script (asking {:.1} s); own CPU {:.1} ms, fleet's {:.1} ms a job; {}; ended {}",
            took.as_secs_f64(),
            took.as_secs_f64() / self.script.as_secs_f64(),
            asked.as_secs_f64(),
            (cpu_seconds(self.service.id()) - cpu) * 1e3 / count,
            (cpu_seconds(self.fleet.id()) - fleets) * 1e3 / count,
            Work::so_far(self.pool).await.per(before, count),
            self.ends(kind).await
        );
        took
    }

    async fn open(&self) -> i64 {
        sqlx::query_scalar("select count(*) from jobs where state = 'queued' or state = 'running'")
            .fetch_one(self.pool)
            .await
            .unwrap()
    }

    async fn ends(&self, kind: &str) -> String {
        let ends: Vec<(String, i64)> = sqlx::query_as(
            "select coalesce(failure_code, state), count(*) from jobs where kind = $1 group by 1 order by 1",
        )
        .bind(kind)
        .fetch_all(self.pool)
        .await
        .unwrap();
        let ends: Vec<String> = ends.iter().map(|(end, n)| format!("{end} {n}")).collect();
        ends.join(", ")
    }
}
