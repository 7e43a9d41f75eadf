//! What happens beside an attempt while it is under way: registrations that change, log-ins that are refused elsewhere, leases
//! that run out.

use std::time::Duration;

use mirrorgate::domain::action::Action;
use mirrorgate::domain::failure::FailureClass;
use mirrorgate::domain::id::new_id;
use mirrorgate::domain::job::{JobKind, JobOptions, JobState};
use mirrorgate::domain::object_name::ObjectName;
use mirrorgate::domain::plan::{InstancePlan, TrustPlan};
use mirrorgate::domain::step::StepOutcome;
use mirrorgate::domain::trust::{Configured, Proof};
use mirrorgate::sqlserver::{PoolSettings, Pools};
use mirrorgate::store::instance_status;
use mirrorgate::tsql::action::CertificateBytes;
use mirrorgate::tsql::apply;
use mirrorgate::tsql::batch_comment::BatchComment;
use sqlserver_sim::{Fault, Fleet, Instance, InstanceSpec, Rule};
use sqlx::PgPool;

use super::world::{PASSWORD, World, target, verified};

async fn pair(pool: &PgPool, passwords: [&str; 2]) -> (Fleet, Vec<Instance>, World) {
    let fleet = Fleet::new().unwrap();
    let (mut hosts, mut instances) = (Vec::new(), Vec::new());
    for (name, password) in ["HOST_A", "HOST_B"].into_iter().zip(passwords) {
        let mut spec = InstanceSpec::named(name);
        spec.sa_password = password.to_owned();
        let instance = fleet.start(spec).await.unwrap();
        instance.prepare_outbound(name, 5022).await.unwrap();
        hosts.push((name, instance.port(), verified(fleet.ca_pem())));
        instances.push(instance);
    }
    let world = World::new(pool, &hosts).await;
    instances.iter().for_each(Instance::reset_counters);
    (fleet, instances, world)
}

/// Until the condition holds; every test here would otherwise wait for ever.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::task::yield_now().await;
    }
}

#[sqlx::test(migrations = false)]
async fn a_batch_is_not_sent_once_the_lease_has_run_out(_pool: PgPool) {
    let fleet = Fleet::new().unwrap();
    let mut spec = InstanceSpec::named("HOST_A");
    spec.sa_password = PASSWORD.to_owned();
    let a = fleet.start(spec).await.unwrap();
    let login = ObjectName::parse("HOST_B_login").unwrap();
    let plan = InstancePlan {
        instance: "HOST_A".to_owned(),
        server: None,
        endpoint: None,
        used_by: None,
        trusts: vec![TrustPlan {
            left_out: Vec::new(),
            peer: "HOST_B".to_owned(),
            configured: Configured::No,
            proof: Proof::Unknown,
            admits: Default::default(),
            certificate: None,
            next: None,
            actions: vec![Action::CreateLogin { login }],
        }],
    };
    let comment = BatchComment {
        job: new_id(),
        change_ref: None,
    };
    let batch = apply::batch(comment, &plan, &CertificateBytes::new())
        .unwrap()
        .unwrap();
    let pools = Pools::new(PoolSettings::default());
    let target = target(a.port(), verified(fleet.ca_pem()));
    let result = pools.apply(&target, &batch, || false).await;
    assert_eq!(result.steps[0].outcome, StepOutcome::NotReached);
    assert_eq!(result.failure.unwrap().class, FailureClass::Transient);
    assert_eq!(a.counters().batches, 0);
    let result = pools.apply(&target, &batch, || true).await;
    assert_eq!(result.failure, None);
    assert_eq!(
        a.counters().logins,
        1,
        "the session that was not used is as good as new"
    );
}

/// The other side of the fence: another control plane, or a batch of one that was stopped, is at this very instance.
#[sqlx::test(migrations = false)]
async fn while_another_batch_holds_the_application_lock_nothing_is_done(pool: PgPool) {
    let (_fleet, instances, world) = pair(&pool, [PASSWORD; 2]).await;
    let mut other = instances[0].connect_as("sa").unwrap();
    other
        .run("BEGIN TRANSACTION; EXEC sp_getapplock @Resource = N'mirrorgate', @LockMode = N'Exclusive', @LockOwner = N'Transaction'")
        .await;
    let job = world.configure().await;
    assert_eq!(job.state, JobState::Queued, "{job:?}");
    assert!(job.last_problem.unwrap().contains("HOST_A"));
    let tried: Vec<_> = instances[0].ledger();
    assert!(tried.iter().all(|entry| entry.kind != "CREATE LOGIN"));
    let steps = world.steps(job.id).await;
    let reached = steps
        .iter()
        .filter(|s| s.instance == "HOST_A" && s.kind == "create_login");
    assert_eq!(
        reached.map(|s| s.outcome).collect::<Vec<_>>(),
        [Some(StepOutcome::NotReached)]
    );
    other.run("ROLLBACK").await;
    assert_eq!(world.attempt(job.id).await.state, JobState::Succeeded);
}

