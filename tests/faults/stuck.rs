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

/// More instances that answer nothing than a process has slots: whoever waits for one lends its slot.
#[sqlx::test(migrations = false)]
async fn r18_many_stuck_instances_delay_only_their_own_jobs(pool: PgPool) {
    const STUCK: usize = 12;
    let site = Site::apart(&pool, STUCK + 1).await;
    let replica = site.replica(&["--observe-timeout", "60s"]).await;
    site.register(&replica, &[]).await;
    let mut looking = Vec::new();
    for number in 0..STUCK {
        let rule = Rule::nth_statement(1, Fault::StallBefore).every_time();
        site.hosts[2 * number].faults().add(rule);
        let verify = json!({"kind": "verify-inbound"});
        looking.push(id(&replica.post(&jobs(number), &verify).await.json()));
    }
    let other = site.configure(&replica, STUCK).await;
    site.all_succeed(&[other], Duration::from_secs(20)).await;
    assert_eq!(site.open(&looking).await, 12, "not all were stuck");
}

/// A ring of pairs: those next to the stuck instance wait for it or for its partner, and nobody waits for those who wait.
#[sqlx::test(migrations = false)]
async fn r18_nobody_waits_behind_those_who_wait_for_a_stuck_instance(pool: PgPool) {
    let site = Site::ring(&pool, 5).await;
    let replica = site.replica(&[]).await;
    site.register(&replica, &[]).await;
    let stuck = &site.hosts[0];
    stuck
        .faults()
        .add(Rule::nth_statement(1, Fault::StallBefore).every_time());
    let first = site.configure(&replica, 0).await;
    within(LONG, "the stuck instance is asked", || {
        std::future::ready(stuck.counters().logins > 0)
    })
    .await;
    // In this order each would wait for the one before it.
    let mut asked = Vec::new();
    for number in [4, 3, 1, 2] {
        asked.push(site.configure(&replica, number).await);
    }
    site.all_succeed(&[asked[1], asked[3]], Duration::from_secs(20))
        .await;
    assert_eq!(site.open(&[first, asked[0], asked[2]]).await, 3);
}
