//! Attempts as the worker makes them, with and without servers that answer.

use mirrorgate::config::WorkerConfig;
use mirrorgate::domain::instance::Tls;
use mirrorgate::domain::job::{FailureCode, JobKind, JobOptions, JobState};
use mirrorgate::domain::plan_hash::PlanHash;
use mirrorgate::domain::step::{Step, StepOutcome};
use mirrorgate::domain::trust::{Configured, Proof};
use mirrorgate::store::{certificates, instance_status, jobs, trusts};
use sqlserver_sim::{Fault, Fleet, Instance, InstanceSpec, Rule};
use sqlx::PgPool;

use super::world::{PASSWORD, World, closed_port, verified};

#[sqlx::test(migrations = false)]
async fn an_unreachable_member_is_tried_again_up_to_the_cap(pool: PgPool) {
    let hosts = [
        ("HOST_A", closed_port(), Tls::default()),
        ("HOST_B", closed_port(), Tls::default()),
    ];
    let world = World::new(&pool, &hosts).await;
    let mut job = world.configure().await;
    assert_eq!(job.state, JobState::Queued, "{job:?}");
    assert!(
        job.last_problem
            .as_deref()
            .is_some_and(|p| p.contains("HOST_A") && p.contains("HOST_B")),
        "{job:?}"
    );
    while job.state == JobState::Queued {
        job = world.attempt(job.id).await;
    }
    let most = i32::from(WorkerConfig::default().max_attempts);
    assert_eq!(job.attempts, most);
    assert_eq!(
        job.failure.as_ref().map(|f| f.0),
        Some(FailureCode::Unreachable),
        "{job:?}"
    );
    let steps = world.steps(job.id).await;
    assert_eq!(
        steps.len(),
        2 * most as usize,
        "one look per member and attempt"
    );
    for step in &steps {
        assert_eq!(step.kind, "observe");
        assert_eq!(step.outcome, Some(StepOutcome::Failed));
        assert!(step.statement.contains(&job.id.to_string()));
        assert!(
            step.detail
                .as_deref()
                .is_some_and(|d| d.contains("refused the connection")),
            "{step:?}"
        );
    }
}

#[sqlx::test(migrations = false)]
async fn a_credential_that_may_no_longer_be_sent_there_ends_the_job(pool: PgPool) {
    let hosts = [
        ("HOST_A", closed_port(), Tls::default()),
        ("HOST_B", closed_port(), Tls::default()),
    ];
    let world = World::new(&pool, &hosts).await;
    let id = world
        .ask(JobKind::ConfigureInbound, JobOptions::default())
        .await;
    sqlx::query("update credentials set hosts = '{elsewhere.example}'")
        .execute(&pool)
        .await
        .unwrap();
    let job = world.attempt(id).await;
    let (code, detail) = job.failure.unwrap();
    assert_eq!(code, FailureCode::RegistrationUnusable);
    assert!(detail.contains("may not be sent to 127.0.0.1"), "{detail}");
    assert!(world.steps(id).await.is_empty(), "nothing was contacted");
}

const TRIO: [&str; 3] = ["HOST_A", "HOST_B", "HOST_W"];

/// Simulated instances with their outbound half ready, and a world that knows them.
pub async fn fleet(pool: &PgPool, names: &[&str]) -> (Fleet, Vec<Instance>, World) {
    let fleet = Fleet::new().unwrap();
    let mut instances = Vec::new();
    let mut hosts = Vec::new();
    for name in names {
        let mut spec = InstanceSpec::named(name);
        spec.sa_password = PASSWORD.to_owned();
        let instance = fleet.start(spec).await.unwrap();
        instance.prepare_outbound(name, 5022).await.unwrap();
        hosts.push((*name, instance.port(), verified(fleet.ca_pem())));
        instance.reset_counters();
        instances.push(instance);
    }
    let world = World::new(pool, &hosts).await;
    (fleet, instances, world)
}

fn lets_in(fleet: &Fleet, instances: &[Instance]) -> bool {
    let ordered = |from: &Instance| {
        let mut others = instances.iter().filter(|to| to.name() != from.name());
        others.all(|to| fleet.handshake(from, to).is_ok())
    };
    instances.iter().all(ordered)
}

fn kinds(steps: &[Step], instance: &str) -> Vec<(String, Option<StepOutcome>)> {
    let of = steps.iter().filter(|s| s.instance == instance);
    of.map(|s| (s.kind.clone(), s.outcome)).collect()
}

