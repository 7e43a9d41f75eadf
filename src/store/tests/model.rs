//! The life of jobs as a model in memory, against PostgreSQL: whatever happens in whatever order, zombies included, both agree
//! on every answer and on every row. And the model notices when one write is not fenced.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sqlx::PgPool;
use uuid::Uuid;

use crate::domain::id::new_id;
use crate::domain::job::{FailureCode, JobKind, JobState};
use crate::domain::step::NewStep;
use crate::store::claim::Terms;
use crate::store::fixture::*;
use crate::store::lease::Lease;
use crate::store::pairs::Pair;
use crate::store::{Conn, MIGRATOR, StoreError, claim, events, jobs, lease, steps};

const MAX_UNENDED: i32 = 3;
const OPERATIONS: usize = 210;
const CASES: usize = 10;

/// More of them in `scripts/soak`.
fn cases() -> usize {
    let asked = std::env::var("MIRRORGATE_MODEL_CASES").ok();
    asked.map_or(CASES, |cases| {
        cases.parse().expect("MIRRORGATE_MODEL_CASES is a number")
    })
}

/// `usize` picks a lease: mostly one of the last, so that live, expired and stale ones all occur.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Op {
    Enqueue(usize),
    Claim,
    Renew(usize),
    Start(usize),
    Expire(usize),
    Succeed(usize),
    Fail(usize),
    Retry(usize),
    HandBack(usize),
    LetGo(usize),
    Acknowledge(usize),
    Cancel(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let one = prop_oneof![
        5 => (0..PAIRS.len()).prop_map(Op::Enqueue),
        6 => Just(Op::Claim),
        2 => (0..6usize).prop_map(Op::Renew),
        2 => (0..6usize).prop_map(Op::Start),
        4 => (0..3usize).prop_map(Op::Expire),
        2 => (0..6usize).prop_map(Op::Succeed),
        1 => (0..6usize).prop_map(Op::Fail),
        2 => (0..6usize).prop_map(Op::Retry),
        2 => (0..6usize).prop_map(Op::HandBack),
        2 => (0..3usize).prop_map(Op::LetGo),
        1 => (0..6usize).prop_map(Op::Acknowledge),
        2 => (0..6usize).prop_map(Op::Cancel),
    ];
    proptest::collection::vec(one, OPERATIONS)
}

/// Which instances each pair has: some shared, some apart.
const PAIRS: [(usize, usize); 5] = [(0, 1), (1, 2), (3, 4), (4, 0), (2, 3)];

#[derive(Debug, Clone)]
struct ModelJob {
    id: Uuid,
    pair: usize,
    /// When it came due, by the model's count.
    due: u64,
    state: JobState,
    token: Option<Uuid>,
    expired: bool,
    attempts: i32,
    unended: i32,
    asked: bool,
}

impl ModelJob {
    fn is_due(&self) -> bool {
        match self.state {
            JobState::Queued => true,
            JobState::Running => self.expired,
            _ => false,
        }
    }

    fn shares_with(&self, other: &Self) -> bool {
        let ((a, b), (c, d)) = (PAIRS[self.pair], PAIRS[other.pair]);
        a == c || a == d || b == c || b == d
    }

    fn end(&mut self, state: JobState) {
        self.state = state;
        self.token = None;
        self.expired = false;
    }
}

#[derive(Debug, Default)]
struct Model {
    count: u64,
    jobs: Vec<ModelJob>,
    leases: Vec<Lease>,
}

