//! Requests per second, idle and while jobs run, beside /readyz and a bare handler, asked by the same client.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::bare::Bare;
use super::callers::{CALLERS, Rate, for_a_while};
use super::fleet::Process;
use super::pairs;
use super::service::{Service, database};
use super::sizes::number;
use super::statistics::within;

const INSTANCES: usize = 200;
const PAIRS: usize = 1_000;
/// Jobs that run meanwhile.
const RUNNING: usize = 64;
/// What every batch takes then: a job lasts for seconds, and costs little while it does.
const SLOW: Duration = Duration::from_secs(2);

pub async fn print() {
    let (instances, count) = (number("INSTANCES", INSTANCES), number("PAIRS", PAIRS));
    let seconds = number("API_SECONDS", 5);
    println!(
        "## api: {CALLERS} connections, {count} pairs, {seconds} s each; a second, beside readyz and the bare handler"
    );
    let mut fleet = Process::start(instances);
    let url = database("bench_api").await;
    let service = Arc::new(Service::start(&url, &["--concurrency", "64"]).await);
    service.register(&fleet.said).await;
    let pairs = pairs::at_random(instances, count);
    pairs::register(&service, &fleet.said, &pairs).await;
    // Something to list, and to be known of every instance.
    let running = RUNNING.min(count);
    for number in 0..running {
        let job = service.ask(&pairs::name(number), "verify-inbound").await;
        service.ended(&job).await;
    }
    let api = Api {
        bare: Bare::start(&url),
        partners: {
            let (a, b) = pairs[0];
            json!([fleet.said.hosts[a].name, fleet.said.hosts[b].name])
        },
        hosts: fleet.said.hosts.iter().map(|h| h.name.clone()).collect(),
        pairs: pairs.clone(),
        service: Arc::clone(&service),
        length: Duration::from_secs(seconds as u64),
    };
    println!("idle:");
    let idle = api.all(None).await;
    fleet.slow(SLOW);
    let mut asking = JoinSet::new();
    for number in 0..running {
        let service = Arc::clone(&service);
        asking.spawn(async move {
            loop {
                let job = service.ask(&pairs::name(number), "verify-inbound").await;
                service.ended(&job).await;
            }
        });
    }
    let there = until_running(&service, running / 2).await;
    println!("{running} jobs open all the time, {there} of them running:");
    api.all(Some(&idle)).await;
    asking.shutdown().await;
}

/// Waits until more than so many run; how many do.
async fn until_running(service: &Service, count: usize) -> usize {
    loop {
        let list = service.get("/v1/jobs?state=running&limit=500").await;
        let running = list["items"].as_array().unwrap().len();
        if running > count {
            return running;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// One request, again and again.
#[derive(Clone, Copy)]
enum Ask {
    Bare,
    Get(&'static str),
    PutSame,
    PutChanged,
}

const ASKS: [(&str, Ask); 7] = [
    ("bare: select 1", Ask::Bare),
    ("GET /readyz", Ask::Get("/readyz")),
    ("GET /v1/pairs/{name}", Ask::Get("/v1/pairs/pair00000")),
    ("GET /v1/pairs?limit=50", Ask::Get("/v1/pairs?limit=50")),
    ("GET /v1/jobs?limit=50", Ask::Get("/v1/jobs?limit=50")),
    ("PUT a pair, the same", Ask::PutSame),
    ("PUT a pair, changed", Ask::PutChanged),
];

struct Api {
    service: Arc<Service>,
    bare: Bare,
    partners: Value,
    hosts: Vec<String>,
    pairs: Vec<pairs::Pair>,
    length: Duration,
}

impl Api {
    async fn all(&self, idle: Option<&[Rate]>) -> Vec<Rate> {
        let mut rates: Vec<Rate> = Vec::new();
        for (number, (what, ask)) in ASKS.iter().enumerate() {
            let rate = self.asked(*ask).await;
            let beside = |other: Option<&Rate>, what: &str| {
                other.map_or_else(String::new, |other| {
                    format!(", {:.2} x {what}", rate.per_second / other.per_second)
                })
            };
            println!(
                "  {what:24} {:7.0}/s{}{}{}; p50 {:.1} ms, p99 {:.1} ms",
                rate.per_second,
                beside(rates.get(1), "readyz"),
                beside(rates.first(), "bare"),
                beside(idle.map(|rates| &rates[number]), "idle"),
                within(&rate.times, 50),
                within(&rate.times, 99)
            );
            rates.push(rate);
        }
        rates
    }

    async fn asked(&self, ask: Ask) -> Rate {
        let client = reqwest::Client::new();
        let (url, bare) = (self.service.url.clone(), self.bare.url.clone());
        let same = json!({"spec": {"partners": self.partners}});
        // One after the other: no two callers are at the same pair.
        let changed: Arc<Vec<Value>> = Arc::new(
            self.pairs
                .iter()
                .map(|&(a, b)| json!([self.hosts[a], self.hosts[b]]))
                .collect(),
        );
        for_a_while(self.length, move |n| {
            let request = match ask {
                Ask::Bare => client.get(&bare),
                Ask::Get(path) => client.get(format!("{url}{path}")),
                Ask::PutSame => client
                    .put(format!("{url}/v1/pairs/{}", pairs::name(0)))
                    .json(&same),
                Ask::PutChanged => {
                    let pair = n % changed.len();
                    let labels = json!({"changed": n.to_string()});
                    let body = json!({"spec": {"partners": changed[pair]}, "labels": labels});
                    client
                        .put(format!("{url}/v1/pairs/{}", pairs::name(pair)))
                        .json(&body)
                }
            };
            async move {
                let answer = request.send().await.unwrap().error_for_status().unwrap();
                answer.bytes().await.unwrap();
            }
        })
        .await
    }
}