#[sqlx::test(migrations = false)]
async fn three_strangers_let_each_other_in_after_three_batches(pool: PgPool) {
    let (fleet, instances, world) = fleet(&pool, &TRIO).await;
    assert!(!lets_in(&fleet, &instances));
    let job = world.configure().await;
    assert_eq!(job.state, JobState::Succeeded, "{:?}", job.failure);
    assert!(lets_in(&fleet, &instances));
    for instance in &instances {
        let counters = instance.counters();
        assert_eq!(
            (counters.logins, counters.batches),
            (1, 3),
            "{}",
            instance.name()
        );
    }

    let steps = world.steps(job.id).await;
    for name in TRIO {
        let kinds: Vec<String> = kinds(&steps, name)
            .into_iter()
            .map(|(kind, _)| kind)
            .collect();
        let per_peer = [
            "create_login",
            "create_user",
            "import_certificate",
            "grant_connect",
        ];
        let expected: Vec<&str> = ["observe"]
            .into_iter()
            .chain(per_peer)
            .chain(per_peer)
            .chain(["verify"])
            .collect();
        assert_eq!(kinds, expected, "{name}");
    }
    assert!(steps.iter().all(|s| s.outcome == Some(StepOutcome::Done)));
    let imports: Vec<_> = steps
        .iter()
        .filter(|s| s.kind == "import_certificate")
        .collect();
    assert!(
        imports
            .iter()
            .all(|s| s.summary.contains("obtained from HOST_")),
        "{imports:#?}"
    );

    let mut conn = world.store.acquire().await.unwrap();
    let ids: Vec<_> = world.members.iter().map(|m| m.id).collect();
    let couples: Vec<_> = ids
        .iter()
        .flat_map(|on| ids.iter().map(|from| (*on, *from)))
        .collect();
    let kept = trusts::these(&mut conn, &couples).await.unwrap();
    assert_eq!(kept.len(), 6);
    for trust in kept {
        assert_eq!(trust.status.configured, Configured::Yes);
        assert_ne!(trust.status.proof, Proof::Unknown);
        assert!(trust.status.sha256.is_some());
    }
    for id in ids {
        let status = instance_status::status(&mut conn, id).await.unwrap();
        assert!(status.identity.is_some() && status.observation.is_some());
        assert_eq!(
            certificates::known(&mut conn, id).await.unwrap().len(),
            1,
            "obtained and kept"
        );
    }
    // The plan that was acted on stays; the empty one of the verifying look does not replace it.
    assert!(job.plan.unwrap().has_changes());
    assert!(
        jobs::get_with_scripts(&mut conn, job.id)
            .await
            .unwrap()
            .unwrap()
            .1
            .parts
            .iter()
            .all(|part| part.batch().is_some() && part.alone().is_some())
    );
}

#[sqlx::test(migrations = false)]
async fn what_is_in_place_costs_one_batch_and_no_log_in(pool: PgPool) {
    let (_fleet, instances, world) = fleet(&pool, &TRIO).await;
    assert_eq!(world.configure().await.state, JobState::Succeeded);
    let dry = JobOptions {
        dry_run: true,
        ..JobOptions::default()
    };
    for (kind, options) in [
        (JobKind::ConfigureInbound, JobOptions::default()),
        (JobKind::VerifyInbound, JobOptions::default()),
        (JobKind::ConfigureInbound, dry),
    ] {
        instances.iter().for_each(Instance::reset_counters);
        let id = world.ask(kind, options).await;
        let job = world.attempt(id).await;
        assert_eq!(job.state, JobState::Succeeded, "{:?}", job.failure);
        for instance in &instances {
            let counters = instance.counters();
            assert_eq!(
                (counters.logins, counters.batches, counters.round_trips),
                (0, 1, 1),
                "{kind:?}"
            );
        }
    }
}

#[sqlx::test(migrations = false)]
async fn a_dry_run_changes_nothing_and_its_plan_can_be_asked_for(pool: PgPool) {
    let (fleet, instances, world) = fleet(&pool, &TRIO[..2]).await;
    let dry = JobOptions {
        dry_run: true,
        ..JobOptions::default()
    };
    let id = world.ask(JobKind::ConfigureInbound, dry).await;
    let dry = world.attempt(id).await;
    assert_eq!(dry.state, JobState::Succeeded, "{:?}", dry.failure);
    assert_eq!(instances[0].counters().batches, 1);
    let hash = dry.plan.unwrap().plan_hash;
    let only_if = |hash: PlanHash| JobOptions {
        only_if_plan: Some(hash),
        ..JobOptions::default()
    };
    let id = world
        .ask(
            JobKind::ConfigureInbound,
            only_if(PlanHash::of("another plan")),
        )
        .await;
    let stale = world.attempt(id).await;
    assert_eq!(stale.failure.map(|f| f.0), Some(FailureCode::PlanStale));
    assert!(!lets_in(&fleet, &instances), "nothing was changed");
    let id = world.ask(JobKind::ConfigureInbound, only_if(hash)).await;
    let met = world.attempt(id).await;
    assert_eq!(met.state, JobState::Succeeded, "{:?}", met.failure);
    assert!(lets_in(&fleet, &instances));
}

