//! Who gets which job: no two changing attempts on one instance, nobody starved, nothing lost, poison set aside.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgPool};

use super::*;
use crate::domain::job::JobKind;
use crate::store::attempts::{self, AttemptEnd};
use crate::store::fixture::*;
use crate::store::instances::Instance;
use crate::store::jobs::NewJob;
use crate::store::{MIGRATOR, lease, pairs};

#[sqlx::test(migrator = "MIGRATOR")]
async fn eight_workers_never_meet_on_an_instance(_: PgPoolOptions, options: PgConnectOptions) {
    const JOBS: usize = 80;
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .connect_with(options)
        .await
        .unwrap();
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 6).await;
    for n in 0..JOBS {
        let (first, second) = (n % 6, (n + 1 + n % 4) % 6);
        let pair = pair(conn, &format!("p{n}"), &fleet[first], &fleet[second]).await;
        queued(conn, &pair).await;
    }
    let busy: Arc<Mutex<HashSet<Uuid>>> = Arc::default();
    let most = Arc::new(Mutex::new(0));
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..8 {
        let (pool, busy, most) = (pool.clone(), Arc::clone(&busy), Arc::clone(&most));
        workers.spawn(async move {
            let conn = &mut *pool.acquire().await.unwrap();
            let open =
                "select count(*) from jobs where state in ('queued', 'running') and $1 is not null";
            while count(conn, open, Uuid::nil()).await > 0 {
                let name = format!("w{worker}");
                let Some((lease, _)) = super::claim(conn, &Terms::new(&name, LONG, 3))
                    .await
                    .unwrap()
                else {
                    continue;
                };
                assert_eq!(lease.instances.len(), 2);
                for instance in &lease.instances {
                    assert!(
                        busy.lock().unwrap().insert(*instance),
                        "two attempts on one instance"
                    );
                }
                // Something that takes a while, on the wire.
                lease::renew(conn, &lease, LONG).await.unwrap();
                {
                    let now = busy.lock().unwrap().len();
                    let mut most = most.lock().unwrap();
                    *most = now.max(*most);
                }
                for instance in &lease.instances {
                    busy.lock().unwrap().remove(instance);
                }
                lease::succeed(conn, &lease).await.unwrap();
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.unwrap();
    }
    let done: i64 =
        sqlx::query_scalar("select count(*) from jobs where state = 'succeeded' and attempts = 1")
            .fetch_one(&mut *conn)
            .await
            .unwrap();
    assert_eq!(done, JOBS as i64);
    assert!(
        *most.lock().unwrap() > 2,
        "instances were worked on side by side"
    );
}

/// Whoever is just taking or giving back an instance keeps its row locked: the claim neither waits for him nor takes it.
#[sqlx::test(migrator = "MIGRATOR")]
async fn an_instance_that_somebody_is_at_is_passed_over(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 3).await;
    let first = pair(conn, "first", &fleet[0], &fleet[1]).await;
    let second = pair(conn, "second", &fleet[1], &fleet[2]).await;
    let done = queued(conn, &first).await;
    let (held, _) = taken(conn).await.unwrap();
    assert_eq!(held.job_id, done.id);
    lease::succeed(conn, &held).await.unwrap();
    let mut other = pool.begin().await.unwrap();
    sqlx::query("select from instance_leases where instance_id = $1 for update")
        .bind(fleet[1].id)
        .execute(&mut *other)
        .await
        .unwrap();
    let waiting = queued(conn, &second).await;
    assert!(taken(conn).await.is_none());
    other.rollback().await.unwrap();
    assert_eq!(taken(conn).await.unwrap().0.job_id, waiting.id);
}

/// Pairs `prefix0`, `prefix1` … of these two, each with a job that changes them.
async fn many(conn: &mut Conn, prefix: &str, on: [&Instance; 2], count: usize) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for n in 0..count {
        let pair = pair(conn, &format!("{prefix}{n}"), on[0], on[1]).await;
        ids.push(queued(conn, &pair).await.id);
    }
    ids
}

async fn parked(conn: &mut Conn) -> i64 {
    let parked = "select count(*) from jobs where parked_on is not null and state = 'queued'";
    sqlx::query_scalar(parked).fetch_one(conn).await.unwrap()
}