/// Everybody else shall know of it before the slowest member has answered.
#[sqlx::test(migrations = false)]
async fn a_refused_log_in_is_noted_at_once(pool: PgPool) {
    let (_fleet, instances, world) = pair(&pool, ["Another-one-1!", PASSWORD]).await;
    instances[1]
        .faults()
        .add(Rule::nth_statement(1, Fault::Hold));
    let id = world
        .ask(JobKind::VerifyInbound, JobOptions::default())
        .await;
    let watching = async {
        until("noted", async || {
            let mut conn = world.store.acquire().await.unwrap();
            let status = instance_status::status(&mut conn, world.members[0].id).await;
            status.unwrap().refused_login.is_some()
        })
        .await;
        assert_eq!(world.job(id).await.state, JobState::Running);
        instances[1].faults().clear();
    };
    let (ran, ()) = tokio::join!(world.worker.run_next(), watching);
    assert_eq!(ran.unwrap(), Some(id));
    assert_eq!(instances[0].counters().refused_logins, 1);
}

/// The address was corrected while the old server was being looked at.
#[sqlx::test(migrations = false)]
async fn what_an_old_address_said_is_not_kept_under_the_new_one(pool: PgPool) {
    let (fleet, instances, world) = pair(&pool, [PASSWORD; 2]).await;
    let mut right = InstanceSpec::named("HOST_X");
    right.sa_password = PASSWORD.to_owned();
    let right = fleet.start(right).await.unwrap();
    right.prepare_outbound("HOST_X", 5022).await.unwrap();
    instances[0]
        .faults()
        .add(Rule::nth_statement(1, Fault::Hold));
    let id = world.ask_to_inspect(0, JobOptions::default()).await;
    let moving = async {
        until("asked", async || instances[0].counters().logins > 0).await;
        world.move_to(0, right.port()).await;
        instances[0].faults().clear();
    };
    let (ran, ()) = tokio::join!(world.worker.run_next(), moving);
    assert_eq!(ran.unwrap(), Some(id));
    let mut conn = world.store.acquire().await.unwrap();
    let status = instance_status::status(&mut conn, world.members[0].id)
        .await
        .unwrap();
    assert!(status.identity.is_none() && status.observation.is_none());
    let again = world.ask_to_inspect(0, JobOptions::default()).await;
    assert_eq!(world.attempt(again).await.state, JobState::Succeeded);
    let status = instance_status::status(&mut conn, world.members[0].id)
        .await
        .unwrap();
    assert_eq!(status.identity.unwrap().server_name, "HOST_X");
}

/// Of two looks the one that was begun later is the newer, whichever ends first and whatever clock the replica has.
#[sqlx::test(migrations = false)]
async fn a_look_that_was_begun_earlier_does_not_hide_what_was_done_since(pool: PgPool) {
    let (_fleet, instances, world) = pair(&pool, [PASSWORD; 2]).await;
    // HOST_A is read at once; its answer waits for HOST_B's.
    instances[1]
        .faults()
        .add(Rule::nth_statement(1, Fault::Hold));
    let slow = world
        .ask(JobKind::VerifyInbound, JobOptions::default())
        .await;
    let configuring = async {
        until("looked at", async || instances[0].counters().batches > 0).await;
        let id = world
            .ask(JobKind::ConfigureInbound, JobOptions::default())
            .await;
        assert_eq!(world.attempt(id).await.state, JobState::Succeeded);
        assert_eq!(world.job(slow).await.state, JobState::Running);
        instances[1].faults().clear();
    };
    let (ran, ()) = tokio::join!(world.worker.run_next(), configuring);
    assert_eq!(ran.unwrap(), Some(slow));
    let configured: Vec<String> = sqlx::query_scalar("select configured from trusts")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(configured, ["yes", "yes"]);
}