#[sqlx::test(migrations = false)]
async fn a_link_cut_anywhere_in_the_apply_batch_is_settled_by_looking(pool: PgPool) {
    for kind in ["CREATE CERTIFICATE", "COMMIT"] {
        for fault in [Fault::HangUpBefore, Fault::HangUpAfter] {
            sqlx::query("drop schema public cascade")
                .execute(&pool)
                .await
                .unwrap();
            sqlx::query("create schema public")
                .execute(&pool)
                .await
                .unwrap();
            let (fleet, instances, world) = fleet(&pool, &TRIO[..2]).await;
            instances[0].faults().add(Rule::next(kind, fault.clone()));
            let job = world.configure().await;
            assert_eq!(job.state, JobState::Succeeded, "{kind} {fault:?}: {job:?}");
            assert_eq!(job.attempts, 1, "{kind} {fault:?}");
            assert!(lets_in(&fleet, &instances), "{kind} {fault:?}");
            let unknown = kinds(&world.steps(job.id).await, "HOST_A")
                .iter()
                .filter(|(_, outcome)| *outcome == Some(StepOutcome::Unknown))
                .count();
            assert_eq!(unknown, 4, "{kind} {fault:?}");
        }
    }
}

#[sqlx::test(migrations = false)]
async fn somebody_faster_is_adopted_in_the_same_attempt(pool: PgPool) {
    let (fleet, instances, world) = fleet(&pool, &TRIO[..2]).await;
    let race = "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'";
    instances[0]
        .faults()
        .add(Rule::next("CREATE LOGIN", Fault::Race(race.to_owned())));
    let job = world.configure().await;
    assert_eq!(job.state, JobState::Succeeded, "{job:?}");
    assert!(lets_in(&fleet, &instances));
    let steps = world.steps(job.id).await;
    let failed: Vec<_> = steps
        .iter()
        .filter(|s| s.outcome == Some(StepOutcome::Failed))
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].error.as_ref().map(|e| e.number), Some(15025));
    assert_eq!(
        instances[0].counters().batches,
        5,
        "observe, apply, observe, apply, verify"
    );
    assert_eq!(
        instances[1].counters().batches,
        4,
        "its own apply was not repeated"
    );
}

#[sqlx::test(migrations = false)]
async fn an_action_the_server_refuses_ends_the_job_with_its_number(pool: PgPool) {
    let (_fleet, instances, world) = fleet(&pool, &TRIO[..2]).await;
    let refusal = Fault::Error {
        number: 33064,
        class: 16,
        text: "no".to_owned(),
    };
    instances[0]
        .faults()
        .add(Rule::next("CREATE CERTIFICATE", refusal));
    let job = world.configure().await;
    let (code, detail) = job.failure.clone().unwrap();
    assert_eq!(code, FailureCode::ActionRefused);
    assert!(
        detail.contains("33064") && detail.contains("HOST_A"),
        "{detail}"
    );
    let outcomes = kinds(&world.steps(job.id).await, "HOST_A");
    let by_kind = |kind: &str| outcomes.iter().find(|(k, _)| k == kind).unwrap().1;
    assert_eq!(by_kind("create_login"), Some(StepOutcome::RolledBack));
    assert_eq!(by_kind("import_certificate"), Some(StepOutcome::Failed));
    assert_eq!(by_kind("grant_connect"), Some(StepOutcome::NotReached));
}

#[sqlx::test(migrations = false)]
async fn a_deadlock_victim_waits_for_another_attempt(pool: PgPool) {
    let (fleet, instances, world) = fleet(&pool, &TRIO[..2]).await;
    let deadlock = Fault::Error {
        number: 1205,
        class: 13,
        text: "victim".to_owned(),
    };
    instances[0]
        .faults()
        .add(Rule::next("CREATE USER", deadlock));
    let job = world.configure().await;
    assert_eq!(job.state, JobState::Queued, "{job:?}");
    let job = world.attempt(job.id).await;
    assert_eq!(
        (job.state, job.attempts),
        (JobState::Succeeded, 2),
        "{job:?}"
    );
    assert!(lets_in(&fleet, &instances));
}

