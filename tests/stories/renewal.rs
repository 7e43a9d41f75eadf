//! Certificates die after a year: renewal is ordinary work.

use sqlx::PgPool;

use crate::harness::{
    TestApp, assert_failed, assert_succeeded, certificate_of, der_of, has_finding,
};

const TRIO: [&str; 3] = ["HOST_A", "HOST_B", "HOST_W"];

/// HOST_B makes a new certificate; its endpoint does not use it yet.
async fn make_new(app: &TestApp) -> Vec<u8> {
    let host = app.host("HOST_B");
    host.exec("CREATE CERTIFICATE HOST_B_cert_2027 WITH SUBJECT = N'HOST_B renewed', START_DATE = '20200101', EXPIRY_DATE = '20400101'")
        .await
        .unwrap();
    der_of(host, "HOST_B_cert_2027").await
}

async fn switch(app: &TestApp) {
    app.host("HOST_B")
        .exec("ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE HOST_B_cert_2027)")
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn the_day_after_a_partner_renewed_its_certificate(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    assert_succeeded(&app.configure("erp").await);
    let renewed = make_new(&app).await;
    switch(&app).await;
    assert!(
        !app.lets_in("HOST_A", "HOST_B"),
        "the peers do not have the new one"
    );

    // The pin is now another certificate's: that must be said, not guessed.
    let job = app.configure("erp").await;
    assert_failed(&job, "preflight_failed");
    assert!(
        has_finding(&job, "pinned_certificate_not_in_use", "HOST_B"),
        "{job:#}"
    );
    assert!(!app.lets_in("HOST_A", "HOST_B"));

    app.upload("HOST_B", renewed, "current")
        .await
        .expect_status(201);
    let before = app.changes("HOST_A").len();
    let job = app.configure("erp").await;
    assert_succeeded(&job);
    for acceptor in ["HOST_A", "HOST_W"] {
        assert!(
            app.lets_in(acceptor, "HOST_B"),
            "{acceptor} after the renewal"
        );
    }
    let changes = app.changes("HOST_A")[before..].to_vec();
    assert_eq!(changes.len(), 1, "one import and nothing else: {changes:?}");
    assert!(
        changes[0].contains("AUTHORIZATION [HOST_B_user]"),
        "{changes:?}"
    );
    assert!(
        changes[0].contains("[HOST_B_cert_"),
        "beside the old one: {changes:?}"
    );
    assert!(has_finding(
        &app.verify("erp").await,
        "superseded_certificate",
        "HOST_A"
    ));
}

#[sqlx::test(migrations = false)]
async fn a_next_certificate_handed_out_beforehand_makes_the_switch_seamless(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    let next = make_new(&app).await;
    app.upload("HOST_B", next, "next").await.expect_status(201);
    assert_succeeded(&app.configure("erp").await);
    assert!(app.lets_in("HOST_A", "HOST_B"), "by the current one");

    switch(&app).await;
    for acceptor in ["HOST_A", "HOST_W"] {
        assert!(
            app.lets_in(acceptor, "HOST_B"),
            "{acceptor}: by the next one, with no job in between"
        );
    }
    let before = app.changes("HOST_A").len();
    let job = app.configure("erp").await;
    assert_succeeded(&job);
    assert!(
        has_finding(&job, "next_certificate_in_use", "HOST_B"),
        "{job:#}"
    );
    assert_eq!(
        app.changes("HOST_A").len(),
        before,
        "nothing was left to do"
    );
}

#[sqlx::test(migrations = false)]
async fn a_renewed_certificate_under_foreign_names_keeps_its_chain(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO[..2]).await;
    app.register_all(&TRIO[..2]).await;
    let der = hex::encode(certificate_of(app.host("HOST_B")));
    for statement in [
        "CREATE LOGIN [svcB] WITH PASSWORD = N'Chosen-by-hand-1'".to_owned(),
        "CREATE USER [svcB] FOR LOGIN [svcB]".to_owned(),
        format!("CREATE CERTIFICATE [of B] AUTHORIZATION [svcB] FROM BINARY = 0x{der}"),
        "GRANT CONNECT ON ENDPOINT::Endpoint_Mirroring TO [svcB]".to_owned(),
    ] {
        app.host("HOST_A").exec(&statement).await.unwrap();
    }
    assert_succeeded(&app.configure("erp").await);
    let renewed = make_new(&app).await;
    switch(&app).await;
    app.upload("HOST_B", renewed, "current")
        .await
        .expect_status(201);
    assert_succeeded(&app.configure("erp").await);
    let changes = app.changes("HOST_A");
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(changes[0].contains("AUTHORIZATION [svcB]"), "{changes:?}");
    assert!(app.lets_in("HOST_A", "HOST_B"));
}

#[sqlx::test(migrations = false)]
async fn an_expired_certificate_is_named_before_it_breaks_anything(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    assert_succeeded(&app.configure("erp").await);
    for name in TRIO {
        app.host(name)
            .set_clock_offset(chrono::Duration::days(40_000));
    }
    let job = app.configure("erp").await;
    assert_failed(&job, "preflight_failed");
    for name in TRIO {
        assert!(
            has_finding(&job, "own_certificate_expired", name),
            "{job:#}"
        );
    }
}

#[sqlx::test(migrations = false)]
async fn handing_out_the_pin_as_next_does_not_end_the_pin(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO[..1]).await;
    app.register_credential().await;
    app.register_instance("HOST_A").await;
    app.pin("HOST_A").await;
    let der = certificate_of(app.host("HOST_A"));
    let answer = app.upload("HOST_A", der, "next").await.expect_status(422);
    assert_eq!(
        answer.json()["errors"][0]["code"],
        "already_current",
        "{answer:?}"
    );
    let kept = app.get("/v1/instances/HOST_A/certificates").await.json();
    assert_eq!(kept["items"][0]["purpose"], "current", "{kept:#}");
}
