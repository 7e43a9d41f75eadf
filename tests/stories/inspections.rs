//! What an inspection tells of one instance: of itself, and of the registrations that name it.

use serde_json::{Value, json};
use sqlserver_sim::Edition;
use sqlx::PgPool;

use crate::harness::{PASSWORD, TestApp, assert_succeeded, der_of, findings, has_finding, host};

const TRIO: [&str; 3] = ["HOST_A", "HOST_B", "HOST_W"];

fn used_by(job: &Value) -> &Value {
    &job["plan"]["instances"][0]["used_by"]
}

#[sqlx::test(migrations = false)]
async fn who_names_it_is_told_and_no_trust_is_planned(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_credential().await;
    app.register_instance("HOST_A").await;
    let job = app.inspect("HOST_A", false).await;
    assert_succeeded(&job);
    assert_eq!(used_by(&job), &json!([]));
    for name in ["HOST_B", "HOST_W"] {
        app.register_instance(name).await;
    }
    app.register_pair("erp", &TRIO).await;
    app.register_pair("crm", &["HOST_B", "HOST_A"]).await;
    let job = app.inspect("HOST_A", false).await;
    assert_succeeded(&job);
    let others = json!(["HOST_B", "HOST_W"]);
    let expected = json!([
        {"pair": "crm", "role": "partner", "lets_in": ["HOST_B"], "let_in_by": ["HOST_B"]},
        {"pair": "erp", "role": "partner", "lets_in": others, "let_in_by": others},
    ]);
    assert_eq!(used_by(&job), &expected);
    assert_eq!(job["plan"]["instances"][0]["trusts"], json!([]));
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    let text = app.get_as(&path, "text/plain").await.text;
    let line = "pair erp has it as partner: lets in HOST_B, HOST_W; is let in by HOST_B, HOST_W";
    assert!(text.contains(line), "{text}");
    assert!(!text.contains("0 trusts"), "{text}");
    assert!(
        app.dry_run("erp").await["plan"]["instances"][0]
            .get("used_by")
            .is_none()
    );
}

/// An Express instance with an endpoint for witnesses only is in order, as long as that is what it is registered as.
#[sqlx::test(migrations = false)]
async fn a_witness_is_weighed_as_one(pool: PgPool) {
    let mut specs: Vec<_> = TRIO.map(host).into();
    specs[2].edition = Edition::Express;
    let app = TestApp::with(&pool, specs, &[]).await;
    app.register_all(&TRIO).await;
    let alter = "ALTER ENDPOINT [Endpoint_Mirroring] FOR DATABASE_MIRRORING (ROLE = WITNESS)";
    app.host("HOST_W").exec(alter).await.unwrap();
    let job = app.inspect("HOST_W", false).await;
    assert_succeeded(&job);
    assert_eq!(used_by(&job)[0]["role"], "witness");
    assert_eq!(job["accepted"]["members"][0]["role"], "witness");
    for code in ["endpoint_role_insufficient", "edition_witness_only"] {
        assert!(!has_finding(&job, code, "HOST_W"), "{job:#}");
    }
    app.register_pair("crm", &["HOST_A", "HOST_W"]).await;
    let job = app.inspect("HOST_W", false).await;
    assert_succeeded(&job);
    for code in ["endpoint_role_insufficient", "edition_witness_only"] {
        assert!(has_finding(&job, code, "HOST_W"), "{job:#}");
    }
}

#[sqlx::test(migrations = false)]
async fn a_wrong_pin_and_missing_rights_are_found_without_a_pair(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO[..1]).await;
    app.register_credential().await;
    app.register_instance("HOST_A").await;
    let job = app.inspect("HOST_A", false).await;
    assert_succeeded(&job);
    assert_eq!(findings(&job, Some("blocker")), []);
    let host = app.host("HOST_A");
    for statement in [
        "CREATE CERTIFICATE other WITH SUBJECT = N'other', START_DATE = '20200101', EXPIRY_DATE = '20400101'",
        &format!("CREATE LOGIN reader WITH PASSWORD = N'{PASSWORD}'"),
        "GRANT VIEW ANY DEFINITION TO reader",
        "GRANT VIEW SERVER STATE TO reader",
    ] {
        host.exec(statement).await.unwrap();
    }
    let other = der_of(host, "other").await;
    app.upload("HOST_A", other, "current")
        .await
        .expect_status(201);
    let credential = json!({"spec": {
        "kind": "sql_login", "user": "reader", "password": PASSWORD, "hosts": ["127.0.0.1"],
    }});
    app.put("/v1/credentials/dba", &credential)
        .await
        .expect_status(200);
    let job = app.inspect("HOST_A", false).await;
    assert_succeeded(&job);
    assert!(
        has_finding(&job, "pinned_certificate_not_in_use", "HOST_A"),
        "{job:#}"
    );
    let wanted: Vec<&str> = job["plan"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["code"] == "permission_missing")
        .map(|f| f["wanted"].as_str().unwrap())
        .collect();
    for needed in [
        "CREATE LOGIN",
        "CREATE USER",
        "CREATE CERTIFICATE",
        "GRANT CONNECT",
    ] {
        assert!(
            wanted.iter().any(|w| w.contains(needed)),
            "{needed}: {job:#}"
        );
    }
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    let text = app.get_as(&path, "text/plain").await.text;
    assert!(text.contains("named by no pair"), "{text}");
    assert!(app.changes("HOST_A").is_empty());
}

/// What it should be is the registration's to say; who says nothing hears nothing.
#[sqlx::test(migrations = false)]
async fn an_endpoint_on_another_port_than_registered_is_told(pool: PgPool) {
    let pair = &TRIO[..2];
    let app = TestApp::start(&pool, pair).await;
    app.register_all(pair).await;
    let code = "endpoint_port_differs";
    assert!(!has_finding(&app.dry_run("erp").await, code, "HOST_A"));
    let seen = app.get("/v1/instances/HOST_A").await.json();
    let found = seen["status"]["endpoint"]["port"].as_i64().unwrap();
    for (port, differs) in [(found, false), (found + 1, true)] {
        let mut spec = app.instance_spec("HOST_A");
        spec["endpoint"] = json!({"port": port});
        app.put("/v1/instances/HOST_A", &json!({"spec": spec}))
            .await
            .expect_status(200);
        for job in [app.dry_run("erp").await, app.inspect("HOST_A", false).await] {
            assert_succeeded(&job);
            assert_eq!(has_finding(&job, code, "HOST_A"), differs, "{job}");
        }
    }
    // It warns, and forbids nothing.
    assert_succeeded(&app.configure("erp").await);
}
