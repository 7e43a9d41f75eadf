//! What a deadline ends, and what it leaves.

use sqlx::PgPool;

use super::*;
use crate::domain::job::{FailureCode, Job, JobKind};
use crate::store::fixture::*;
use crate::store::instances::Instance;
use crate::store::jobs::NewJob;
use crate::store::{MIGRATOR, cancel, jobs, lease, pairs};

async fn database_time(conn: &mut Conn) -> DateTime<Utc> {
    sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(conn)
        .await
        .unwrap()
}

/// A changing job of a pair of its own, that has `seconds` left (or had, when negative).
async fn job_due(conn: &mut Conn, called: &str, pair_of: [&Instance; 2], seconds: i64) -> NewJob {
    let pair = pair(conn, called, pair_of[0], pair_of[1]).await;
    let mut new = new_job(&pair, JobKind::ConfigureInbound, false);
    let now = database_time(conn).await;
    new.options.deadline = Some(Deadline::at(now + chrono::Duration::seconds(seconds)));
    jobs::enqueue(conn, &new).await.unwrap();
    new
}

/// Lets the deadline pass, as the database's clock would in a while.
async fn let_pass(conn: &mut Conn, id: Uuid) {
    sqlx::query("update jobs set deadline = clock_timestamp() - interval '1 s' where id = $1")
        .bind(id)
        .execute(conn)
        .await
        .unwrap();
}

async fn read(conn: &mut Conn, id: Uuid) -> Job {
    jobs::get(conn, id).await.unwrap().unwrap()
}

