//! Jobs that are wanted until a moment only: by PostgreSQL's clock, whatever they wait for.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};
use sqlserver_sim::{Fault, Rule};
use sqlx::PgPool;

use crate::harness::{TestApp, assert_failed, assert_succeeded, host, until};

const PAIR: [&str; 2] = ["HOST_A", "HOST_B"];

/// This moment on PostgreSQL's clock.
async fn in_time(pool: &PgPool, seconds: i64) -> String {
    let now: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(pool)
        .await
        .unwrap();
    (now + Duration::seconds(seconds)).to_rfc3339_opts(SecondsFormat::Millis, true)
}

async fn configure(pool: &PgPool, seconds: i64) -> Value {
    json!({"kind": "configure-inbound", "deadline": in_time(pool, seconds).await})
}

fn detail(job: &Value) -> &str {
    job["failure"]["detail"].as_str().unwrap()
}

fn stall(app: &TestApp, name: &str) {
    let rule = Rule::nth_statement(1, Fault::StallBefore).every_time();
    app.host(name).faults().add(rule);
}

#[sqlx::test(migrations = false)]
async fn a_job_that_ends_in_time_does_not_feel_its_deadline(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    let body = configure(&pool, 3600).await;
    let job = app.job("erp", body.clone()).await;
    assert_succeeded(&job);
    assert_eq!(job["options"]["deadline"], body["deadline"]);
    assert!(app.lets_in("HOST_A", "HOST_B"));
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    let text = app.get_as(&path, "text/plain").await.text;
    assert!(text.contains("\ndeadline 20"), "{text}");
}

#[sqlx::test(migrations = false)]
async fn a_stuck_server_is_waited_for_until_the_deadline_and_no_longer(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    stall(&app, "HOST_B");
    for kind in ["configure-inbound", "verify-inbound"] {
        let body = json!({"kind": kind, "deadline": in_time(&pool, 2).await});
        let job = app.job("erp", body).await;
        assert_failed(&job, "deadline_exceeded");
        assert_eq!(job["attempts"], 1, "{job:#}");
        assert!(detail(&job).contains("before HOST_B answered"), "{job:#}");
    }
    assert!(app.changes("HOST_A").is_empty());
    let body = json!({"kind": "inspect", "deadline": in_time(&pool, 2).await});
    let path = "/v1/instances/HOST_B/jobs?wait=60s";
    let job = app.post(path, &body).await.expect_status(200).json();
    assert_failed(&job, "deadline_exceeded");
}

#[sqlx::test(migrations = false)]
async fn an_unreachable_server_is_tried_until_the_deadline(pool: PgPool) {
    let flags = ["--max-attempts", "100"];
    let app = TestApp::with(&pool, PAIR.map(host).into(), &flags).await;
    app.register_all(&PAIR).await;
    app.host("HOST_B").stop();
    let job = app.job("erp", configure(&pool, 2).await).await;
    assert_failed(&job, "deadline_exceeded");
    assert!(job["attempts"].as_i64() > Some(1), "{job:#}");
    for part in ["HOST_B", "ran into"] {
        assert!(detail(&job).contains(part), "{part}: {job:#}");
    }
    assert!(app.changes("HOST_A").is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_job_behind_another_ends_by_its_deadline_while_it_waits(pool: PgPool) {
    let hosts = ["HOST_A", "HOST_B", "HOST_C"];
    let app = TestApp::start(&pool, &hosts).await;
    app.register_all(&PAIR).await;
    app.register_instance("HOST_C").await;
    app.register_pair("crm", &["HOST_B", "HOST_C"]).await;
    stall(&app, "HOST_A");
    let first = json!({"kind": "configure-inbound"});
    let first = app
        .post("/v1/pairs/erp/jobs", &first)
        .await
        .expect_status(202);
    let first = first.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/jobs/{first}");
    until("the first is at it", || async {
        app.get(&path).await.json()["state"] == "running"
    })
    .await;
    let job = app.job("crm", configure(&pool, 2).await).await;
    assert_failed(&job, "deadline_exceeded");
    assert_eq!(job["attempts"], 0, "{job:#}");
    let held = format!("HOST_B by job {first}");
    assert!(detail(&job).contains(&held), "{job:#}");
    assert_eq!(app.get(&path).await.json()["state"], "running");
    assert!(app.changes("HOST_C").is_empty());
}

/// What has begun to be changed is seen through.
#[sqlx::test(migrations = false)]
async fn a_change_under_way_at_the_deadline_is_looked_at(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    let slow = Fault::Delay(std::time::Duration::from_secs(6));
    app.host("HOST_A")
        .faults()
        .add(Rule::next("CREATE LOGIN", slow));
    let job = app.job("erp", configure(&pool, 4).await).await;
    assert_succeeded(&job);
    assert!(job["finished_at"].as_str() > job["options"]["deadline"].as_str());
    assert!(app.lets_in("HOST_A", "HOST_B"));
}

#[sqlx::test(migrations = false)]
async fn a_deadline_outlives_the_process_that_took_it(pool: PgPool) {
    let flags = ["--max-attempts", "100"];
    let mut app = TestApp::with(&pool, PAIR.map(host).into(), &flags).await;
    app.register_all(&PAIR).await;
    app.host("HOST_B").stop();
    let body = configure(&pool, 3).await;
    let asked = app.post("/v1/pairs/erp/jobs", &body).await;
    let id = asked.expect_status(202).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.stop().await;
    app.host("HOST_B").start();
    until("the deadline has passed", || async {
        in_time(&pool, 0).await.as_str() > body["deadline"].as_str().unwrap()
    })
    .await;
    app.serve(&pool, &flags).await;
    let job = app.get(&format!("/v1/jobs/{id}?wait=60s")).await.json();
    assert_failed(&job, "deadline_exceeded");
    assert!(app.changes("HOST_A").is_empty());
}
