//! The main job: a pair with a witness, from nothing to mirroring that the instances set up by themselves.

use serde_json::json;
use sqlx::PgPool;

use crate::harness::{TestApp, assert_failed, assert_succeeded, findings};

const TRIO: [&str; 3] = ["HOST_A", "HOST_B", "HOST_W"];

const DIRECTIONS: [(&str, &str); 6] = [
    ("HOST_A", "HOST_B"),
    ("HOST_A", "HOST_W"),
    ("HOST_B", "HOST_A"),
    ("HOST_B", "HOST_W"),
    ("HOST_W", "HOST_A"),
    ("HOST_W", "HOST_B"),
];

#[sqlx::test(migrations = false)]
async fn three_strangers_end_up_mirroring(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    for (to, from) in DIRECTIONS {
        assert!(!app.lets_in(to, from), "{to} lets {from} in before the job");
    }

    let job = app.configure("erp").await;
    assert_succeeded(&job);
    for (to, from) in DIRECTIONS {
        assert!(app.lets_in(to, from), "{to} does not let {from} in");
    }
    mirror(&app).await;

    let job = app.verify("erp").await;
    assert_succeeded(&job);
    let pair = app.get("/v1/pairs/erp").await.json();
    let trusts = pair["status"]["trusts"].as_array().unwrap();
    assert_eq!(trusts.len(), 6);
    for trust in trusts {
        assert_eq!(trust["configured"], "yes", "{trust:#}");
        assert_eq!(trust["proof"]["state"], "proven", "{trust:#}");
    }
}

/// The databases of the demo: HOST_A's `erp` mirrored on HOST_B with HOST_W as witness.
async fn mirror(app: &TestApp) {
    let address = |name: &str| app.host(name).endpoint_address().unwrap();
    app.host("HOST_A").add_database("erp").await.unwrap();
    app.host("HOST_B")
        .restore_copy(app.host("HOST_A"), "erp")
        .await
        .unwrap();
    for (on, option, peer) in [
        ("HOST_B", "PARTNER", "HOST_A"),
        ("HOST_A", "PARTNER", "HOST_B"),
        ("HOST_A", "WITNESS", "HOST_W"),
    ] {
        let statement = format!("ALTER DATABASE erp SET {option} = '{}'", address(peer));
        app.host(on)
            .exec(&statement)
            .await
            .unwrap_or_else(|e| panic!("{on}: {statement}: {e:?}"));
    }
}

#[sqlx::test(migrations = false)]
async fn nothing_left_to_do_costs_one_round_trip_and_no_log_in(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    app.reset_counters();
    assert_succeeded(&app.configure("erp").await);
    for name in TRIO {
        let counters = app.host(name).counters();
        assert_eq!(counters.batches, 3, "{name}: observe, apply, verify");
        assert_eq!(counters.logins, 1, "{name}");
    }

    for (kind, dry_run) in [
        ("configure-inbound", false),
        ("verify-inbound", false),
        ("configure-inbound", true),
    ] {
        app.reset_counters();
        let changed: Vec<_> = TRIO.iter().map(|name| app.changes(name).len()).collect();
        assert_succeeded(
            &app.job("erp", json!({"kind": kind, "dry_run": dry_run}))
                .await,
        );
        for (name, before) in TRIO.iter().zip(changed) {
            let counters = app.host(name).counters();
            assert_eq!(counters.round_trips, 1, "{name}: {kind}, dry run {dry_run}");
            assert_eq!(counters.logins, 0, "{name}: {kind}, dry run {dry_run}");
            assert_eq!(
                app.changes(name).len(),
                before,
                "{name}: {kind} changed something"
            );
        }
    }
}

