//! A lease that is lost writes nothing, and every ending leaves the job as the table of moves says.

use std::time::Duration;

use sqlx::PgPool;

use super::*;
use crate::domain::failure::SqlError;
use crate::domain::id::new_id;
use crate::domain::job::{Job, JobKind, JobState};
use crate::domain::plan::Plan;
use crate::domain::plan_hash::PlanHash;
use crate::domain::script::Script;
use crate::domain::step::{NewStep, StepEnd, StepOutcome};
use crate::store::fixture::*;
use crate::store::{MIGRATOR, jobs};

fn step(lease: &Lease, kind: &str) -> NewStep {
    NewStep {
        id: new_id(),
        instance_id: lease.instances[0],
        instance: "i0".to_owned(),
        peer: (kind == "create_login").then(|| "i1".to_owned()),
        kind: kind.to_owned(),
        summary: "in words".to_owned(),
        statement: "select 1".to_owned(),
        started_at: now(),
    }
}

fn ended(step: &NewStep, outcome: StepOutcome) -> StepEnd {
    StepEnd {
        id: step.id,
        outcome,
        error: Some(SqlError {
            number: 15025,
            class: 16,
            state: 1,
            message: "exists".to_owned(),
            line: Some(3),
        }),
        detail: None,
        ended_at: now(),
    }
}

fn plan(hash: &str) -> Plan {
    Plan {
        findings: Vec::new(),
        instances: Vec::new(),
        plan_hash: PlanHash::of(hash),
        partial: false,
    }
}

async fn claimed(conn: &mut Conn) -> (Lease, Job) {
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    queued(conn, &erp).await;
    taken(conn).await.unwrap()
}

async fn job(conn: &mut Conn, lease: &Lease) -> Job {
    jobs::get(conn, lease.job_id).await.unwrap().unwrap()
}

