//! A deadline that passes while an attempt is between its look and its batches.

use std::time::Duration;

use chrono::Utc;
use mirrorgate::domain::clock::Clock;
use mirrorgate::domain::deadline::Deadline;
use mirrorgate::domain::job::{FailureCode, JobKind, JobOptions, JobState};
use mirrorgate::domain::step::StepOutcome;
use sqlserver_sim::{Fault, Fleet, Instance, InstanceSpec, Rule};
use sqlx::PgPool;

use super::world::{PASSWORD, World, verified};

async fn pair(pool: &PgPool) -> (Fleet, Vec<Instance>, World) {
    let fleet = Fleet::new().unwrap();
    let (mut hosts, mut instances) = (Vec::new(), Vec::new());
    for name in ["HOST_A", "HOST_B"] {
        let mut spec = InstanceSpec::named(name);
        spec.sa_password = PASSWORD.to_owned();
        let instance = fleet.start(spec).await.unwrap();
        instance.prepare_outbound(name, 5022).await.unwrap();
        hosts.push((name, instance.port(), verified(fleet.ca_pem())));
        instance.reset_counters();
        instances.push(instance);
    }
    let world = World::new(pool, &hosts).await;
    (fleet, instances, world)
}

fn wanted_for_an_hour() -> JobOptions {
    let now: chrono::DateTime<Utc> = Clock::System.now();
    JobOptions {
        deadline: Some(Deadline::at(now + chrono::Duration::hours(1))),
        ..JobOptions::default()
    }
}

/// Lets the deadline pass, as PostgreSQL's clock would in an hour, once the server has been asked so often.
async fn let_pass(pool: &PgPool, instance: &Instance, batches: u64) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(20);
    while instance.counters().batches < batches {
        assert!(tokio::time::Instant::now() < limit, "never asked");
        tokio::task::yield_now().await;
    }
    sqlx::query("update jobs set deadline = clock_timestamp()")
        .execute(pool)
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn no_change_is_begun_after_the_deadline(pool: PgPool) {
    let (_fleet, instances, world) = pair(&pool).await;
    instances[0]
        .faults()
        .add(Rule::nth_statement(1, Fault::Delay(Duration::from_secs(1))));
    let options = wanted_for_an_hour();
    let id = world.ask(JobKind::ConfigureInbound, options).await;
    let (ran, ()) = tokio::join!(world.worker.run_next(), let_pass(&pool, &instances[0], 1));
    assert_eq!(ran.unwrap(), Some(id));
    let job = world.job(id).await;
    let (code, detail) = job.failure.clone().unwrap();
    assert_eq!(code, FailureCode::DeadlineExceeded);
    assert!(detail.contains("before anything was changed"), "{detail}");
    assert_eq!(instances[0].counters().batches, 1);
    let steps = world.steps(id).await;
    assert!(steps.iter().all(|s| s.kind == "observe"), "{steps:#?}");
}

#[sqlx::test(migrations = false)]
async fn after_the_look_no_other_batch_follows(pool: PgPool) {
    let (_fleet, instances, world) = pair(&pool).await;
    for fault in [
        Fault::Delay(Duration::from_secs(1)),
        Fault::Error {
            number: 15025,
            class: 16,
            text: "exists".to_owned(),
        },
    ] {
        instances[0].faults().add(Rule::next("CREATE LOGIN", fault));
    }
    let options = wanted_for_an_hour();
    let id = world.ask(JobKind::ConfigureInbound, options).await;
    let (ran, ()) = tokio::join!(world.worker.run_next(), let_pass(&pool, &instances[0], 2));
    assert_eq!(ran.unwrap(), Some(id));
    let job = world.job(id).await;
    assert_eq!((job.state, job.attempts), (JobState::Failed, 1));
    let (code, detail) = job.failure.clone().unwrap();
    assert_eq!(code, FailureCode::DeadlineExceeded);
    for part in [
        "after 1 round still missing: on HOST_A from HOST_B",
        "15025",
    ] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    assert_eq!(
        instances[0].counters().batches,
        3,
        "observe, apply, observe"
    );
    let steps = world.steps(id).await;
    let looked = steps.iter().filter(|s| s.kind == "verify");
    assert!(looked.clone().count() == 2);
    assert!(looked.clone().all(|s| s.outcome == Some(StepOutcome::Done)));
}
