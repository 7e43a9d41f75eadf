//! `partial`: what a blocker or conflict touches is left out and named, the rest is done at once, and nobody calls that a success.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::harness::{TestApp, assert_failed, assert_succeeded, host, until};

const TRIO: [&str; 3] = ["HOST_A", "HOST_B", "HOST_W"];

fn partially() -> Value {
    json!({"kind": "configure-inbound", "partial": true})
}

/// On HOST_A the name that HOST_B's certificate wants belongs to somebody else's.
async fn name_taken(app: &TestApp) {
    app.host("HOST_A")
        .exec("CREATE CERTIFICATE [HOST_B_cert] WITH SUBJECT = N'somebody else'")
        .await
        .unwrap();
}

fn lets_in(app: &TestApp) -> Vec<(&'static str, &'static str)> {
    let all = TRIO
        .into_iter()
        .flat_map(|to| TRIO.into_iter().map(move |from| (to, from)));
    all.filter(|(to, from)| to != from && app.lets_in(to, from))
        .collect()
}

fn left_out(job: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for instance in job["plan"]["instances"].as_array().unwrap() {
        for trust in instance["trusts"].as_array().unwrap() {
            for code in trust["left_out"].as_array().into_iter().flatten() {
                all.push(format!(
                    "{} from {}: {}",
                    instance["instance"].as_str().unwrap(),
                    trust["from"].as_str().unwrap(),
                    code.as_str().unwrap()
                ));
            }
        }
    }
    all
}

#[sqlx::test(migrations = false)]
async fn a_conflict_costs_its_own_trust_and_no_other(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    name_taken(&app).await;
    let job = app.job("erp", partially()).await;
    assert_failed(&job, "partial");
    assert_eq!(job["attempts"], 1, "a conflict does not pass by itself");
    let said = job["failure"]["detail"].as_str().unwrap();
    assert_eq!(said, "left out: on HOST_A from HOST_B (name_taken)");
    assert_eq!(
        lets_in(&app),
        [
            ("HOST_A", "HOST_W"),
            ("HOST_B", "HOST_A"),
            ("HOST_B", "HOST_W"),
            ("HOST_W", "HOST_A"),
            ("HOST_W", "HOST_B"),
        ]
    );
    assert_eq!(left_out(&job), ["HOST_A from HOST_B: name_taken"]);
    let text = app
        .get_as(
            &format!("/v1/jobs/{}", job["id"].as_str().unwrap()),
            "text/plain",
        )
        .await
        .text;
    assert!(text.contains("left out: name_taken"), "{text}");
    // Again: nothing more can be done, and it is still no success.
    assert_failed(&app.job("erp", partially()).await, "partial");
}

#[sqlx::test(migrations = false)]
async fn without_it_nothing_is_changed_anywhere(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    name_taken(&app).await;
    assert_failed(&app.configure("erp").await, "conflict");
    assert_eq!(lets_in(&app), []);
}

#[sqlx::test(migrations = false)]
async fn a_member_that_is_down_is_made_up_for_when_it_is_back(pool: PgPool) {
    let app = TestApp::with(&pool, TRIO.into_iter().map(host).collect(), &[]).await;
    app.register_all(&TRIO).await;
    app.host("HOST_W").stop();
    let asked = app.post("/v1/pairs/erp/jobs", &partially()).await.json();
    let path = format!("/v1/jobs/{}", asked["id"].as_str().unwrap());
    until("the others let each other in", || async {
        app.lets_in("HOST_A", "HOST_B") && app.lets_in("HOST_B", "HOST_A")
    })
    .await;
    // Nobody saw what it uses now, so the others are not told of it either.
    until("the first attempt has ended", || async {
        app.get(&path).await.json()["last_problem"].is_string()
    })
    .await;
    let waiting = app.get(&path).await.json();
    assert_eq!(
        left_out(&waiting),
        [
            "HOST_A from HOST_W: unreachable",
            "HOST_B from HOST_W: unreachable",
            "HOST_W from HOST_A: unreachable",
            "HOST_W from HOST_B: unreachable"
        ],
        "{waiting:#}"
    );
    app.host("HOST_W").start();
    until("the job has ended", || async {
        app.get(&path).await.json()["finished_at"].is_string()
    })
    .await;
    assert_succeeded(&app.get(&path).await.json());
    assert_eq!(lets_in(&app).len(), 6);
}

