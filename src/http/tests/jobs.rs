//! Asking for jobs and reading them.

use super::*;
use crate::store::MIGRATOR;

const JOBS: &str = "/v1/pairs/erp/jobs";

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_job_keeps_what_it_was_accepted_with(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let (made, _) = certificate("HOST_A", 30);
    let headers = [("content-type", "application/pkix-cert")];
    let uploaded = service
        .ask(
            Method::POST,
            "/v1/instances/HOST_A/certificates",
            &headers,
            Body::from(made.der().to_vec()),
        )
        .await
        .expect(201);
    let body = json!({"kind": "configure-inbound", "reason": "new pair", "change_ref": "CHG0042"});
    let asked = service.post(JOBS, &body).await;
    let job = asked.expect(202);
    let id = job["id"].as_str().unwrap();
    assert_eq!(asked.header("location"), format!("/v1/jobs/{id}"));
    assert_eq!(asked.header("job-state"), "queued");
    assert_eq!(job["subject"], json!({"pair": "erp"}));
    assert_eq!(job["accepted"]["members"][0]["current"], uploaded["sha256"]);
    assert_eq!(job["accepted"]["members"][2]["role"], "witness");
    assert_eq!(job["options"]["change_ref"], "CHG0042");
    assert_eq!(job["request_id"], asked.header("request-id"));
    assert!(job.get("deduplicated").is_none());
    let read = service.get(&format!("/v1/jobs/{id}")).await;
    assert_eq!(read.expect(200), job);
    let known = [("if-none-match", read.header("etag"))];
    let again = service
        .ask(
            Method::GET,
            &format!("/v1/jobs/{id}"),
            &known,
            Body::empty(),
        )
        .await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    let text = service.get_text(&format!("/v1/jobs/{id}")).await.text();
    assert!(
        text.starts_with(&format!(
            "job {id}   configure-inbound on pair erp   queued\n"
        )),
        "{text}"
    );
    let steps = service
        .get(&format!("/v1/jobs/{id}/steps"))
        .await
        .expect(200);
    assert_eq!(steps, json!({"items": [], "next_cursor": null}));
    service
        .get(&format!("/v1/jobs/{id}/script"))
        .await
        .problem(409, "script_not_ready");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_same_request_gets_the_open_job_and_another_a_conflict(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let body = json!({"kind": "configure-inbound"});
    let first = service.post(JOBS, &body).await.expect(202);
    let again = service.post(JOBS, &body).await.expect(202);
    assert_eq!(again["id"], first["id"]);
    assert_eq!(again["deduplicated"], true);
    for other in [
        json!({"kind": "configure-inbound", "if_endpoint_in_use": "proceed"}),
        json!({"kind": "configure-inbound", "deadline": "2126-11-27T22:00:00Z"}),
    ] {
        assert_eq!(
            service
                .post(JOBS, &other)
                .await
                .problem(409, "job_conflict")["job"],
            first["id"]
        );
    }
    for harmless in [
        json!({"kind": "verify-inbound"}),
        json!({"kind": "configure-inbound", "dry_run": true}),
    ] {
        service.post(JOBS, &harmless).await.expect(202);
    }
    let (made, _) = certificate("HOST_A", 30);
    let headers = [("content-type", "application/pkix-cert")];
    let certificates = "/v1/instances/HOST_A/certificates";
    service
        .ask(
            Method::POST,
            certificates,
            &headers,
            Body::from(made.der().to_vec()),
        )
        .await
        .expect(201);
    service.post(JOBS, &body).await.problem(409, "job_conflict");
    assert_eq!(
        service.get(JOBS).await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

/// The clock that it is held to is PostgreSQL's, which is far from the service's here.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_deadline_is_part_of_the_request(pool: PgPool) {
    let now: chrono::DateTime<chrono::Utc> = sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(&pool)
        .await
        .unwrap();
    let service = Service::new(pool);
    service.register_erp().await;
    let soon = (now + chrono::Duration::minutes(5)).to_rfc3339();
    let body = json!({"kind": "configure-inbound", "deadline": soon});
    let first = service.post(JOBS, &body).await.expect(202);
    let shown = first["options"]["deadline"].as_str().unwrap();
    assert!(
        shown.ends_with('Z') && soon.starts_with(&shown[..19]),
        "{shown}"
    );
    let again = service.post(JOBS, &body).await.expect(202);
    assert_eq!(
        (&again["id"], &again["deduplicated"]),
        (&first["id"], &json!(true))
    );
    let late = (now - chrono::Duration::seconds(1)).to_rfc3339();
    for path in [JOBS, "/v1/instances/HOST_A/jobs"] {
        let kind = if path == JOBS {
            "verify-inbound"
        } else {
            "inspect"
        };
        let body = json!({"kind": kind, "deadline": late});
        service
            .post(path, &body)
            .await
            .fault(422, "/deadline", "deadline_passed");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_open_job_keeps_what_it_works_on(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let job = service
        .post(JOBS, &json!({"kind": "configure-inbound"}))
        .await
        .expect(202);
    let problem = service
        .put("/v1/pairs/erp", &pair("HOST_A", "HOST_B", None))
        .await
        .problem(409, "job_open");
    assert_eq!(problem["job"], job["id"]);
    service
        .put("/v1/pairs/erp", &pair("HOST_A", "HOST_B", Some("HOST_W")))
        .await
        .expect(200);
    service
        .delete("/v1/pairs/erp")
        .await
        .problem(409, "job_open");
    service.register_lonely().await;
    let inspection = service
        .post("/v1/instances/LONELY/jobs", &json!({"kind": "inspect"}))
        .await
        .expect(202);
    assert_eq!(inspection["subject"], json!({"instance": "LONELY"}));
    let problem = service
        .delete("/v1/instances/LONELY")
        .await
        .problem(409, "in_use");
    assert_eq!(problem["jobs"], json!([inspection["id"]]));
}

impl Service {
    async fn register_lonely(&self) {
        self.put("/v1/instances/LONELY", &instance("LONELY"))
            .await
            .expect(201);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn each_rule_of_a_request_has_its_pointer(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let long = "r".repeat(501);
    for (body, status, pointer, code) in [
        (json!({"kind": "inspect"}), 400, "/kind", "unknown_value"),
        (
            json!({"kind": "configure-inbound", "accept_identity": true}),
            400,
            "/accept_identity",
            "unknown_member",
        ),
        (
            json!({"kind": "verify-inbound", "dry_run": true}),
            422,
            "/dry_run",
            "option_not_for_kind",
        ),
        (
            json!({"kind": "verify-inbound", "only_if_plan": "x"}),
            422,
            "/only_if_plan",
            "option_not_for_kind",
        ),
        (
            json!({"kind": "configure-inbound", "only_if_plan": "x"}),
            422,
            "/only_if_plan",
            "invalid_plan_hash",
        ),
        (
            json!({"kind": "configure-inbound", "reason": long}),
            422,
            "/reason",
            "invalid_reason",
        ),
        (
            json!({"kind": "configure-inbound", "change_ref": "a*/drop"}),
            422,
            "/change_ref",
            "invalid_change_ref",
        ),
        (
            json!({"kind": "configure-inbound", "deadline": "30s"}),
            422,
            "/deadline",
            "invalid_deadline",
        ),
        (
            json!({"kind": "configure-inbound", "deadline": 30}),
            400,
            "/deadline",
            "invalid_type",
        ),
        (
            json!({"kind": "configure-inbound", "deadline": "2026-11-23T12:00:00Z"}),
            422,
            "/deadline",
            "deadline_passed",
        ),
        (
            json!({"kind": "configure-inbound", "if_endpoint_in_use": "x"}),
            400,
            "/if_endpoint_in_use",
            "unknown_value",
        ),
    ] {
        service.post(JOBS, &body).await.fault(status, pointer, code);
    }
    let wrong = service
        .post(
            "/v1/instances/HOST_A/jobs",
            &json!({"kind": "verify-inbound"}),
        )
        .await;
    wrong.fault(400, "/kind", "unknown_value");
    for path in ["/v1/pairs/none/jobs", "/v1/instances/none/jobs"] {
        service.get(path).await.problem(404, "not_found");
    }
    service
        .post("/v1/pairs/none/jobs", &json!({"kind": "verify-inbound"}))
        .await
        .problem(404, "not_found");
    assert_eq!(
        service.get("/v1/jobs").await.expect(200)["items"],
        json!([])
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_history_is_filtered_and_outlives_registrations(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    service
        .post(JOBS, &json!({"kind": "verify-inbound"}))
        .await
        .expect(202);
    service
        .post("/v1/instances/HOST_B/jobs", &json!({"kind": "inspect"}))
        .await
        .expect(202);
    for (query, count) in [
        ("", 2),
        ("?kind=inspect", 1),
        ("?kind=configure-inbound", 0),
        ("?state=queued", 2),
        ("?state=failed", 0),
        ("?pair=ERP", 1),
        ("?instance=host_b", 2),
        ("?instance=HOST_W&kind=verify-inbound", 1),
        ("?created_after=2026-11-23T11:59:59Z", 2),
        ("?created_after=2026-11-23T12:00:00Z", 0),
    ] {
        let list = service.get(&format!("/v1/jobs{query}")).await.expect(200);
        assert_eq!(list["items"].as_array().unwrap().len(), count, "{query}");
    }
    for (query, pointer) in [
        ("state=x", "/state"),
        ("kind=x", "/kind"),
        ("created_after=x", "/created_after"),
    ] {
        service
            .get(&format!("/v1/jobs?{query}"))
            .await
            .fault(400, pointer, "invalid_value");
    }
}
