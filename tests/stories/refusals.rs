//! What a server refuses for good, and what it only cannot do just now: the job's end says which, with the number.

use serde_json::Value;
use sqlserver_sim::{Fault, Rule};
use sqlx::PgPool;

use crate::harness::{TestApp, assert_failed, assert_succeeded, findings, has_finding, host};

const PAIR: [&str; 2] = ["HOST_A", "HOST_B"];

fn error(number: i32, class: u8) -> Fault {
    Fault::Error {
        number,
        class,
        text: "the server's words".to_owned(),
    }
}

fn detail(job: &Value) -> &str {
    job["failure"]["detail"].as_str().unwrap()
}

/// It is there, and no look shows it: no attempt will find it otherwise.
#[sqlx::test(migrations = false)]
async fn what_exists_and_cannot_be_seen_ends_with_its_number(pool: PgPool) {
    // A user that outlives its login's rollback is an orphan, and told as that instead.
    let specs = PAIR.map(|name| {
        let mut spec = host(name);
        spec.unverified.user_and_certificate_survive_rollback = false;
        spec
    });
    let app = TestApp::with(&pool, specs.into(), &[]).await;
    app.register_all(&PAIR).await;
    let table = [
        ("CREATE LOGIN", 15025, "[HOST_B_login]"),
        ("CREATE USER", 15023, "[HOST_B_user]"),
        ("CREATE USER", 15063, "[HOST_B_login]"),
        ("CREATE CERTIFICATE", 15232, "[HOST_B_cert]"),
    ];
    for (kind, number, object) in table {
        let faults = app.host("HOST_A").faults();
        faults.add(Rule::next(kind, error(number, 16)).every_time());
        let job = app.configure("erp").await;
        assert_failed(&job, "action_refused");
        assert_eq!(job["attempts"], 1, "{job:#}");
        let number = format!("error {number}");
        for part in ["HOST_A", &number, object, "does not see it", "Look "] {
            assert!(detail(&job).contains(part), "{part}: {job:#}");
        }
        assert!(!app.lets_in("HOST_A", "HOST_B"));
        faults.clear();
    }
    assert_succeeded(&app.configure("erp").await);
}

#[sqlx::test(migrations = false)]
async fn every_member_that_refuses_is_named(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    for (name, number) in [("HOST_A", 33064), ("HOST_B", 15118)] {
        let rule = Rule::next("CREATE LOGIN", error(number, 16)).every_time();
        app.host(name).faults().add(rule);
    }
    let job = app.configure("erp").await;
    assert_failed(&job, "action_refused");
    for part in [
        "HOST_A refused",
        "error 33064",
        "HOST_B refused",
        "error 15118",
    ] {
        assert!(detail(&job).contains(part), "{part}: {job:#}");
    }
}

#[sqlx::test(migrations = false)]
async fn a_server_in_no_state_to_answer_is_not_unreachable(pool: PgPool) {
    let flags = ["--max-attempts", "2"];
    let app = TestApp::with(&pool, PAIR.map(host).into(), &flags).await;
    app.register_all(&PAIR).await;
    for (number, class) in [
        (1205, 13),
        (1222, 16),
        (927, 14),
        (701, 17),
        (17142, 16),
        (596, 21),
    ] {
        let faults = app.host("HOST_B").faults();
        faults.add(Rule::nth_statement(1, error(number, class)).every_time());
        let job = app.verify("erp").await;
        assert_failed(&job, "attempts_exhausted");
        assert_eq!(job["attempts"], 2, "{job:#}");
        let said = format!("error {number}");
        assert!(
            detail(&job).contains("HOST_B could not answer just now"),
            "{job:#}"
        );
        assert!(detail(&job).contains(&said), "{job:#}");
        assert!(has_finding(&job, "observation_failed", "HOST_B"), "{job:#}");
        let codes = findings(&job, Some("blocker"));
        assert!(
            codes.iter().all(|(code, ..)| code != "unreachable"),
            "{job:#}"
        );
        faults.clear();
        faults.add(Rule::nth_statement(1, error(number, class)));
        let job = app
            .job("erp", serde_json::json!({"kind": "configure-inbound"}))
            .await;
        assert_succeeded(&job);
        faults.clear();
    }
}

/// Rolled back, and the row that says so never came: nobody knows, and the next look decides.
#[sqlx::test(migrations = false)]
async fn a_batch_that_does_not_say_how_it_ended_is_settled_by_looking(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    let faults = app.host("HOST_A").faults();
    faults.add(Rule::next("CREATE USER", error(33064, 16)));
    faults.add(Rule {
        containing: Some("mg_failed".to_owned()),
        ..Rule::next("SELECT", Fault::HideRows(String::new()))
    });
    let job = app.configure("erp").await;
    assert_succeeded(&job);
    assert_eq!(job["attempts"], 1, "{job:#}");
    let steps = app.steps(&job).await;
    let unknown = steps.iter().filter(|s| s["outcome"] == "unknown");
    assert_eq!(unknown.count(), 4, "{steps:#?}");
    assert!(app.lets_in("HOST_A", "HOST_B"));
}
