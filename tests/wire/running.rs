//! The claim loop: woken by the commit that brings a job, and leaving nothing behind when it is stopped.

use std::time::Duration;

use mirrorgate::domain::job::{JobKind, JobOptions, JobState};
use mirrorgate::worker::{Bounds, Settings};
use sqlserver_sim::{Fault, Fleet, Instance, InstanceSpec, Rule};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::world::{PASSWORD, World, settings, verified};

async fn pair(pool: &PgPool) -> (Fleet, Instance, World) {
    pair_with(pool, settings()).await
}

async fn pair_with(pool: &PgPool, settings: Settings) -> (Fleet, Instance, World) {
    let fleet = Fleet::new().unwrap();
    let mut hosts = Vec::new();
    let mut first = None;
    for name in ["HOST_A", "HOST_B"] {
        let mut spec = InstanceSpec::named(name);
        spec.sa_password = PASSWORD.to_owned();
        let instance = fleet.start(spec).await.unwrap();
        instance.prepare_outbound(name, 5022).await.unwrap();
        hosts.push((name, instance.port(), verified(fleet.ca_pem())));
        first.get_or_insert(instance);
    }
    let world = World::with(pool, &hosts, settings).await;
    fleet.instances().iter().for_each(Instance::reset_counters);
    (fleet, first.unwrap(), world)
}

async fn until_state(world: &World, id: Uuid, state: JobState) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while world.job(id).await.state != state {
        assert!(
            tokio::time::Instant::now() < deadline,
            "never {}",
            state.as_str()
        );
        tokio::task::yield_now().await;
    }
}

#[sqlx::test(migrations = false)]
async fn a_running_worker_takes_what_comes_and_ends_when_told(pool: PgPool) {
    let (_fleet, a, world) = pair(&pool).await;
    let stop = CancellationToken::new();
    let watching = async {
        for _ in 0..2 {
            let id = world
                .ask(JobKind::ConfigureInbound, JobOptions::default())
                .await;
            until_state(&world, id, JobState::Succeeded).await;
        }
        stop.cancel();
    };
    tokio::join!(world.worker.run(stop.clone()), watching);
    assert_eq!(a.counters().logins, 1, "one session served both jobs");
    assert_eq!(world.worker.open_sessions(), 0);
}

#[sqlx::test(migrations = false)]
async fn what_still_runs_when_the_grace_is_over_is_handed_back(pool: PgPool) {
    let (_fleet, a, world) = pair(&pool).await;
    a.faults().add(Rule::next("COMMIT", Fault::StallBefore));
    let stop = CancellationToken::new();
    let id = world
        .ask(JobKind::ConfigureInbound, JobOptions::default())
        .await;
    let watching = async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while !a.counters().statements.contains_key("GRANT") {
            assert!(
                tokio::time::Instant::now() < deadline,
                "the apply batch never came"
            );
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    tokio::join!(world.worker.run(stop.clone()), watching);
    let job = world.job(id).await;
    assert_eq!(
        (job.state, job.attempts),
        (JobState::Queued, 0),
        "an attempt handed back does not count"
    );
    // The next one looks, and finds that the stalled transaction went with its session.
    let job = world.attempt(id).await;
    assert_eq!(job.state, JobState::Succeeded, "{job:?}");
}

/// No statement on any of them is answered.
fn hold_all(fleet: &Fleet) {
    for instance in fleet.instances() {
        let held = Rule::nth_statement(1, Fault::Hold).every_time();
        instance.faults().add(held);
    }
}

/// Of two slots one is for retries at most.
#[sqlx::test(migrations = false)]
async fn a_retry_leaves_a_slot_to_what_was_not_tried(pool: PgPool) {
    let (fleet, _, world) = pair(&pool).await;
    hold_all(&fleet);
    let look = || world.ask(JobKind::VerifyInbound, JobOptions::default());
    let (first, second) = (look().await, look().await);
    sqlx::query("update jobs set attempts = 1 where id = any($1)")
        .bind([first, second])
        .execute(&pool)
        .await
        .unwrap();
    let fresh = look().await;
    let stop = CancellationToken::new();
    let watching = async {
        until_state(&world, first, JobState::Running).await;
        until_state(&world, fresh, JobState::Running).await;
        assert_eq!(world.job(second).await.state, JobState::Queued);
        stop.cancel();
    };
    tokio::join!(world.worker.run(stop.clone()), watching);
}

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

/// As many as there are sessions, at once, though a claim takes one of them at a time: nothing but the claim's own going on brings
/// the second one in.
#[sqlx::test(migrations = false)]
async fn jobs_at_one_instance_run_side_by_side(pool: PgPool) {
    let mut patient = Settings {
        concurrency: 8,
        poll: LONG,
        bounds: Bounds {
            lend_after: LONG,
            ..Bounds::default()
        },
        ..settings()
    };
    patient.timeouts.observe = LONG;
    let (fleet, _, world) = pair_with(&pool, patient).await;
    hold_all(&fleet);
    let look = || world.ask(JobKind::VerifyInbound, JobOptions::default());
    let (first, second) = (look().await, look().await);
    let stop = CancellationToken::new();
    let watching = async {
        until_state(&world, first, JobState::Running).await;
        until_state(&world, second, JobState::Running).await;
        stop.cancel();
    };
    tokio::join!(world.worker.run(stop.clone()), watching);
}

/// It takes the log-in and says nothing: the others' jobs wait for its rest to end, a person's inspection does not.
#[sqlx::test(migrations = false)]
async fn an_instance_that_does_not_answer_rests(pool: PgPool) {
    let mut patient = Settings {
        retry_base: LONG,
        retry_cap: LONG,
        ..settings()
    };
    patient.bounds.rest_cap = LONG;
    patient.timeouts.observe = Duration::from_millis(200);
    let (_fleet, a, world) = pair_with(&pool, patient).await;
    let silent = Rule::nth_statement(1, Fault::StallBefore).every_time();
    a.faults().add(silent);
    let look = async || {
        world
            .ask(JobKind::VerifyInbound, JobOptions::default())
            .await
    };
    let (first, second) = (look().await, look().await);
    assert_eq!(world.worker.run_next().await.unwrap(), Some(first));
    assert_eq!(world.job(first).await.state, JobState::Queued);
    assert_eq!(world.worker.run_next().await.unwrap(), None);
    a.faults().clear();
    let asked = world.ask_to_inspect(0, JobOptions::default()).await;
    assert_eq!(world.worker.run_next().await.unwrap(), Some(asked));
    assert_eq!(world.job(asked).await.state, JobState::Succeeded);
    assert_eq!(
        world.worker.run_next().await.unwrap(),
        Some(second),
        "it answers again"
    );
}
