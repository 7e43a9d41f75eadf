//! Following a job live, cancelling it, and a thousand who wait for it.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use sqlx::postgres::PgPoolOptions;

use super::*;
use crate::store::claim::{Terms, claim};
use crate::store::{MIGRATOR, lease};

async fn ask(service: &Service) -> String {
    let body = json!({"kind": "configure-inbound"});
    let job = service.post("/v1/pairs/erp/jobs", &body).await.expect(202);
    format!("/v1/jobs/{}", job["id"].as_str().unwrap())
}

async fn cancel(service: &Service, job: &str) -> Answered {
    let path = format!("{job}/cancel");
    service.ask(Method::POST, &path, &[], Body::empty()).await
}

/// Ids and kinds of a whole stream, and that `data` agrees with them.
fn told(answer: &Answered) -> Vec<(i64, String)> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let text = answer.text();
    let field = |event: &str, name: &str| {
        let line = event.lines().find_map(|l| l.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {event}"))
            .trim()
            .to_owned()
    };
    text.split("\n\n")
        .filter(|event| event.contains("data:"))
        .map(|event| {
            let (id, kind) = (field(event, "id:"), field(event, "event:"));
            let data: Value = serde_json::from_str(&field(event, "data:")).unwrap();
            assert_eq!(data["seq"].to_string(), id);
            assert_eq!(data["kind"], kind);
            assert!(data["data"].is_object() && data["at"].is_string());
            (id.parse().unwrap(), kind)
        })
        .collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_stream_tells_all_resumes_and_ends(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let job = ask(&service).await;
    let path = format!("{job}/events");
    // Live: it begins before the job ends, and ends with it.
    let begun = Instant::now();
    let (live, cancelled) = tokio::join!(service.get(&path), cancel(&service, &job));
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "woken, not pinged"
    );
    assert_eq!(cancelled.expect(200)["state"], "cancelled");
    let all = told(&live);
    let numbers: Vec<i64> = all.iter().map(|(id, _)| *id).collect();
    assert_eq!(
        numbers,
        (1..=i64::try_from(all.len()).unwrap()).collect::<Vec<_>>()
    );
    assert_eq!(all.first().unwrap().1, "accepted");
    assert_eq!(all.last().unwrap().1, "ended");
    let last = all.last().unwrap().0;
    assert_eq!(told(&service.get(&path).await), all);
    assert_eq!(
        told(&service.get(&format!("{path}?after=1")).await),
        all[1..]
    );
    let resume = |after: String| {
        let (service, path) = (&service, format!("{path}?after=0"));
        async move {
            let headers = [("last-event-id", after.as_str())];
            service
                .ask(Method::GET, &path, &headers, Body::empty())
                .await
        }
    };
    assert_eq!(told(&resume("1".to_owned()).await), all[1..]);
    let nothing_left = resume(last.to_string()).await;
    assert_eq!(nothing_left.status, StatusCode::NO_CONTENT);
    for bad in ["-1", "x", ""] {
        let answer = resume(bad.to_owned()).await;
        answer.fault(400, "/Last-Event-ID", "invalid_value");
    }
    let beyond = service.get(&format!("{path}?after={}", last + 1)).await;
    beyond.fault(400, "/after", "invalid_value");
    let beyond = resume((last + 1).to_string()).await;
    beyond.fault(400, "/Last-Event-ID", "invalid_value");
    service
        .get("/v1/jobs/01935f6e-3f00-7000-8000-000000000000/events")
        .await
        .problem(404, "not_found");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn cancelling_twice_is_cancelling_once(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let job = ask(&service).await;
    let path = format!("{job}/cancel?wait=5s");
    let headers = [("idempotency-key", "cancel-1")];
    let first = service
        .ask(Method::POST, &path, &headers, Body::empty())
        .await;
    assert_eq!(first.expect(200)["state"], "cancelled");
    assert_eq!(first.header("job-state"), "cancelled");
    let again = service
        .ask(Method::POST, &path, &headers, Body::empty())
        .await;
    assert_eq!(again.expect(200), first.json());
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(cancel(&service, &job).await.expect(200), first.json());
    service
        .get(&format!("{job}/result"))
        .await
        .problem(409, "job_cancelled");
    cancel(&service, "/v1/jobs/01935f6e-3f00-7000-8000-000000000000")
        .await
        .problem(404, "not_found");
    // The pair is free for the next one.
    ask(&service).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_stopping_service_ends_its_streams(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let path = format!("{}/events", ask(&service).await);
    let opened = service
        .router
        .clone()
        .oneshot(
            Request::get(&path)
                .header("host", "localhost")
                .body(Body::empty())
                .unwrap(),
        )
        .await
        .unwrap();
    service.readiness.set(false);
    let mut body = opened.into_body().into_data_stream();
    let first = body.next().await.unwrap().unwrap();
    assert!(first.starts_with(b"id: 1\nevent: accepted"));
    let broken = tokio::time::timeout(Duration::from_secs(10), body.next()).await;
    let error = broken.unwrap().unwrap().unwrap_err();
    assert!(error.to_string().contains("stopping"), "{error}");
}

/// While PostgreSQL is away a stream stays, and tells afterwards what has happened meanwhile.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_stream_outlasts_its_database(pool: PgPool) {
    let service = Service::new(pool.clone());
    service.register_erp().await;
    let job = ask(&service).await;
    let request = Request::get(format!("{job}/events"))
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap();
    let opened = service.router.clone().oneshot(request).await.unwrap();
    let mut body = opened.into_body().into_data_stream();
    let first = body.next().await.unwrap().unwrap();
    assert!(first.starts_with(b"id: 1\n"));
    // Every look fails from here on, in the way of a server that is shutting down.
    let (away, back) = (
        "alter table job_events rename to job_events_away;
         create function away() returns setof job_events_away language plpgsql as $$
         begin raise sqlstate '57P01'; end $$;
         create view job_events as select * from away()",
        "drop view job_events; drop function away(); alter table job_events_away rename to job_events",
    );
    sqlx::raw_sql(away).execute(&pool).await.unwrap();
    sqlx::query("select pg_notify('mirrorgate_jobs', '?')")
        .execute(&pool)
        .await
        .unwrap();
    let silent = tokio::time::timeout(Duration::from_millis(1500), body.next()).await;
    assert!(silent.is_err(), "it ended, or told what it cannot know");
    sqlx::raw_sql(back).execute(&pool).await.unwrap();
    cancel(&service, &job).await.expect(200);
    let mut rest = String::new();
    while let Some(piece) = body.next().await {
        rest.push_str(&String::from_utf8_lossy(&piece.unwrap()));
    }
    assert!(
        rest.contains("event: cancel_requested") && rest.contains("event: ended"),
        "{rest}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_stream_is_longer_than_what_is_read_at_once(pool: PgPool) {
    let service = Service::new(pool.clone());
    service.register_erp().await;
    let job = ask(&service).await;
    let many = "with more as (
                    insert into job_events (job_id, seq, kind, data, at)
                    select id, n, 'step_started', '{}', now() from jobs, generate_series(2, 250) n returning 1)
                update jobs set version = 250";
    sqlx::query(many).execute(&pool).await.unwrap();
    cancel(&service, &job).await.expect(200);
    let all = told(&service.get(&format!("{job}/events")).await);
    let numbers: Vec<i64> = all.iter().map(|(id, _)| *id).collect();
    assert_eq!(numbers, (1..=252).collect::<Vec<_>>());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_job_that_is_being_cancelled_is_nobodys_answer(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let job = ask(&service).await;
    let mut conn = service.store.acquire().await.unwrap();
    let terms = Terms::new("test", Duration::from_secs(60), 5);
    let (lease, _) = claim(&mut conn, &terms).await.unwrap().unwrap();
    let asked = cancel(&service, &job).await;
    let view = asked.expect(202);
    assert_eq!(view["state"], "running");
    assert!(view["cancel_requested_at"].is_string());
    let text = service.get_text(&job).await;
    assert!(
        text.text().contains("asked to be cancelled"),
        "{}",
        text.text()
    );
    let body = json!({"kind": "configure-inbound"});
    let refused = service.post("/v1/pairs/erp/jobs", &body).await;
    let problem = refused.problem(409, "job_conflict");
    assert_eq!(problem["retryable"], true);
    lease::acknowledge_cancel(&mut conn, &lease).await.unwrap();
    ask(&service).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_thousand_wait_without_a_connection(pool: PgPool) {
    const EACH: usize = 500;
    let five = PgPoolOptions::new().max_connections(5);
    let pool = five
        .connect_with((*pool.connect_options()).clone())
        .await
        .unwrap();
    let service = Service::new(pool.clone());
    service.register_erp().await;
    let job = ask(&service).await;
    let mut waiting = JoinSet::new();
    for _ in 0..EACH {
        let request = Request::get(format!("{job}?wait=60s"))
            .header("host", "localhost")
            .body(Body::empty())
            .unwrap();
        let router = service.router.clone();
        waiting.spawn(async move {
            let response = router.oneshot(request).await.unwrap();
            assert_eq!(response.status(), 200);
            response.headers()["job-state"].clone()
        });
    }
    let mut opening = JoinSet::new();
    for _ in 0..EACH {
        let request = Request::get(format!("{job}/events"))
            .header("host", "localhost")
            .body(Body::empty())
            .unwrap();
        let router = service.router.clone();
        opening.spawn(async move { router.oneshot(request).await.unwrap() });
    }
    // They read in turn, those who wait before those who follow: now all of them have read, and hold on.
    let streams = opening.join_all().await;
    assert!(streams.iter().all(|s| s.status() == 200));
    assert_eq!(waiting.len(), EACH);
    assert!(
        waiting.try_join_next().is_none(),
        "nobody has been answered"
    );
    let deadline = Instant::now() + Duration::from_secs(10);
    while pool.num_idle() < pool.size() as usize {
        assert!(
            Instant::now() < deadline,
            "somebody who waits holds a connection"
        );
        tokio::task::yield_now().await;
    }
    assert!(pool.size() <= 5);
    for _ in 0..20 {
        service.get("/v1/instances").await.expect(200);
    }
    // Those who ask are answered while the thousand wake up.
    let asking = async {
        for _ in 0..20 {
            service.get("/v1/pairs").await.expect(200);
        }
    };
    let (cancelled, ()) = tokio::join!(cancel(&service, &job), asking);
    cancelled.expect(200);
    let states = waiting.join_all().await;
    assert!(states.iter().all(|s| s == "cancelled"));
    for stream in streams {
        let body = to_bytes(stream.into_body(), usize::MAX).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("event: ended"));
    }
}
