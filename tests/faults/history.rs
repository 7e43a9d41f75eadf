//! Whether what the history says of a job is whole, and true by the fleet's ledgers.

use chrono::NaiveDateTime;
use uuid::Uuid;

use super::ledger;
use super::site::Site;

/// What a step of this kind leaves in a ledger.
const KINDS: [(&str, &str); 4] = [
    ("create_login", "CREATE LOGIN"),
    ("create_user", "CREATE USER"),
    ("import_certificate", "CREATE CERTIFICATE"),
    ("grant_connect", "GRANT"),
];

/// An ended job: its events are without gaps from acceptance to end, and no attempt and no step is left open.
pub async fn assert_whole(site: &Site, job: Uuid) {
    let kinds: Vec<(i64, String)> =
        sqlx::query_as("select seq, kind from job_events where job_id = $1 order by seq")
            .bind(job)
            .fetch_all(&site.pool)
            .await
            .unwrap();
    let gapless = kinds.iter().zip(1..).all(|((seq, _), n)| *seq == n);
    let ends = kinds.first().map(|k| k.1.as_str()) == Some("accepted")
        && kinds.last().map(|k| k.1.as_str()) == Some("ended")
        && kinds.iter().filter(|(_, kind)| kind == "ended").count() == 1;
    assert!(gapless && ends, "{job}: {kinds:?}");
    let open: (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from job_attempts where job_id = $1 and outcome is null),
                (select count(*) from steps where job_id = $1 and outcome is null),
                (select count(*) from instance_leases where job_id = $1)",
    )
    .bind(job)
    .fetch_one(&site.pool)
    .await
    .unwrap();
    assert_eq!(open, (0, 0, 0), "{job}: attempts, steps, leases left open");
}

/// The only job that has changed anything since: whatever it calls done was committed, and whatever was committed it calls
/// done, or unknown where nobody learned of it.
pub async fn assert_true(site: &Site, job: Uuid, since: NaiveDateTime) {
    for host in &site.hosts {
        let made = ledger::committed(host, since);
        for (kind, statement) in KINDS {
            let committed: usize = made
                .iter()
                .filter(|(object, _)| object.starts_with(statement))
                .map(|(_, times)| times)
                .sum();
            let (done, unknown): (i64, i64) = sqlx::query_as(
                "select count(*) filter (where outcome = 'done'), count(*) filter (where outcome = 'unknown')
                 from steps where job_id = $1 and instance_name = $2 and kind = $3",
            )
            .bind(job)
            .bind(host.name())
            .bind(kind)
            .fetch_one(&site.pool)
            .await
            .unwrap();
            let (done, unknown) = (done as usize, unknown as usize);
            assert!(
                done <= committed && committed <= done + unknown,
                "{job} on {}: {kind} {done} done and {unknown} unknown by the history, {committed} by the server",
                host.name()
            );
        }
    }
}