impl Model {
    fn now(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn lease(&self, pick: usize) -> Option<Lease> {
        let back = pick % self.leases.len().max(1);
        self.leases.iter().rev().nth(back).cloned()
    }

    /// The job of a lease that still holds.
    fn held(&mut self, lease: &Lease) -> Option<&mut ModelJob> {
        self.jobs
            .iter_mut()
            .find(|j| j.token == Some(lease.token) && !j.expired)
    }

    /// Jobs whose lease ran out are due again, or end.
    fn put_back(&mut self) {
        for job in self.jobs.iter_mut().filter(|j| j.expired) {
            if job.asked {
                job.end(JobState::Cancelled);
            } else if job.unended >= MAX_UNENDED {
                job.end(JobState::Failed);
            } else {
                job.end(JobState::Queued);
            }
        }
    }

    /// What a claim must give: the job that has been due for the longest, holds nothing anybody holds, and overtakes nobody.
    fn claim(&mut self) -> Option<Uuid> {
        self.put_back();
        let all = &self.jobs;
        let overtakes = |job: &ModelJob| {
            let mut older = all.iter().filter(|o| o.is_due() && o.due < job.due);
            older.any(|older| older.shares_with(job))
        };
        let is_free = |job: &ModelJob| {
            let mut busy = all.iter().filter(|j| j.token.is_some());
            !busy.any(|other| other.shares_with(job))
        };
        let next = (0..all.len())
            .filter(|n| all[*n].is_due() && is_free(&all[*n]) && !overtakes(&all[*n]))
            .min_by_key(|n| all[*n].due)?;
        let job = &mut self.jobs[next];
        job.state = JobState::Running;
        job.attempts += 1;
        job.unended += 1;
        Some(job.id)
    }

    /// An attempt whose lease may have run out lets go; `None` when somebody else has the job or it has ended.
    fn abandon(&mut self, lease: &Lease) -> Option<JobState> {
        let mut jobs = self.jobs.iter_mut();
        jobs.find(|j| j.token == Some(lease.token))?.expired = false;
        self.end(lease, JobState::Queued, true)
    }

    /// An attempt ends; `None` when it may not.
    fn end(&mut self, lease: &Lease, wanted: JobState, counts: bool) -> Option<JobState> {
        let now = self.now();
        let job = self.held(lease)?;
        job.due = now;
        let state = match wanted {
            JobState::Succeeded => JobState::Succeeded,
            _ if job.asked => JobState::Cancelled,
            other => other,
        };
        job.end(state);
        job.unended = 0;
        if state == JobState::Queued && !counts {
            job.attempts -= 1;
        }
        Some(state)
    }
}

/// Which writes are done; the second is what the model must not let pass.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Writes {
    Fenced,
    /// The write that ends a job also goes through without the token and the time in its condition.
    OneUnfenced,
}

async fn succeed_unfenced(conn: &mut Conn, lease: &Lease) -> Result<JobState, StoreError> {
    match lease::succeed(conn, lease).await {
        Err(StoreError::LeaseLost) => {}
        held => return held,
    }
    let written = sqlx::query(
        "update jobs set state = 'succeeded', finished_at = clock_timestamp(), unended_claims = 0,
                lease_token = null, lease_until = null, lease_worker = null
         where id = $1 and state = 'running'",
    )
    .bind(lease.job_id)
    .execute(&mut *conn)
    .await?;
    if written.rows_affected() == 1 {
        Ok(JobState::Succeeded)
    } else {
        Err(StoreError::LeaseLost)
    }
}

/// `Ok(None)` for a write that was refused because the lease is lost.
fn answer<T>(result: Result<T, StoreError>) -> Result<Option<T>, String> {
    match result {
        Ok(given) => Ok(Some(given)),
        Err(StoreError::LeaseLost) => Ok(None),
        Err(other) => Err(format!("{other:?}")),
    }
}

fn agree<T: PartialEq + std::fmt::Debug>(op: Op, real: &T, model: &T) -> Result<(), String> {
    if real == model {
        Ok(())
    } else {
        Err(format!(
            "{op:?}: PostgreSQL says {real:?}, the model {model:?}"
        ))
    }
}

async fn enqueue(
    conn: &mut Conn,
    model: &mut Model,
    pairs: &[Pair],
    op: Op,
    pair: usize,
) -> Result<(), String> {
    let new = new_job(&pairs[pair], JobKind::ConfigureInbound, false);
    let open = model
        .jobs
        .iter()
        .any(|j| j.pair == pair && !j.state.has_ended());
    let taken = match jobs::enqueue(conn, &new).await {
        Ok(()) => false,
        Err(StoreError::Taken { .. }) => true,
        Err(other) => return Err(format!("{other:?}")),
    };
    agree(op, &taken, &open)?;
    if !taken {
        let due = model.now();
        model.jobs.push(ModelJob {
            id: new.id,
            pair,
            due,
            state: JobState::Queued,
            token: None,
            expired: false,
            attempts: 0,
            unended: 0,
            asked: false,
        });
    }
    Ok(())
}

async fn claim_one(conn: &mut Conn, model: &mut Model, op: Op) -> Result<(), String> {
    let real = claim::claim(
        conn,
        &Terms {
            // The model knows no time.
            stuck_after: LONG,
            ..Terms::new("model", LONG, MAX_UNENDED)
        },
    )
    .await;
    let real = real.map_err(|e| format!("{e:?}"))?.map(|(lease, _)| lease);
    let expected = model.claim();
    agree(op, &real.as_ref().map(|l| l.job_id), &expected)?;
    if let Some(lease) = real {
        let job = model.jobs.iter_mut().find(|j| j.id == lease.job_id);
        job.unwrap().token = Some(lease.token);
        model.leases.push(lease);
    }
    Ok(())
}

