//! What goes wrong on the way: lost links, races, servers that are away. (Processes killed: the fault suite.)

use serde_json::json;
use sqlserver_sim::{Fault, Rule};
use sqlx::PgPool;

use crate::harness::{TestApp, assert_failed, assert_succeeded, has_finding, until};

const PAIR: [&str; 2] = ["HOST_A", "HOST_B"];

#[sqlx::test(migrations = false)]
async fn a_link_lost_at_any_statement_of_the_apply_batch_is_healed(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    for kind in [
        "CREATE LOGIN",
        "CREATE USER",
        "CREATE CERTIFICATE",
        "GRANT",
        "COMMIT",
    ] {
        for fault in [Fault::HangUpBefore, Fault::HangUpAfter] {
            let clean = [
                "IF EXISTS (SELECT 1 FROM sys.certificates WHERE name = N'HOST_B_cert') DROP CERTIFICATE [HOST_B_cert]",
                "IF EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'HOST_B_user') DROP USER [HOST_B_user]",
                "IF EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'HOST_B_login') DROP LOGIN [HOST_B_login]",
            ];
            for statement in clean {
                app.host("HOST_A").exec(statement).await.unwrap();
            }
            assert!(!app.lets_in("HOST_A", "HOST_B"));
            app.host("HOST_A")
                .faults()
                .add(Rule::next(kind, fault.clone()));
            let job = app.configure("erp").await;
            assert_succeeded(&job);
            assert!(app.lets_in("HOST_A", "HOST_B"), "{kind}, {fault:?}");
            app.host("HOST_A").faults().clear();
        }
    }
}

#[sqlx::test(migrations = false)]
async fn a_pooled_session_that_died_idle_costs_no_attempt(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    assert_succeeded(&app.configure("erp").await);
    for name in PAIR {
        app.host(name).faults().drop_connections();
    }
    let job = app.verify("erp").await;
    assert_succeeded(&job);
    assert_eq!(job["attempts"], 1, "{job:#}");
}

#[sqlx::test(migrations = false)]
async fn somebody_faster_is_adopted_in_the_same_attempt(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    let race = "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'";
    app.host("HOST_A")
        .faults()
        .add(Rule::next("CREATE LOGIN", Fault::Race(race.to_owned())));
    let job = app.configure("erp").await;
    assert_succeeded(&job);
    assert_eq!(job["attempts"], 1, "{job:#}");
    assert!(app.lets_in("HOST_A", "HOST_B"));
}

#[sqlx::test(migrations = false)]
async fn a_deadlock_victim_tries_again(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    let deadlock = Fault::Error {
        number: 1205,
        class: 13,
        text: "deadlock victim".to_owned(),
    };
    app.host("HOST_A")
        .faults()
        .add(Rule::next("CREATE USER", deadlock));
    let job = app.configure("erp").await;
    assert_succeeded(&job);
    assert!(app.lets_in("HOST_A", "HOST_B"));
}

#[sqlx::test(migrations = false)]
async fn an_unreachable_member_is_retried_then_reported_and_changes_nothing(pool: PgPool) {
    let app = TestApp::with(
        &pool,
        PAIR.map(crate::harness::host).into(),
        &["--max-attempts", "3"],
    )
    .await;
    app.register_all(&PAIR).await;
    app.host("HOST_B").stop();
    let job = app.configure("erp").await;
    assert_failed(&job, "unreachable");
    assert!(has_finding(&job, "unreachable", "HOST_B"), "{job:#}");
    assert_eq!(job["attempts"], 3);
    assert!(app.changes("HOST_A").is_empty());
    assert_eq!(
        app.get("/readyz").await.status,
        200,
        "a SQL Server that is away is not the service's failure"
    );
}

#[sqlx::test(migrations = false)]
async fn a_member_that_comes_back_is_configured_by_the_waiting_job(pool: PgPool) {
    let app = TestApp::with(
        &pool,
        PAIR.map(crate::harness::host).into(),
        &["--max-attempts", "100"],
    )
    .await;
    app.register_all(&PAIR).await;
    app.host("HOST_B").stop();
    let asked = app
        .post("/v1/pairs/erp/jobs", &json!({"kind": "configure-inbound"}))
        .await
        .expect_status(202);
    let job = format!("/v1/jobs/{}", asked.json()["id"].as_str().unwrap());
    until("the job has failed once", || async {
        app.get(&job).await.json()["attempts"].as_i64() >= Some(1)
    })
    .await;
    app.host("HOST_B").start();
    let ended = app.get(&format!("{job}?wait=60s")).await.json();
    assert_succeeded(&ended);
    assert!(app.lets_in("HOST_B", "HOST_A"));
}
