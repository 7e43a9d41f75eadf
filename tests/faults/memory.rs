//! R2, R9, R16, R24 on PostgreSQL's side: the process killed, or its line cut, before and after every exchange of a worker and
//! of a request. What was accepted ends as asked, its history is whole and true, and a repeated request is one request.

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::database::{name_of, upstream};
use super::replica::Replica;
use super::site::{LONG, Site, id, jobs};
use super::turnstile::{Fate, Side, Stop, Turnstile};
use super::{history, soak, within};

const FLAGS: [&str; 4] = ["--lease", "1s", "--concurrency", "4"];
/// Boundaries tried in the short form, spread over all of them.
const SAMPLES: usize = 10;

#[sqlx::test(migrations = false)]
async fn r2_a_worker_killed_at_any_exchange_with_postgresql_is_healed(pool: PgPool) {
    hurt_the_worker(&pool, Fate::Held).await;
}

#[sqlx::test(migrations = false)]
async fn r9_a_worker_cut_off_at_any_exchange_with_postgresql_is_healed(pool: PgPool) {
    hurt_the_worker(&pool, Fate::Cut).await;
}

async fn hurt_the_worker(pool: &PgPool, fate: Fate) {
    let site = Site::apart(pool, 1).await;
    let turnstile = Turnstile::before(upstream(pool), "mirrorgate workers").await;
    let through = through(&turnstile, pool);
    let door = site.replica(&["--concurrency", "0"]).await;
    site.register(&door, &[]).await;
    let start = || Replica::start(site.directory.path(), &through, &FLAGS, &[]);
    let mut hands = start().await;
    turnstile.arm(None);
    let whole = site.configure(&door, 0).await;
    site.all_succeed(&[whole], LONG).await;
    let most = turnstile.exchanges();
    let mut reached = 0;
    for stop in stops(most, fate) {
        site.undo().await;
        let since = site.now();
        turnstile.arm(Some(stop));
        let job = site.configure(&door, 0).await;
        within(
            LONG,
            "the exchange is reached, or the job has ended",
            || async { turnstile.is_reached() || site.open(&[job]).await == 0 },
        )
        .await;
        reached += usize::from(turnstile.is_reached());
        if fate == Fate::Held {
            hands.kill();
            turnstile.arm(None);
            hands = start().await;
        }
        site.all_succeed(&[job], LONG).await;
        site.assert_as_asked(since);
        history::assert_whole(&site, job).await;
        history::assert_true(&site, job, since).await;
    }
    println!("{most} exchanges of a worker; stopped at {reached}, {fate:?}");
    assert!(reached >= SAMPLES, "hardly any boundary was met");
}

#[sqlx::test(migrations = false)]
async fn r16_a_request_killed_or_cut_off_at_any_exchange_is_done_once_or_not_at_all(pool: PgPool) {
    let site = Site::apart(&pool, 1).await;
    let turnstile = Turnstile::before(upstream(&pool), "mirrorgate requests").await;
    let through = through(&turnstile, &pool);
    let door = site.replica(&["--concurrency", "2"]).await;
    site.register(&door, &[]).await;
    let start = || {
        Replica::start(
            site.directory.path(),
            &through,
            &["--concurrency", "0"],
            &[],
        )
    };
    let mut asked = start().await;
    let body = json!({"kind": "verify-inbound"});
    turnstile.arm(None);
    asked.post(&jobs(0), &body).await.expect_status(202);
    let most = turnstile.exchanges();
    let (mut reached, mut unanswered) = (0, 0);
    for (number, stop) in stops(most, Fate::Held)
        .chain(stops(most, Fate::Cut))
        .enumerate()
    {
        let key = format!("boundary-{number:04}");
        turnstile.arm(Some(stop));
        let (path, victim) = (jobs(0), &asked);
        let mut asking = Box::pin(victim.try_post_keyed(&path, &key, &body));
        let answer = tokio::select! {
            answer = &mut asking => answer,
            () = within(LONG, "the exchange is reached", || std::future::ready(turnstile.is_reached())),
                if stop.fate == Fate::Held => None,
        };
        drop(asking);
        reached += usize::from(turnstile.is_reached());
        unanswered += usize::from(!matches!(answer, Some((200 | 202, _))));
        if stop.fate == Fate::Held {
            asked.kill();
            turnstile.arm(None);
            asked = start().await;
        }
        if let Some((503, problem)) = &answer
            && is_remembered(&site, &key).await
        {
            let detail = problem["detail"].as_str().unwrap_or_default();
            assert!(
                !detail.contains("nothing was changed"),
                "{stop:?}: {detail}"
            );
        }
        let again = door.try_post_keyed(&jobs(0), &key, &body).await;
        let Some((200 | 202, job)) = again else {
            panic!("{stop:?}: repeated, and answered {again:?}");
        };
        if let Some((200 | 202, first)) = answer {
            assert_eq!(id(&first), id(&job), "{stop:?}: accepted twice");
        }
        assert_eq!(records(&site, &key, id(&job)).await, (1, 1, 1), "{stop:?}");
        site.all_end(&[id(&job)], LONG).await;
        history::assert_whole(&site, id(&job)).await;
    }
    println!("{most} exchanges of a request; stopped at {reached}, {unanswered} without an answer");
    assert!(
        reached >= SAMPLES && unanswered > 0,
        "hardly any boundary was met"
    );
    let orphans: i64 = sqlx::query_scalar(
        "select count(*) from jobs j where not exists (select from job_events e where e.job_id = j.id and e.kind = 'accepted')
             or not exists (select from job_instances n where n.job_id = j.id)",
    )
    .fetch_one(&site.pool)
    .await
    .unwrap();
    assert_eq!(orphans, 0);
}

async fn is_remembered(site: &Site, key: &str) -> bool {
    sqlx::query_scalar("select exists (select from idempotency_keys where key = 'sha256:' || encode(sha256(convert_to($1, 'UTF8')), 'hex'))")
        .bind(key)
        .fetch_one(&site.pool)
        .await
        .unwrap()
}

/// Keys so called, jobs they stand for, and acceptances of that job.
async fn records(site: &Site, key: &str, job: Uuid) -> (i64, i64, i64) {
    sqlx::query_as(
        "select (select count(*) from idempotency_keys where key = 'sha256:' || encode(sha256(convert_to($1, 'UTF8')), 'hex')),
                (select count(*) from idempotency_keys k join jobs j on j.id::text = k.object where k.key = 'sha256:' || encode(sha256(convert_to($1, 'UTF8')), 'hex') and j.id = $2),
                (select count(*) from job_events where job_id = $2 and kind = 'accepted')",
    )
    .bind(key)
    .bind(job)
    .fetch_one(&site.pool)
    .await
    .unwrap()
}

fn through(turnstile: &Turnstile, pool: &PgPool) -> String {
    format!(
        "postgres://mirrorgate@127.0.0.1:{}/{}?sslmode=disable",
        turnstile.port,
        name_of(pool)
    )
}

/// Every exchange, both sides of it, in the long form; a sample in the short one.
fn stops(most: usize, fate: Fate) -> impl Iterator<Item = Stop> {
    let step = if soak::is_long() {
        1
    } else {
        (most / SAMPLES).max(1)
    };
    (1..=most)
        .step_by(step)
        .flat_map(move |at| [Side::Before, Side::After].map(|side| Stop { at, side, fate }))
}
