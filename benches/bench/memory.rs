//! Resident memory of the process: idle, with pairs, with connections to SQL Servers, with callers that wait.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;

use super::bare::Bare;
use super::fleet::Process;
use super::pairs;
use super::service::{Service, database};
use super::sizes::number;
use super::statistics::resident_mb;

const INSTANCES: usize = 200;
const PAIRS: usize = 10_000;
const WAITERS: usize = 1_000;

pub async fn print() {
    let (instances, count) = (
        number("INSTANCES", INSTANCES),
        number("MEMORY_PAIRS", PAIRS),
    );
    let waiters = number("WAITERS", WAITERS);
    println!("## memory: resident MB of the process");
    let mut fleet = Process::start(instances);
    let url = database("bench_memory").await;
    let bare = Bare::start(&url);
    let service = Arc::new(Service::start(&url, &[]).await);
    let (alone, idle) = (resident_mb(bare.id()), resident_mb(service.id()));
    let say = |what: &str, mb: f64| println!("{what:24} {mb:7.1} MB, {:.1} x idle", mb / idle);
    say("bare handler", alone);
    say("idle", idle);

    service.register(&fleet.said).await;
    let all = pairs::at_random(instances, count);
    pairs::register(&service, &fleet.said, &all).await;
    let registered = format!("{count} pairs registered");
    say(&registered, resident_mb(service.id()));

    // Two jobs at the same time on an instance are what a second connection is made for.
    pairs::ask(&service, count.min(5 * instances), "verify-inbound").await;
    until_none_is_open(&url).await;
    let ports: HashSet<u16> = fleet.said.hosts.iter().map(|host| host.port).collect();
    let connected = format!("{} SQL connections", connections_to(&ports));
    say(&connected, resident_mb(service.id()));

    fleet.silence(instances);
    let path = format!("/v1/instances/{}/jobs", fleet.said.hosts[0].name);
    let job = service.post(&path, &json!({"kind": "inspect"})).await;
    let (waiting, highest) = wait_for(&service, &job, waiters).await;
    say(&format!("{waiting} waiters"), highest);
}

async fn until_none_is_open(url: &str) {
    let pool = PgPool::connect(url).await.unwrap();
    let open = async || {
        sqlx::query_scalar::<_, i64>(
            "select count(*) from jobs where state = 'queued' or state = 'running'",
        )
        .fetch_one(&pool)
        .await
        .unwrap()
    };
    while open().await > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Established ones of this machine to these ports.
fn connections_to(ports: &HashSet<u16>) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let remote = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port = u16::from_str_radix(fields.get(2)?.rsplit(':').next()?, 16).ok()?;
        (fields.get(3) == Some(&"01")).then_some(port)
    };
    let remotes = table.lines().filter_map(remote);
    remotes.filter(|port| ports.contains(port)).count()
}

/// So many wait for the job at once: how many connections there were to the service, and its memory, at the most.
async fn wait_for(service: &Arc<Service>, job: &Value, count: usize) -> (usize, f64) {
    let client = reqwest::Client::new();
    let ask = format!(
        "{}/v1/jobs/{}?wait=15s",
        service.url,
        job["id"].as_str().unwrap()
    );
    let port: HashSet<u16> =
        HashSet::from([service.url.rsplit(':').next().unwrap().parse().unwrap()]);
    let before = connections_to(&port);
    let waiting: Vec<_> = (0..count)
        .map(|_| {
            let request = client.get(&ask);
            tokio::spawn(async move {
                request.send().await.unwrap().error_for_status().unwrap();
            })
        })
        .collect();
    let (mut most, mut highest) = (0, 0.0_f64);
    let mut clock = tokio::time::interval(Duration::from_millis(100));
    while !waiting.iter().all(tokio::task::JoinHandle::is_finished) {
        clock.tick().await;
        most = most.max(connections_to(&port).saturating_sub(before));
        highest = highest.max(resident_mb(service.id()));
    }
    for one in waiting {
        one.await.unwrap();
    }
    (most, highest)
}
