//! What one registration says is weighed against all the others: certificates of two instances.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::harness::{
    TestApp, assert_failed, assert_succeeded, certificate_of, der_of, findings, has_finding, host,
};

/// `clone` gets the certificate and key of `of`, and its endpoint uses them: as if its machine had been copied.
async fn copy_key(app: &TestApp, of: &str, clone: &str) {
    let (from, to) = (app.host(of), app.host(clone));
    from.exec(&format!(
        "BACKUP CERTIFICATE {of}_cert TO FILE = 'c' WITH PRIVATE KEY (FILE = 'k', ENCRYPTION BY PASSWORD = 'Copy!Pass1')"
    ))
    .await
    .unwrap();
    for file in ["c", "k"] {
        to.files().put(file, from.files().read(file).unwrap());
    }
    to.exec(
        "CREATE CERTIFICATE copied FROM FILE = 'c' WITH PRIVATE KEY (FILE = 'k', DECRYPTION BY PASSWORD = 'Copy!Pass1');
         ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE copied)"
    )
    .await
    .unwrap();
    assert_eq!(certificate_of(to), certificate_of(from));
}

/// The endpoint of `name` gets a certificate of its own, by way of `next`.
async fn renew(app: &TestApp, name: &str, pair: &str) {
    let host = app.host(name);
    host.exec("CREATE CERTIFICATE own WITH SUBJECT = N'own', START_DATE = '20200101', EXPIRY_DATE = '20400101'")
        .await
        .unwrap();
    let der = der_of(host, "own").await;
    app.upload(name, der, "next").await.expect_status(201);
    app.configure(pair).await;
    host.exec("ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE own)")
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn clones_of_production_are_no_pair_until_they_have_certificates_of_their_own(pool: PgPool) {
    let app = TestApp::start(&pool, &["HOST_A", "HOST_B", "TEST_A", "TEST_B"]).await;
    app.register_all(&["HOST_A", "HOST_B"]).await;
    assert_succeeded(&app.configure("erp").await);
    copy_key(&app, "HOST_A", "TEST_A").await;
    copy_key(&app, "HOST_B", "TEST_B").await;
    app.register_instance("TEST_A").await;
    app.register_instance("TEST_B").await;
    app.register_pair("test", &["TEST_A", "TEST_B"]).await;

    let job = app.configure("test").await;
    assert_failed(&job, "preflight_failed");
    for clone in ["TEST_A", "TEST_B"] {
        assert!(
            has_finding(&job, "certificate_of_two_instances", clone),
            "{job:#}"
        );
        assert!(app.changes(clone).is_empty(), "{:?}", app.changes(clone));
    }
    // Where it works already it goes on working, and is told.
    let erp = app.configure("erp").await;
    assert_succeeded(&erp);
    let warned = findings(&erp, Some("warning"));
    assert!(
        warned
            .iter()
            .any(|(code, ..)| code == "certificate_of_two_instances"),
        "{erp:#}"
    );
    let inspected = app.inspect("TEST_A", false).await;
    assert!(has_finding(
        &inspected,
        "certificate_of_two_instances",
        "TEST_A"
    ));

    renew(&app, "TEST_A", "test").await;
    renew(&app, "TEST_B", "test").await;
    let job = app.configure("test").await;
    assert_succeeded(&job);
    assert!(
        !has_finding(&job, "certificate_of_two_instances", "TEST_A"),
        "{job:#}"
    );
    assert!(app.lets_in("TEST_A", "TEST_B") && app.lets_in("TEST_B", "TEST_A"));
    let erp = app.configure("erp").await;
    assert_succeeded(&erp);
    let told: Vec<_> = findings(&erp, None)
        .into_iter()
        .filter(|(code, ..)| code == "superseded_certificate")
        .collect();
    assert!(told.is_empty(), "nothing of production is old: {told:?}");
}

/// HOST_A's `erp` mirrored on HOST_B: both dial each other.
async fn mirror(app: &TestApp) {
    let address = |name: &str| app.host(name).endpoint_address().unwrap();
    let (a, b) = (app.host("HOST_A"), app.host("HOST_B"));
    a.add_database("erp").await.unwrap();
    b.restore_copy(a, "erp").await.unwrap();
    let partner = |of: &str| format!("ALTER DATABASE erp SET PARTNER = '{}'", address(of));
    b.exec(&partner("HOST_A")).await.unwrap();
    a.exec(&partner("HOST_B")).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn whether_to_switch_is_answered_by_what_every_acceptor_was_seen_to_have(pool: PgPool) {
    let app = TestApp::start(&pool, &["HOST_A", "HOST_B", "HOST_W"]).await;
    app.register_all(&["HOST_A", "HOST_B", "HOST_W"]).await;
    assert_succeeded(&app.configure("erp").await);
    let path = "/v1/instances/host_b/next";
    app.get("/v1/instances/nobody/next")
        .await
        .expect_status(404);
    app.get(path).await.expect_status(404);

    let host = app.host("HOST_B");
    host.exec("CREATE CERTIFICATE own WITH SUBJECT = N'own', START_DATE = '20200101', EXPIRY_DATE = '20400101'")
        .await
        .unwrap();
    let der = der_of(host, "own").await;
    app.upload("HOST_B", der, "next").await.expect_status(201);
    let answer = app.get(path).await.expect_status(409).json();
    assert_eq!(answer["code"], "next_not_in_place", "{answer:#}");
    assert_eq!(
        answer["acceptors"].as_array().unwrap().len(),
        2,
        "{answer:#}"
    );
    assert_eq!(
        answer["acceptors"][0]["in_place"], "unknown",
        "nobody has looked since"
    );

    let verified = app.verify("erp").await;
    let seen = |job: &Value, acceptor: usize| {
        let trusts = job["plan"]["instances"][acceptor]["trusts"]
            .as_array()
            .unwrap();
        let from_b = trusts.iter().find(|t| t["from"] == "HOST_B").unwrap();
        from_b["next"]["in_place"].clone()
    };
    assert_eq!(
        (seen(&verified, 0), seen(&verified, 2)),
        (json!("no"), json!("no"))
    );
    let answer = app.get_as(path, "text/plain").await.expect_status(409);
    assert!(answer.text.contains("HOST_A: not in place"), "{answer:?}");

    assert_succeeded(&app.configure("erp").await);
    let answer = app.get(path).await.expect_status(200).json();
    assert_eq!(answer["acceptors"][1]["on"], "HOST_W", "{answer:#}");
    assert_eq!(answer["acceptors"][1]["in_place"], "yes", "{answer:#}");
    let text = app.get_as(path, "text/plain").await.expect_status(200);
    assert!(text.text.contains("HOST_W"), "{text:?}");
    let pair = app.get("/v1/pairs/erp").await.json();
    let trusts = pair["status"]["trusts"].as_array().unwrap();
    let on_a = trusts
        .iter()
        .find(|t| t["on"] == "HOST_A" && t["from"] == "HOST_B");
    assert_eq!(on_a.unwrap()["next"]["in_place"], "yes", "{pair:#}");
    let instance = app.get("/v1/instances/HOST_B").await.json();
    assert_eq!(
        instance["status"]["next_on"].as_array().unwrap().len(),
        2,
        "{instance:#}"
    );

    app.get(&format!("{path}?max_age=0s"))
        .await
        .expect_status(409);
    app.get(&format!("{path}?max_age=soon"))
        .await
        .expect_status(400);
    // Held, and of no use: its login may not connect.
    app.host("HOST_A")
        .exec("REVOKE CONNECT ON ENDPOINT::Endpoint_Mirroring FROM [HOST_B_login]")
        .await
        .unwrap();
    app.verify("erp").await;
    let answer = app.get(path).await.expect_status(409).json();
    assert!(
        answer["detail"].as_str().unwrap().starts_with("HOST_A: "),
        "{answer:#}"
    );
}

/// Two that mirror, and go on when CONNECT is revoked. (Where that cuts the session, the next one is younger than the grant.)
async fn mirroring_through_a_revoke(pool: &PgPool) -> TestApp {
    let specs = ["HOST_A", "HOST_B"].map(|name| {
        let mut spec = host(name);
        spec.unverified.revoke_cuts_connections = false;
        spec
    });
    let app = TestApp::with(pool, specs.into(), &[]).await;
    app.register_all(&["HOST_A", "HOST_B"]).await;
    assert_succeeded(&app.configure("erp").await);
    mirror(&app).await;
    app
}

#[sqlx::test(migrations = false)]
async fn a_session_from_before_does_not_prove_what_was_taken_and_given_again(pool: PgPool) {
    let app = mirroring_through_a_revoke(&pool).await;
    let proof = async || {
        let job = app.verify("erp").await;
        job["plan"]["instances"][0]["trusts"][0]["proof"]["state"].clone()
    };
    assert_eq!(proof().await, "proven");
    let on_a = app.host("HOST_A");
    on_a.exec("REVOKE CONNECT ON ENDPOINT::Endpoint_Mirroring FROM [HOST_B_login]")
        .await
        .unwrap();
    assert_failed(&app.verify("erp").await, "not_in_place");
    let job = app.configure("erp").await;
    assert_succeeded(&job);
    assert_eq!(
        proof().await,
        "unknown",
        "the session is older than the grant"
    );
    on_a.exec("ALTER LOGIN [HOST_B_login] DISABLE; ALTER LOGIN [HOST_B_login] ENABLE")
        .await
        .unwrap();
    assert_eq!(proof().await, "unknown");
}

/// The job that gives back what was taken sees the old session afterwards, and nobody had looked in between.
#[sqlx::test(migrations = false)]
async fn a_job_takes_no_session_from_before_for_a_proof_of_what_it_did(pool: PgPool) {
    let app = mirroring_through_a_revoke(&pool).await;
    let proof = async || {
        let pair = app.get("/v1/pairs/erp").await.json();
        let trusts = pair["status"]["trusts"].as_array().unwrap().clone();
        let mut on_a = trusts.into_iter().filter(|t| t["on"] == "HOST_A");
        on_a.next().unwrap()["proof"]["state"].clone()
    };
    app.verify("erp").await;
    assert_eq!(proof().await, "proven");
    app.host("HOST_A")
        .exec("REVOKE CONNECT ON ENDPOINT::Endpoint_Mirroring FROM [HOST_B_login]")
        .await
        .unwrap();
    assert_succeeded(&app.configure("erp").await);
    assert_eq!(proof().await, "unknown");
}
