//! R15: SIGTERM under load: no new claims, running jobs end or are handed back uncounted, the process is gone in time.

use std::time::{Duration, Instant};

use sqlserver_sim::{Fault, Rule};
use sqlx::PgPool;

use super::replica::Replica;
use super::site::{LONG, Site};
use super::within;

#[sqlx::test(migrations = false)]
async fn r15_what_can_end_within_the_grace_ends_and_the_rest_starts_elsewhere_at_once(
    pool: PgPool,
) {
    let site = Site::apart(&pool, 4).await;
    let mut leaving = site.replica(&["--grace", "8s"]).await;
    site.register(&leaving, &[]).await;
    // Pair 0 is stuck for longer than the grace, the others are only slow.
    site.hosts[0]
        .faults()
        .add(Rule::nth_statement(1, Fault::StallBefore));
    for host in &site.hosts[1..] {
        host.faults().set_latency(Duration::from_millis(200));
    }
    let asked = site.configure_all(&leaving).await;
    begun(&site, &asked, &leaving).await;
    let staying = site.replica(&[]).await;
    let told = Instant::now();
    leaving.signal("TERM");
    let status = leaving.ended(Duration::from_secs(12)).await;
    let took = told.elapsed();
    assert!(status.success(), "{status}: {}", leaving.log());
    assert!(
        took <= Duration::from_secs(9),
        "grace is 8 s; it took {took:?}"
    );
    site.hosts[0].faults().clear();
    site.all_succeed(&asked, LONG).await;
    assert_eq!(site.attempts(asked[0]).await, ["handed_back", "succeeded"]);
    assert_eq!(
        site.job(asked[0]).await.2,
        1,
        "a handed back attempt was counted"
    );
    for job in &asked[1..] {
        assert_eq!(
            site.attempts(*job).await,
            ["succeeded"],
            "a running job was not let end"
        );
    }
    assert!(
        gap(&site, asked[0]).await < 2.0,
        "handed back, and nobody took it"
    );
    site.assert_as_asked(chrono::NaiveDateTime::MIN);
    drop(staying);
}

#[sqlx::test(migrations = false)]
async fn r15_a_second_sigterm_ends_it_at_once(pool: PgPool) {
    let site = Site::apart(&pool, 1).await;
    let mut leaving = site.replica(&["--grace", "1m", "--lease", "2s"]).await;
    site.register(&leaving, &[]).await;
    site.hosts[0]
        .faults()
        .add(Rule::nth_statement(1, Fault::StallBefore));
    let asked = site.configure_all(&leaving).await;
    begun(&site, &asked, &leaving).await;
    leaving.signal("TERM");
    within(LONG, "the first signal is taken", || {
        std::future::ready(leaving.log().contains("stopping"))
    })
    .await;
    assert!(!leaving.has_ended(), "the first signal waits for what runs");
    leaving.signal("TERM");
    let status = leaving.ended(Duration::from_secs(2)).await;
    assert_eq!(status.code(), Some(130));
    site.hosts[0].faults().clear();
    let _other = site.replica(&["--lease", "2s"]).await;
    site.all_succeed(&asked, LONG).await;
    assert_eq!(site.attempts(asked[0]).await, ["lost", "succeeded"]);
}

async fn begun(site: &Site, jobs: &[uuid::Uuid], by: &Replica) {
    within(LONG, "every job has begun", || async {
        let workers: Vec<String> = sqlx::query_scalar(
            "select lease_worker from jobs where id = any($1) and state = 'running'",
        )
        .bind(jobs)
        .fetch_all(&site.pool)
        .await
        .unwrap();
        workers.len() == jobs.len() && workers.iter().all(|w| by.is_worker(w))
    })
    .await;
}

/// Seconds between an attempt that was handed back and the next.
async fn gap(site: &Site, job: uuid::Uuid) -> f64 {
    sqlx::query_scalar(
        "select extract(epoch from n.started_at - h.ended_at)::float8
         from job_attempts h join job_attempts n on n.job_id = h.job_id and n.number = h.number + 1
         where h.job_id = $1 and h.outcome = 'handed_back'",
    )
    .bind(job)
    .fetch_one(&site.pool)
    .await
    .unwrap()
}

/// Told to stop while it waits for PostgreSQL, it stops, and says so.
#[tokio::test]
async fn r15_a_process_that_is_still_starting_can_be_stopped() {
    let directory = tempfile::tempdir().expect("a directory");
    mirrorgate::store::seal::SealKey::create_file(&directory.path().join("seal.key"))
        .expect("a seal key");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!(
        "postgres://mirrorgate@127.0.0.1:{}/postgres",
        nobody.local_addr().expect("an address").port()
    );
    drop(nobody);
    let mut starting = Replica::launch(directory.path(), &url, &[], &[]);
    within(LONG, "it waits", || {
        std::future::ready(starting.log().contains("cannot be reached yet"))
    })
    .await;
    starting.signal("TERM");
    let status = starting.ended(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(1), "{}", starting.log());
    assert!(
        starting.log().contains("told to stop"),
        "{}",
        starting.log()
    );
}
