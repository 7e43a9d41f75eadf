//! Estates that somebody began by hand: other names, half-made chains.

use sqlx::PgPool;

use crate::harness::{TestApp, assert_succeeded, certificate_of};

const PAIR: [&str; 2] = ["HOST_A", "HOST_B"];

/// The four statements of a chain on A for B, in order, with the names given.
fn chain(app: &TestApp, login: &str, user: &str, certificate: &str) -> [String; 4] {
    let der = hex::encode(certificate_of(app.host("HOST_B")));
    let [login, user, certificate] = [login, user, certificate].map(|name| name.replace(']', "]]"));
    [
        format!("CREATE LOGIN [{login}] WITH PASSWORD = N'Chosen-by-hand-1'"),
        format!("CREATE USER [{user}] FOR LOGIN [{login}]"),
        format!("CREATE CERTIFICATE [{certificate}] AUTHORIZATION [{user}] FROM BINARY = 0x{der}"),
        format!("GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO [{login}]"),
    ]
}

#[sqlx::test(migrations = false)]
async fn a_chain_with_other_names_is_adopted(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    for statement in chain(&app, "svcB", "partner user", "B]cert") {
        app.host("HOST_A").exec(&statement).await.unwrap();
    }
    let job = app.configure("erp").await;
    assert_succeeded(&job);
    assert!(
        app.changes("HOST_A").is_empty(),
        "{:?}",
        app.changes("HOST_A")
    );
    assert!(!app.changes("HOST_B").is_empty());
    assert!(app.lets_in("HOST_A", "HOST_B") && app.lets_in("HOST_B", "HOST_A"));
    let adopted = job["plan"]["instances"][0]["trusts"][0]["actions"][0].clone();
    assert_eq!(adopted["kind"], "adopt", "{job:#}");
    assert!(
        adopted["summary"].as_str().unwrap().contains("[svcB]"),
        "{adopted:#}"
    );
}

/// `made` statements were run by hand; mirrorgate makes the rest, and not one more.
async fn completed_after(pool: &PgPool, made: usize) {
    let app = TestApp::start(pool, &PAIR).await;
    app.register_all(&PAIR).await;
    for statement in &chain(&app, "HOST_B_login", "HOST_B_user", "HOST_B_cert")[..made] {
        app.host("HOST_A").exec(statement).await.unwrap();
    }
    assert_succeeded(&app.configure("erp").await);
    assert!(app.lets_in("HOST_A", "HOST_B"), "{made} statements by hand");
    let changes = app.changes("HOST_A");
    assert_eq!(changes.len(), 4 - made, "{made} by hand: {changes:?}");
}

#[sqlx::test(migrations = false)]
async fn a_login_alone_is_completed(pool: PgPool) {
    completed_after(&pool, 1).await;
}

#[sqlx::test(migrations = false)]
async fn a_login_with_its_user_is_completed(pool: PgPool) {
    completed_after(&pool, 2).await;
}

#[sqlx::test(migrations = false)]
async fn an_imported_certificate_without_the_grant_is_completed(pool: PgPool) {
    completed_after(&pool, 3).await;
}

#[sqlx::test(migrations = false)]
async fn a_login_whose_user_has_another_name_keeps_it(pool: PgPool) {
    let app = TestApp::start(&pool, &PAIR).await;
    app.register_all(&PAIR).await;
    for statement in &chain(&app, "HOST_B_login", "someone", "HOST_B_cert")[..2] {
        app.host("HOST_A").exec(statement).await.unwrap();
    }
    assert_succeeded(&app.configure("erp").await);
    let changes = app.changes("HOST_A").join("\n");
    assert!(changes.contains("AUTHORIZATION [someone]"), "{changes}");
    assert!(!changes.contains("CREATE USER"), "{changes}");
    assert!(app.lets_in("HOST_A", "HOST_B"));
}