async fn cancel(conn: &mut Conn, model: &mut Model, op: Op, pick: usize) -> Result<(), String> {
    let back = pick % model.jobs.len().max(1);
    let Some(job) = model.jobs.iter_mut().rev().nth(back) else {
        return Ok(());
    };
    let real = jobs::request_cancel(conn, job.id, now()).await;
    let real = real.map_err(|e| format!("{e:?}"))?.map(|j| j.state);
    if !job.state.has_ended() {
        job.asked = true;
        if job.is_due() {
            job.end(JobState::Cancelled);
        }
    }
    agree(op, &real, &Some(job.state))
}

async fn with_lease(
    conn: &mut Conn,
    model: &mut Model,
    op: Op,
    pick: usize,
    writes: Writes,
) -> Result<(), String> {
    let Some(lease) = model.lease(pick) else {
        return Ok(());
    };
    let (code, none) = (FailureCode::Unreachable, Duration::ZERO);
    match op {
        Op::Renew(_) => {
            let real = answer(lease::renew(conn, &lease, LONG).await)?.map(|r| r.cancel_requested);
            agree(op, &real, &model.held(&lease).map(|j| j.asked))
        }
        Op::Start(_) => {
            let step = NewStep {
                id: new_id(),
                instance_id: lease.instances[0],
                instance: "i".to_owned(),
                peer: None,
                kind: "observe".to_owned(),
                summary: String::new(),
                statement: String::new(),
                started_at: now(),
            };
            let real = answer(steps::start(conn, &lease, &[step]).await)?.map(|_time| ());
            agree(op, &real, &model.held(&lease).map(|_| ()))
        }
        Op::Expire(_) => {
            expire(conn, &lease).await;
            let now = model.now();
            let mut jobs = model.jobs.iter_mut();
            if let Some(job) = jobs.find(|j| j.token == Some(lease.token)) {
                job.expired = true;
                job.due = now;
            }
            Ok(())
        }
        Op::Succeed(_) => {
            let real = match writes {
                Writes::Fenced => lease::succeed(conn, &lease).await,
                Writes::OneUnfenced => succeed_unfenced(conn, &lease).await,
            };
            agree(
                op,
                &answer(real)?,
                &model.end(&lease, JobState::Succeeded, true),
            )
        }
        Op::Fail(_) => {
            let real = answer(lease::fail(conn, &lease, code, "down").await)?;
            agree(op, &real, &model.end(&lease, JobState::Failed, true))
        }
        Op::Retry(_) => {
            let real = lease::retry_later(conn, &lease, code, "down", none, LONG).await;
            agree(
                op,
                &answer(real)?,
                &model.end(&lease, JobState::Queued, true),
            )
        }
        Op::HandBack(_) => {
            let real = answer(lease::release(conn, &lease).await)?;
            agree(op, &real, &model.end(&lease, JobState::Queued, false))
        }
        Op::LetGo(_) => {
            let real = answer(lease::abandon(conn, &lease, none, LONG).await)?;
            agree(op, &real, &model.abandon(&lease))
        }
        _ => {
            let real = answer(lease::acknowledge_cancel(conn, &lease).await)?;
            agree(op, &real, &model.end(&lease, JobState::Cancelled, true))
        }
    }
}

type JobRow = (Uuid, String, i32, i32, bool, Option<Uuid>, i64);

/// Every open job's row and how many instances it holds.
async fn compare(conn: &mut Conn, model: &Model, op: Op) -> Result<(), String> {
    let rows: Vec<JobRow> = sqlx::query_as(
        "select id, state, attempts, unended_claims, cancel_requested_at is not null, lease_token,
                (select count(*) from instance_leases l where l.job_id = jobs.id)
         from jobs where state in ('queued', 'running') order by id",
    )
    .fetch_all(conn)
    .await
    .map_err(|e| e.to_string())?;
    let wanted: Vec<JobRow> = model
        .jobs
        .iter()
        .filter(|j| !j.state.has_ended())
        .map(|j| {
            let state = j.state.as_str().to_owned();
            let held = if j.token.is_some() { 2 } else { 0 };
            (j.id, state, j.attempts, j.unended, j.asked, j.token, held)
        })
        .collect();
    // The rows of an expired lease may have gone to another job meanwhile.
    let strip = |rows: Vec<JobRow>| -> Vec<JobRow> {
        let expired: BTreeSet<Uuid> = model
            .jobs
            .iter()
            .filter(|j| j.expired)
            .map(|j| j.id)
            .collect();
        rows.into_iter()
            .map(|row| {
                if expired.contains(&row.0) {
                    (row.0, row.1, row.2, row.3, row.4, row.5, 0)
                } else {
                    row
                }
            })
            .collect()
    };
    agree(op, &strip(rows), &strip(wanted))
}

