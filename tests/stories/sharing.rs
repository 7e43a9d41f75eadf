//! Trusts belong to (acceptor, peer): several pairs, and a witness of many, share them.

use serde_json::json;
use sqlx::PgPool;

use crate::harness::{TestApp, assert_succeeded, der_of};

const HOSTS: [&str; 5] = ["HOST_A", "HOST_B", "HOST_C", "HOST_D", "HOST_W"];

#[sqlx::test(migrations = false)]
async fn a_witness_is_shared_by_several_pairs(pool: PgPool) {
    let app = TestApp::start(&pool, &HOSTS).await;
    app.register_all(&["HOST_A", "HOST_B", "HOST_W"]).await;
    for name in ["HOST_C", "HOST_D"] {
        app.register_instance(name).await;
        app.pin(name).await;
    }
    app.register_pair("crm", &["HOST_C", "HOST_D", "HOST_W"])
        .await;
    // The same partners once more, the other way round: their trusts are the same ones.
    app.register_pair("erp-archive", &["HOST_B", "HOST_A", "HOST_W"])
        .await;

    assert_succeeded(&app.configure("erp").await);
    let before = app.changes("HOST_W").len();
    assert_succeeded(&app.configure("crm").await);
    assert_eq!(
        app.changes("HOST_W").len(),
        2 * before,
        "two peers more on the witness"
    );
    assert!(app.lets_in("HOST_W", "HOST_A") && app.lets_in("HOST_W", "HOST_D"));
    assert!(
        !app.lets_in("HOST_A", "HOST_C"),
        "nobody asked for that trust"
    );

    let archive = app.get("/v1/pairs/erp-archive").await.json();
    for trust in archive["status"]["trusts"].as_array().unwrap() {
        assert_eq!(
            trust["configured"], "yes",
            "seen through the other pair: {archive:#}"
        );
    }
    let total: usize = HOSTS.iter().map(|name| app.changes(name).len()).sum();
    assert_succeeded(&app.configure("erp-archive").await);
    let after: usize = HOSTS.iter().map(|name| app.changes(name).len()).sum();
    assert_eq!(total, after);
}

#[sqlx::test(migrations = false)]
async fn a_trust_is_unknown_again_when_a_pin_or_registration_changes(pool: PgPool) {
    let app = TestApp::start(&pool, &HOSTS[..2]).await;
    app.register_all(&HOSTS[..2]).await;
    assert_succeeded(&app.configure("erp").await);
    let configured = async |acceptor: &str, peer: &str| {
        let pair = app.get("/v1/pairs/erp").await.json();
        pair["status"]["trusts"]
            .as_array()
            .unwrap()
            .iter()
            .find(|t| t["on"] == acceptor && t["from"] == peer)
            .unwrap()["configured"]
            .clone()
    };
    assert_eq!(configured("HOST_A", "HOST_B").await, "yes");

    let host = app.host("HOST_B");
    host.exec("CREATE CERTIFICATE other WITH SUBJECT = N'other', START_DATE = '20200101', EXPIRY_DATE = '20400101'")
        .await
        .unwrap();
    app.upload("HOST_B", der_of(host, "other").await, "current")
        .await
        .expect_status(201);
    assert_eq!(configured("HOST_A", "HOST_B").await, "unknown");
    assert_eq!(
        configured("HOST_B", "HOST_A").await,
        "yes",
        "that one is about HOST_A's certificate"
    );

    let mut spec = app.instance_spec("HOST_A");
    spec["naming"] = json!({"login": "{peer}_l", "user": "{peer}_u", "certificate": "{peer}_c"});
    app.put("/v1/instances/HOST_A", &json!({"spec": spec}))
        .await
        .expect_status(200);
    assert_eq!(configured("HOST_B", "HOST_A").await, "unknown");
}
