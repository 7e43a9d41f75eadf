//! What goes wrong on the way: lost links, races, servers that are away. (Processes killed: the fault suite.)

use chrono::{DateTime, Utc};
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

/// HOST_A's batch lost a race, and the rest of it would be sent; but by then somebody wants the job cancelled.
#[sqlx::test(migrations = false)]
async fn a_job_cancelled_while_it_changes_something_sends_no_further_batch(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    let race = "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'";
    let (a, b) = (app.host("HOST_A").faults(), app.host("HOST_B").faults());
    a.add(Rule::next("CREATE LOGIN", Fault::Race(race.to_owned())));
    b.add(Rule::next("CREATE LOGIN", Fault::Hold));
    let asked = json!({"kind": "configure-inbound"});
    let asked = app.post("/v1/pairs/erp/jobs", &asked).await;
    let id = asked.expect_status(202).json()["id"].clone();
    let path = format!("/v1/jobs/{}", id.as_str().unwrap());
    until("A has lost and B is held", async || {
        a.rules().is_empty() && b.rules().is_empty()
    })
    .await;
    let lease = async || -> Option<DateTime<Utc>> {
        let lease = sqlx::query_scalar("select lease_until from jobs where state = 'running'");
        lease.fetch_one(&pool).await.unwrap()
    };
    let before = lease().await;
    app.post(&format!("{path}/cancel"), &json!({}))
        .await
        .expect_status(202);
    until("the worker knows of it", async || lease().await != before).await;
    b.clear();
    until("it ends", async || {
        app.get(&path).await.json()["finished_at"].is_string()
    })
    .await;
    let job = app.get(&path).await.json();
    assert_eq!(job["state"], "cancelled", "{job:#}");
    assert_eq!(job["attempts"], 1);
    assert!(!app.lets_in("HOST_A", "HOST_B"), "nothing was sent again");
    assert!(app.lets_in("HOST_B", "HOST_A"), "what ran is there");
}
