//! Lists cost a fixed number of statements, however long they are; and text of single registrations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::*;
use crate::store::MIGRATOR;

/// Counts the statements that sqlx logs.
#[derive(Clone, Default)]
struct Statements(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How many statements reading `path` takes.
async fn statements(service: &Service, path: &str, items: usize) -> usize {
    let counted = Statements::default();
    let subscriber = tracing_subscriber::registry().with(counted.clone());
    // The test's runtime has one thread, so this sees everything the request does.
    let watching = tracing::subscriber::set_default(subscriber);
    let page = service.get(path).await.expect(200);
    drop(watching);
    assert_eq!(page["items"].as_array().unwrap().len(), items, "{path}");
    counted.0.load(Ordering::Relaxed)
}

async fn fill(service: &Service, from: usize, to: usize) {
    let names: Vec<String> = (from..to).map(|i| format!("I{i:02}")).collect();
    service.put("/v1/credentials/dba", &credential()).await;
    for name in &names {
        service
            .put(&format!("/v1/instances/{name}"), &instance(name))
            .await
            .expect(201);
        service
            .put(&format!("/v1/credentials/c-{name}"), &credential())
            .await
            .expect(201);
    }
    for (i, two) in names.chunks(2).enumerate() {
        let path = format!("/v1/pairs/p{:02}", from + i);
        service
            .put(&path, &pair(&two[0], &two[1], None))
            .await
            .expect(201);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn longer_lists_take_no_more_statements(pool: PgPool) {
    let service = Service::new(pool);
    fill(&service, 0, 2).await;
    let paths = ["/v1/instances", "/v1/pairs", "/v1/credentials"];
    let mut short = Vec::new();
    for (path, items) in paths.iter().zip([2, 1, 3]) {
        short.push(statements(&service, path, items).await);
    }
    fill(&service, 2, 20).await;
    let mut long = Vec::new();
    for (path, items) in paths.iter().zip([20, 10, 21]) {
        long.push(statements(&service, path, items).await);
    }
    assert_eq!(short, long);
    assert!(short.iter().all(|n| (1..=7).contains(n)), "{short:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_instances_peers_and_pins_are_those_of_its_own_pairs(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    service.register(&["HOST_C"]).await;
    service
        .put("/v1/pairs/crm", &pair("HOST_A", "HOST_C", None))
        .await
        .expect(201);
    let (old, _) = certificate("HOST_B mirroring", 300);
    let (new, _) = certificate("HOST_B mirroring", 400);
    let media = [("content-type", "application/pkix-cert")];
    let mut hashes = Vec::new();
    for (der, purpose) in [(&old, "current"), (&new, "current"), (&old, "next")] {
        let path = format!("/v1/instances/HOST_B/certificates?purpose={purpose}");
        let body = Body::from(der.der().to_vec());
        let view = service.ask(Method::POST, &path, &media, body).await.json();
        hashes.push(view["sha256"].clone());
    }
    let list = service.get("/v1/instances").await.expect(200);
    let of = |name: &str| {
        let items = list["items"].as_array().unwrap();
        items.iter().find(|i| i["name"] == name).unwrap()["status"].clone()
    };
    let from = |name: &str| -> Vec<String> {
        let trusts = of(name)["trusts"].as_array().unwrap().clone();
        assert!(trusts.iter().all(|t| t["on"] == name));
        trusts
            .iter()
            .map(|t| t["from"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(from("HOST_A"), ["HOST_B", "HOST_C", "HOST_W"]);
    assert_eq!(from("HOST_B"), ["HOST_A", "HOST_W"]);
    assert_eq!(from("HOST_C"), ["HOST_A"]);
    assert_eq!(
        of("HOST_B")["certificates"],
        json!({"current": hashes[1], "next": hashes[0]})
    );
    assert_eq!(
        of("HOST_A")["certificates"],
        json!({"current": null, "next": null})
    );
    // A page whose peers stand on another page shows them all the same.
    let page = service.get("/v1/instances?limit=1").await.expect(200);
    assert_eq!(
        page["items"][0]["status"]["trusts"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn single_registrations_read_as_text(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let pair = service.get_text("/v1/pairs/erp").await;
    assert_eq!(pair.header("content-type"), "text/plain; charset=utf-8");
    let text = pair.text();
    assert!(
        text.starts_with("pair      erp\npartners  HOST_A HOST_B\nwitness   HOST_W\n"),
        "{text}"
    );
    assert!(
        text.contains("\n\nON      FROM    CONFIGURED  ADMITS   PROOF "),
        "{text}"
    );
    assert!(
        text.contains("\nHOST_W  HOST_A  unknown     unknown  unknown"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 7 + 1 + 1 + 6, "{text}");
    let instance = service.get_text("/v1/instances/HOST_A").await.text();
    assert!(
        instance.contains("address     host-a.corp:1433\n"),
        "{instance}"
    );
    assert!(instance.contains("tls         required\n"), "{instance}");
    assert!(instance.contains("\nHOST_A  HOST_W  unknown"), "{instance}");
    let credential = service.get_text("/v1/credentials/dba").await.text();
    assert!(credential.contains("hosts       *.corp\n"), "{credential}");
    assert!(!credential.contains("hunter2"));
    // Another representation has another tag.
    let tag = pair.header("etag");
    assert!(tag.ends_with(".txt\""), "{tag}");
    let path = "/v1/pairs/erp";
    let known = [("accept", "text/plain"), ("if-none-match", tag)];
    let again = service.ask(Method::GET, path, &known, Body::empty()).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    let as_json = [("if-none-match", tag)];
    service
        .ask(Method::GET, path, &as_json, Body::empty())
        .await
        .expect(200);
    service
        .put_if(
            path,
            &[("if-match", tag)],
            &super::pair("HOST_A", "HOST_B", None),
        )
        .await
        .expect(200);
}
