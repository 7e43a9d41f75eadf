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

/// HOST_A and HOST_B registered, configured and known; then something happens to HOST_B.
async fn known(pool: &PgPool, specs: Vec<InstanceSpec>) -> TestApp {
    let app = TestApp::with(pool, specs, &[]).await;
    app.register_all(&["HOST_A", "HOST_B"]).await;
    assert_succeeded(&app.configure("erp").await);
    app
}

#[sqlx::test(migrations = false)]
async fn a_restart_and_a_new_certificate_are_ordinary_life(pool: PgPool) {
    let app = known(&pool, vec![host("HOST_A"), host("HOST_B")]).await;
    let host = app.host("HOST_B");
    host.stop();
    host.start();
    host.exec("CREATE CERTIFICATE own WITH SUBJECT = N'own', START_DATE = '20200101', EXPIRY_DATE = '20400101';
               ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE own)")
        .await
        .unwrap();
    assert_succeeded(&app.inspect("HOST_B", false).await);
}

#[sqlx::test(migrations = false)]
async fn master_restored_from_elsewhere_blocks_until_it_is_accepted(pool: PgPool) {
    let app = known(&pool, vec![host("HOST_A"), host("HOST_B"), host("HOST_C")]).await;
    app.host("HOST_B").copy_disks(app.host("HOST_C")).await;
    let job = app.configure("erp").await;
    assert_failed(&job, "preflight_failed");
    assert!(
        has_finding(&job, "instance_identity_changed", "HOST_B"),
        "{job:#}"
    );
    assert_succeeded(&app.inspect("HOST_B", true).await);
    assert_succeeded(&app.inspect("HOST_B", false).await);
}

#[sqlx::test(migrations = false)]
async fn on_the_day_of_a_disaster_identities_are_accepted_by_label(pool: PgPool) {
    let app = known(&pool, vec![host("HOST_A"), host("HOST_B"), host("HOST_C")]).await;
    for name in ["HOST_A", "HOST_B"] {
        let body = json!({"labels": {"site": "dr"}, "spec": app.instance_spec(name)});
        app.put(&format!("/v1/instances/{name}"), &body)
            .await
            .expect_status(200);
    }
    app.register_instance("HOST_C").await;
    app.host("HOST_B").copy_disks(app.host("HOST_C")).await;
    assert_failed(&app.inspect("HOST_B", false).await, "preflight_failed");
    for (labels, code) in [
        (json!({}), "no_labels"),
        (json!({"site": "none"}), "nothing_selected"),
    ] {
        let refused = app
            .post("/v1/inspections", &json!({"labels": labels}))
            .await
            .expect_status(422);
        assert_eq!(refused.json()["errors"][0]["code"], code);
    }
    let body = json!({"labels": {"site": "dr"}, "accept_identity": true, "reason": "site lost"});
    let asked = app
        .post("/v1/inspections", &body)
        .await
        .expect_status(202)
        .json();
    let items = asked["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{asked:#}");
    for item in items {
        let path = format!("{}/result?wait=60s", item["location"].as_str().unwrap());
        app.get(&path).await.expect_status(200);
    }
    assert_succeeded(&app.inspect("HOST_B", false).await);
}

#[sqlx::test(migrations = false)]
async fn one_server_registered_twice_is_found_at_the_first_look_at_the_second(pool: PgPool) {
    let app = known(&pool, vec![host("HOST_A"), host("HOST_B")]).await;
    let spec = json!({"spec": app.instance_spec("HOST_B")});
    app.put("/v1/instances/ALIAS", &spec)
        .await
        .expect_status(201);
    let job = app.inspect("ALIAS", false).await;
    assert_failed(&job, "preflight_failed");
    assert!(
        has_finding(&job, "server_registered_twice", "ALIAS"),
        "{job:#}"
    );
    // Whoever came first goes on, and is told.
    let job = app.configure("erp").await;
    assert_succeeded(&job);
    assert!(
        has_finding(&job, "server_registered_twice", "HOST_B"),
        "{job:#}"
    );
}

#[sqlx::test(migrations = false)]
async fn copies_of_one_name_that_both_run_are_both_blocked(pool: PgPool) {
    let mut copy = InstanceSpec {
        hosts: vec!["HOST_B".to_owned()],
        ..host("COPY_B")
    };
    // It is another machine of that name, and the simulator knows machines by their names.
    copy.unverified.taken_port_is_7890 = false;
    let app = known(&pool, vec![host("HOST_A"), host("HOST_B"), copy]).await;
    app.host("COPY_B").copy_disks(app.host("HOST_B")).await;
    app.register_instance("COPY_B").await;
    // Both have been running for an hour when they are looked at.
    for name in ["HOST_B", "COPY_B"] {
        app.host(name).set_clock_offset(chrono::Duration::hours(1));
    }
    assert_succeeded(&app.configure("erp").await);
    for (name, job) in [
        ("COPY_B", app.inspect("COPY_B", false).await),
        ("HOST_B", app.inspect("HOST_B", false).await),
    ] {
        assert_failed(&job, "preflight_failed");
        assert!(
            has_finding(&job, "server_registered_twice", name),
            "{job:#}"
        );
    }
}

#[sqlx::test(migrations = false)]
async fn a_container_made_again_on_its_volume_is_the_same_server(pool: PgPool) {
    let container = |name: &str, machine: &str| InstanceSpec {
        hosts: vec![machine.to_owned()],
        ..host(name)
    };
    let specs = vec![
        host("HOST_A"),
        container("HOST_B", "5d8a6f0c3b1e"),
        container("AGAIN_B", "aa01bb02cc03"),
    ];
    let app = known(&pool, specs).await;
    app.host("AGAIN_B").copy_disks(app.host("HOST_B")).await;
    app.host("HOST_B").stop();
    let spec = json!({"spec": {"peer_name": "HOST_B", "host": "127.0.0.1", "port": app.host("AGAIN_B").port(),
        "credential": "dba", "tls": app.instance_spec("HOST_B")["tls"]}});
    app.put("/v1/instances/HOST_B", &spec)
        .await
        .expect_status(200);
    assert_succeeded(&app.inspect("HOST_B", false).await);
}
