//! R14: a cancellation asked for at any statement. The job ends, cancelled or succeeded, and no instance is left half done.

use std::time::Duration;

use serde_json::json;
use sqlserver_sim::{Fault, Rule};
use sqlx::PgPool;
use uuid::Uuid;

use super::boundaries::{SIDE_BY_SIDE, sample, statements};
use super::replica::Replica;
use super::site::{LONG, Site};
use super::{history, ledger, within};

/// Statements may stand in others, which are entered in the ledger only after them.
const NESTED: u64 = 3;

/// What one trust is made of: login, user, certificate, grant.
const WHOLE: usize = 4;

#[sqlx::test(migrations = false)]
async fn r14_a_job_cancelled_at_any_statement_ends_and_leaves_nothing_half_done(pool: PgPool) {
    let site = Site::apart(&pool, SIDE_BY_SIDE).await;
    let replica = site.replica(&["--concurrency", "32"]).await;
    // Asked at another process than the one that works.
    let door = site.replica(&["--concurrency", "0"]).await;
    site.register(&door, &[]).await;
    let boundaries = sample(&statements(&site, &replica).await);
    let (mut cancelled, mut succeeded) = (0, 0);
    for some in boundaries.chunks(SIDE_BY_SIDE) {
        for job in cancel_at(&site, &door, some).await {
            match site.job(job).await.0.as_str() {
                "cancelled" => cancelled += 1,
                "succeeded" => succeeded += 1,
                state => panic!("{job} is {state}"),
            }
        }
    }
    println!(
        "cancelled at {} statements: {cancelled} cancelled, {succeeded} past the point of no return",
        boundaries.len()
    );
    assert!(
        cancelled > 0 && succeeded > 0,
        "only one side of the point of no return was tried"
    );
}

/// One round: the job of pair i is cancelled while its first instance dwells before statement `boundaries[i]`.
async fn cancel_at(site: &Site, door: &Replica, boundaries: &[u64]) -> Vec<Uuid> {
    site.undo().await;
    let since = site.now();
    for ((first, _), k) in site.pairs.iter().zip(boundaries) {
        let dwell = Fault::Delay(Duration::from_secs(3));
        site.hosts[*first]
            .faults()
            .add(Rule::nth_statement(*k, dwell));
    }
    let mut asked = Vec::new();
    for number in 0..boundaries.len() {
        asked.push(site.configure(door, number).await);
    }
    within(LONG, "every instance dwells", || {
        let reached = |(pair, k): (&(usize, usize), &u64)| {
            let ran = site.hosts[pair.0].ledger();
            let ran = ran
                .iter()
                .filter(|e| e.application == "mirrorgate" && e.at >= since);
            ran.count() as u64 + NESTED >= *k
        };
        std::future::ready(site.pairs.iter().zip(boundaries).all(reached))
    })
    .await;
    for job in &asked {
        let answer = door
            .post(&format!("/v1/jobs/{job}/cancel"), &json!({}))
            .await;
        assert!(matches!(answer.status, 200 | 202), "{answer:?}");
    }
    site.all_end(&asked, LONG).await;
    for (first, _) in &site.pairs {
        site.hosts[*first].faults().clear();
    }
    for (a, b) in &site.pairs[..boundaries.len()] {
        for host in [&site.hosts[*a], &site.hosts[*b]] {
            let made = ledger::committed(host, since).len();
            assert!(
                made == 0 || made == WHOLE,
                "{} is left with {made} of {WHOLE} objects",
                host.name()
            );
        }
    }
    for job in &asked {
        history::assert_whole(site, *job).await;
    }
    // Asked for again, only what is missing is made.
    let again = site.configure_all(door).await;
    site.all_succeed(&again, LONG).await;
    site.assert_as_asked(since);
    asked
}
