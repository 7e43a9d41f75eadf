//! Lists: pages, cursors that cannot be forged or carried elsewhere, text.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::*;
use crate::store::MIGRATOR;

#[sqlx::test(migrator = "MIGRATOR")]
async fn pages_follow_each_other_to_the_end(pool: PgPool) {
    let service = Service::new(pool);
    for i in 0..5 {
        service
            .put(&format!("/v1/credentials/c{i}"), &credential())
            .await
            .expect(201);
    }
    let mut path = "/v1/credentials?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let answer = service.get(&path).await;
        let page = answer.expect(200);
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|i| i["name"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(answer.header("link"), "");
            break;
        };
        path = format!("/v1/credentials?limit=2&cursor={cursor}");
        assert_eq!(answer.header("link"), format!("<{path}>; rel=\"next\""));
    }
    assert_eq!(seen, ["c0", "c1", "c2", "c3", "c4"]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_cursor_is_good_for_its_own_list_only(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let page = service.get("/v1/instances?limit=1").await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    service
        .get(&format!("/v1/instances?cursor={cursor}"))
        .await
        .expect(200);
    for path in [
        "credentials",
        "pairs",
        "jobs",
        "jobs?state=failed",
        "instances/HOST_A/certificates",
    ] {
        let sign = if path.contains('?') { '&' } else { '?' };
        let answer = service
            .get(&format!("/v1/{path}{sign}cursor={cursor}"))
            .await;
        answer.fault(400, "/cursor", "invalid_cursor");
    }
    let mut forged = cursor.to_owned();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    service
        .get(&format!("/v1/instances?cursor={forged}"))
        .await
        .fault(400, "/cursor", "invalid_cursor");
    for ask in ["verify-inbound", "configure-inbound"] {
        service
            .post("/v1/pairs/erp/jobs", &json!({"kind": ask}))
            .await
            .expect(202);
    }
    let page = service.get("/v1/jobs?limit=1").await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = service
        .get(&format!("/v1/jobs?limit=1&cursor={cursor}"))
        .await
        .expect(200);
    assert_eq!(next["items"][0]["kind"], "verify-inbound");
    let narrowed = service
        .get(&format!("/v1/jobs?state=queued&cursor={cursor}"))
        .await;
    narrowed.fault(400, "/cursor", "invalid_cursor");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn lists_are_tables_for_people(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    service
        .post("/v1/pairs/erp/jobs", &json!({"kind": "verify-inbound"}))
        .await
        .expect(202);
    for (path, heading, content) in [
        ("/v1/credentials", "NAME  KIND", "*.corp"),
        ("/v1/instances", "NAME    PEER NAME", "host-a.corp:1433"),
        (
            "/v1/pairs",
            "NAME  PARTNERS",
            "0 of 6 configured, 0 admitted, 0 proven",
        ),
        ("/v1/jobs", "JOB ", "verify-inbound"),
        ("/v1/pairs/erp/jobs", "JOB ", "pair erp"),
        ("/v1/instances/HOST_W/jobs", "JOB ", "pair erp"),
        ("/v1/instances/HOST_W/certificates", "THUMBPRINT", ""),
    ] {
        let answer = service.get_text(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        let text = answer.text();
        assert!(
            text.starts_with(heading) && text.contains(content),
            "{path}: {text}"
        );
    }
}

/// Counts the statements that are sent to PostgreSQL.
#[derive(Clone, Default)]
struct Statements(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_list_takes_the_same_few_statements_whatever_its_length(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    for (name, partner) in [("one", "HOST_A"), ("two", "HOST_B")] {
        let path = format!("/v1/pairs/{name}");
        service
            .put(&path, &pair(partner, "HOST_W", None))
            .await
            .expect(201);
        let job = json!({"kind": "verify-inbound"});
        service
            .post(&format!("{path}/jobs"), &job)
            .await
            .expect(202);
    }
    let statements = Statements::default();
    let _counting = tracing_subscriber::registry()
        .with(statements.clone())
        .set_default();
    for (path, wanted) in [
        ("/v1/pairs/erp", 3),
        ("/v1/pairs?limit=1", 3),
        ("/v1/pairs", 3),
        ("/v1/instances/HOST_W", 5),
        ("/v1/instances?limit=1", 5),
        ("/v1/instances", 5),
        ("/v1/jobs?limit=1", 2),
        ("/v1/jobs", 2),
    ] {
        let before = statements.0.load(Ordering::Relaxed);
        service.get(path).await.expect(200);
        let taken = statements.0.load(Ordering::Relaxed) - before;
        assert_eq!(taken, wanted, "{path}");
    }
}
