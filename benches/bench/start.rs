//! From the start of the process to its first 200 of /readyz, and from SIGTERM to its end, on a migrated database.

use std::time::Duration;

use super::bare::Bare;
use super::service::{Service, database};
use super::sizes::number;
use super::statistics::{spread, within};

const STARTS: usize = 20;

pub async fn print() {
    let starts = number("STARTS", STARTS);
    println!("## start: on a migrated database, nothing to do");
    let url = database("bench_start").await;
    let first = Service::start(&url, &[]).await;
    let migrating = first.ready_after.as_secs_f64() * 1e3;
    first.stop();
    let (mut bare, mut ready, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..starts {
        bare.push(Bare::start(&url).ready_after);
        let service = Service::start(&url, &[]).await;
        ready.push(service.ready_after);
        gone.push(service.stop());
    }
    let beside = |times: &[Duration]| within(times, 50) / within(&bare, 50);
    println!("bare handler listens: {}", spread(&bare));
    println!(
        "ready: {}; p50 {:.1} x bare",
        spread(&ready),
        beside(&ready)
    );
    println!("ready, with all migrations: {migrating:.0} ms");
    println!("SIGTERM to the end: {}", spread(&gone));
}
