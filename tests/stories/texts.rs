//! What people read in a terminal: a dry run that names what it builds upon, a job that says what came of it.

use sqlx::PgPool;

use crate::harness::{TestApp, assert_succeeded, certificate_of};

const BOTH: [&str; 2] = ["HOST_A", "HOST_B"];

async fn text_of(app: &TestApp, job: &serde_json::Value) -> String {
    let id = job["id"].as_str().unwrap();
    app.get_as(&format!("/v1/jobs/{id}"), "text/plain")
        .await
        .text
}

#[sqlx::test(migrations = false)]
async fn a_job_reads_as_what_it_will_do_and_what_it_did(pool: PgPool) {
    let app = TestApp::start(&pool, &BOTH).await;
    app.register_all(&BOTH).await;
    // Two logins that look alike on a screen.
    for statement in [
        "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'",
        "CREATE LOGIN [HOST_B_login\u{200b}] WITH PASSWORD = N'Chosen-by-hand-1'",
    ] {
        app.host("HOST_A").exec(statement).await.unwrap();
    }
    let dry = text_of(&app, &app.dry_run("erp").await).await;
    assert!(
        dry.contains("adopt login [HOST_B_login]; create user [HOST_B_user]"),
        "{dry}"
    );
    assert!(dry.contains("2 trusts: 0 configured, 2 to do"), "{dry}");

    let job = app.configure("erp").await;
    assert_succeeded(&job);
    let done = text_of(&app, &job).await;
    assert!(
        done.contains("2 trusts: all configured, 2 of them by this job"),
        "{done}"
    );
    assert!(!done.contains("to do"), "{done}");

    let again = text_of(&app, &app.dry_run("erp").await).await;
    assert!(
        again.contains("login [HOST_B_login], user [HOST_B_user], certificate [HOST_B_cert]"),
        "{again}"
    );
}

#[sqlx::test(migrations = false)]
async fn names_that_look_alike_do_not_read_alike(pool: PgPool) {
    let app = TestApp::start(&pool, &BOTH).await;
    app.register_all(&BOTH).await;
    let der = hex::encode(certificate_of(app.host("HOST_B")));
    for statement in [
        "CREATE LOGIN [svc\u{200b}B\u{e0041}] WITH PASSWORD = N'Chosen-by-hand-1'".to_owned(),
        "CREATE USER [u\u{200f}] FOR LOGIN [svc\u{200b}B\u{e0041}]".to_owned(),
        format!("CREATE CERTIFICATE [c\u{ad}] AUTHORIZATION [u\u{200f}] FROM BINARY = 0x{der}"),
    ] {
        app.host("HOST_A").exec(&statement).await.unwrap();
    }
    let dry = text_of(&app, &app.dry_run("erp").await).await;
    assert!(
        dry.contains(
            "adopt login [svc\\u{200b}B\\u{e0041}], certificate [c\\u{ad}]; grant CONNECT"
        ),
        "{dry}"
    );
}
