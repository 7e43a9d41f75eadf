//! Upgrades: what the last release left behind is read and carried on, and a replica of it may run beside this one meanwhile.
//!
//! `tests/upgrade/` holds a database as release 0.1.0 left it when it was killed.

use std::borrow::Cow;

use sqlx::migrate::Migrator;
use sqlx::{ConnectOptions, PgPool};
use uuid::Uuid;

use super::replica::Replica;
use super::site::LONG;
use super::within;

/// The last migration of release 0.1.0.
const LAST_OF_0_1_0: i64 = 20_261_128_140_000;

/// The database and the seal key of release 0.1.0.
async fn left_behind(pool: &PgPool) -> tempfile::TempDir {
    let all = mirrorgate::store::MIGRATOR.iter();
    let then = all.filter(|m| m.version <= LAST_OF_0_1_0).cloned();
    let mut schema = Migrator::DEFAULT;
    schema.migrations = Cow::Owned(then.collect());
    schema.run(pool).await.unwrap();
    sqlx::raw_sql(include_str!("../upgrade/release-0.1.0.sql"))
        .execute(pool)
        .await
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("seal.key");
    std::fs::write(&key, include_str!("../upgrade/key.hex")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&key, mode).unwrap();
    directory
}

async fn replica(pool: &PgPool, directory: &tempfile::TempDir) -> Replica {
    let database = pool.connect_options().to_url_lossy().to_string();
    Replica::start(directory.path(), &database, &["--retry-total", "2s"], &[]).await
}

/// Kind and state of every job, in the order they were asked for.
async fn states(pool: &PgPool) -> Vec<(String, String)> {
    sqlx::query_as("select kind, state from jobs order by id")
        .fetch_all(pool)
        .await
        .unwrap()
}

async fn all_end(pool: &PgPool) {
    within(LONG, "open jobs come to their end", || async {
        let open = "select count(*) from jobs where finished_at is null";
        let open: i64 = sqlx::query_scalar(open).fetch_one(pool).await.unwrap();
        open == 0
    })
    .await;
}

#[sqlx::test(migrations = false)]
async fn what_the_last_release_left_is_shown_and_carried_on(pool: PgPool) {
    let directory = left_behind(&pool).await;
    let then = states(&pool).await;
    let replica = replica(&pool, &directory).await;

    let jobs: Vec<Uuid> = sqlx::query_scalar("select id from jobs order by id")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(jobs.len(), 9);
    for job in &jobs {
        for part in ["", "/steps"] {
            let path = format!("/v1/jobs/{job}{part}");
            replica.get(&path).await.expect_status(200);
        }
        // One that has not planned, or ended before it did, has none, and says so.
        let script = replica.get(&format!("/v1/jobs/{job}/script")).await;
        assert!([200, 404, 409].contains(&script.status), "{script:?}");
    }
    for path in [
        "/v1/jobs",
        "/v1/pairs/erp",
        "/v1/pairs/erp/jobs",
        "/v1/pairs",
        "/v1/instances/HOST_A",
        "/v1/instances/HOST_A/jobs",
        "/v1/instances/HOST_A/certificates",
        "/v1/credentials/dba",
    ] {
        replica.get(path).await.expect_status(200);
    }
    let listed = replica.get("/v1/pairs/erp/jobs").await.json();
    assert_eq!(
        listed["items"].as_array().map(Vec::len),
        Some(4),
        "{listed}"
    );

    // Its servers are gone: what was open ends for that, two attempts after the one that died with its process.
    all_end(&pool).await;
    for ((kind, before), (_, after)) in then.iter().zip(states(&pool).await) {
        match before.as_str() {
            "queued" | "running" => assert_eq!(after, "failed", "{kind}"),
            ended => assert_eq!(after, ended, "{kind}"),
        }
    }
}

#[sqlx::test(migrations = false)]
async fn a_replica_of_the_last_release_may_still_write(pool: PgPool) {
    let directory = left_behind(&pool).await;
    let replica = replica(&pool, &directory).await;
    all_end(&pool).await;

    // As release 0.1.0 writes a job down: the newest one once more, under another id.
    let as_then = "insert into jobs (id, kind, pair_id, instance_id, subject_name, dry_run, holds, options, accepted, state,
                                     next_attempt_at, version, created_at, request_id, deadline)
         select gen_random_uuid(), kind, pair_id, instance_id, subject_name, dry_run, holds, options, accepted, 'queued',
                clock_timestamp(), 0, clock_timestamp(), null, null
         from jobs where kind = 'configure-inbound' and not dry_run order by id desc limit 1
         returning id";
    let job: Uuid = sqlx::query_scalar(as_then).fetch_one(&pool).await.unwrap();
    let (subject, changing): (bool, bool) = sqlx::query_as(
        "select subject_kind = 'pair' and subject_id = pair_id, changing from jobs where id = $1",
    )
    .bind(job)
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(subject && changing);
    let again = sqlx::query(as_then).execute(&pool).await.unwrap_err();
    assert!(
        again.to_string().contains("jobs_one_open_changing"),
        "{again}"
    );

    // And what this release writes, that one can read.
    let body = serde_json::json!({"kind": "verify-inbound"});
    let asked = replica
        .post("/v1/pairs/erp/jobs", &body)
        .await
        .expect_status(202);
    let asked: Uuid = serde_json::from_value(asked.json()["id"].clone()).unwrap();
    let (pair, instance): (Option<Uuid>, Option<Uuid>) =
        sqlx::query_as("select pair_id, instance_id from jobs where id = $1")
            .bind(asked)
            .fetch_one(&pool)
            .await
            .unwrap();
    assert!(pair.is_some() && instance.is_none());
}
