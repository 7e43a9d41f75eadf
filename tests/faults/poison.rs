//! R12: a job that takes its process down each time is quarantined, and the others go on.

use sqlserver_sim::{Fault, Rule};
use sqlx::PgPool;

use super::site::{LONG, Site};
use super::within;

#[sqlx::test(migrations = false)]
async fn r12_a_job_that_kills_its_process_is_quarantined_and_others_are_not(pool: PgPool) {
    // A batch that is stalled is given up in time for the test, and later than any kill.
    let flags = ["--lease", "1s", "--batch-timeout", "20s"];
    let site = Site::apart(&pool, 3).await;
    let mut replica = site.replica(&flags).await;
    site.register(&replica, &[]).await;
    let poisoned = &site.hosts[0];
    poisoned
        .faults()
        .add(Rule::nth_statement(1, Fault::StallBefore).every_time());
    let job = site.configure(&replica, 0).await;
    // One that is merely slow, and so is there whenever the process dies.
    let slow = &site.hosts[4];
    slow.faults()
        .add(Rule::nth_statement(1, Fault::StallBefore).every_time());
    let innocent = site.configure(&replica, 2).await;
    within(LONG, "both are under way", || {
        std::future::ready(poisoned.counters().logins > 0 && slow.counters().logins > 0)
    })
    .await;
    let (mut deaths, mut logins) = (0, 0);
    loop {
        within(LONG, "the job is begun again, or given up", || async {
            poisoned.counters().logins > logins || site.job(job).await.0 == "failed"
        })
        .await;
        if site.job(job).await.0 == "failed" {
            break;
        }
        replica.kill();
        // Before the next process is there: it may begin the job at once.
        logins = poisoned.counters().logins;
        deaths += 1;
        assert!(deaths <= 5, "begun a sixth time");
        replica = site.replica(&flags).await;
        let healthy = site.configure(&replica, 1).await;
        site.all_succeed(&[healthy], LONG).await;
    }
    let (state, code, _) = site.job(job).await;
    assert_eq!(
        (state.as_str(), code.as_deref()),
        ("failed", Some("poisoned"))
    );
    assert_eq!(site.attempts(job).await, ["lost"; 5]);
    slow.faults().clear();
    site.all_succeed(&[innocent], LONG).await;
    let attempts = site.attempts(innocent).await;
    let died_with_it = attempts.iter().filter(|end| *end == "lost").count();
    assert!((2..5).contains(&died_with_it), "{attempts:?}");
    // The instance is free again: the same pair, asked for when nothing kills, is configured.
    poisoned.faults().clear();
    let job = site.configure(&replica, 0).await;
    site.all_succeed(&[job], LONG).await;
}
