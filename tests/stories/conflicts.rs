//! What stands in the way is named, and changes nothing on any member.

use sqlx::PgPool;

use crate::harness::{TestApp, assert_failed, assert_succeeded, certificate_of, has_finding};

const TRIO: [&str; 3] = ["HOST_A", "HOST_B", "HOST_W"];

/// Prepares one conflict on HOST_A, asks for the job, and checks that not one statement changed anything anywhere.
async fn blocks(pool: &PgPool, code: &str, prepare: &[String]) {
    let app = TestApp::start(pool, &TRIO).await;
    app.register_all(&TRIO).await;
    for statement in prepare {
        let statement = statement.replace("{B}", &hex::encode(certificate_of(app.host("HOST_B"))));
        app.host("HOST_A")
            .exec(&statement)
            .await
            .unwrap_or_else(|e| panic!("{statement}: {e:?}"));
    }
    let job = app.configure("erp").await;
    assert_failed(&job, "conflict");
    assert!(has_finding(&job, code, "HOST_A"), "{job:#}");
    let finding = job["plan"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["code"] == code)
        .unwrap();
    for part in ["found", "wanted", "remedy"] {
        assert!(!finding[part].as_str().unwrap().is_empty(), "{finding:#}");
    }
    for name in TRIO {
        assert!(
            app.changes(name).is_empty(),
            "{name} was changed: {:?}",
            app.changes(name)
        );
    }
}

fn own(statements: &[&str]) -> Vec<String> {
    statements.iter().map(|s| (*s).to_owned()).collect()
}

#[sqlx::test(migrations = false)]
async fn a_certificate_owned_by_dbo(pool: PgPool) {
    let prepare = own(&["CREATE CERTIFICATE [B] FROM BINARY = 0x{B}"]);
    blocks(&pool, "certificate_owned_by_dbo", &prepare).await;
}

#[sqlx::test(migrations = false)]
async fn an_orphaned_user(pool: PgPool) {
    let prepare = own(&[
        "CREATE LOGIN [gone] WITH PASSWORD = N'Chosen-by-hand-1'",
        "CREATE USER [HOST_B_user] FOR LOGIN [gone]",
        "CREATE CERTIFICATE [B] AUTHORIZATION [HOST_B_user] FROM BINARY = 0x{B}",
        "DROP LOGIN [gone]",
    ]);
    blocks(&pool, "user_orphaned", &prepare).await;
}

#[sqlx::test(migrations = false)]
async fn a_certificate_name_taken_by_another(pool: PgPool) {
    let prepare = own(&["CREATE CERTIFICATE [host_b_CERT] WITH SUBJECT = N'somebody else'"]);
    blocks(&pool, "name_taken", &prepare).await;
}

#[sqlx::test(migrations = false)]
async fn a_user_name_taken_by_another_login(pool: PgPool) {
    let prepare = own(&[
        "CREATE LOGIN [other] WITH PASSWORD = N'Chosen-by-hand-1'",
        "CREATE USER [HOST_B_user] FOR LOGIN [other]",
    ]);
    blocks(&pool, "name_taken", &prepare).await;
}

#[sqlx::test(migrations = false)]
async fn a_denied_connect(pool: PgPool) {
    let prepare = own(&[
        "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'",
        "DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO [HOST_B_login]",
    ]);
    blocks(&pool, "connect_denied", &prepare).await;
}

#[sqlx::test(migrations = false)]
async fn a_member_without_its_outbound_half_blocks_all(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    app.host("HOST_W")
        .exec("DROP ENDPOINT Endpoint_Mirroring")
        .await
        .unwrap();
    let job = app.configure("erp").await;
    assert_failed(&job, "preflight_failed");
    assert!(has_finding(&job, "no_endpoint", "HOST_W"), "{job:#}");
    for name in TRIO {
        assert!(app.changes(name).is_empty(), "{name} was changed");
    }
}

#[sqlx::test(migrations = false)]
async fn the_remedy_cures_the_conflict(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO[..2]).await;
    app.register_all(&TRIO[..2]).await;
    for statement in [
        "CREATE LOGIN [HOST_B_login] WITH PASSWORD = N'Chosen-by-hand-1'",
        "DENY CONNECT ON ENDPOINT::Endpoint_Mirroring TO [HOST_B_login]",
    ] {
        app.host("HOST_A").exec(statement).await.unwrap();
    }
    let job = app.configure("erp").await;
    assert_failed(&job, "conflict");
    let finding = job["plan"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["code"] == "connect_denied")
        .unwrap()
        .clone();
    app.host("HOST_A")
        .exec(finding["remedy_tsql"].as_str().unwrap())
        .await
        .unwrap();
    assert_succeeded(&app.configure("erp").await);
    assert!(app.lets_in("HOST_A", "HOST_B"));
}