fn failure(job: &Job) -> (FailureCode, &str) {
    let (code, detail) = job.failure.as_ref().unwrap();
    (*code, detail)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_time_left_is_the_databases(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let now = database_time(conn).await;
    let later = Deadline::at(now + chrono::Duration::seconds(3600));
    let left = time_left(conn, later).await.unwrap().unwrap();
    assert!(left <= Duration::from_secs(3600) && left > Duration::from_secs(3000));
    assert_eq!(time_left(conn, Deadline::at(now)).await.unwrap(), None);
    let fleet = fleet(conn, 4).await;
    let job = job_due(conn, "erp", [&fleet[0], &fleet[1]], 3600).await;
    let (held, _) = taken(conn).await.unwrap();
    let left = time_left_of(conn, &held).await.unwrap().unwrap();
    assert!(left <= Duration::from_secs(3600) && left > Duration::from_secs(3000));
    let_pass(conn, job.id).await;
    assert_eq!(time_left_of(conn, &held).await.unwrap(), None);
    let patient = pair(conn, "patient", &fleet[2], &fleet[3]).await;
    queued(conn, &patient).await;
    let (held, _) = taken(conn).await.unwrap();
    let left = time_left_of(conn, &held).await.unwrap();
    assert_eq!(left, Some(Duration::MAX));
}

/// The younger one waits for the instance that the older one's worker holds: nobody can claim it.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_job_that_waits_behind_another_ends_without_being_claimed(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 3).await;
    let first = pair(conn, "first", &fleet[0], &fleet[1]).await;
    let holder = queued(conn, &first).await;
    taken(conn).await.unwrap();
    let waits = job_due(conn, "waits", [&fleet[1], &fleet[2]], 3600).await;
    let patient = job_due(conn, "patient", [&fleet[0], &fleet[2]], 3600).await;
    assert_eq!(end_overdue(conn).await.unwrap(), 0);
    let_pass(conn, waits.id).await;
    assert_eq!(end_overdue(conn).await.unwrap(), 1);
    let ended = read(conn, waits.id).await;
    let (code, detail) = failure(&ended);
    assert_eq!(code, FailureCode::DeadlineExceeded);
    for part in [
        "before an attempt could begin",
        &format!("i1 by job {}", holder.id),
    ] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    assert_eq!((ended.attempts, ended.state), (0, JobState::Failed));
    assert_eq!(read(conn, patient.id).await.state, JobState::Queued);
    assert_eq!(end_overdue(conn).await.unwrap(), 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn no_attempt_begins_after_the_deadline(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let late = job_due(conn, "late", [&fleet[0], &fleet[1]], -1).await;
    assert_eq!(taken(conn).await, None, "it is ended instead");
    assert_eq!(end_overdue(conn).await.unwrap(), 0);
    assert_eq!(read(conn, late.id).await.state, JobState::Failed);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_works_on_a_job_ends_it_himself_unless_he_is_dead(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let job = job_due(conn, "erp", [&fleet[0], &fleet[1]], 3600).await;
    let (held, _) = taken(conn).await.unwrap();
    let_pass(conn, job.id).await;
    assert_eq!(end_overdue(conn).await.unwrap(), 0);
    assert_eq!(read(conn, job.id).await.state, JobState::Running);
    expire(conn, &held).await;
    assert_eq!(end_overdue(conn).await.unwrap(), 1);
    let ended = read(conn, job.id).await;
    assert_eq!(failure(&ended).0, FailureCode::DeadlineExceeded);
    let attempts = crate::store::attempts::list(conn, job.id).await.unwrap();
    let lost = crate::store::attempts::AttemptEnd::Lost;
    assert_eq!(attempts[0].outcome, Some(lost));
    let leases = "select count(*) from instance_leases where job_id = $1";
    assert_eq!(count(conn, leases, job.id).await, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_job_to_be_cancelled_ends_cancelled_all_the_same(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let job = job_due(conn, "erp", [&fleet[0], &fleet[1]], 3600).await;
    let (held, _) = taken(conn).await.unwrap();
    cancel::request(conn, job.id, now()).await.unwrap();
    let_pass(conn, job.id).await;
    expire(conn, &held).await;
    assert_eq!(end_overdue(conn).await.unwrap(), 1);
    assert_eq!(read(conn, job.id).await.state, JobState::Cancelled);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_attempt_that_failed_for_now_is_the_last_when_no_time_is_left_for_another(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    for (left, pause, ends) in [(3600, 1, false), (60, 120, true), (-1, 1, true)] {
        let called = format!("p{pause}-{ends}");
        let job = job_due(conn, &called, [&fleet[0], &fleet[1]], 3600).await;
        let (held, _) = taken(conn).await.unwrap();
        sqlx::query("update jobs set deadline = clock_timestamp() + make_interval(secs => $2) where id = $1")
            .bind(job.id)
            .bind(f64::from(left))
            .execute(&mut *conn)
            .await
            .unwrap();
        let (code, pause) = (FailureCode::Unreachable, Duration::from_secs(pause));
        lease::retry_later(conn, &held, code, "HOST_B is away", pause, LONG)
            .await
            .unwrap();
        let after = read(conn, job.id).await;
        if ends {
            let (code, detail) = failure(&after);
            assert_eq!(code, FailureCode::DeadlineExceeded, "{left}");
            assert!(detail.contains("HOST_B is away"), "{detail}");
            assert_eq!(detail.contains("leaves no time"), left > 0, "{detail}");
            assert_eq!(after.last_problem, None);
        } else {
            assert_eq!(after.state, JobState::Queued);
            assert_eq!(after.last_problem.as_deref(), Some("HOST_B is away"));
            sqlx::query("update jobs set deadline = clock_timestamp() where id = $1")
                .bind(job.id)
                .execute(&mut *conn)
                .await
                .unwrap();
            assert_eq!(end_overdue(conn).await.unwrap(), 1);
            let ended = read(conn, job.id).await;
            assert!(
                failure(&ended).1.contains("ran into: HOST_B is away"),
                "{ended:?}"
            );
        }
        let erp = pairs::get(conn, &called).await.unwrap().unwrap();
        assert!(jobs::open_changing(conn, erp.id).await.unwrap().is_none());
    }
}

/// One that waits for somebody has no lease that could run out; one in a state of a newer release is left to that, and keeps no
/// other from being ended.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_newer_release_made_of_a_job_is_left_to_it(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 4).await;
    let theirs = job_due(conn, "theirs", [&fleet[0], &fleet[1]], 60).await;
    let ours = job_due(conn, "ours", [&fleet[2], &fleet[3]], 60).await;
    sqlx::query(
        "update jobs set state = 'awaiting_somebody', next_attempt_at = null where id = $1",
    )
    .bind(theirs.id)
    .execute(&mut *conn)
    .await
    .unwrap();
    let_pass(conn, theirs.id).await;
    let_pass(conn, ours.id).await;
    assert_eq!(end_overdue(conn).await.unwrap(), 1);
    assert_eq!(read(conn, ours.id).await.state, JobState::Failed);
    let open = "select count(*) from jobs where id = $1 and finished_at is null";
    assert_eq!(count(conn, open, theirs.id).await, 1);
}