#[sqlx::test(migrations = false)]
async fn a_refused_password_rests_until_it_is_changed_or_inspected(pool: PgPool) {
    let (_fleet, instances, world) = fleet(&pool, &TRIO[..2]).await;
    world.change_password("Wrong-password-1").await;
    for _ in 0..3 {
        let job = world.configure().await;
        assert_eq!(
            job.failure.as_ref().map(|f| f.0),
            Some(FailureCode::LoginRefused),
            "{job:?}"
        );
    }
    for instance in &instances {
        assert_eq!(instance.counters().refused_logins, 1, "{}", instance.name());
    }
    let id = world.ask_to_inspect(0, JobOptions::default()).await;
    let inspected = world.attempt(id).await;
    assert_eq!(
        inspected.failure.map(|f| f.0),
        Some(FailureCode::LoginRefused)
    );
    assert_eq!(
        instances[0].counters().refused_logins,
        2,
        "an inspection tries again"
    );
    assert_eq!(instances[1].counters().refused_logins, 1);
    world.change_password(PASSWORD).await;
    assert_eq!(world.configure().await.state, JobState::Succeeded);
}

#[sqlx::test(migrations = false)]
async fn another_server_behind_the_address_blocks_until_accepted(pool: PgPool) {
    let (fleet, _instances, world) = fleet(&pool, &TRIO[..2]).await;
    assert_eq!(world.configure().await.state, JobState::Succeeded);
    let mut other = InstanceSpec::named("HOST_X");
    other.sa_password = PASSWORD.to_owned();
    let other = fleet.start(other).await.unwrap();
    other.prepare_outbound("HOST_X", 5022).await.unwrap();
    world.move_to(0, other.port()).await;

    let job = world.configure().await;
    let (code, detail) = job.failure.clone().unwrap();
    assert_eq!(code, FailureCode::PreflightFailed, "{detail}");
    assert!(
        detail.contains("instance_identity_changed on HOST_A"),
        "{detail}"
    );
    let looked = world.ask_to_inspect(0, JobOptions::default()).await;
    assert_eq!(
        world.attempt(looked).await.failure.map(|f| f.0),
        Some(FailureCode::PreflightFailed)
    );
    let accepting = JobOptions {
        accept_identity: true,
        ..JobOptions::default()
    };
    let accepted = world.ask_to_inspect(0, accepting).await;
    assert_eq!(world.attempt(accepted).await.state, JobState::Succeeded);
    let mut conn = world.store.acquire().await.unwrap();
    let status = instance_status::status(&mut conn, world.members[0].id)
        .await
        .unwrap();
    assert_eq!(status.identity.unwrap().server_name, "HOST_X");
}

#[sqlx::test(migrations = false)]
async fn verifying_strangers_says_what_is_missing(pool: PgPool) {
    let (_fleet, instances, world) = fleet(&pool, &TRIO[..2]).await;
    let id = world
        .ask(JobKind::VerifyInbound, JobOptions::default())
        .await;
    let (code, detail) = world.attempt(id).await.failure.unwrap();
    assert_eq!(code, FailureCode::NotInPlace);
    assert_eq!(detail, "on HOST_A from HOST_B; on HOST_B from HOST_A");
    assert_eq!(instances[0].counters().batches, 1);
}

#[sqlx::test(migrations = false)]
async fn an_attempt_whose_lease_went_elsewhere_sends_nothing_more(pool: PgPool) {
    let (fleet, instances, world) = fleet(&pool, &TRIO[..2]).await;
    // While HOST_A is being looked at, another worker takes the job over.
    instances[0]
        .faults()
        .set_latency(std::time::Duration::from_millis(300));
    let id = world
        .ask(JobKind::ConfigureInbound, JobOptions::default())
        .await;
    let steal = async {
        let taken =
            "update jobs set lease_token = gen_random_uuid() where id = $1 and state = 'running'";
        while sqlx::query(taken)
            .bind(id)
            .execute(&pool)
            .await
            .unwrap()
            .rows_affected()
            == 0
        {}
    };
    let (ran, ()) = tokio::join!(world.worker.run_next(), steal);
    ran.unwrap();
    assert!(!lets_in(&fleet, &instances));
    assert!(instances.iter().all(|i| i.counters().batches <= 1));
    assert_eq!(
        world.job(id).await.state,
        JobState::Running,
        "its end is the other's to write"
    );
}
