//! R18: an instance that answers nothing delays its own jobs only, whatever was asked of it.

use std::time::Duration;

use serde_json::json;
use sqlserver_sim::{Fault, Rule};
use sqlx::PgPool;

use super::site::{LONG, Site, id, jobs};
use super::within;

#[sqlx::test(migrations = false)]
async fn r18_a_stuck_instance_delays_only_its_own_jobs(pool: PgPool) {
    let site = Site::apart(&pool, 4).await;
    // As many hands as by default, and more jobs for the stuck instance than hands.
    let replica = site.replica(&[]).await;
    site.register(&replica, &[]).await;
    let stuck = &site.hosts[0];
    stuck
        .faults()
        .add(Rule::nth_statement(1, Fault::StallBefore).every_time());
    let mut looking = Vec::new();
    for _ in 0..20 {
        let answer = replica
            .post(&jobs(0), &json!({"kind": "verify-inbound"}))
            .await;
        looking.push(id(&answer.json()));
    }
    within(LONG, "the stuck instance is asked", || {
        std::future::ready(stuck.counters().logins > 0)
    })
    .await;
    let mut others = Vec::new();
    for number in 1..site.pairs.len() {
        others.push(site.configure(&replica, number).await);
    }
    site.all_succeed(&others, Duration::from_secs(20)).await;
    assert!(site.open(&looking).await > 0, "nothing was stuck");
}
