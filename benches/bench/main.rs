//! All figures of mirrorgate, each beside something of the same run that it can be compared with. `scripts/bench` runs it.
//!
//! Prints figures and asserts none: what CI asserts are counts (`tests/wire/costs.rs`). What came out, and where, is in
//! `docs/benchmarks.md`. Everything is written into databases of its own, on the throw-away server of `scripts/with-postgres`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking"
)]

mod api;
mod bare;
mod callers;
mod copies;
mod fleet;
mod fleet_run;
mod growth;
mod memory;
mod pairs;
mod peer;
mod pick_up;
mod queue;
mod service;
mod sizes;
mod stalls;
mod start;
mod statistics;

/// In the order in which they are run.
const PARTS: [&str; 8] = [
    "fleet", "queue", "pick-up", "api", "stalls", "memory", "start", "growth",
];

/// Which parts to run: those named by the arguments, or all of them.
fn wanted() -> Vec<&'static str> {
    let named: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    if let Some(unknown) = named.iter().find(|name| !PARTS.contains(&name.as_str())) {
        panic!(
            "no part is called {unknown}; there are {}",
            PARTS.join(", ")
        );
    }
    let is_wanted = |part: &&str| named.is_empty() || named.iter().any(|name| name == part);
    PARTS.into_iter().filter(is_wanted).collect()
}

#[tokio::main]
async fn main() {
    if let Some(size) = fleet::asked_to_be_one() {
        return fleet::be(size).await;
    }
    if bare::asked_to_be_one() {
        return bare::be().await;
    }
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    for part in wanted() {
        match part {
            "fleet" => fleet_run::print().await,
            "queue" => queue::print().await,
            "pick-up" => pick_up::print().await,
            "api" => api::print().await,
            "stalls" => stalls::print().await,
            "memory" => memory::print().await,
            "start" => start::print().await,
            _ => growth::print().await,
        }
        println!();
    }
}