/// Everything a worker can write about a job.
async fn every_write(
    conn: &mut Conn,
    lease: &Lease,
    begun: &NewStep,
) -> Vec<(&'static str, Result<(), StoreError>)> {
    let code = FailureCode::Unreachable;
    vec![
        ("renew", renew(conn, lease, LONG).await.map(|_| ())),
        ("hold", hold(conn, lease).await),
        (
            "start",
            steps::start(conn, lease, &[step(lease, "observe")])
                .await
                .map(|_| ()),
        ),
        (
            "start nothing",
            steps::start(conn, lease, &[]).await.map(|_| ()),
        ),
        (
            "end",
            steps::end(conn, lease, &[ended(begun, StepOutcome::Done)]).await,
        ),
        (
            "plan",
            jobs::save_plan(conn, lease, &plan("zombie"), &Script::default()).await,
        ),
        (
            "retry",
            retry_later(conn, lease, code, "x", Duration::ZERO, LONG)
                .await
                .map(|_| ()),
        ),
        ("hand back", release(conn, lease).await.map(|_| ())),
        ("cancel", acknowledge_cancel(conn, lease).await.map(|_| ())),
        ("fail", fail(conn, lease, code, "x").await.map(|_| ())),
        ("succeed", succeed(conn, lease).await.map(|_| ())),
    ]
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_stale_lease_writes_nothing(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (stale, _) = claimed(conn).await;
    let begun = step(&stale, "observe");
    steps::start(conn, &stale, std::slice::from_ref(&begun))
        .await
        .unwrap();
    expire(conn, &stale).await;
    // Run out, and nobody has taken it yet: refused all the same.
    for (what, result) in every_write(conn, &stale, &begun).await {
        assert!(
            matches!(result, Err(StoreError::LeaseLost)),
            "{what} on an expired lease: {result:?}"
        );
    }
    let (fresh, _) = taken(conn).await.unwrap();
    assert_eq!((fresh.job_id, fresh.attempt), (stale.job_id, 2));
    let before = job(conn, &fresh).await;
    for (what, result) in every_write(conn, &stale, &begun).await {
        assert!(
            matches!(result, Err(StoreError::LeaseLost)),
            "{what} on a stale lease: {result:?}"
        );
    }
    assert_eq!(job(conn, &fresh).await, before);
    let steps = steps::list(conn, stale.job_id, None, 10)
        .await
        .unwrap()
        .items;
    assert_eq!(steps.len(), 1);
    assert_eq!(
        steps[0].outcome,
        Some(StepOutcome::Unknown),
        "closed by the claim that followed"
    );
    renew(conn, &fresh, LONG).await.unwrap();
    succeed(conn, &fresh).await.unwrap();
    assert!(
        succeed(conn, &fresh).await.is_err(),
        "an ended job never moves"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn losing_one_instance_is_losing_the_lease(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (lease, _) = claimed(conn).await;
    renew(conn, &lease, LONG).await.unwrap();
    sqlx::query("update instance_leases set token = $2 where instance_id = $1")
        .bind(lease.instances[1])
        .bind(new_id())
        .execute(&mut *conn)
        .await
        .unwrap();
    let until = "select extract(epoch from lease_until)::bigint from jobs where id = $1";
    let before = count(conn, until, lease.job_id).await;
    assert!(matches!(
        renew(conn, &lease, LONG * 2).await,
        Err(StoreError::LeaseLost)
    ));
    assert_eq!(
        count(conn, until, lease.job_id).await,
        before,
        "nothing is half renewed"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_job_that_succeeded_holds_nothing_and_shows_it(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (lease, running) = claimed(conn).await;
    assert_eq!(running.state, JobState::Running);
    jobs::save_plan(conn, &lease, &plan("7c1e"), &Script::default())
        .await
        .unwrap();
    succeed(conn, &lease).await.unwrap();
    let done = job(conn, &lease).await;
    assert_eq!(done.state, JobState::Succeeded);
    assert_eq!(done.plan.unwrap().plan_hash, PlanHash::of("7c1e"));
    assert!(done.finished_at.is_some() && done.next_attempt_at.is_none());
    assert_eq!(done.version, running.version + 2);
    let held = "select count(*) from instance_leases where job_id = $1";
    assert_eq!(count(conn, held, lease.job_id).await, 0);
    let attempts = attempts::list(conn, lease.job_id).await.unwrap();
    assert_eq!(attempts[0].outcome, Some(attempts::AttemptEnd::Succeeded));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn failing_for_now_is_due_again_and_failing_for_good_is_not(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (first, _) = claimed(conn).await;
    let code = FailureCode::Unreachable;
    retry_later(conn, &first, code, "i1 is down", LONG, LONG * 2)
        .await
        .unwrap();
    let waiting = job(conn, &first).await;
    assert_eq!((waiting.state, waiting.attempts), (JobState::Queued, 1));
    assert_eq!(waiting.last_problem.as_deref(), Some("i1 is down"));
    assert!(waiting.failure.is_none());
    assert!(taken(conn).await.is_none(), "not due yet");
    sqlx::query("update jobs set next_attempt_at = clock_timestamp()")
        .execute(&mut *conn)
        .await
        .unwrap();
    let (second, _) = taken(conn).await.unwrap();
    fail(conn, &second, code, "gave up").await.unwrap();
    let failed = job(conn, &second).await;
    assert_eq!((failed.state, failed.attempts), (JobState::Failed, 2));
    assert_eq!(failed.failure, Some((code, "gave up".to_owned())));
    let history = attempts::list(conn, second.job_id).await.unwrap();
    assert_eq!(history[0].failure, Some((code, "i1 is down".to_owned())));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_attempt_handed_back_does_not_count(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (first, _) = claimed(conn).await;
    let begun = step(&first, "observe");
    steps::start(conn, &first, std::slice::from_ref(&begun))
        .await
        .unwrap();
    release(conn, &first).await.unwrap();
    assert_eq!(job(conn, &first).await.attempts, 0);
    let (second, again) = taken(conn).await.unwrap();
    assert_eq!((second.attempt, again.attempts), (2, 1));
    acknowledge_cancel(conn, &second).await.unwrap();
    assert_eq!(job(conn, &second).await.state, JobState::Cancelled);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn steps_of_instances_side_by_side_get_their_own_places(
    _: sqlx::postgres::PgPoolOptions,
    options: sqlx::postgres::PgConnectOptions,
) {
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(6)
        .connect_with(options)
        .await
        .unwrap();
    let conn = &mut *pool.acquire().await.unwrap();
    let (lease, _) = claimed(conn).await;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (pool, lease) = (pool.clone(), lease.clone());
        writers.spawn(async move {
            let conn = &mut *pool.acquire().await.unwrap();
            for _ in 0..5 {
                let two = [step(&lease, "observe"), step(&lease, "create_login")];
                steps::start(conn, &lease, &two).await.unwrap();
                let both = [
                    ended(&two[0], StepOutcome::Done),
                    ended(&two[1], StepOutcome::Failed),
                ];
                steps::end(conn, &lease, &both).await.unwrap();
                // Repeated, because the answer was lost: nothing new. Otherwise than before: refused.
                steps::start(conn, &lease, &two).await.unwrap();
                steps::end(conn, &lease, &both).await.unwrap();
                let otherwise = [ended(&two[0], StepOutcome::Unknown)];
                assert!(
                    steps::end(conn, &lease, &otherwise).await.is_err(),
                    "a step ends once"
                );
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    let first = steps::list(conn, lease.job_id, None, 30).await.unwrap();
    let rest = steps::list(conn, lease.job_id, first.next, 30)
        .await
        .unwrap();
    let all: Vec<_> = first.items.into_iter().chain(rest.items).collect();
    assert_eq!(
        all.iter().map(|s| s.ordinal).collect::<Vec<_>>(),
        (1..=50).collect::<Vec<_>>()
    );
    for two in all.chunks(2) {
        assert_eq!(
            [two[0].kind.as_str(), two[1].kind.as_str()],
            ["observe", "create_login"]
        );
        assert_eq!(two[1].peer.as_deref(), Some("i1"));
        assert_eq!(two[1].error.as_ref().unwrap().number, 15025);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn no_further_attempt_begins_after_the_time_for_them_all(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (lease, _) = claimed(conn).await;
    let code = FailureCode::Unreachable;
    sqlx::query("update jobs set started_at = clock_timestamp() - interval '60 s'")
        .execute(&mut *conn)
        .await
        .unwrap();
    let (pause, total) = (Duration::from_secs(30), Duration::from_secs(80));
    let state = retry_later(conn, &lease, code, "i1 is down", pause, total)
        .await
        .unwrap();
    assert_eq!(state, JobState::Failed);
    let failed = job(conn, &lease).await;
    assert_eq!(failed.failure, Some((code, "i1 is down".to_owned())));
}

/// PostgreSQL was away for longer than the lease, and the process that has it lives.
#[sqlx::test(migrator = "MIGRATOR")]
async fn an_attempt_that_outlived_its_lease_lets_go_unless_somebody_has_taken_it(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (first, _) = claimed(conn).await;
    let begun = step(&first, "observe");
    steps::start(conn, &first, std::slice::from_ref(&begun))
        .await
        .unwrap();
    expire(conn, &first).await;
    let state = abandon(conn, &first, Duration::ZERO, LONG).await.unwrap();
    assert_eq!(state, JobState::Queued);
    let unended = "select unended_claims::bigint from jobs where id = $1";
    assert_eq!(
        count(conn, unended, first.job_id).await,
        0,
        "it has not died"
    );
    let held = "select count(*) from instance_leases where job_id = $1";
    assert_eq!(count(conn, held, first.job_id).await, 0);
    let attempts = attempts::list(conn, first.job_id).await.unwrap();
    assert_eq!(attempts[0].outcome, Some(attempts::AttemptEnd::Lost));
    assert!(matches!(
        abandon(conn, &first, Duration::ZERO, LONG).await,
        Err(StoreError::LeaseLost)
    ));
    let (second, _) = taken(conn).await.unwrap();
    expire(conn, &second).await;
    let (third, _) = taken(conn).await.unwrap();
    assert!(
        matches!(
            abandon(conn, &second, Duration::ZERO, LONG).await,
            Err(StoreError::LeaseLost)
        ),
        "somebody has it"
    );
    renew(conn, &third, LONG).await.unwrap();
    expire(conn, &third).await;
    // Whatever always outlasts the lease ends all the same.
    let state = abandon(conn, &third, LONG, Duration::ZERO).await.unwrap();
    assert_eq!(state, JobState::Failed);
    assert_eq!(
        job(conn, &third).await.failure.unwrap().0,
        FailureCode::AttemptsExhausted
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_plan_saved_twice_is_told_of_once(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let (lease, _) = claimed(conn).await;
    let told = "select count(*) from job_events where kind = 'planned' and job_id = $1";
    for (hash, times) in [("7c1e", 1), ("7c1e", 1), ("0dd5", 2)] {
        jobs::save_plan(conn, &lease, &plan(hash), &Script::default())
            .await
            .unwrap();
        assert_eq!(count(conn, told, lease.job_id).await, times);
    }
}

/// It holds no instances, so nothing but the token tells whose lease it is.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_stale_lease_on_a_job_that_only_looks_renews_nothing(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    jobs::enqueue(conn, &new_job(&erp, JobKind::VerifyInbound, false))
        .await
        .unwrap();
    let (stale, _) = taken(conn).await.unwrap();
    assert!(stale.instances.is_empty());
    expire(conn, &stale).await;
    let (fresh, _) = taken(conn).await.unwrap();
    assert!(matches!(
        renew(conn, &stale, LONG).await,
        Err(StoreError::LeaseLost)
    ));
    renew(conn, &fresh, LONG).await.unwrap();
}
