//! R4: a replica stopped past its lease and woken again finds every write refused, and its late batch changes nothing.

use sqlserver_sim::{Fault, Rule};
use sqlx::PgPool;

use super::site::{LONG, Site};
use super::{ledger, within};

#[sqlx::test(migrations = false)]
async fn r4_a_zombies_late_batch_changes_nothing_and_its_writes_are_refused(pool: PgPool) {
    let flags = ["--lease", "2s"];
    let site = Site::apart(&pool, 1).await;
    let zombie = site.replica(&flags).await;
    site.register(&zombie, &[]).await;
    // The zombie's batch has arrived, and runs when all is over.
    for host in &site.hosts {
        host.faults()
            .add(Rule::next("BEGIN TRANSACTION", Fault::Hold));
    }
    let since = site.now();
    let job = site.configure(&zombie, 0).await;
    // Spent rules: the batches are held on the servers, whatever becomes of who sent them.
    within(LONG, "the batches have arrived", || {
        std::future::ready(site.hosts.iter().all(|h| h.faults().rules().is_empty()))
    })
    .await;
    zombie.signal("STOP");

    let other = site.replica(&flags).await;
    site.all_succeed(&[job], LONG).await;
    assert_eq!(site.attempts(job).await, ["lost", "succeeded"]);
    let history = history(&site, job).await;
    let made: Vec<_> = site
        .hosts
        .iter()
        .map(|h| ledger::committed(h, since))
        .collect();
    assert!(
        site.hosts.iter().all(|h| refused(h) == 0),
        "the zombie's batch came too early"
    );

    for host in &site.hosts {
        host.faults().clear();
    }
    within(LONG, "the zombie's batches have run", || {
        std::future::ready(site.hosts.iter().all(|h| refused(h) == 1))
    })
    .await;
    zombie.signal("CONT");
    within(LONG, "the zombie has noticed", || {
        std::future::ready(zombie.log().contains("the lease is no longer ours"))
    })
    .await;
    for (host, made) in site.hosts.iter().zip(made) {
        assert_eq!(ledger::committed(host, since), made, "{}", host.name());
    }
    site.assert_as_asked(since);
    assert_eq!(
        self::history(&site, job).await,
        history,
        "a stale write got through"
    );
    drop(other);
}

/// How often a CREATE LOGIN met what was there already.
fn refused(host: &sqlserver_sim::Instance) -> usize {
    let ledger = host.ledger();
    ledger
        .iter()
        .filter(|e| e.kind == "CREATE LOGIN" && e.error == Some(15025))
        .count()
}

/// Everything a worker may write about a job, as text.
async fn history(site: &Site, job: uuid::Uuid) -> Vec<String> {
    sqlx::query_scalar(
        "select j::text from jobs j where id = $1
         union all select a::text from job_attempts a where job_id = $1
         union all select s::text from steps s where job_id = $1
         order by 1",
    )
    .bind(job)
    .fetch_all(&site.pool)
    .await
    .unwrap()
}
