//! Whatever a job is doing when it is asked to be cancelled, it ends, and says so.

use std::time::Duration;

use sqlx::PgPool;

use super::*;
use crate::domain::id::new_id;
use crate::domain::job::FailureCode;
use crate::store::fixture::*;
use crate::store::lease::{self, Lease};
use crate::store::{MIGRATOR, attempts};

async fn running(conn: &mut Conn) -> Lease {
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    queued(conn, &erp).await;
    taken(conn).await.unwrap().0
}

async fn ask(conn: &mut Conn, id: Uuid) -> Job {
    request(conn, id, now()).await.unwrap().unwrap()
}

async fn last_event(conn: &mut Conn, id: Uuid) -> (String, serde_json::Value) {
    let all = events::list(conn, id, 0, 100).await.unwrap();
    let last = all.into_iter().next_back().unwrap();
    (last.kind, last.data)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_job_that_waits_is_cancelled_at_once_and_frees_its_pair(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    assert!(request(conn, new_id(), now()).await.unwrap().is_none());
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let waiting = queued(conn, &erp).await;
    let cancelled = ask(conn, waiting.id).await;
    assert_eq!(cancelled.state, JobState::Cancelled);
    assert_eq!(cancelled.cancel_requested_at, Some(now()));
    assert!(taken(conn).await.is_none());
    queued(conn, &erp).await;
    // Asking again changes nothing.
    assert_eq!(ask(conn, waiting.id).await, cancelled);
    let (kind, data) = last_event(conn, waiting.id).await;
    assert_eq!(
        (kind.as_str(), &data["state"]),
        ("ended", &"cancelled".into())
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_running_one_is_asked_and_ends_by_what_its_worker_sees(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let lease = running(conn).await;
    let before = lease::renew(conn, &lease, LONG).await.unwrap();
    assert!(!before.cancel_requested);
    assert_eq!(ask(conn, lease.job_id).await.state, JobState::Running);
    assert_eq!(last_event(conn, lease.job_id).await.0, "cancel_requested");
    let after = lease::renew(conn, &lease, LONG).await.unwrap();
    assert!(after.cancel_requested);
    // Past the point of no return, and all in place.
    let state = lease::succeed(conn, &lease).await.unwrap();
    assert_eq!(state, JobState::Succeeded);
    assert_eq!(ask(conn, lease.job_id).await.state, JobState::Succeeded);
}

/// Every other ending of an attempt is a cancellation then: no job goes back to the queue against what was asked.
#[sqlx::test(migrator = "MIGRATOR")]
async fn no_ending_but_success_outlives_a_cancellation(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let (code, pause) = (FailureCode::Unreachable, Duration::ZERO);
    for ending in 0..4 {
        queued(conn, &erp).await;
        let (lease, _) = taken(conn).await.unwrap();
        ask(conn, lease.job_id).await;
        let state = match ending {
            0 => lease::acknowledge_cancel(conn, &lease).await,
            1 => lease::release(conn, &lease).await,
            2 => lease::retry_later(conn, &lease, code, "down", pause, LONG).await,
            _ => lease::fail(conn, &lease, code, "down").await,
        };
        assert_eq!(state.unwrap(), JobState::Cancelled, "{ending}");
        let job = jobs::get(conn, lease.job_id).await.unwrap().unwrap();
        assert!(job.failure.is_none() && job.finished_at.is_some());
        let history = attempts::list(conn, job.id).await.unwrap();
        assert_eq!(history[0].outcome, Some(attempts::AttemptEnd::Cancelled));
        assert_eq!(history[0].failure.is_some(), ending >= 2);
        assert_eq!(last_event(conn, job.id).await.0, "ended");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_whose_worker_died_ends_by_the_asking_or_by_the_next_claim(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let lease = running(conn).await;
    ask(conn, lease.job_id).await;
    expire(conn, &lease).await;
    assert!(taken(conn).await.is_none(), "cancelled, not begun again");
    let job = jobs::get(conn, lease.job_id).await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Cancelled);
    let history = attempts::list(conn, job.id).await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].outcome, Some(attempts::AttemptEnd::Lost));

    let fleet_of = "select pair_id from jobs where id = $1";
    let pair_id: Uuid = sqlx::query_scalar(fleet_of)
        .bind(job.id)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let erp = crate::store::pairs::get(conn, "erp")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(erp.id, pair_id);
    queued(conn, &erp).await;
    let (second, _) = taken(conn).await.unwrap();
    expire(conn, &second).await;
    // No worker is needed for it.
    assert_eq!(ask(conn, second.job_id).await.state, JobState::Cancelled);
    let late = lease::succeed(conn, &second).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)));
}
