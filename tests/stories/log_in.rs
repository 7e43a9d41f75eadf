//! Logging in: a refused password is tried once, and what the log-in may do is told by name.

use serde_json::json;
use sqlx::PgPool;

use crate::harness::{TestApp, assert_failed, assert_succeeded, has_finding};

const TRIO: [&str; 3] = ["HOST_A", "HOST_B", "HOST_W"];

fn credential(user: &str, password: &str) -> serde_json::Value {
    json!({"spec": {"kind": "sql_login", "user": user, "password": password, "hosts": ["127.0.0.1"]}})
}

#[sqlx::test(migrations = false)]
async fn a_wrong_password_is_tried_once(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    app.put("/v1/credentials/dba", &credential("sa", "wrong-Password-1"))
        .await
        .expect_status(200);
    app.reset_counters();
    for _ in 0..3 {
        let job = app.configure("erp").await;
        assert_failed(&job, "login_refused");
        assert!(has_finding(&job, "login_refused", "HOST_A"), "{job:#}");
    }
    for name in TRIO {
        assert_eq!(app.host(name).counters().refused_logins, 1, "{name}");
    }

    // A changed credential is another version: it is tried.
    app.put(
        "/v1/credentials/dba",
        &credential("sa", crate::harness::PASSWORD),
    )
    .await
    .expect_status(200);
    assert_succeeded(&app.configure("erp").await);
}

#[sqlx::test(migrations = false)]
async fn an_inspection_tries_a_refused_password_again(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO[..2]).await;
    app.register_all(&TRIO[..2]).await;
    app.host("HOST_A")
        .exec("CREATE LOGIN [late] WITH PASSWORD = N'Right-password-1'")
        .await
        .unwrap();
    app.host("HOST_A")
        .exec("ALTER SERVER ROLE sysadmin ADD MEMBER [late]")
        .await
        .unwrap();
    app.host("HOST_A")
        .exec("ALTER LOGIN [late] DISABLE")
        .await
        .unwrap();
    app.put(
        "/v1/credentials/late",
        &credential("late", "Right-password-1"),
    )
    .await
    .expect_status(201);
    let mut spec = app.instance_spec("HOST_A");
    spec["credential"] = json!("late");
    app.put("/v1/instances/HOST_A", &json!({"spec": spec}))
        .await
        .expect_status(200);
    assert_failed(&app.inspect("HOST_A", false).await, "login_refused");
    app.host("HOST_A")
        .exec("ALTER LOGIN [late] ENABLE")
        .await
        .unwrap();
    assert_failed(&app.configure("erp").await, "login_refused");
    assert_succeeded(&app.inspect("HOST_A", false).await);
    assert_succeeded(&app.configure("erp").await);
}

/// Runs a script for people on an instance: batches are separated by GO.
async fn run_script(app: &TestApp, name: &str, script: &str) {
    for batch in script.split("\nGO\n").filter(|b| !b.trim().is_empty()) {
        app.host(name)
            .exec(batch)
            .await
            .unwrap_or_else(|e| panic!("{name}: {batch}: {e:?}"));
    }
}

#[sqlx::test(migrations = false)]
async fn the_documented_permissions_are_enough(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    let script =
        include_str!("../../docs/permissions.sql").replace("<password>", "Least-privilege-1");
    for name in TRIO {
        run_script(&app, name, &script).await;
    }
    app.put(
        "/v1/credentials/dba",
        &credential("mirrorgate", "Least-privilege-1"),
    )
    .await
    .expect_status(200);
    let job = app.configure("erp").await;
    assert_succeeded(&job);
    assert!(
        !has_finding(&job, "permission_missing", "HOST_A"),
        "{job:#}"
    );
    assert!(app.lets_in("HOST_A", "HOST_B") && app.lets_in("HOST_W", "HOST_A"));
}

#[sqlx::test(migrations = false)]
async fn each_missing_permission_is_named_with_its_grant(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO[..2]).await;
    app.register_all(&TRIO[..2]).await;
    let script =
        include_str!("../../docs/permissions.sql").replace("<password>", "Least-privilege-1");
    for name in &TRIO[..2] {
        run_script(&app, name, &script).await;
    }
    app.put(
        "/v1/credentials/dba",
        &credential("mirrorgate", "Least-privilege-1"),
    )
    .await
    .expect_status(200);
    for revoke in [
        "REVOKE ALTER ANY LOGIN FROM [mirrorgate]",
        "REVOKE CONTROL ON DATABASE::master FROM [mirrorgate]",
        "REVOKE ALTER ANY ENDPOINT FROM [mirrorgate]",
    ] {
        app.host("HOST_A").exec(revoke).await.unwrap();
    }
    let job = app.configure("erp").await;
    assert_failed(&job, "preflight_failed");
    let missing: Vec<_> = job["plan"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["code"] == "permission_missing" && f["instance"] == "HOST_A")
        .cloned()
        .collect();
    assert!(missing.len() >= 3, "{missing:#?}");
    for finding in missing {
        let remedy = finding["remedy_tsql"]
            .as_str()
            .expect("a GRANT that cures it")
            .to_owned();
        app.host("HOST_A")
            .exec(&remedy)
            .await
            .unwrap_or_else(|e| panic!("{remedy}: {e:?}"));
    }
    assert!(app.changes("HOST_A").is_empty());
    assert_succeeded(&app.configure("erp").await);
}
