//! Waiting for a job, and its result as an exit code, with a worker's part played through the store.

use std::time::Duration;

use super::*;
use crate::domain::job::FailureCode;
use crate::domain::plan::{InstancePlan, Plan};
use crate::domain::plan_hash::PlanHash;
use crate::domain::script::{Frame, InstanceScript, Script};
use crate::store::claim::{Terms, claim};
use crate::store::lease::{self, Lease};
use crate::store::{MIGRATOR, jobs};

const LONG: Duration = Duration::from_secs(600);

async fn take(service: &Service) -> Lease {
    let mut conn = service.store.acquire().await.unwrap();
    claim(&mut conn, &Terms::new("test", LONG, 5))
        .await
        .unwrap()
        .unwrap()
        .0
}

async fn ask(service: &Service) -> String {
    let body = json!({"kind": "configure-inbound"});
    let job = service.post("/v1/pairs/erp/jobs", &body).await.expect(202);
    format!("/v1/jobs/{}", job["id"].as_str().unwrap())
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn whoever_waits_is_told_at_the_end(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let mut news = service.wakeups.subscribe_new_jobs();
    let body = json!({"kind": "configure-inbound"});
    let asking = service.post("/v1/pairs/erp/jobs?wait=60s", &body);
    let working = async {
        let lease = loop {
            let mut conn = service.store.acquire().await.unwrap();
            if let Some((lease, _)) = claim(&mut conn, &Terms::new("test", LONG, 5))
                .await
                .unwrap()
            {
                break lease;
            }
            drop(conn);
            news.wait().await;
        };
        let mut tx = service.store.begin().await.unwrap();
        lease::succeed(&mut tx, &lease).await.unwrap();
        tx.commit().await.unwrap();
    };
    let begun = std::time::Instant::now();
    let (asked, ()) = tokio::join!(asking, working);
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "the end was slept through"
    );
    let job = asked.expect(200);
    assert_eq!(job["state"], "succeeded");
    assert_eq!(asked.header("job-state"), "succeeded");
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    let again = service.get(&format!("{path}?wait=60s")).await;
    assert_eq!(
        again.expect(200)["state"],
        "succeeded",
        "nothing to wait for"
    );
    service
        .get(&format!("{path}?wait=61s"))
        .await
        .fault(400, "/wait", "invalid_value");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_result_is_an_exit_code(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let path = ask(&service).await;
    let result = format!("{path}/result");
    let open = service.get(&format!("{result}?wait=1ms")).await;
    assert_eq!(
        open.problem(429, "job_not_finished")["job"]["state"],
        "queued"
    );
    assert_eq!(open.header("retry-after"), "1");
    assert_eq!(open.header("job-state"), "queued");
    let lease = take(&service).await;
    let mut tx = service.store.begin().await.unwrap();
    lease::fail(
        &mut tx,
        &lease,
        FailureCode::NotInPlace,
        "2 trusts are missing",
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let failed = service.get(&result).await;
    let problem = failed.problem(409, "job_failed");
    assert_eq!(problem["detail"], "not_in_place: 2 trusts are missing");
    assert_eq!(problem["job"]["failure"]["code"], "not_in_place");
    assert_eq!(problem["retryable"], false);
    let line = service.get_text(&result).await;
    assert_eq!(
        line.text(),
        "job_failed: not_in_place: 2 trusts are missing\n"
    );
    service
        .get(&format!("{path}/script"))
        .await
        .problem(404, "not_found");
    let second = ask(&service).await;
    let lease = take(&service).await;
    let mut tx = service.store.begin().await.unwrap();
    lease::succeed(&mut tx, &lease).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        service.get(&format!("{second}/result")).await.expect(200)["state"],
        "succeeded"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_plan_and_its_script_are_shown_as_stored(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let path = ask(&service).await;
    let lease = take(&service).await;
    let plan = Plan {
        findings: Vec::new(),
        instances: vec![InstancePlan {
            instance: "HOST_A".to_owned(),
            server: Some("SQLA".to_owned()),
            endpoint: None,
            used_by: None,
            trusts: Vec::new(),
        }],
        plan_hash: PlanHash::parse(&"a".repeat(64)).unwrap(),
        partial: false,
    };
    let script = Script {
        refusal: Some("THROW …\n".to_owned()),
        parts: vec![InstanceScript {
            instance: "HOST_A".to_owned(),
            body: "CREATE LOGIN [HOST_B_login] …".to_owned(),
            wire: Frame::default(),
            by_hand: None,
            statements: Vec::new(),
        }],
        ..Script::default()
    };
    let mut tx = service.store.begin().await.unwrap();
    jobs::save_plan(&mut tx, &lease, &plan, &script)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let job = service.get(&path).await.expect(200);
    assert_eq!(job["plan_hash"], "a".repeat(64));
    assert_eq!(
        job["plan"]["instances"][0]["batch"],
        "CREATE LOGIN [HOST_B_login] …"
    );
    let script = service.get(&format!("{path}/script")).await;
    assert_eq!(
        script.header("content-type"),
        "application/sql; charset=utf-8"
    );
    assert!(
        script.text().ends_with("\nTHROW …\nGO\n"),
        "{}",
        script.text()
    );
    let plain = service.get_text(&format!("{path}/script")).await;
    assert_eq!(plain.body, script.body);
    let list = service.get("/v1/jobs").await.expect(200);
    assert!(
        list["items"][0].get("plan").is_none(),
        "lists leave plans out"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_stopping_service_lets_nobody_wait(pool: PgPool) {
    let service = Service::new(pool);
    service.register_erp().await;
    let path = format!("{}?wait=60s", ask(&service).await);
    let waiting = service.get(&path);
    let stopping = async {
        // Cleared again and again: a waiter that comes after the first time is told by a later one.
        loop {
            service.readiness.set(false);
            tokio::task::yield_now().await;
        }
    };
    let begun = std::time::Instant::now();
    let answer = tokio::select! {
        answer = waiting => answer,
        () = stopping => unreachable!("it never ends"),
    };
    assert_eq!(answer.expect(200)["state"], "queued");
    assert!(begun.elapsed() < Duration::from_secs(30));
}
