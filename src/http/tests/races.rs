//! Registrations that change at the same moment: never a clash that neither saw, never a circle of waiting.

use sqlx::postgres::PgPoolOptions;

use super::*;
use crate::store::MIGRATOR;

async fn roomy(pool: PgPool) -> PgPool {
    let options = PgPoolOptions::new().max_connections(12);
    options
        .connect_with((*pool.connect_options()).clone())
        .await
        .unwrap()
}

fn called(name: &str, peer_name: &str) -> Value {
    let mut body = instance(name);
    body["spec"]["peer_name"] = json!(peer_name);
    body
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn two_changes_cannot_clash_behind_each_others_back(pool: PgPool) {
    let service = Service::new(roomy(pool).await);
    service.register_erp().await;
    for round in 0..20 {
        // Two names for PostgreSQL, one for a collation that ignores case: U+017F is an s.
        let (one, other) = (format!("P{round}_\u{17f}"), format!("P{round}_S"));
        let (one, other) = (called("HOST_A", &one), called("HOST_B", &other));
        let (a, b) = tokio::join!(
            service.put("/v1/instances/HOST_A", &one),
            service.put("/v1/instances/HOST_B", &other),
        );
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", a.text(), b.text());
        let lost = if a.status.as_u16() == 409 { a } else { b };
        lost.problem(409, "name_clash");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_new_pair_and_a_changed_member_cannot_clash_either(pool: PgPool) {
    let service = Service::new(roomy(pool).await);
    service.register(&["HOST_A", "HOST_B", "HOST_W"]).await;
    for round in 0..20 {
        let (one, other) = (format!("P{round}_\u{17f}"), format!("P{round}_S"));
        service
            .put("/v1/instances/HOST_A", &called("HOST_A", &one))
            .await
            .expect(200);
        service
            .put("/v1/instances/HOST_B", &called("HOST_B", "HOST_B"))
            .await
            .expect(200);
        let erp = pair("HOST_A", "HOST_B", Some("HOST_W"));
        let other = called("HOST_B", &other);
        let (declared, changed) = tokio::join!(
            service.put("/v1/pairs/erp", &erp),
            service.put("/v1/instances/HOST_B", &other),
        );
        let mut statuses = [declared.status.as_u16(), changed.status.as_u16()];
        statuses.sort_unstable();
        assert!(
            matches!(statuses, [200 | 201, 409]),
            "{} {}",
            declared.text(),
            changed.text()
        );
        if declared.status.is_success() {
            service.delete("/v1/pairs/erp").await.expect(200);
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn members_of_one_pair_change_side_by_side(pool: PgPool) {
    let service = Service::new(roomy(pool).await);
    service.register_erp().await;
    let changes = (0..60).map(|i| {
        let name = ["HOST_A", "HOST_B", "HOST_W"][i % 3];
        let mut body = instance(name);
        body["labels"] = json!({"round": i.to_string()});
        let service = &service;
        async move {
            let answer = match i % 5 {
                4 => service.put("/v1/pairs/erp", &json!({"labels": {"round": i.to_string()}, "spec": pair("HOST_A", "HOST_B", Some("HOST_W"))["spec"]})).await,
                _ => service.put(&format!("/v1/instances/{name}"), &body).await,
            };
            answer.expect(200);
        }
    });
    futures_util::future::join_all(changes).await;
    let list = service.get("/v1/instances").await.expect(200);
    let revisions: Vec<i64> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["revision"].as_i64().unwrap())
        .collect();
    assert_eq!(revisions.iter().sum::<i64>(), 3 + 48, "{revisions:?}");
}
