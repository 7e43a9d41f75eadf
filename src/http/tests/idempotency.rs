//! Requests with a key: repeated, twinned, cut off, and half done in the database.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::store::MIGRATOR;

const JSON: (&str, &str) = ("content-type", "application/json");

async fn ask(service: &Service, key: &str, path: &str, body: &Value) -> Answered {
    let headers = [JSON, ("idempotency-key", key)];
    service
        .ask(Method::POST, path, &headers, Body::from(body.to_string()))
        .await
}

fn inspect() -> Value {
    json!({"kind": "inspect"})
}

async fn count(pool: &PgPool, table: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_repetition_shows_what_the_first_one_has_done(pool: PgPool) {
    let service = Service::new(pool.clone());
    service.register_erp().await;
    let path = "/v1/instances/HOST_A/jobs";
    let first = ask(&service, "portal-1", path, &inspect()).await;
    let id = first.expect(202)["id"].clone();
    assert_eq!(first.header("idempotency-replayed"), "");
    for again in [
        path,
        "/v1/instances/host_a/jobs",
        "/v1/instances/HOST_A/jobs?wait=1ms",
    ] {
        let again = ask(&service, "portal-1", again, &inspect()).await;
        assert_eq!(again.expect(202)["id"], id);
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.header("location"), first.header("location"));
    }
    assert_eq!(count(&pool, "jobs").await, 1);
    let other = json!({"kind": "inspect", "accept_identity": true});
    let problem = ask(&service, "portal-1", path, &other).await;
    problem.problem(422, "idempotency_key_reused");
    problem.fault(422, "/Idempotency-Key", "key_reused");
    // Another path is another request; so is another key.
    for (key, path) in [
        ("portal-1", "/v1/instances/HOST_B/jobs"),
        ("portal-2", path),
    ] {
        let fresh = ask(&service, key, path, &inspect()).await;
        assert_ne!(fresh.expect(202)["id"], id);
        assert_eq!(fresh.header("idempotency-replayed"), "");
    }
    // Refusals are not remembered: the same key serves when the request has become possible.
    let missing = "/v1/instances/HOST_C/jobs";
    ask(&service, "portal-3", missing, &inspect())
        .await
        .problem(404, "not_found");
    service.register(&["HOST_C"]).await;
    ask(&service, "portal-3", missing, &inspect())
        .await
        .expect(202);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_repetition_outlives_what_it_was_asked_of(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let body = json!({"kind": "verify-inbound"});
    let path = "/v1/pairs/erp/jobs";
    let id = ask(&service, "portal-1", path, &body).await.expect(202)["id"].clone();
    sqlx::query("update jobs set state = 'cancelled', next_attempt_at = null, finished_at = now()")
        .execute(&mut *service.store.acquire().await.unwrap())
        .await
        .unwrap();
    service.delete("/v1/pairs/erp").await.expect(200);
    let again = ask(&service, "portal-1", path, &body).await;
    let job = again.expect(200);
    assert_eq!(
        (&job["id"], &job["state"]),
        (&id, &json!("cancelled")),
        "as it is now"
    );
    assert_eq!(again.header("job-state"), "cancelled");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_key_is_8_to_255_visible_characters_given_once(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let path = "/v1/instances/HOST_A/jobs";
    for bad in ["", "1234567", "with blank", &"x".repeat(256)] {
        let answer = ask(&service, bad, path, &inspect()).await;
        answer.problem(400, "invalid_header");
        answer.fault(400, "/Idempotency-Key", "invalid_value");
    }
    let twice = [
        JSON,
        ("idempotency-key", "portal-1"),
        ("idempotency-key", "portal-2"),
    ];
    let body = Body::from(inspect().to_string());
    let answer = service.ask(Method::POST, path, &twice, body).await;
    answer.fault(400, "/Idempotency-Key", "duplicate_header");
    for good in ["12345678", &"~".repeat(255)] {
        ask(&service, good, path, &inspect()).await.expect(202);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_upload_is_repeated_by_its_content(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let path = "/v1/instances/HOST_A/certificates";
    let (certificate, _) = certificate("HOST_A mirroring", 300);
    let der = certificate.der().to_vec();
    let form = |boundary: &str| {
        let mut body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"certificate\"; filename=\"a.cer\"\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(&der);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={boundary}"), body)
    };
    let mut statuses = Vec::new();
    // As curl does it: another boundary each time.
    for boundary in ["one", "two"] {
        let (media, body) = form(boundary);
        let headers = [
            ("content-type", media.as_str()),
            ("idempotency-key", "upload-1"),
        ];
        let answer = service
            .ask(Method::POST, path, &headers, Body::from(body))
            .await;
        let view = answer.expect(201);
        assert_eq!(view["pinned"], true);
        assert!(
            answer
                .header("location")
                .ends_with(view["sha256"].as_str().unwrap())
        );
        statuses.push(answer.header("idempotency-replayed").to_owned());
    }
    assert_eq!(statuses, ["", "true"]);
    let next = format!("{path}?purpose=next");
    let headers = [
        ("content-type", "application/pkix-cert"),
        ("idempotency-key", "upload-1"),
    ];
    let answer = service
        .ask(Method::POST, &next, &headers, Body::from(der.clone()))
        .await;
    answer.problem(422, "idempotency_key_reused");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn twenty_twins_make_one_job(pool: PgPool) {
    let service = Service::new(pool.clone());
    service.register(&["HOST_A"]).await;
    let body = inspect();
    let twins = (0..20).map(|_| ask(&service, "twins-00", "/v1/instances/HOST_A/jobs", &body));
    let answers = futures_util::future::join_all(twins).await;
    let ids: std::collections::HashSet<String> = answers
        .iter()
        .map(|a| a.expect(202)["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 1);
    let fresh = answers
        .iter()
        .filter(|a| a.header("idempotency-replayed").is_empty());
    assert_eq!(fresh.count(), 1);
    assert_eq!(count(&pool, "jobs").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_twin_does_not_wait_for_ever(pool: PgPool) {
    let service = Service::new(pool.clone());
    service.register(&["HOST_A"]).await;
    let path = "/v1/instances/HOST_A/jobs";
    // The first one hangs: somebody holds the instance.
    let mut holder = service.store.begin().await.unwrap();
    crate::store::instances::get_for_update(&mut holder, "host_a")
        .await
        .unwrap();
    let body = inspect();
    let first = ask(&service, "twins-00", path, &body);
    let second = async {
        // Once the first has the turn, in this database: other tests have locks of their own.
        let taken = "select exists (
            select from pg_locks l join pg_database d on d.oid = l.database
            where l.locktype = 'advisory' and l.granted and d.datname = current_database())";
        while !sqlx::query_scalar::<_, bool>(taken)
            .fetch_one(&pool)
            .await
            .unwrap()
        {
            tokio::task::yield_now().await;
        }
        let begun = std::time::Instant::now();
        let second = ask(&service, "twins-00", path, &body).await;
        assert!(
            begun.elapsed() >= Duration::from_secs(5) && begun.elapsed() < Duration::from_secs(9)
        );
        let problem = second.problem(409, "request_under_way");
        assert_eq!(problem["retryable"], true);
        assert_eq!(second.header("retry-after"), "1");
        holder.rollback().await.unwrap();
    };
    let (first, ()) = tokio::join!(first, second);
    first.expect(202);
}

/// Lets days pass for the keys, by PostgreSQL's clock.
async fn age(pool: &PgPool, days: i32) {
    sqlx::query("update idempotency_keys set created_at = created_at - make_interval(days => $1)")
        .bind(days)
        .execute(pool)
        .await
        .unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_key_is_free_again_after_a_week(pool: PgPool) {
    let service = Service::new(pool.clone());
    service.register(&["HOST_A"]).await;
    let path = "/v1/instances/HOST_A/jobs";
    let mut ids = Vec::new();
    for days in [0, 6, 2] {
        age(&pool, days).await;
        ids.push(
            ask(&service, "weekly-1", path, &inspect())
                .await
                .expect(202)["id"]
                .clone(),
        );
    }
    assert_eq!(ids[0], ids[1], "six days later it is the same request");
    assert_ne!(ids[0], ids[2], "eight days later it is another");
    assert_eq!(count(&pool, "idempotency_keys").await, 1);
    age(&pool, 8).await;
    // Whatever this replica's own clock says.
    service.api.clock.advance(chrono::TimeDelta::days(-3));
    ask(&service, "weekly-2", path, &inspect())
        .await
        .expect(202);
    let kept: Vec<String> = sqlx::query_scalar("select key from idempotency_keys")
        .fetch_all(&pool)
        .await
        .unwrap();
    let hash = crate::domain::hash::Sha256::of(b"weekly-2");
    assert_eq!(
        kept,
        [format!("sha256:{hash}")],
        "a new key removes what is no longer remembered, and cannot be read"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn job_and_key_are_written_together_or_not_at_all(pool: PgPool) {
    let service = Service::new(pool.clone());
    service.register(&["HOST_A"]).await;
    let path = "/v1/instances/HOST_A/jobs";
    let breakages = [
        // The record cannot be written; the job cannot be; the connection dies with the job written.
        ("idempotency_keys", "raise exception 'no'", 500),
        ("jobs", "raise exception 'no'", 500),
        (
            "idempotency_keys",
            "perform pg_terminate_backend(pg_backend_pid())",
            503,
        ),
        ("job_events", "raise exception 'no'", 500),
    ];
    for (table, what, status) in breakages {
        let trap = format!(
            "create function trap() returns trigger language plpgsql as $$ begin {what}; return new; end $$;
             create trigger trap before insert on {table} for each row execute function trap()"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(trap))
            .execute(&pool)
            .await
            .unwrap();
        let answer = ask(&service, "atomic-1", path, &inspect()).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text());
        sqlx::raw_sql("drop function trap() cascade")
            .execute(&pool)
            .await
            .unwrap();
        for table in ["jobs", "job_instances", "job_events", "idempotency_keys"] {
            assert_eq!(count(&pool, table).await, 0, "{what} left {table}");
        }
    }
    ask(&service, "atomic-1", path, &inspect())
        .await
        .expect(202);
}

/// A client that is cut off at any moment after its request was sent does not know what became of it. It repeats it.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_client_that_was_cut_off_repeats_safely(pool: PgPool) {
    let roomy = PgPoolOptions::new().max_connections(8);
    let pool = roomy
        .connect_with((*pool.connect_options()).clone())
        .await
        .unwrap();
    let service = Service::new(pool.clone());
    service.register(&["HOST_A"]).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut serving = JoinSet::new();
    let router = service.router.clone();
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    const ROUNDS: u32 = 30;
    for round in 0..ROUNDS {
        let key = format!("cut-off-{round:02}");
        let body = inspect().to_string();
        let request = format!(
            "POST /v1/instances/HOST_A/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut line = tokio::net::TcpStream::connect(address).await.unwrap();
        line.write_all(request.as_bytes()).await.unwrap();
        // Cut at another moment each time: from before anything was read to after the answer.
        let patience = Duration::from_micros(u64::from(round) * 700);
        let _cut = tokio::time::timeout(patience, line.readable()).await;
        line.set_zero_linger().unwrap();
        drop(line);
        let path = "/v1/instances/HOST_A/jobs";
        ask(&service, &key, path, &inspect()).await.expect(202);
    }
    assert_eq!(count(&pool, "jobs").await, i64::from(ROUNDS));
    assert_eq!(count(&pool, "idempotency_keys").await, i64::from(ROUNDS));
}

/// The commit was done and only its answer lost: nobody is told that nothing was changed.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_commit_without_an_answer_is_not_called_undone(pool: PgPool) {
    let service = Service::new(pool.clone());
    service.register(&["HOST_A"]).await;
    let path = "/v1/instances/HOST_A/jobs";
    // A deferred trigger runs within COMMIT.
    let trap = "create function trap() returns trigger language plpgsql as $$
                begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$;
                create constraint trigger trap after insert on jobs initially deferred
                for each row execute function trap()";
    sqlx::raw_sql(trap).execute(&pool).await.unwrap();
    let answer = ask(&service, "silent-1", path, &inspect()).await;
    let problem = answer.problem(503, "unavailable");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("did not say whether"), "{detail}");
    assert_eq!(problem["retryable"], true);
    sqlx::raw_sql("drop function trap() cascade")
        .execute(&pool)
        .await
        .unwrap();
    ask(&service, "silent-1", path, &inspect())
        .await
        .expect(202);
    assert_eq!(count(&pool, "jobs").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_cancellation_takes_no_body(pool: PgPool) {
    let service = Service::new(pool);
    service.register(&["HOST_A"]).await;
    let job = ask(
        &service,
        "portal-1",
        "/v1/instances/HOST_A/jobs",
        &inspect(),
    )
    .await;
    let path = format!(
        "/v1/jobs/{}/cancel",
        job.expect(202)["id"].as_str().unwrap()
    );
    let refused = ask(&service, "portal-2", &path, &json!({"force": true})).await;
    refused.fault(400, "/force", "unknown_member");
    ask(&service, "portal-3", &path, &json!({}))
        .await
        .expect(200);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_key_that_the_last_release_kept_is_still_known(pool: PgPool) {
    let service = Service::new(pool.clone());
    service.register_erp().await;
    let path = "/v1/instances/HOST_A/jobs";
    let first = ask(&service, "weekly-1", path, &inspect())
        .await
        .expect(202);
    sqlx::query("update idempotency_keys set key = 'weekly-1'")
        .execute(&pool)
        .await
        .unwrap();
    let again = ask(&service, "weekly-1", path, &inspect()).await;
    assert_eq!(again.json()["id"], first["id"]);
}
