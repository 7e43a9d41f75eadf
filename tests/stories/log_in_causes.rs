//! A log-in the server refuses: one remedy per cause, in the words of the finding; and names that lead nowhere.

use std::time::Duration;

use serde_json::{Value, json};
use sqlserver_sim::{InstanceSpec, LoginFault};
use sqlx::PgPool;

use crate::harness::{PASSWORD, TestApp, assert_failed, assert_succeeded, host};

const PAIR: [&str; 2] = ["HOST_A", "HOST_B"];

fn remedy(job: &Value, code: &str) -> String {
    let findings = job["plan"]["findings"].as_array().unwrap();
    let about = |f: &&Value| f["code"] == code && f["instance"] == "HOST_A";
    let finding = findings.iter().find(about);
    let finding = finding.unwrap_or_else(|| panic!("no {code}: {job:#}"));
    assert!(finding["remedy_tsql"].is_null(), "{finding:#}");
    finding["remedy"].as_str().unwrap().to_owned()
}

async fn refusing(app: &TestApp, number: i32, class: u8) -> Value {
    let text = format!("the server's words of {number}");
    app.host("HOST_A").faults().set_login(Some(LoginFault {
        delay: Duration::ZERO,
        refuse: Some((number, class, text)),
        times: None,
    }));
    // An inspection tries whatever rests.
    let job = app.inspect("HOST_A", false).await;
    assert_failed(&job, "login_refused");
    assert!(
        job["failure"]["detail"]
            .to_string()
            .contains(&number.to_string()),
        "{job:#}"
    );
    job
}

#[sqlx::test(migrations = false)]
async fn every_refusal_has_a_remedy_of_its_own(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    for (number, class, wanted) in [
        (18456, 14, "error log of HOST_A"),
        (18452, 14, "SQL logins only"),
        (18470, 14, "Login [sa] is disabled"),
        (18486, 14, "UNLOCK"),
        (18487, 14, "has expired"),
        (18488, 14, "MUST_CHANGE"),
        (17892, 14, "--application-name"),
        (17892, 20, "APP_NAME() mirrorgate"),
        (18461, 14, "single-user mode"),
        (4060, 11, "database master"),
        (40532, 20, "Azure SQL gateway"),
    ] {
        let job = refusing(&app, number, class).await;
        let said = remedy(&job, "login_refused");
        assert!(said.contains(wanted), "{number}: {said}");
        assert!(!said.contains("trust_server_certificate"), "{said}");
    }
}

#[sqlx::test(migrations = false)]
async fn what_is_cured_on_the_server_is_seen_by_the_next_job(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    refusing(&app, 18461, 14).await;
    assert_failed(&app.configure("erp").await, "login_refused");
    app.host("HOST_A").faults().clear();
    assert_succeeded(&app.configure("erp").await);
    // A password in doubt is left alone.
    app.host("HOST_A").faults().drop_connections();
    refusing(&app, 18486, 14).await;
    app.host("HOST_A").faults().clear();
    let rests = app.verify("erp").await;
    assert_failed(&rests, "login_refused");
    assert!(remedy(&rests, "login_refused").contains("UNLOCK"));
}

#[sqlx::test(migrations = false)]
async fn a_logon_trigger_is_passed_under_a_name_it_admits(pool: PgPool) {
    let mut app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    app.host("HOST_A")
        .exec(
            "CREATE TRIGGER only_tools ON ALL SERVER FOR LOGON AS
             IF APP_NAME() <> N'DBA tools' ROLLBACK",
        )
        .await
        .unwrap();
    let job = app.configure("erp").await;
    assert_failed(&job, "login_refused");
    let said = remedy(&job, "login_refused");
    assert!(said.contains("APP_NAME() mirrorgate"), "{said}");
    app.stop().await;
    app.serve(&pool, &["--application-name", "DBA tools"]).await;
    assert_succeeded(&app.configure("erp").await);
    let ledger = app.host("HOST_A").ledger();
    assert!(ledger.iter().any(|entry| entry.application == "DBA tools"));
}

#[sqlx::test(migrations = false)]
async fn a_login_locked_out_by_others_is_told_from_a_wrong_password(pool: PgPool) {
    let specs = vec![
        InstanceSpec {
            lockout_after: Some(2),
            ..host("HOST_A")
        },
        host("HOST_B"),
    ];
    let app = TestApp::with(&pool, specs, &[]).await;
    app.host("HOST_A")
        .exec(&format!(
            "CREATE LOGIN [svc] WITH PASSWORD = N'{PASSWORD}', CHECK_POLICY = ON;
             ALTER SERVER ROLE sysadmin ADD MEMBER [svc]"
        ))
        .await
        .unwrap();
    app.register_credential().await;
    for (name, password) in [("wrong", "Wr0ng-password"), ("right", PASSWORD)] {
        let spec = json!({"kind": "sql_login", "user": "svc", "password": password, "hosts": ["127.0.0.1"]});
        app.put(&format!("/v1/credentials/{name}"), &json!({"spec": spec}))
            .await
            .expect_status(201);
    }
    let register = async |credential: &str| {
        let mut spec = app.instance_spec("HOST_A");
        spec["credential"] = json!(credential);
        let answer = app
            .put("/v1/instances/HOST_A", &json!({"spec": spec}))
            .await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    };
    register("wrong").await;
    for _ in 0..2 {
        let job = app.inspect("HOST_A", false).await;
        assert!(remedy(&job, "login_refused").contains("hides the reason"));
    }
    register("right").await;
    let job = app.inspect("HOST_A", false).await;
    assert!(remedy(&job, "login_refused").contains("UNLOCK"), "{job:#}");
}

#[sqlx::test(migrations = false)]
async fn a_name_that_leads_nowhere_ends_a_question_at_once_and_a_change_soon(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    let spec = json!({"kind": "sql_login", "user": "sa", "password": PASSWORD, "hosts": ["no-such-host.invalid"]});
    app.put("/v1/credentials/lost", &json!({"spec": spec}))
        .await
        .expect_status(201);
    let mut spec = app.instance_spec("HOST_A");
    spec["host"] = json!("no-such-host.invalid");
    spec["credential"] = json!("lost");
    app.put("/v1/instances/HOST_A", &json!({"spec": spec}))
        .await
        .expect_status(200);
    for (job, attempts) in [
        (app.inspect("HOST_A", false).await, 1),
        (app.dry_run("erp").await, 1),
        (app.verify("erp").await, 3),
        (app.configure("erp").await, 3),
    ] {
        assert_failed(&job, "unreachable");
        assert_eq!(job["attempts"], attempts, "{job:#}");
        let detail = job["failure"]["detail"].as_str().unwrap();
        assert!(detail.contains("no-such-host.invalid"), "{detail}");
        assert!(detail.contains("cannot be resolved"), "{detail}");
        assert!(remedy(&job, "unreachable").contains("hosts file"));
    }
}
