//! `only_if_plan`: what was approved, and nothing else.

use serde_json::json;
use sqlx::PgPool;

use crate::harness::{TestApp, assert_failed, assert_succeeded};

const PAIR: [&str; 2] = ["HOST_A", "HOST_B"];

#[sqlx::test(migrations = false)]
async fn the_approved_plan_is_carried_out(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    let dry = app.dry_run("erp").await;
    let hash = dry["plan"]["plan_hash"].clone();
    assert_eq!(
        app.dry_run("erp").await["plan"]["plan_hash"],
        hash,
        "the same world has the same hash"
    );
    let job = app
        .job(
            "erp",
            json!({"kind": "configure-inbound", "only_if_plan": hash}),
        )
        .await;
    assert_succeeded(&job);
    assert!(app.lets_in("HOST_A", "HOST_B"));
}

#[sqlx::test(migrations = false)]
async fn a_world_that_moved_makes_the_plan_stale(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    let hash = app.dry_run("erp").await["plan"]["plan_hash"].clone();
    app.host("HOST_A")
        .exec("CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'")
        .await
        .unwrap();
    let job = app
        .job(
            "erp",
            json!({"kind": "configure-inbound", "only_if_plan": hash}),
        )
        .await;
    assert_failed(&job, "plan_stale");
    for name in PAIR {
        assert!(
            app.changes(name).is_empty(),
            "{name} was changed: {:?}",
            app.changes(name)
        );
    }
}
