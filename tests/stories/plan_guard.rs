//! `only_if_plan`: what was approved, and nothing else.

use serde_json::{Value, json};
use sqlserver_sim::{Fault, Rule};
use sqlx::PgPool;

use crate::harness::{TestApp, assert_failed, assert_succeeded};

const PAIR: [&str; 2] = ["HOST_A", "HOST_B"];

async fn configure_if(app: &TestApp, hash: &Value) -> Value {
    let body = json!({"kind": "configure-inbound", "only_if_plan": hash});
    app.job("erp", body).await
}

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
    let job = configure_if(&app, &hash).await;
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
    let job = configure_if(&app, &hash).await;
    assert_failed(&job, "plan_stale");
    for name in PAIR {
        assert!(
            app.changes(name).is_empty(),
            "{name} was changed: {:?}",
            app.changes(name)
        );
    }
}

/// Somebody makes the peer's login, with a user of another name, while the approved batch runs: without the approval the job
/// would go on with that user.
#[sqlx::test(migrations = false)]
async fn what_a_race_leaves_to_do_is_done_only_if_it_was_approved(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    let hash = app.dry_run("erp").await["plan"]["plan_hash"].clone();
    let race = "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'By-hand-1!'; CREATE USER [by_hand] FOR LOGIN [HOST_B_login]";
    let on_a = app.host("HOST_A");
    on_a.faults()
        .add(Rule::next("CREATE LOGIN", Fault::Race(race.to_owned())));
    let job = configure_if(&app, &hash).await;
    assert_failed(&job, "plan_stale");
    let detail = job["failure"]["detail"].as_str().unwrap();
    assert!(
        detail.contains("no longer part of the approved plan"),
        "{detail}"
    );
    assert!(!app.lets_in("HOST_A", "HOST_B"));
    assert_succeeded(&app.configure("erp").await);
    assert!(app.lets_in("HOST_A", "HOST_B"));
}
