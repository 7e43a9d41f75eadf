//! R13: two batches never meet on an instance, whichever replicas send them, and nobody starves or deadlocks.

use std::time::Duration;

use sqlx::PgPool;

use super::site::{LONG, Site};
use super::{ledger, soak};

#[sqlx::test(migrations = false)]
async fn r13_batches_on_one_instance_never_overlap(pool: PgPool) {
    let site = Site::ring(&pool, 5).await;
    let replicas = [
        site.replica(&[]).await,
        site.replica(&[]).await,
        site.replica(&[]).await,
    ];
    site.register(&replicas[0], &[]).await;
    for host in &site.hosts {
        host.faults().set_latency(Duration::from_millis(20));
    }
    let rounds = if soak::is_long() { 40 } else { 8 };
    let mut batches = 0;
    for _ in 0..rounds {
        site.undo().await;
        let since = site.now();
        let mut asked = Vec::new();
        for (number, replica) in (0..site.pairs.len()).zip(replicas.iter().cycle()) {
            asked.push(site.configure(replica, number).await);
        }
        site.all_succeed(&asked, LONG).await;
        site.assert_as_asked(since);
        for host in &site.hosts {
            assert_eq!(ledger::overlaps(host, since), [], "{}", host.name());
            batches += ledger::transactions(host, since);
        }
        for job in &asked {
            assert_eq!(
                site.attempts(*job).await,
                ["succeeded"],
                "{job} was disturbed by another"
            );
        }
    }
    println!("{batches} batches in {rounds} rounds, none overlapping");
    assert!(
        batches >= rounds * site.hosts.len(),
        "hardly anything was changed"
    );
}
