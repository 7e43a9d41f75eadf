//! Nobody waits for a notification that was lost, and however many wait, one connection listens.

use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio::net::{UnixListener, UnixStream};

use super::*;
use crate::domain::id::new_id;
use crate::domain::job::JobKind;
use crate::store::claim::Terms;
use crate::store::fixture::{fleet, new_job, pair, queued, taken};
use crate::store::{MIGRATOR, jobs, lease, pool_options};

/// Longer than the test may take; a wait that ends by this has failed.
const DEADLINE: Duration = Duration::from_secs(20);

async fn soon(waiting: impl Future<Output = ()>) -> bool {
    tokio::time::timeout(DEADLINE, waiting).await.is_ok()
}

/// Whether the wait ends before a notification that is certain to come.
async fn before(waiting: impl Future<Output = ()>, certain: impl Future<Output = ()>) -> bool {
    tokio::select! { biased; () = waiting => true, () = certain => false }
}

async fn listeners(pool: &PgPool) -> i64 {
    let question = "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen%'";
    sqlx::query_scalar(question).fetch_one(pool).await.unwrap()
}

struct Listening {
    wakeups: Wakeups,
    stop: CancellationToken,
    tasks: tokio::task::JoinSet<()>,
}

async fn listening(pool: &PgPool) -> Listening {
    let stop = CancellationToken::new();
    let (wakeups, run) = listen(&Store::from_pool(pool.clone()), stop.clone());
    let mut ready = wakeups.subscribe_new_jobs();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(run);
    assert!(
        soon(ready.wait()).await,
        "everybody is woken once the line is up"
    );
    Listening {
        wakeups,
        stop,
        tasks,
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_commit_wakes_workers_and_those_who_wait_for_the_job(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let line = listening(&pool).await;
    let mut work = line.wakeups.subscribe_new_jobs();
    let mut tx = pool.begin().await.unwrap();
    let new = new_job(&erp, JobKind::ConfigureInbound, false);
    jobs::enqueue(&mut tx, &new).await.unwrap();
    let (mut mine, mut other) = (line.wakeups.watch(new.id), line.wakeups.watch(new_id()));
    tx.commit().await.unwrap();
    assert!(soon(work.wait()).await);
    assert!(soon(mine.changed()).await);
    let (lease, _) = taken(conn).await.unwrap();
    assert!(soon(mine.changed()).await, "claimed");
    lease::succeed(conn, &lease).await.unwrap();
    assert!(
        !before(other.changed(), mine.changed()).await,
        "others are left alone"
    );
    assert!(soon(work.wait()).await, "instances have become free");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn however_many_wait_one_connection_listens(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let job = queued(conn, &erp).await;
    let mut line = listening(&pool).await;
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let mut watch = line.wakeups.watch(job.id);
        waiting.spawn(async move { soon(watch.changed()).await });
    }
    assert_eq!(listeners(&pool).await, 1);
    let (lease, _) = taken(conn).await.unwrap();
    lease::succeed(conn, &lease).await.unwrap();
    while let Some(woken) = waiting.join_next().await {
        assert!(woken.unwrap());
    }
    line.stop.cancel();
    assert!(soon(async { line.tasks.join_next().await.unwrap().unwrap() }).await);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_killed_listener_comes_back_and_wakes_everybody(pool: PgPool) {
    let line = listening(&pool).await;
    let (mut work, mut watch) = (
        line.wakeups.subscribe_new_jobs(),
        line.wakeups.watch(new_id()),
    );
    let kill = "select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and query ilike 'listen%'";
    sqlx::query(kill).execute(&pool).await.unwrap();
    assert!(soon(work.wait()).await);
    assert!(soon(watch.changed()).await);
    // And it hears again.
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    queued(conn, &erp).await;
    assert!(soon(work.wait()).await);
    assert_eq!(listeners(&pool).await, 1);
}

/// A socket in front of PostgreSQL's. Silenced, the connections it has got neither carry anything nor end, as when a route
/// is gone; new ones work.
struct Line {
    dir: tempfile::TempDir,
    silence: watch::Sender<()>,
    _carrying: tokio::task::JoinSet<()>,
}

impl Line {
    fn before(options: &PgConnectOptions) -> Self {
        let name = format!(".s.PGSQL.{}", options.get_port());
        let server = options.get_socket().unwrap().join(&name);
        let dir = tempfile::tempdir().unwrap();
        let door = UnixListener::bind(dir.path().join(&name)).unwrap();
        let silence = watch::Sender::new(());
        let silenced = silence.clone();
        let mut carrying = tokio::task::JoinSet::new();
        carrying.spawn(async move {
            let mut lines = tokio::task::JoinSet::new();
            while let Ok((mut here, _)) = door.accept().await {
                let (server, mut silenced) = (server.clone(), silenced.subscribe());
                lines.spawn(async move {
                    let mut there = UnixStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                        _ = silenced.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self {
            dir,
            silence,
            _carrying: carrying,
        }
    }
}

/// Nothing listens here, as when PostgreSQL has no connection left for the listener.
#[sqlx::test(migrator = "MIGRATOR")]
async fn whoever_waits_looks_by_himself_while_nothing_can_be_heard(pool: PgPool) {
    let store = Store::from_pool(pool);
    let (wakeups, _listening) = listen(&store, CancellationToken::new());
    let mut watch = wakeups.watch(new_id());
    assert!(soon(watch.changed()).await);
    assert!(soon(watch.cancel_asked()).await);
}

/// R7: neither the listener nor a claim waits longer than 10 s for a line that died without a word.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_line_that_falls_silent_is_given_up_and_replaced(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let line = Line::before(&options);
    let through = options.clone().socket(line.dir.path());
    let store = Store::from_pool(pool_options(3).connect_with(through).await.unwrap());
    // Several idle connections, all of which will be dead.
    let idle = [
        store.acquire().await.unwrap(),
        store.acquire().await.unwrap(),
    ];
    drop(idle);
    let stop = CancellationToken::new();
    let (wakeups, run) = listen(&store, stop.clone());
    let mut work = wakeups.subscribe_new_jobs();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(run);
    assert!(soon(work.wait()).await);

    line.silence.send_replace(());
    let begun = Instant::now();
    let limit = Duration::from_secs(5);
    let mut claimed = false;
    while !claimed {
        let claiming = async {
            let mut conn = store.acquire().await?;
            crate::store::claim::claim(&mut conn, &Terms::new("tests", limit, 3)).await
        };
        claimed = crate::store::within(limit, claiming).await.is_ok();
        assert!(begun.elapsed() < Duration::from_secs(10), "claiming");
    }
    assert!(soon(work.wait()).await);
    assert!(begun.elapsed() < Duration::from_secs(12), "listening");
    stop.cancel();
}