/// More than the front of the queue wait for one instance: what is behind them is found, and they come back in their order.
#[sqlx::test(migrator = "MIGRATOR")]
async fn however_many_wait_for_one_instance_the_others_are_served(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 4).await;
    let count = WINDOW as usize * 2 + 10;
    let waiting = many(conn, "hub", [&fleet[0], &fleet[1]], count).await;
    let (held, _) = taken(conn).await.unwrap();
    assert_eq!(held.job_id, waiting[0]);
    let other = many(conn, "other", [&fleet[2], &fleet[3]], 1).await[0];
    let (unrelated, _) = taken(conn).await.unwrap();
    assert_eq!(unrelated.job_id, other);
    assert!(parked(conn).await >= WINDOW);
    lease::succeed(conn, &unrelated).await.unwrap();
    lease::succeed(conn, &held).await.unwrap();
    for id in &waiting[1..] {
        let (lease, _) = taken(conn).await.unwrap();
        assert_eq!(lease.job_id, *id, "in the order in which they came due");
        assert!(taken(conn).await.is_none());
        lease::succeed(conn, &lease).await.unwrap();
    }
    assert_eq!(parked(conn).await, 0);
}

/// The process that should have called them back has died.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_parked_comes_back_in_time_whatever_happens(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let count = WINDOW as usize + 1;
    let waiting = many(conn, "hub", [&fleet[0], &fleet[1]], count).await;
    let resting = [fleet[1].id];
    let terms = Terms {
        resting: &resting,
        ..Terms::new("t", LONG, 5)
    };
    assert!(claim(conn, &terms).await.unwrap().is_none());
    assert!(parked(conn).await >= WINDOW);
    for statement in [
        "update jobs set parked_until = clock_timestamp() where parked_on is not null",
        "analyze jobs",
    ] {
        sqlx::query(statement).execute(&mut *conn).await.unwrap();
    }
    assert_eq!(taken(conn).await.unwrap().0.job_id, waiting[0]);
    assert_eq!(parked(conn).await, 0);
}

/// Several at once: never two at one instance, whether they change it or not.
#[sqlx::test(migrator = "MIGRATOR")]
async fn one_claim_takes_several_jobs_at_different_instances(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 6).await;
    let mut asked = Vec::new();
    for (name, a, b) in [("a", 0, 1), ("b", 1, 2), ("c", 2, 3), ("d", 4, 5)] {
        let pair = pair(conn, name, &fleet[a], &fleet[b]).await;
        asked.push(queued(conn, &pair).await.id);
        let look = new_job(&pair, JobKind::VerifyInbound, false);
        jobs::enqueue(conn, &look).await.unwrap();
        asked.push(look.id);
    }
    let mut seen = Vec::new();
    let terms = Terms::new("t", LONG, 5);
    loop {
        let claims = claim_some(conn, &terms, 3).await.unwrap();
        if claims.jobs.is_empty() {
            break;
        }
        let named: Vec<Uuid> = claims
            .jobs
            .iter()
            .flat_map(|(_, job)| job.accepted.members.iter().map(|m| m.instance.id))
            .collect();
        let distinct: HashSet<Uuid> = named.iter().copied().collect();
        assert_eq!(named.len(), distinct.len(), "two at one instance");
        for (lease, job) in claims.jobs {
            seen.push(job.id);
            lease::succeed(conn, &lease).await.unwrap();
        }
    }
    seen.sort();
    asked.sort();
    assert_eq!(seen, asked);
}

/// What the watch asks for waits for people, whoever came first.
#[sqlx::test(migrator = "MIGRATOR")]
async fn peoples_jobs_go_before_those_of_the_watch(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 4).await;
    let watched = many(conn, "w", [&fleet[0], &fleet[1]], 1).await[0];
    sqlx::query("update jobs set origin = 'watch'")
        .execute(&mut *conn)
        .await
        .unwrap();
    let asked = many(conn, "p", [&fleet[2], &fleet[3]], 1).await[0];
    assert_eq!(taken(conn).await.unwrap().0.job_id, asked);
    assert_eq!(taken(conn).await.unwrap().0.job_id, watched);
}

