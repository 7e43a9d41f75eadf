//! The claim loop: woken by the commit that brings a job, and leaving nothing behind when it is stopped.

use std::time::Duration;

use mirrorgate::domain::job::{JobKind, JobOptions, JobState};
use sqlserver_sim::{Fault, Fleet, Instance, InstanceSpec, Rule};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::world::{PASSWORD, World, verified};

async fn pair(pool: &PgPool) -> (Fleet, Instance, World) {
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
    let world = World::new(pool, &hosts).await;
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

/// Of two slots one is for retries at most.
#[sqlx::test(migrations = false)]
async fn a_retry_leaves_a_slot_to_what_was_not_tried(pool: PgPool) {
    let (fleet, _, world) = pair(&pool).await;
    for instance in fleet.instances() {
        let held = Rule::nth_statement(1, Fault::Hold).every_time();
        instance.faults().add(held);
    }
    let look = async || {
        world
            .ask(JobKind::VerifyInbound, JobOptions::default())
            .await
    };
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
