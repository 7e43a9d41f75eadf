//! A reader that follows the numbers sees every event once, whatever commits at the same time.

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use serde_json::json;

use super::*;
use crate::domain::job::{FailureCode, JobKind};
use crate::store::fixture::*;
use crate::store::{MIGRATOR, jobs, lease};

async fn kinds(conn: &mut Conn, job: Uuid) -> Vec<String> {
    let all = list(conn, job, 0, 100).await.unwrap();
    for (place, event) in all.iter().enumerate() {
        assert_eq!(event.seq, place as i64 + 1, "{all:?}");
        assert!(event.data.is_object());
    }
    all.into_iter().map(|event| event.kind).collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_change_has_its_event_and_the_last_one_says_how_it_ended(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let new = queued(conn, &erp).await;
    let (first, _) = taken(conn).await.unwrap();
    lease::release(conn, &first).await.unwrap();
    let (second, _) = taken(conn).await.unwrap();
    expire(conn, &second).await;
    let (third, _) = taken(conn).await.unwrap();
    let (code, soon) = (FailureCode::Unreachable, std::time::Duration::ZERO);
    lease::retry_later(conn, &third, code, "down", soon, LONG)
        .await
        .unwrap();
    let (fourth, _) = taken(conn).await.unwrap();
    lease::fail(conn, &fourth, code, "down").await.unwrap();
    let wanted = [
        "accepted",
        "attempt_started",
        "handed_back",
        "attempt_started",
        "attempt_lost",
        "attempt_started",
        "retry_scheduled",
        "attempt_started",
        "ended",
    ];
    assert_eq!(kinds(conn, new.id).await, wanted);
    let job = jobs::get(conn, new.id).await.unwrap().unwrap();
    assert_eq!(job.version, wanted.len() as i64);
    let last = list(conn, new.id, job.version - 1, 5).await.unwrap();
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].data["state"], "failed");
    assert_eq!(last[0].data["code"], "unreachable");
    assert!(list(conn, new.id, job.version, 5).await.unwrap().is_empty());
}

/// R17: eight writers commit in an order of their own; the reader asks for what comes after the last number it saw.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_reader_misses_nothing_under_concurrent_commits(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    const WRITERS: i64 = 8;
    const EACH: i64 = 25;
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .connect_with(options)
        .await
        .unwrap();
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let new = new_job(&erp, JobKind::VerifyInbound, false);
    jobs::enqueue(conn, &new).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (pool, job) = (pool.clone(), new.id);
        writers.spawn(async move {
            for n in 0..EACH {
                let mut tx = pool.begin().await.unwrap();
                let data = json!({"writer": writer, "n": n});
                record(
                    &mut tx,
                    job,
                    Audience::Changed,
                    EventKind::StepStarted,
                    data,
                )
                .await
                .unwrap();
                // Something between the number's being given out and the commit.
                sqlx::query("select count(*) from generate_series(1, $1)")
                    .bind((writer * n * 131) % 20_000)
                    .execute(&mut *tx)
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
            }
        });
    }
    let mut seen = vec![];
    while (seen.len() as i64) < WRITERS * EACH + 1 {
        let after = seen.last().map_or(0, |event: &JobEvent| event.seq);
        let more = list(conn, new.id, after, 3).await.unwrap();
        for event in more {
            assert_eq!(event.seq, seen.len() as i64 + 1, "skipped");
            seen.push(event);
        }
        if let Some(writer) = writers.try_join_next() {
            writer.unwrap();
        }
    }
    for writer in 0..WRITERS {
        let own: Vec<_> = seen
            .iter()
            .filter(|e| e.data["writer"] == writer)
            .map(|e| e.data["n"].as_i64().unwrap())
            .collect();
        assert_eq!(own, (0..EACH).collect::<Vec<_>>());
    }
}