/// A person's inspection asks an instance that rests; everything else waits until it has answered.
#[sqlx::test(migrator = "MIGRATOR")]
async fn jobs_wait_for_an_instance_that_rests_and_an_inspection_does_not(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let waiting = queued(conn, &erp).await;
    let look = new_job(&erp, JobKind::Inspect, false);
    jobs::enqueue(conn, &look).await.unwrap();
    let resting = [fleet[0].id];
    let terms = Terms {
        resting: &resting,
        ..Terms::new("t", LONG, 5)
    };
    let (lease, _) = claim(conn, &terms).await.unwrap().unwrap();
    assert_eq!(lease.job_id, look.id);
    assert!(claim(conn, &terms).await.unwrap().is_none());
    assert_eq!(taken(conn).await.unwrap().0.job_id, waiting.id);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_younger_job_does_not_overtake_one_that_waits(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 4).await;
    let busy = pair(conn, "busy", &fleet[0], &fleet[1]).await;
    let waits = pair(conn, "waits", &fleet[1], &fleet[2]).await;
    let younger = pair(conn, "younger", &fleet[2], &fleet[3]).await;
    queued(conn, &busy).await;
    let (first, _) = taken(conn).await.unwrap();
    let older = queued(conn, &waits).await;
    let young = queued(conn, &younger).await;
    assert!(
        taken(conn).await.is_none(),
        "i2 is what the older job waits with"
    );
    lease::succeed(conn, &first).await.unwrap();
    let (second, _) = taken(conn).await.unwrap();
    assert_eq!(second.job_id, older.id);
    let code = FailureCode::Unreachable;
    lease::retry_later(conn, &second, code, "down", LONG, LONG * 2)
        .await
        .unwrap();
    let (third, _) = taken(conn).await.unwrap();
    assert_eq!(
        third.job_id, young.id,
        "one that is not due waits for nothing"
    );
}

/// A chain of pairs with a dead instance at its head: only those who need it wait.
#[sqlx::test(migrator = "MIGRATOR")]
async fn nobody_waits_behind_one_that_waits_for_a_stuck_instance(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 4).await;
    let mut pairs = Vec::new();
    for (n, two) in fleet.windows(2).enumerate() {
        pairs.push(pair(conn, &format!("p{n}"), &two[0], &two[1]).await);
    }
    queued(conn, &pairs[0]).await;
    let (stuck, _) = taken(conn).await.unwrap();
    let waits = queued(conn, &pairs[1]).await;
    let young = queued(conn, &pairs[2]).await;
    assert!(taken(conn).await.is_none(), "it may be free in a moment");
    sqlx::query("update instance_leases set since = since - make_interval(secs => $1)")
        .bind(STUCK_AFTER.as_secs_f64())
        .execute(&mut *conn)
        .await
        .unwrap();
    let (passed, _) = taken(conn).await.unwrap();
    assert_eq!(passed.job_id, young.id);
    lease::succeed(conn, &passed).await.unwrap();
    // Not for ever: one that has been due for long enough keeps the others off.
    queued(conn, &pairs[2]).await;
    sqlx::query("update jobs set next_attempt_at = next_attempt_at - make_interval(secs => $2) where id = $1")
        .bind(waits.id)
        .bind(OVERTAKEN_FOR.as_secs_f64())
        .execute(&mut *conn)
        .await
        .unwrap();
    assert!(taken(conn).await.is_none(), "it has waited long enough");
    lease::succeed(conn, &stuck).await.unwrap();
    assert_eq!(taken(conn).await.unwrap().0.job_id, waits.id);
}

/// It waits for sessions of this process, which another process may have free.
#[sqlx::test(migrator = "MIGRATOR")]
async fn nobody_waits_behind_one_that_waits_for_sessions(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 3).await;
    let crowd = pair(conn, "crowd", &fleet[0], &fleet[1]).await;
    let other = pair(conn, "other", &fleet[1], &fleet[2]).await;
    queued(conn, &crowd).await;
    let young = queued(conn, &other).await;
    let terms = Terms {
        saturated: &[fleet[0].id],
        ..Terms::new("tests", LONG, 3)
    };
    let (lease, _) = claim(conn, &terms).await.unwrap().unwrap();
    assert_eq!(lease.job_id, young.id);
}

