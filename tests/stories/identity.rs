//! Which server an address leads to: pinned at the first observation, and a change is never passed over.

use serde_json::json;
use sqlserver_sim::InstanceSpec;
use sqlx::PgPool;

use crate::harness::{TestApp, assert_failed, assert_succeeded, has_finding, host};

#[sqlx::test(migrations = false)]
async fn an_alias_that_moved_blocks_until_it_is_accepted(pool: PgPool) {
    let app = TestApp::start(&pool, &["HOST_A", "HOST_B", "HOST_C"]).await;
    app.register_all(&["HOST_A", "HOST_B"]).await;
    assert_succeeded(&app.configure("erp").await);

    // HOST_B's address now leads to HOST_C, whose endpoint has another certificate.
    let mut spec = app.instance_spec("HOST_C");
    spec["peer_name"] = json!("HOST_B");
    app.put("/v1/instances/HOST_B", &json!({"spec": spec}))
        .await
        .expect_status(200);
    let job = app.configure("erp").await;
    assert_failed(&job, "preflight_failed");
    assert!(
        has_finding(&job, "instance_identity_changed", "HOST_B"),
        "{job:#}"
    );
    assert!(
        app.changes("HOST_C").is_empty(),
        "nothing is done on a server nobody vouched for"
    );

    assert_failed(&app.inspect("HOST_B", false).await, "preflight_failed");
    assert_succeeded(&app.inspect("HOST_B", true).await);
    let der = crate::harness::certificate_of(app.host("HOST_C"));
    app.upload("HOST_B", der, "current")
        .await
        .expect_status(201);
    assert_succeeded(&app.configure("erp").await);
    assert!(app.lets_in("HOST_A", "HOST_C") && app.lets_in("HOST_C", "HOST_A"));
}

#[sqlx::test(migrations = false)]
async fn two_registrations_of_one_server_are_no_pair(pool: PgPool) {
    let app = TestApp::start(&pool, &["HOST_A"]).await;
    app.register_credential().await;
    app.register_instance("HOST_A").await;
    let mut spec = app.instance_spec("HOST_A");
    spec["host"] = json!("127.0.0.1");
    app.put("/v1/instances/ALIAS", &json!({"spec": spec}))
        .await
        .expect_status(201);
    app.register_pair("erp", &["HOST_A", "ALIAS"]).await;
    let job = app.configure("erp").await;
    assert_failed(&job, "preflight_failed");
    let codes: Vec<String> = crate::harness::findings(&job, Some("blocker"))
        .into_iter()
        .map(|(code, ..)| code)
        .collect();
    assert!(codes.contains(&"same_server_twice".to_owned()), "{job:#}");
    assert!(app.changes("HOST_A").is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_port_that_leads_to_another_instance_is_noticed(pool: PgPool) {
    let named = InstanceSpec {
        instance_name: Some("PROD".to_owned()),
        ..host("HOST_A")
    };
    let app = TestApp::with(&pool, vec![named, host("HOST_B")], &[]).await;
    app.register_all(&["HOST_A", "HOST_B"]).await;
    let mut spec = app.instance_spec("HOST_A");
    spec["instance_name"] = json!("TEST");
    app.put("/v1/instances/HOST_A", &json!({"spec": spec}))
        .await
        .expect_status(200);
    let job = app.configure("erp").await;
    assert_failed(&job, "preflight_failed");
    assert!(
        has_finding(&job, "instance_name_differs", "HOST_A"),
        "{job:#}"
    );

    spec["instance_name"] = json!("prod");
    app.put("/v1/instances/HOST_A", &json!({"spec": spec}))
        .await
        .expect_status(200);
    assert_succeeded(&app.configure("erp").await);
}
