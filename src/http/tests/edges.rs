//! What is the same for every operation: routes, methods, media types, tokens, ids, headers, a database that is gone.

use secrecy::SecretString;

use super::*;
use crate::http::TokenDigest;
use crate::store::MIGRATOR;

#[sqlx::test(migrator = "MIGRATOR")]
async fn unknown_routes_and_methods_are_problems(pool: PgPool) {
    let service = Service::new(pool);
    for path in [
        "/",
        "/v1",
        "/v2/pairs",
        "/v1/pairs/",
        "/v1/pairs/a/b",
        "/docs/nothing.js",
    ] {
        service.get(path).await.problem(404, "no_such_route");
    }
    let wrong = service
        .ask(Method::PATCH, "/v1/pairs/erp", &[], Body::empty())
        .await;
    wrong.problem(405, "method_not_allowed");
    for method in ["GET", "PUT", "DELETE"] {
        assert!(
            wrong.header("allow").contains(method),
            "{}",
            wrong.header("allow")
        );
    }
    service
        .ask(Method::POST, "/healthz", &[], Body::empty())
        .await
        .problem(405, "method_not_allowed");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn media_types_are_checked_before_anything_is_done(pool: PgPool) {
    let service = Service::new(pool);
    let path = "/v1/credentials/dba";
    let html = [("accept", "text/html")];
    service
        .put_if(path, &html, &credential())
        .await
        .problem(406, "not_acceptable");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let sent = service
        .ask(
            Method::PUT,
            path,
            &form,
            Body::from(credential().to_string()),
        )
        .await;
    sent.problem(415, "unsupported_media_type");
    let json = [("content-type", "application/json")];
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(1024 * 1024));
    service
        .ask(Method::PUT, path, &json, Body::from(large))
        .await
        .problem(413, "body_too_large");
    service.get(path).await.problem(404, "not_found");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn bodies_parameters_and_names_are_read_strictly(pool: PgPool) {
    let service = Service::new(pool);
    let path = "/v1/credentials/dba";
    let json = [("content-type", "application/json")];
    let put = async |body: &'static str| {
        service
            .ask(Method::PUT, path, &json, Body::from(body))
            .await
    };
    put("{").await.problem(400, "malformed_json");
    put("").await.problem(400, "malformed_json");
    put(r#"{"spec":{"user":"a","user":"b"}}"#)
        .await
        .fault(400, "/spec/user", "duplicate_member");
    put(r#"{"spec":{"kind":"sql_login","user":"a","password":"b","hosts":[],"x":1}}"#)
        .await
        .fault(400, "/spec/x", "unknown_member");
    put(r#"{"spec":{"kind":"sql_login","user":"a\u0000","password":"b","hosts":["h"]}}"#)
        .await
        .fault(400, "/spec/user", "nul_character");
    service
        .get("/v1/credentials/dba?x=1")
        .await
        .fault(400, "/x", "unknown_parameter");
    service
        .get("/v1/credentials?limit=0")
        .await
        .fault(400, "/limit", "invalid_value");
    service.get("/v1/credentials?limit=5&limit=6").await.fault(
        400,
        "/limit",
        "duplicate_parameter",
    );
    for name in ["-a", "a%20b", "%2e%2e", "%ff", "a%00", &"a".repeat(64)] {
        service
            .get(&format!("/v1/credentials/{name}"))
            .await
            .fault(400, "/name", "invalid_value");
    }
    service
        .get("/v1/jobs/7")
        .await
        .fault(400, "/id", "invalid_value");
    service
        .get("/v1/jobs/01935f6e-3f00-7000-8000-000000000000")
        .await
        .problem(404, "not_found");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn problems_are_one_line_for_people(pool: PgPool) {
    let service = Service::new(pool);
    let answer = service
        .get_text("/v1/jobs/01935f6e-3f00-7000-8000-000000000000")
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(
        answer.text(),
        "not_found: there is no job 01935f6e-3f00-7000-8000-000000000000\n"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_answer_carries_its_id_and_its_headers(pool: PgPool) {
    let service = Service::new(pool);
    let given = service
        .ask(
            Method::GET,
            "/v1/pairs",
            &[("request-id", "CHG-7.x")],
            Body::empty(),
        )
        .await;
    assert_eq!(given.header("request-id"), "CHG-7.x");
    assert_eq!(given.header("cache-control"), "no-store");
    assert_eq!(given.header("x-content-type-options"), "nosniff");
    let made = service
        .ask(
            Method::GET,
            "/healthz",
            &[("request-id", "a b\"c")],
            Body::empty(),
        )
        .await;
    let id = uuid::Uuid::parse_str(made.header("request-id")).unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(made.header("cache-control"), "");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_configured_token_is_asked_for_everywhere_but_at_the_public_doors(pool: PgPool) {
    let token = "mg_token-of-the-test";
    let settings = Settings {
        token: Some(TokenDigest::of(&SecretString::from(token))),
        ..Settings::default()
    };
    let service = Service::with(pool, settings);
    for path in ["/healthz", "/readyz", "/version", "/openapi.json", "/docs/"] {
        assert_eq!(service.get(path).await.status, StatusCode::OK, "{path}");
    }
    for (path, item) in &super::super::openapi().paths.paths {
        if !path.starts_with("/v1/") {
            continue;
        }
        let path = path
            .replace("{name}", "x")
            .replace("{id}", "x")
            .replace("{sha256}", "x");
        for (method, operation) in [
            (Method::GET, &item.get),
            (Method::PUT, &item.put),
            (Method::POST, &item.post),
            (Method::DELETE, &item.delete),
        ] {
            if operation.is_some() {
                let answer = service.ask(method.clone(), &path, &[], Body::empty()).await;
                answer.problem(401, "unauthenticated");
                assert!(
                    answer.header("www-authenticate").starts_with("Bearer"),
                    "{method} {path}"
                );
            }
        }
    }
    let right = format!("bearer {token}");
    let known = service
        .ask(
            Method::GET,
            "/v1/pairs",
            &[("authorization", &right)],
            Body::empty(),
        )
        .await;
    known.expect(200);
    for wrong in ["Bearer mg_token-of-the-tesT", "Basic bWc6", "Bearer", token] {
        let answer = service
            .ask(
                Method::GET,
                "/v1/pairs",
                &[("authorization", wrong)],
                Body::empty(),
            )
            .await;
        answer.problem(401, "unauthenticated");
    }
    let twice = [
        ("authorization", right.as_str()),
        ("authorization", "Bearer x"),
    ];
    service
        .ask(Method::GET, "/v1/pairs", &twice, Body::empty())
        .await
        .problem(401, "unauthenticated");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_database_that_is_gone_is_503_and_health_goes_on(pool: PgPool) {
    let service = Service::new(pool);
    service.get("/readyz").await.expect(200);
    service.readiness.set(false);
    service.get("/readyz").await.problem(503, "not_ready");
    service.readiness.set(true);
    service.store.close().await;
    for path in ["/readyz", "/v1/pairs", "/v1/credentials/x"] {
        let answer = service.get(path).await;
        assert_eq!(answer.problem(503, "unavailable")["retryable"], true);
        assert_eq!(answer.header("retry-after"), "1");
    }
    service.get("/healthz").await.expect(200);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn readiness_tells_for_how_long_the_oldest_due_job_has_waited(pool: PgPool) {
    let service = Service::new(pool.clone());
    service.register_erp().await;
    let age = async || {
        let ready = service.get("/readyz").await.expect(200);
        ready["queue"]["oldest_due_seconds"].as_f64()
    };
    assert_eq!(age().await, None);
    let body = json!({"kind": "configure-inbound"});
    let job = service.post("/v1/pairs/erp/jobs", &body).await.expect(202);
    // Wherever it stands: never tried, the watch's, tried before, parked.
    for (minutes, change) in [
        (2, "origin = 'person'"),
        (3, "origin = 'watch'"),
        (4, "attempts = 1"),
        (5, "parked_on = gen_random_uuid()"),
    ] {
        let due = format!(
            "update jobs set {change}, next_attempt_at = clock_timestamp() - make_interval(mins => {minutes})"
        );
        let due = sqlx::query(sqlx::AssertSqlSafe(due));
        due.execute(&pool).await.unwrap();
        let told = age().await.unwrap_or_default();
        assert!(told >= f64::from(minutes) * 60.0, "{change}: {told}");
    }
    let id = job["id"].as_str().unwrap();
    let cancelled = service
        .post(&format!("/v1/jobs/{id}/cancel"), &json!({}))
        .await;
    assert!(cancelled.status.is_success());
    assert_eq!(age().await, None);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_documentation_page_needs_nothing_from_elsewhere(pool: PgPool) {
    let service = Service::new(pool);
    let index = service.get("/docs/").await;
    assert_eq!(index.status, StatusCode::OK);
    let policy = index.header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'self'"), "{policy}");
    let initializer = service.get("/docs/swagger-initializer.js").await.text();
    assert!(initializer.contains("/openapi.json"), "{initializer}");
    assert!(
        initializer.contains("\"validatorUrl\": \"none\""),
        "{initializer}"
    );
    assert_eq!(service.get("/docs").await.header("location"), "/docs/");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_takes_too_long_is_503(pool: PgPool) {
    let settings = Settings {
        timeout: std::time::Duration::from_millis(50),
        ..Settings::default()
    };
    // Nobody can read the pairs while this lasts.
    let mut holding = pool.begin().await.unwrap();
    sqlx::query("lock table pairs in access exclusive mode")
        .execute(&mut *holding)
        .await
        .unwrap();
    let service = Service::with(pool, settings);
    let answer = service.get("/v1/pairs").await;
    answer.problem(503, "timed_out");
    assert_eq!(answer.header("retry-after"), "1");
    service
        .get("/v1/pairs?wait=1s")
        .await
        .fault(400, "/wait", "unknown_parameter");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_panic_is_a_problem_and_tells_nothing(pool: PgPool) {
    let mut service = Service::new(pool);
    let panics = Router::new().route("/boom", axum::routing::get(boom));
    service.router =
        crate::http::layers::around(panics, &service.api).with_state(service.api.clone());
    let answer = service.get("/boom").await;
    answer.problem(500, "internal");
    assert!(!answer.text().contains("hunter2"));
}

async fn boom() -> &'static str {
    panic!("hunter2-canary")
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_page_from_elsewhere_cannot_use_the_readers_browser(pool: PgPool) {
    let service = Service::new(pool);
    let headers = [
        ("host", "127.0.0.1:8080"),
        ("origin", "https://evil.example"),
        ("content-type", "multipart/form-data; boundary=b"),
    ];
    let path = "/v1/instances/x/certificates";
    let upload = service
        .ask(Method::POST, path, &headers, Body::empty())
        .await;
    upload.problem(403, "foreign_origin");
    let rebound = [("host", "evil.example")];
    service
        .ask(Method::GET, "/v1/pairs", &rebound, Body::empty())
        .await
        .problem(403, "foreign_origin");
    service
        .ask(Method::GET, "/healthz", &rebound, Body::empty())
        .await
        .expect(200);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_answer_is_short_however_much_is_wrong(pool: PgPool) {
    let service = Service::new(pool);
    let labels: serde_json::Map<String, Value> =
        (0..30_000).map(|n| (format!("-{n}"), json!("x"))).collect();
    let hosts: Vec<String> = (0..50_000).map(|n| format!("*{n}*")).collect();
    let long = "-".repeat(500_000);
    let spec = json!({"kind": "sql_login", "user": "sa", "password": "hunter2", "hosts": ["a"]});
    let of_hosts =
        json!({"kind": "sql_login", "user": "sa", "password": "hunter2", "hosts": hosts});
    for body in [
        json!({"spec": spec, "labels": labels}),
        json!({"spec": of_hosts}),
        json!({"spec": spec, "labels": {long: "x"}}),
    ] {
        let answer = service.put("/v1/credentials/c", &body).await;
        assert!(answer.body.len() < 10_000, "{}", answer.body.len());
        answer.problem(422, "refused");
    }
    for path in ["/healthz", "/v1/pairs"] {
        let query = "a&".repeat(20_000);
        let answer = service.get(&format!("{path}?{query}")).await;
        assert!(answer.body.len() < 10_000, "{}", answer.body.len());
        let problem = answer.problem(400, "invalid_parameter");
        assert_eq!(problem["errors"], json!([]), "none is looked at");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_database_that_takes_no_changes_is_not_ready(pool: PgPool) {
    let name: String = sqlx::query_scalar("select current_database()")
        .fetch_one(&pool)
        .await
        .unwrap();
    let read_only = format!("alter database {name:?} set default_transaction_read_only = on");
    sqlx::query(sqlx::AssertSqlSafe(read_only))
        .execute(&pool)
        .await
        .unwrap();
    let options = (*pool.connect_options()).clone();
    let fresh = sqlx::postgres::PgPoolOptions::new()
        .connect_with(options)
        .await
        .unwrap();
    let service = Service::new(fresh);
    let problem = service.get("/readyz").await.problem(503, "not_ready");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("takes no changes")
    );
    service.get("/healthz").await.expect(200);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_request_for_two_hosts_is_for_nobody(pool: PgPool) {
    let service = Service::new(pool);
    let ask = async |path: &str, hosts: &[(&str, &str)]| {
        let answer = service.ask(Method::GET, path, hosts, Body::empty());
        answer.await
    };
    let one = ("host", "localhost");
    for path in ["/healthz", "/v1/pairs", "http://localhost/v1/pairs"] {
        ask(path, &[one]).await.expect(200);
        ask(path, &[one, one]).await.problem(400, "invalid_header");
    }
    ask("http://elsewhere/v1/pairs", &[one])
        .await
        .problem(400, "invalid_header");
}
