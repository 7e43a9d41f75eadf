//! Hostile names in every field: they are quoted, or refused; never executed.

use serde_json::json;
use sqlserver_sim::InstanceSpec;
use sqlx::PgPool;

use crate::harness::{TestApp, assert_succeeded, certificate_of, host};

const NASTY: &str = "x]; DROP LOGIN [sa]; --'\"`$(id)\u{202e}\u{1F512} Ω";

#[sqlx::test(migrations = false)]
async fn a_hostile_peer_name_becomes_an_objects_name_and_nothing_else(pool: PgPool) {
    let app = TestApp::start(&pool, &["HOST_A", "HOST_B"]).await;
    app.register_credential().await;
    for name in ["HOST_A", "HOST_B"] {
        let mut spec = app.instance_spec(name);
        spec["peer_name"] = json!(format!("{name}{}", NASTY.replace('\u{202e}', "")));
        spec["naming"] = json!({
            "login": "{peer}]'l", "user": "{peer}]'u", "certificate": "{peer}]'c",
        });
        app.put(&format!("/v1/instances/{name}"), &json!({"spec": spec}))
            .await
            .expect_status(201);
        app.pin(name).await;
    }
    app.register_pair("erp", &["HOST_A", "HOST_B"]).await;
    let body = json!({
        "kind": "configure-inbound",
        "change_ref": "CHG 1",
        "reason": NASTY.replace('\u{202e}', ""),
    });
    let mut worse = body.clone();
    worse["reason"] = json!(NASTY);
    worse["change_ref"] = json!("CHG\nDROP LOGIN [sa] --");
    let answer = app
        .post("/v1/pairs/erp/jobs", &worse)
        .await
        .expect_status(422);
    for (place, pointer) in ["/reason", "/change_ref"].iter().enumerate() {
        assert_eq!(answer.json()["errors"][place]["pointer"], *pointer);
    }
    assert_succeeded(&app.job("erp", body).await);
    assert!(app.lets_in("HOST_A", "HOST_B") && app.lets_in("HOST_B", "HOST_A"));
    for name in ["HOST_A", "HOST_B"] {
        assert!(
            !app.changes(name).iter().any(|t| t.starts_with("DROP")),
            "{:?}",
            app.changes(name)
        );
    }
}

#[sqlx::test(migrations = false)]
async fn hostile_names_read_back_from_a_catalog_are_data(pool: PgPool) {
    let app = TestApp::start(&pool, &["HOST_A", "HOST_B"]).await;
    app.register_all(&["HOST_A", "HOST_B"]).await;
    let quoted = format!("[{}]", NASTY.replace(']', "]]"));
    let der = hex::encode(certificate_of(app.host("HOST_B")));
    for statement in [
        format!("CREATE LOGIN {quoted} WITH PASSWORD = N'Chosen-by-hand-1'"),
        format!("CREATE USER {quoted} FOR LOGIN {quoted}"),
        format!("CREATE CERTIFICATE {quoted} AUTHORIZATION {quoted} FROM BINARY = 0x{der}"),
    ] {
        app.host("HOST_A")
            .exec(&statement)
            .await
            .unwrap_or_else(|e| panic!("{statement}: {e:?}"));
    }
    // The chain lacks its grant: the found login's name goes into a statement.
    assert_succeeded(&app.configure("erp").await);
    let changes = app.changes("HOST_A");
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(app.lets_in("HOST_A", "HOST_B"));
}

#[sqlx::test(migrations = false)]
async fn a_server_that_calls_itself_hostile_names_is_shown_as_it_is(pool: PgPool) {
    let spec = InstanceSpec {
        hosts: vec!["<script>alert(1)</script>'; --\u{7}".to_owned()],
        ..host("HOST_A")
    };
    let app = TestApp::with(&pool, vec![spec, host("HOST_B")], &[]).await;
    app.register_all(&["HOST_A", "HOST_B"]).await;
    let job = app.configure("erp").await;
    assert_succeeded(&job);
    let id = job["id"].as_str().unwrap();
    let text = app.get_as(&format!("/v1/jobs/{id}"), "text/plain").await;
    assert!(
        !text.text.contains('\u{7}'),
        "a control character reached the terminal: {:?}",
        text.text
    );
    let instance = app.get("/v1/instances/HOST_A").await;
    assert_eq!(instance.header("content-type"), "application/json");
    assert!(
        instance.text.contains("<script>"),
        "shown as data: {}",
        instance.text
    );
}

#[sqlx::test(migrations = false)]
async fn names_that_sql_server_would_refuse_are_refused_at_registration(pool: PgPool) {
    let app = TestApp::start(&pool, &["HOST_A"]).await;
    app.register_credential().await;
    for bad in [
        "",
        "a\\b",
        "a\nb",
        " a",
        "##a",
        "sa",
        "a\u{202e}b",
        &"x".repeat(129),
    ] {
        let mut spec = app.instance_spec("HOST_A");
        spec["peer_name"] = json!(bad);
        let answer = app
            .put("/v1/instances/HOST_A", &json!({"spec": spec}))
            .await;
        assert_eq!(answer.status, 422, "{bad:?}: {answer:?}");
        assert_eq!(
            answer.json()["errors"][0]["pointer"],
            "/spec/peer_name",
            "{answer:?}"
        );
    }
    for bad in ["host:1433", "tcp://host", "a b", "", "host/x"] {
        let mut spec = app.instance_spec("HOST_A");
        spec["host"] = json!(bad);
        let answer = app
            .put("/v1/instances/HOST_A", &json!({"spec": spec}))
            .await;
        assert_eq!(answer.status, 422, "{bad:?}: {answer:?}");
    }
}