/// Runs the operations on an emptied queue; after how many of them the two first differ, and how.
async fn run(
    conn: &mut Conn,
    pairs: &[Pair],
    ops: &[Op],
    writes: Writes,
) -> Result<(), (usize, String)> {
    sqlx::query("truncate jobs cascade")
        .execute(&mut *conn)
        .await
        .unwrap();
    let mut model = Model::default();
    for (before, op) in ops.iter().enumerate() {
        let differ = |why| (before + 1, why);
        step(conn, &mut model, pairs, *op, writes)
            .await
            .map_err(differ)?;
        compare(conn, &model, *op).await.map_err(differ)?;
    }
    let differ = |why| (ops.len(), why);
    history(conn, &model).await.map_err(differ)
}

async fn step(
    conn: &mut Conn,
    model: &mut Model,
    pairs: &[Pair],
    op: Op,
    writes: Writes,
) -> Result<(), String> {
    match op {
        Op::Enqueue(pair) => enqueue(conn, model, pairs, op, pair).await,
        Op::Claim => claim_one(conn, model, op).await,
        Op::Cancel(pick) => cancel(conn, model, op, pick).await,
        Op::Renew(pick)
        | Op::Start(pick)
        | Op::Expire(pick)
        | Op::Succeed(pick)
        | Op::Fail(pick)
        | Op::Retry(pick)
        | Op::HandBack(pick)
        | Op::LetGo(pick)
        | Op::Acknowledge(pick) => with_lease(conn, model, op, pick, writes).await,
    }
}

/// In the end every job is as the model says, and its events are whole.
async fn history(conn: &mut Conn, model: &Model) -> Result<(), String> {
    for job in &model.jobs {
        let row = jobs::get(conn, job.id).await.unwrap().unwrap();
        agree(Op::Claim, &row.state, &job.state)?;
        let told = events::list(conn, job.id, 0, 1000).await.unwrap();
        let gapless = told.iter().zip(1..).all(|(event, n)| event.seq == n);
        let last = told.last().map(|e| e.kind.as_str());
        let counted = told.len() as i64;
        agree(Op::Claim, &(gapless, counted), &(true, row.version))?;
        agree(Op::Claim, &(last == Some("ended")), &job.state.has_ended())?;
    }
    Ok(())
}

async fn registered(conn: &mut Conn) -> Vec<Pair> {
    let fleet = fleet(conn, 5).await;
    let mut pairs = Vec::new();
    for (n, (a, b)) in PAIRS.into_iter().enumerate() {
        pairs.push(pair(conn, &format!("p{n}"), &fleet[a], &fleet[b]).await);
    }
    pairs
}

/// The story without whatever the difference does not need, and the difference.
async fn shrunk(
    conn: &mut Conn,
    pairs: &[Pair],
    mut story: Vec<Op>,
    writes: Writes,
    (end, mut why): (usize, String),
) -> (Vec<Op>, String) {
    story.truncate(end);
    for place in (0..story.len()).rev() {
        let mut shorter = story.clone();
        if place >= shorter.len() {
            continue;
        }
        shorter.remove(place);
        if let Err((end, still)) = run(conn, pairs, &shorter, writes).await {
            shorter.truncate(end);
            (story, why) = (shorter, still);
        }
    }
    (story, why)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn postgres_and_the_model_agree_whatever_happens(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let pairs = registered(conn).await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..cases() {
        let story = ops().new_tree(&mut runner).unwrap().current();
        if let Err(differ) = run(conn, &pairs, &story, Writes::Fenced).await {
            let (story, why) = shrunk(conn, &pairs, story, Writes::Fenced, differ).await;
            panic!("{why}\nafter {story:#?}");
        }
    }
    const { assert!(CASES * OPERATIONS >= 2_000) };
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_model_catches_a_write_that_is_not_fenced(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let pairs = registered(conn).await;
    let mut runner = TestRunner::deterministic();
    let story = ops().new_tree(&mut runner).unwrap().current();
    let writes = Writes::OneUnfenced;
    let caught = run(conn, &pairs, &story, writes).await;
    let (end, why) = caught.expect_err("a zombie ended a job, and nobody noticed");
    let story = &story[..end];
    assert!(
        matches!(story.last(), Some(Op::Succeed(_))),
        "{why}: {story:?}"
    );
    assert!(
        why.contains("says Some(Succeeded), the model None"),
        "{why}: {story:?}"
    );
}
