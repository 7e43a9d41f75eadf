//! R5, R6, R7, R18: PostgreSQL restarted, away, its backends killed, its lines dead without a word, its connections used up.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::own_postgres::OwnPostgres;
use super::proxy::{Proxy, Upstream};
use super::replica::Replica;
use super::site::{LONG, Site, id, jobs};
use super::{soak, within};

const PROMPT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn r5_postgresql_may_be_restarted_and_away_and_everything_resumes() {
    let postgres = OwnPostgres::start(60);
    let site = Site::ring(&postgres.pool(), 6).await;
    let site = Site {
        database: postgres.url(),
        ..site
    };
    let mut replicas = [
        site.replica(&["--lease", "3s"]).await,
        site.replica(&["--lease", "3s"]).await,
    ];
    site.register(&replicas[0], &[]).await;
    for host in &site.hosts {
        host.faults().set_latency(Duration::from_millis(200));
    }
    let since = site.now();
    let mut accepted = Vec::new();
    for _ in 0..if soak::is_long() { 10 } else { 3 } {
        accepted.extend(ask_everywhere(&site, &replicas).await);
        postgres.restart();
    }
    accepted.extend(ask_everywhere(&site, &replicas).await);
    postgres.stop();
    let down = Instant::now();
    let away = Duration::from_secs(if soak::is_long() { 20 } else { 6 });
    let mut answers = Vec::new();
    while down.elapsed() < away {
        for replica in &replicas {
            // Nothing hangs: an answer comes, and it says not ready.
            answers.push(replica.try_get("/readyz", Duration::from_secs(8)).await);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(
        answers.iter().all(|a| *a == Some(503)),
        "while away: {answers:?}"
    );
    postgres.resume();
    for replica in &mut replicas {
        within(Duration::from_secs(3), "ready again", || async {
            replica.try_get("/readyz", PROMPT).await == Some(200)
        })
        .await;
        assert!(
            !replica.has_ended(),
            "a replica has left: {}",
            replica.log()
        );
    }
    accepted.extend(site.configure_all(&replicas[1]).await);
    assert!(
        accepted.len() > site.pairs.len(),
        "hardly anything was accepted"
    );
    site.all_succeed(&accepted, LONG).await;
    site.assert_as_asked(since);
    site.pool.close().await;
}

/// What was accepted; PostgreSQL may be away.
async fn ask_everywhere(site: &Site, replicas: &[Replica]) -> Vec<Uuid> {
    let mut accepted = Vec::new();
    for number in 0..site.pairs.len() {
        let asked = &replicas[number % replicas.len()];
        let body = json!({"kind": "configure-inbound"});
        if let Some((200 | 202, job)) = asked.try_post(&jobs(number), &body).await {
            accepted.push(id(&job));
        }
    }
    accepted
}

#[sqlx::test(migrations = false)]
async fn r6_killed_backends_lose_no_job_and_no_wake_up_for_long(pool: PgPool) {
    let site = Site::ring(&pool, 6).await;
    let replicas = [site.replica(&[]).await, site.replica(&[]).await];
    site.register(&replicas[0], &[]).await;
    for host in &site.hosts {
        host.faults().set_latency(Duration::from_millis(50));
    }
    let since = site.now();
    let mut accepted = Vec::new();
    let until = Instant::now() + soak::rage(Duration::from_secs(5)).min(Duration::from_secs(60));
    while Instant::now() < until {
        accepted.extend(ask_everywhere(&site, &replicas).await);
        sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and application_name = 'mirrorgate'")
            .execute(&site.pool)
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    site.all_succeed(&accepted, LONG).await;
    site.assert_as_asked(since);
    let calm = site.configure_all(&replicas[0]).await;
    site.all_succeed(&calm, LONG).await;
    let waited = longest_wait(&site, &calm).await;
    assert!(
        waited < 3.0,
        "a job waited {waited:.1} s to be begun after the storm"
    );
    println!(
        "{} jobs through the storm; slowest pick-up after it {waited:.2} s",
        accepted.len()
    );
}

async fn longest_wait(site: &Site, jobs: &[Uuid]) -> f64 {
    sqlx::query_scalar(
        "select max(extract(epoch from started_at - created_at))::float8 from jobs where id = any($1)",
    )
    .bind(jobs)
    .fetch_one(&site.pool)
    .await
    .unwrap()
}

#[sqlx::test(migrations = false)]
async fn r7_lines_that_die_without_a_word_are_noticed(pool: PgPool) {
    let site = Site::apart(&pool, 2).await;
    let proxy = Proxy::to(upstream(&pool)).await;
    let through = format!(
        "postgres://mirrorgate@127.0.0.1:{}/{}",
        proxy.port,
        name_of(&pool)
    );
    // One replica that answers and one that works; only the second one's lines die.
    let door = site.replica(&["--concurrency", "0"]).await;
    site.register(&door, &[]).await;
    let hands = Replica::start(site.directory.path(), &through, &["--lease", "3s"], &[]).await;
    let first = site.configure(&door, 0).await;
    site.all_succeed(&[first], LONG).await;
    proxy.freeze();
    let dead_since = chrono::Utc::now();
    let asked = Instant::now();
    let second = site.configure(&door, 1).await;
    site.all_succeed(&[second], Duration::from_secs(25)).await;
    println!(
        "ended {:.1} s after all lines had died",
        asked.elapsed().as_secs_f64()
    );
    // The listener is the quietest of them: it too is made anew.
    within(
        Duration::from_secs(25),
        "the listener listens again",
        || async {
            sqlx::query_scalar::<_, bool>(
                "select exists (select from pg_stat_activity
             where datname = current_database() and query ilike 'listen%' and backend_start > $1)",
            )
            .bind(dead_since)
            .fetch_one(&site.pool)
            .await
            .unwrap()
        },
    )
    .await;
    println!(
        "listening again {:.1} s after",
        asked.elapsed().as_secs_f64()
    );
    drop(hands);
}

fn name_of(pool: &PgPool) -> String {
    pool.connect_options()
        .get_database()
        .expect("a database")
        .to_owned()
}

fn upstream(pool: &PgPool) -> Upstream {
    let options = pool.connect_options();
    let socket: Option<PathBuf> = options.get_socket().cloned();
    match socket {
        Some(directory) => {
            Upstream::Unix(directory.join(format!(".s.PGSQL.{}", options.get_port())))
        }
        None if options.get_host().starts_with('/') => Upstream::Unix(
            PathBuf::from(options.get_host()).join(format!(".s.PGSQL.{}", options.get_port())),
        ),
        None => Upstream::Tcp(options.get_port()),
    }
}

#[tokio::test]
async fn r18_used_up_postgresql_connections_are_told_and_survived() {
    let postgres = OwnPostgres::start(30);
    let site = Site::ring(&postgres.pool(), 4).await;
    let site = Site {
        database: postgres.url(),
        ..site
    };
    let replica = site.replica(&["--lease", "3s"]).await;
    site.register(&replica, &[]).await;
    let since = site.now();
    let mut accepted = site.configure_all(&replica).await;
    let mut held = Vec::new();
    while let Ok(connection) = PgConnection::connect(&postgres.url()).await {
        held.push(connection);
    }
    assert!(
        held.len() >= 10,
        "only {} connections could be held",
        held.len()
    );
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    while began.elapsed() < Duration::from_secs(5) {
        for number in 0..site.pairs.len() {
            let asked = Instant::now();
            let body = json!({"kind": "configure-inbound"});
            match replica.try_post(&jobs(number), &body).await {
                Some((200 | 202, job)) => accepted.push(id(&job)),
                Some((503, _)) => {}
                other => panic!("neither taken nor put off: {other:?}"),
            }
            slowest = slowest.max(asked.elapsed());
        }
    }
    println!(
        "{} connections held; slowest answer {slowest:?}",
        held.len()
    );
    assert!(
        slowest < Duration::from_secs(8),
        "an answer took {slowest:?}"
    );
    drop(held);
    accepted.extend(site.configure_all(&replica).await);
    site.all_succeed(&accepted, LONG).await;
    site.assert_as_asked(since);
    site.pool.close().await;
}