/// Ids are made by replicas, by their clocks; the queue is PostgreSQL's.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_replica_whose_clock_is_ahead_does_not_ask_at_the_end_of_the_queue(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let first = NewJob {
        id: Uuid::from_u128(u128::MAX),
        ..new_job(&erp, JobKind::VerifyInbound, false)
    };
    jobs::enqueue(conn, &first).await.unwrap();
    jobs::enqueue(conn, &new_job(&erp, JobKind::VerifyInbound, false))
        .await
        .unwrap();
    assert_eq!(taken(conn).await.unwrap().0.job_id, first.id);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn jobs_that_only_look_hold_and_wait_for_nothing(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    queued(conn, &erp).await;
    let (changing, _) = taken(conn).await.unwrap();
    for (kind, dry_run) in [
        (JobKind::VerifyInbound, false),
        (JobKind::ConfigureInbound, true),
    ] {
        let new = new_job(&erp, kind, dry_run);
        jobs::enqueue(conn, &new).await.unwrap();
        let (lease, job) = taken(conn).await.unwrap();
        assert_eq!((job.id, lease.instances.len()), (new.id, 0));
        lease::renew(conn, &lease, LONG).await.unwrap();
    }
    lease::succeed(conn, &changing).await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_pair_has_one_open_changing_job(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let first = queued(conn, &erp).await;
    let second = new_job(&erp, JobKind::ConfigureInbound, false);
    let constraint = crate::store::Unique::OpenChangingJob;
    let refused = jobs::enqueue(conn, &second).await;
    assert!(matches!(refused, Err(StoreError::Taken { constraint: c }) if c == constraint));
    let open = jobs::open_changing(conn, erp.id).await.unwrap().unwrap();
    assert_eq!(open.id, first.id);
    assert_eq!(
        crate::store::instances::open_jobs(conn, fleet[1].id)
            .await
            .unwrap(),
        [first.id]
    );
    let (lease, _) = taken(conn).await.unwrap();
    assert!(
        jobs::enqueue(conn, &second).await.is_err(),
        "running is open too"
    );
    lease::succeed(conn, &lease).await.unwrap();
    jobs::enqueue(conn, &second).await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_expired_lease_is_claimed_like_a_fresh_job(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    queued(conn, &erp).await;
    let (lost, _) = taken(conn).await.unwrap();
    assert!(taken(conn).await.is_none());
    expire(conn, &lost).await;
    let (taken, job) = taken(conn).await.unwrap();
    assert_eq!((taken.job_id, job.attempts), (lost.job_id, 2));
    assert_ne!(taken.token, lost.token);
    let history = attempts::list(conn, job.id).await.unwrap();
    assert_eq!(history[0].outcome, Some(AttemptEnd::Lost));
    assert_eq!(history[1].outcome, None);
    lease::renew(conn, &taken, LONG).await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_job_that_never_comes_to_an_end_is_set_aside(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let poison = queued(conn, &erp).await;
    let healthy = pair(conn, "healthy", &fleet[0], &fleet[1]).await;
    // An attempt that fails for now has come to an end, and does not count here.
    let (lease, _) = taken(conn).await.unwrap();
    lease::retry_later(
        conn,
        &lease,
        FailureCode::Unreachable,
        "down",
        Duration::ZERO,
        LONG,
    )
    .await
    .unwrap();
    for _ in 0..3 {
        let (lease, _) = taken(conn).await.unwrap();
        assert_eq!(lease.job_id, poison.id);
        expire(conn, &lease).await;
    }
    let next = queued(conn, &healthy).await;
    let (lease, _) = taken(conn).await.unwrap();
    assert_eq!(lease.job_id, next.id, "others go on in the same claim");
    let job = jobs::get(conn, poison.id).await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Failed);
    assert_eq!(job.failure.unwrap().0, FailureCode::Poisoned);
    let running = attempts::list(conn, poison.id).await.unwrap();
    assert!(running.iter().all(|a| a.outcome.is_some()));
}

/// What the claim itself read, by PostgreSQL's own count, beside a history too large to be read.
#[sqlx::test(migrator = "MIGRATOR")]
async fn history_does_not_slow_the_claim(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let first = queued(conn, &erp).await;
    let (lease, _) = taken(conn).await.unwrap();
    lease::succeed(conn, &lease).await.unwrap();
    for statement in [
        "insert into jobs (id, kind, pair_id, subject_name, dry_run, holds, options, accepted, state, created_at, finished_at)
         select gen_random_uuid(), kind, pair_id, subject_name, dry_run, holds, options, accepted, state, created_at, finished_at
         from jobs, generate_series(1, 20000)",
        "analyze jobs",
    ] {
        sqlx::query(statement).execute(&mut *conn).await.unwrap();
    }
    let next = queued(conn, &erp).await;
    let rows = "select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint
                from pg_stat_xact_user_tables where relname = 'jobs' and $1 is not null";
    let by_index = "select pg_stat_get_xact_numscans('jobs_fresh'::regclass) where $1 is not null";
    let mut tx = conn.begin().await.unwrap();
    let before = count(&mut tx, rows, first.id).await;
    let (lease, _) = taken(&mut tx).await.unwrap();
    assert_eq!(lease.job_id, next.id);
    let read = count(&mut tx, rows, first.id).await - before;
    assert!((1..50).contains(&read), "the claim looked at {read} rows");
    assert!(
        count(&mut tx, by_index, first.id).await >= 1,
        "by the index of what was never tried"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_process_takes_no_more_at_an_instance_than_it_has_sessions(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 4).await;
    let dead = pair(conn, "dead", &fleet[0], &fleet[1]).await;
    let well = pair(conn, "well", &fleet[2], &fleet[3]).await;
    for (pair, kind) in [
        (&dead, JobKind::VerifyInbound),
        (&well, JobKind::VerifyInbound),
    ] {
        let new = new_job(pair, kind, false);
        jobs::enqueue(conn, &new).await.unwrap();
    }
    let saturated = [fleet[1].id];
    let terms = Terms {
        saturated: &saturated,
        ..Terms::new("tests", LONG, 3)
    };
    let (lease, job) = claim(conn, &terms).await.unwrap().unwrap();
    assert_eq!(
        job.subject.named().id,
        well.id,
        "the other one waits here, not elsewhere"
    );
    assert!(claim(conn, &terms).await.unwrap().is_none());
    let (elsewhere, _) = taken(conn).await.unwrap();
    assert_ne!(elsewhere.job_id, lease.job_id);
}

/// It keeps nobody waiting who has not been tried, and does not wait for ever itself.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_retry_stands_behind_what_came_due_before_it(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let ask = async |conn: &mut Conn| {
        let new = new_job(&erp, JobKind::VerifyInbound, false);
        jobs::enqueue(conn, &new).await.unwrap();
        new.id
    };
    let first = ask(conn).await;
    let (lease, _) = taken(conn).await.unwrap();
    let second = ask(conn).await;
    let (code, at_once) = (FailureCode::Unreachable, Duration::ZERO);
    lease::retry_later(conn, &lease, code, "down", at_once, LONG)
        .await
        .unwrap();
    let third = ask(conn).await;
    let only_fresh = Terms {
        retries: false,
        ..Terms::new("tests", LONG, 5)
    };
    let claimed = async |conn: &mut Conn, terms: &Terms<'_>| {
        let claimed = claim(conn, terms).await.unwrap();
        claimed.map(|(lease, _)| lease.job_id)
    };
    let anything = Terms::new("tests", LONG, 5);
    assert_eq!(claimed(conn, &anything).await, Some(second));
    let fourth = ask(conn).await;
    assert_eq!(claimed(conn, &only_fresh).await, Some(third));
    assert_eq!(claimed(conn, &anything).await, Some(first));
    assert_eq!(claimed(conn, &only_fresh).await, Some(fourth));
}