#[sqlx::test(migrations = false)]
async fn a_member_that_stays_down_ends_it_as_partial(pool: PgPool) {
    let app = TestApp::with(
        &pool,
        TRIO.into_iter().map(host).collect(),
        &["--max-attempts", "2"],
    )
    .await;
    app.register_all(&TRIO).await;
    app.host("HOST_W").stop();
    let job = app.job("erp", partially()).await;
    assert_failed(&job, "partial");
    assert_eq!(job["attempts"], 2);
    assert!(app.lets_in("HOST_A", "HOST_B") && app.lets_in("HOST_B", "HOST_A"));
}

#[sqlx::test(migrations = false)]
async fn what_is_left_out_is_approved_with_the_rest(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    let whole = app.dry_run("erp").await["plan"]["plan_hash"].clone();
    name_taken(&app).await;
    let dry = app
        .job(
            "erp",
            json!({"kind": "configure-inbound", "partial": true, "dry_run": true}),
        )
        .await;
    assert_succeeded(&dry);
    assert_eq!(dry["plan"]["summary"]["left_out"], 1, "{dry:#}");
    assert_eq!(dry["plan"]["summary"]["blocked"], false);
    let hash = dry["plan"]["plan_hash"].clone();
    assert_ne!(hash, whole);
    let approved = json!({"kind": "configure-inbound", "partial": true, "only_if_plan": hash});
    // Cured in between: more would be done than was approved.
    app.host("HOST_A")
        .exec("DROP CERTIFICATE [HOST_B_cert]")
        .await
        .unwrap();
    assert_failed(&app.job("erp", approved.clone()).await, "plan_stale");
    name_taken(&app).await;
    assert_failed(&app.job("erp", approved).await, "partial");
    assert_eq!(lets_in(&app).len(), 5);
}

#[sqlx::test(migrations = false)]
async fn an_expired_certificate_is_left_out_and_its_successor_is_not(pool: PgPool) {
    let app = TestApp::start(&pool, &TRIO).await;
    app.register_all(&TRIO).await;
    let soon = (chrono::Utc::now() + chrono::Duration::days(2)).format("%Y%m%d");
    app.host("HOST_B")
        .exec(&format!(
            "CREATE CERTIFICATE [old] WITH SUBJECT = N'old', EXPIRY_DATE = '{soon}';
             ALTER ENDPOINT Endpoint_Mirroring FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE [old])"
        ))
        .await
        .unwrap();
    app.pin("HOST_B").await;
    app.host("HOST_B")
        .set_clock_offset(chrono::Duration::days(5));
    let job = app.job("erp", partially()).await;
    assert_failed(&job, "partial");
    let all = left_out(&job);
    assert!(
        all.contains(&"HOST_A from HOST_B: own_certificate_expired".to_owned()),
        "{all:?}"
    );
    assert!(app.lets_in("HOST_A", "HOST_W") && app.lets_in("HOST_W", "HOST_A"));
}

#[sqlx::test(migrations = false)]
async fn where_everything_is_touched_the_reason_itself_is_the_end(pool: PgPool) {
    let app = TestApp::start(&pool, &["HOST_A", "HOST_B"]).await;
    app.register_all(&["HOST_A", "HOST_B"]).await;
    for (on, of) in [("HOST_A", "HOST_B"), ("HOST_B", "HOST_A")] {
        app.host(on)
            .exec(&format!(
                "CREATE CERTIFICATE [{of}_cert] WITH SUBJECT = N'somebody else'"
            ))
            .await
            .unwrap();
    }
    assert_failed(&app.job("erp", partially()).await, "conflict");
}

#[sqlx::test(migrations = false)]
async fn it_is_for_changing_jobs_only(pool: PgPool) {
    let app = TestApp::start(&pool, &["HOST_A", "HOST_B"]).await;
    app.register_all(&["HOST_A", "HOST_B"]).await;
    let refused = app
        .post(
            "/v1/pairs/erp/jobs",
            &json!({"kind": "verify-inbound", "partial": true}),
        )
        .await
        .expect_status(422);
    assert_eq!(refused.json()["errors"][0]["pointer"], "/partial");
}
