//! The OpenAPI document against the service: every operation described in full, and answering garbage with problems.

use std::collections::HashSet;

use utoipa::openapi::path::{Operation, PathItem};

use super::*;
use crate::store::MIGRATOR;

fn operations(item: &PathItem) -> Vec<(Method, &Operation)> {
    [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_ref().map(|o| (method, o)))
    .collect()
}

#[test]
fn every_operation_is_described_in_full() {
    let document = serde_json::to_value(super::super::openapi()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = HashSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} twice");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{what}");
            let responses = operation["responses"].as_object().unwrap();
            let mut needed = vec!["406", "500", "503"];
            if path.starts_with("/v1/") {
                needed.extend(["400", "401"]);
                assert_eq!(operation["security"], json!([{"bearer": []}]), "{what}");
            }
            if path.contains('{') && method != "put" {
                needed.push("404");
            }
            if operation.get("requestBody").is_some() {
                needed.extend(["413", "415", "422"]);
                assert!(
                    operation["requestBody"].to_string().contains("example"),
                    "{what}"
                );
            }
            for status in needed {
                assert!(responses.contains_key(status), "{what} lacks {status}");
            }
            let good = responses.iter().filter(|(s, _)| s.starts_with('2'));
            assert!(good.clone().count() > 0, "{what}");
            for (status, response) in good {
                let text = response.to_string();
                let shown =
                    status == "204" || text.contains("example") || text.contains("/Deleted\"");
                assert!(shown, "{what} has no example");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(
                    parameter["in"].is_string() && parameter["name"].is_string(),
                    "{what}"
                );
            }
        }
    }
    assert!(ids.len() >= 28, "{}", ids.len());
}

#[test]
fn every_reference_leads_somewhere() {
    let document = serde_json::to_value(super::super::openapi()).unwrap();
    let text = document.to_string();
    let references = text.split("\"$ref\":\"#").skip(1);
    for reference in references.map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    assert!(!text.contains("hunter2"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_operation_answers_garbage_with_problems(pool: PgPool) {
    let service = Service::new(pool);
    let mut walked = 0;
    for (path, item) in &super::super::openapi().paths.paths {
        for (method, operation) in operations(item) {
            let what = format!("{method} {path}");
            let good = path
                .replace("{name}", "x")
                .replace("{id}", "01935f6e-3f00-7000-8000-000000000000")
                .replace("{sha256}", &"0".repeat(64));
            let bad = path
                .replace("{name}", "%20")
                .replace("{id}", "%20")
                .replace("{sha256}", "%20");
            let mut tries = vec![
                (
                    format!("{good}?no_such=1"),
                    "*/*",
                    "application/json",
                    "{}",
                    400,
                ),
                (good.clone(), "image/png", "application/json", "{}", 406),
            ];
            if path.contains('{') {
                tries.push((bad, "*/*", "application/json", "{}", 400));
            }
            if operation.request_body.is_some() {
                tries.push((
                    good.clone(),
                    "*/*",
                    "application/json",
                    "{\"a\":1,\"a\":2}",
                    400,
                ));
                tries.push((good.clone(), "*/*", "application/json", "[", 400));
                tries.push((good.clone(), "*/*", "text/css", "{}", 415));
            }
            for (uri, accept, media, body, status) in tries {
                let headers = [("accept", accept), ("content-type", media)];
                let answer = service
                    .ask(method.clone(), &uri, &headers, Body::from(body))
                    .await;
                assert_eq!(
                    answer.status.as_u16(),
                    status,
                    "{what} {uri}: {}",
                    answer.text()
                );
                assert_eq!(
                    answer.header("content-type"),
                    "application/problem+json",
                    "{what}"
                );
                let problem = answer.json();
                assert_eq!(problem["request_id"], answer.header("request-id"), "{what}");
                let known = operation
                    .responses
                    .responses
                    .contains_key(&status.to_string());
                let public = !path.starts_with("/v1/") && status == 400;
                assert!(known || public, "{what} does not document {status}");
                walked += 1;
            }
        }
    }
    assert!(walked > 90, "{walked}");
}