/// Several jobs were there whenever a process died: when one more death would be the last, one of them at a time is tried.
#[sqlx::test(migrator = "MIGRATOR")]
async fn suspects_are_tried_one_at_a_time(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let new = new_job(&erp, JobKind::VerifyInbound, false);
        jobs::enqueue(conn, &new).await.unwrap();
        jobs.push(new.id);
    }
    sqlx::query("update jobs set unended_claims = $2 where id = any($1)")
        .bind(&jobs[..2])
        .bind(2)
        .execute(&mut *conn)
        .await
        .unwrap();
    let (suspect, _) = taken(conn).await.unwrap();
    assert!(suspect.job_id == jobs[0] && suspect.suspect);
    let terms = Terms {
        suspects: false,
        ..Terms::new("tests", LONG, 3)
    };
    let (other, _) = claim(conn, &terms).await.unwrap().unwrap();
    assert!(other.job_id == jobs[2] && !other.suspect);
    assert!(claim(conn, &terms).await.unwrap().is_none());
    // What is to be given up or was called off needs no trial.
    sqlx::query("update jobs set unended_claims = 3 where id = $1")
        .bind(jobs[1])
        .execute(&mut *conn)
        .await
        .unwrap();
    assert!(claim(conn, &terms).await.unwrap().is_none());
    let poisoned = jobs::get(conn, jobs[1]).await.unwrap().unwrap();
    assert_eq!(poisoned.failure.unwrap().0, FailureCode::Poisoned);
}

