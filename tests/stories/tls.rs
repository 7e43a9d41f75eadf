//! TLS to SQL Server is required and verified, unless the registration says otherwise in so many words.

use serde_json::json;
use sqlx::PgPool;

use crate::harness::{TestApp, assert_failed, assert_succeeded, has_finding};

const PAIR: [&str; 2] = ["HOST_A", "HOST_B"];

async fn register(app: &TestApp, tls: serde_json::Value, pins: bool) {
    app.register_credential().await;
    for name in PAIR {
        let mut spec = app.instance_spec(name);
        spec["tls"] = tls.clone();
        app.put(&format!("/v1/instances/{name}"), &json!({"spec": spec}))
            .await
            .expect_status(201);
        if pins {
            app.pin(name).await;
        }
    }
    app.register_pair("erp", &PAIR).await;
}

#[sqlx::test(migrations = false)]
async fn an_unverifiable_certificate_gets_no_password(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    register(&app, json!({"mode": "required"}), true).await;
    app.reset_counters();
    let job = app.configure("erp").await;
    assert_failed(&job, "tls_not_trusted");
    assert!(has_finding(&job, "tls_not_trusted", "HOST_A"), "{job:#}");
    let counters = app.host("HOST_A").counters();
    assert_eq!((counters.logins, counters.refused_logins), (0, 0));
}

#[sqlx::test(migrations = false)]
async fn trusting_unseen_works_with_uploads_and_warns(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    register(&app, json!({"mode": "trust_server_certificate"}), true).await;
    let job = app.configure("erp").await;
    assert_succeeded(&job);
    assert!(has_finding(&job, "tls_unverified", "HOST_A"), "{job:#}");
    assert!(app.lets_in("HOST_A", "HOST_B"));
}

#[sqlx::test(migrations = false)]
async fn nothing_is_obtained_from_a_server_that_was_not_verified(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    register(&app, json!({"mode": "trust_server_certificate"}), false).await;
    let job = app.configure("erp").await;
    assert_failed(&job, "preflight_failed");
    assert!(
        has_finding(&job, "certificate_source_untrusted", "HOST_B"),
        "{job:#}"
    );
    assert!(app.changes("HOST_A").is_empty());
}

#[sqlx::test(migrations = false)]
async fn strict_encryption_works_end_to_end(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    let ca = app.fleet.ca_pem();
    register(&app, json!({"mode": "strict", "ca_pem": ca}), true).await;
    assert_succeeded(&app.configure("erp").await);
    assert!(app.lets_in("HOST_A", "HOST_B"));
}
