//! Registrations that change at the same moment: never a clash that neither saw, never a circle of waiting.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use tokio::time::timeout;

use super::*;
use crate::store::{MIGRATOR, instances};

/// Longer than a PUT takes that waits for nobody, on a busy machine.
const SOON: Duration = Duration::from_secs(4);
/// How long one is watched that waits.
const A_WHILE: Duration = Duration::from_millis(300);

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

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_pair_waits_for_those_it_names_and_for_nobody_else(pool: PgPool) {
    let service = Service::new(roomy(pool).await);
    service.register(&["HOST_A", "HOST_B", "HOST_C"]).await;
    let mut holder = service.store.begin().await.unwrap();
    let held = instances::get_for_update(&mut holder, "host_c").await;
    assert!(held.unwrap().is_some());
    let others = pair("HOST_A", "HOST_B", None);
    let others = service.put("/v1/pairs/others", &others);
    let others = timeout(SOON, others).await.expect("waits for a third one");
    others.expect(201);
    let body = pair("HOST_B", "HOST_C", None);
    let mut waiting = std::pin::pin!(service.put("/v1/pairs/its", &body));
    let early = timeout(A_WHILE, &mut waiting).await;
    assert!(early.is_err(), "did not wait for the one it names");
    holder.rollback().await.unwrap();
    waiting.await.expect(201);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_renamed_instance_waits_for_its_peers_and_one_that_is_not_renamed_does_not(pool: PgPool) {
    let service = Service::new(roomy(pool).await);
    service.register_erp().await;
    service.register(&["HOST_C"]).await;
    let mut holder = service.store.begin().await.unwrap();
    let held = instances::get_for_update(&mut holder, "host_w").await;
    assert!(held.unwrap().is_some());
    let mut labelled = instance("HOST_A");
    labelled["labels"] = json!({"env": "prod"});
    for (path, body) in [
        ("/v1/instances/HOST_A", labelled),
        ("/v1/instances/HOST_C", called("HOST_C", "NOBODYS_PEER")),
    ] {
        let change = timeout(SOON, service.put(path, &body)).await;
        change.expect("waits for somebody").expect(200);
    }
    let renamed = called("HOST_A", "OTHERWISE");
    let mut waiting = std::pin::pin!(service.put("/v1/instances/HOST_A", &renamed));
    let early = timeout(A_WHILE, &mut waiting).await;
    assert!(early.is_err(), "did not wait for its peer");
    holder.rollback().await.unwrap();
    waiting.await.expect(200);
}

/// The peers were read before there was the one that it waits for.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_peer_that_comes_between_is_reckoned_with(pool: PgPool) {
    let service = Service::new(roomy(pool).await);
    service.register(&["HOST_A", "HOST_B", "HOST_W"]).await;
    let named = [("HOST_B", "P_S"), ("HOST_W", "W")];
    for (name, peer_name) in named {
        let path = format!("/v1/instances/{name}");
        service
            .put(&path, &called(name, peer_name))
            .await
            .expect(200);
    }
    // Somebody holds the instance while it is about to be renamed, so that a pair comes before it.
    let mut holder = service.store.begin().await.unwrap();
    let held = instances::get_for_update(&mut holder, "host_a").await;
    assert!(held.unwrap().is_some());
    let erp = pair("HOST_A", "HOST_B", Some("HOST_W"));
    let mut declared = std::pin::pin!(service.put("/v1/pairs/erp", &erp));
    assert!(timeout(A_WHILE, &mut declared).await.is_err());
    let clashing = called("HOST_A", "P_\u{17f}");
    let mut renamed = std::pin::pin!(service.put("/v1/instances/HOST_A", &clashing));
    assert!(timeout(A_WHILE, &mut renamed).await.is_err());
    holder.rollback().await.unwrap();
    let (declared, renamed) = tokio::join!(declared, renamed);
    declared.expect(201);
    renamed.problem(409, "name_clash");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn instances_exchange_their_names_without_a_circle(pool: PgPool) {
    let service = Service::new(roomy(pool).await);
    service.register_erp().await;
    for round in 0..20 {
        let [one, other] = [round, round + 1].map(|n| ["HOST_A", "HOST_B"][n % 2]);
        let (one, other) = (called("HOST_A", other), called("HOST_B", one));
        let (a, b) = tokio::join!(
            service.put("/v1/instances/HOST_A", &one),
            service.put("/v1/instances/HOST_B", &other),
        );
        // Whoever comes first finds its name taken; nobody finds the database stuck.
        for answer in [a, b] {
            assert!(
                matches!(answer.status.as_u16(), 200 | 409),
                "{}",
                answer.text()
            );
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_twins_that_create_a_pair_one_creates_it_and_the_other_finds_it(pool: PgPool) {
    let service = Service::new(roomy(pool).await);
    service.register(&["HOST_A", "HOST_B", "HOST_W"]).await;
    for round in 0..20 {
        let path = format!("/v1/pairs/erp{round}");
        let (one, other) = (
            pair("HOST_A", "HOST_B", None),
            pair("HOST_B", "HOST_W", None),
        );
        let (a, b) = tokio::join!(service.put(&path, &one), service.put(&path, &other));
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 201], "{} {}", a.text(), b.text());
    }
}