#[sqlx::test(migrations = false)]
async fn a_pair_takes_three_batches_and_a_dry_run_one(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO[..2]).await;
    app.register_all(&TRIO[..2]).await;
    app.reset_counters();
    let dry = app.dry_run("erp").await;
    assert_succeeded(&dry);
    for name in &TRIO[..2] {
        assert_eq!(app.host(name).counters().batches, 1, "{name}");
        assert!(
            app.changes(name).is_empty(),
            "{name}: a dry run changed something"
        );
    }
    app.reset_counters();
    assert_succeeded(&app.configure("erp").await);
    for name in &TRIO[..2] {
        assert_eq!(app.host(name).counters().batches, 3, "{name}");
        assert_eq!(
            app.host(name).counters().logins,
            0,
            "{name}: the dry run's session was warm"
        );
    }
}

#[sqlx::test(migrations = false)]
async fn verification_fails_while_anything_is_missing(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    assert_failed(&app.verify("erp").await, "not_in_place");
    assert_succeeded(&app.configure("erp").await);
    app.host("HOST_B")
        .exec("REVOKE CONNECT ON ENDPOINT::Endpoint_Mirroring TO [HOST_W_login]")
        .await
        .unwrap();
    assert_failed(&app.verify("erp").await, "not_in_place");
    assert!(!app.lets_in("HOST_B", "HOST_W"));
    assert_succeeded(&app.configure("erp").await);
    assert_eq!(
        app.changes("HOST_A")
            .iter()
            .filter(|t| t.contains("GRANT"))
            .count(),
        2
    );
    assert_eq!(
        app.changes("HOST_B")
            .iter()
            .filter(|t| t.contains("GRANT"))
            .count(),
        3
    );
}

#[sqlx::test(migrations = false)]
async fn the_history_tells_every_statement_and_when(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    let body =
        json!({"kind": "configure-inbound", "reason": "first set-up", "change_ref": "CHG-42"});
    let job = app.job("erp", body).await;
    assert_succeeded(&job);
    let steps = app.steps(&job).await;
    let of = |kind: &str| steps.iter().filter(|s| s["kind"] == kind).count();
    assert_eq!((of("observe"), of("verify")), (3, 3));
    for kind in [
        "create_login",
        "create_user",
        "import_certificate",
        "grant_connect",
    ] {
        assert_eq!(of(kind), 6, "{kind}");
    }
    for step in &steps {
        assert_eq!(step["outcome"], "done", "{step:#}");
        assert!(
            step["started_at"].as_str() <= step["ended_at"].as_str(),
            "{step:#}"
        );
        assert!(!step["statement"].as_str().unwrap().is_empty());
    }
    // The change reference is visible in the server's own traces.
    let entry = app
        .host("HOST_A")
        .ledger()
        .into_iter()
        .find(|e| e.kind == "GRANT")
        .unwrap();
    assert_eq!(entry.application, "mirrorgate");
    assert_eq!(job["options"]["change_ref"], "CHG-42");

    let script = app
        .get(&format!("/v1/jobs/{}/script", job["id"].as_str().unwrap()))
        .await;
    for wanted in [
        "HOST_A",
        "CREATE LOGIN [HOST_B_login]",
        "GRANT CONNECT ON ENDPOINT::",
        "CHG-42",
    ] {
        assert!(
            script.text.contains(wanted),
            "the script lacks {wanted}: {}",
            script.text
        );
    }
}

#[sqlx::test(migrations = false)]
async fn without_uploads_the_endpoints_own_certificates_are_obtained(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_credential().await;
    for name in TRIO {
        app.register_instance(name).await;
    }
    app.register_pair("erp", &TRIO).await;
    let job = app.configure("erp").await;
    assert_succeeded(&job);
    for (to, from) in DIRECTIONS {
        assert!(app.lets_in(to, from), "{to} does not let {from} in");
    }
    let certificates = app.get("/v1/instances/HOST_B/certificates").await.json();
    assert_eq!(
        certificates["items"][0]["source"], "obtained",
        "{certificates:#}"
    );
    assert!(findings(&job, Some("blocker")).is_empty());
}