/// Another version wrote it.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_job_that_cannot_be_read_stops_nobody(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let strange = new_job(&erp, JobKind::VerifyInbound, false);
    let planned = new_job(&erp, JobKind::VerifyInbound, false);
    let next = new_job(&erp, JobKind::VerifyInbound, false);
    for new in [&strange, &planned, &next] {
        jobs::enqueue(conn, new).await.unwrap();
    }
    for (id, statement) in [
        (strange.id, "update jobs set options = '[]' where id = $1"),
        (planned.id, "update jobs set plan = '[]' where id = $1"),
    ] {
        sqlx::query(statement)
            .bind(id)
            .execute(&mut *conn)
            .await
            .unwrap();
    }
    let (lease, job) = taken(conn).await.unwrap();
    assert_eq!((lease.job_id, job.plan), (planned.id, None));
    assert_eq!(taken(conn).await.unwrap().0.job_id, next.id);
    let failed = "select count(*) from jobs where failure_code = 'internal' and id = $1";
    assert_eq!(count(conn, failed, strange.id).await, 1);
}

/// During an upgrade replicas of two releases share the queue.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_newer_release_wrote_waits_for_it_and_stands_in_nobodys_way(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    for (number, change) in [
        "update jobs set kind = 'of-a-newer-release' where id = $1",
        "update jobs set subject_kind = 'constellation', pair_id = null where id = $1",
        "update jobs set format = 1000 where id = $1",
    ]
    .into_iter()
    .enumerate()
    {
        let theirs = pair(conn, &format!("theirs{number}"), &fleet[0], &fleet[1]).await;
        let ours = pair(conn, &format!("ours{number}"), &fleet[1], &fleet[0]).await;
        let newer = queued(conn, &theirs).await;
        // As if it had waited for an hour: nothing that is known here would be let past it.
        for statement in [
            change,
            "update jobs set next_attempt_at = clock_timestamp() - interval '1 h' where id = $1",
        ] {
            sqlx::query(statement)
                .bind(newer.id)
                .execute(&mut *conn)
                .await
                .unwrap();
        }
        let young = queued(conn, &ours).await;
        let (lease, _) = taken(conn).await.unwrap();
        assert_eq!(lease.job_id, young.id, "{change}");
        lease::succeed(conn, &lease).await.unwrap();
        assert!(taken(conn).await.is_none(), "{change}");
        let waits = "select count(*) from jobs where id = $1 and state = 'queued' and claims = 0";
        assert_eq!(count(conn, waits, newer.id).await, 1, "{change}");
    }
    let known = Known {
        format: 1000,
        ..Known::HERE
    };
    let terms = Terms {
        known,
        ..Terms::new("tests", LONG, 3)
    };
    assert!(claim(conn, &terms).await.unwrap().is_some());
}

/// Kinds to come wait for people, without a lease and without being due; their subject takes no other change meanwhile.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_job_may_wait_for_something_that_is_no_worker(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let waits = queued(conn, &erp).await;
    sqlx::query(
        "update jobs set state = 'awaiting_somebody', next_attempt_at = null where id = $1",
    )
    .bind(waits.id)
    .execute(&mut *conn)
    .await
    .unwrap();
    assert!(taken(conn).await.is_none());
    assert_eq!(pairs::open_jobs(conn, erp.id).await.unwrap(), [waits.id]);
    let other = new_job(&erp, JobKind::ConfigureInbound, false);
    let refused = jobs::enqueue(conn, &other).await.unwrap_err();
    assert!(matches!(refused, StoreError::Taken { .. }), "{refused:?}");
}
