//! What a job costs PostgreSQL: statements, transactions that take several, and bytes, counted. Round trips to the servers: `pools` and the stories.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use mirrorgate::domain::job::{JobKind, JobOptions, JobState};
use sqlx::PgPool;
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Metadata, Subscriber};

use super::attempts::fleet;
use super::world::World;

/// Hears every statement that sqlx sends, on this thread.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<Vec<String>>>);

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Summary(&self.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Summary<'a>(&'a Mutex<Vec<String>>);

impl Visit for Summary<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "summary" {
            self.0.lock().unwrap().push(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

async fn bytes(world: &World) -> i64 {
    let mut conn = world.store.acquire().await.unwrap();
    // What the rows hold, wherever PostgreSQL keeps it; pages fill up.
    let mut sum = 0;
    for table in [
        "jobs",
        "job_instances",
        "job_attempts",
        "steps",
        "job_events",
        "trusts",
    ] {
        let question = format!("select coalesce(sum(pg_column_size(t)), 0)::bigint from {table} t");
        let of: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(question))
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        sum += of;
    }
    sum
}

/// A job on the pair: the statements of its attempt, those that end a transaction included, and the bytes of its rows.
async fn cost(world: &World, kind: JobKind) -> (Vec<String>, i64) {
    let before = bytes(world).await;
    let id = world.ask(kind, JobOptions::default()).await;
    let heard = Statements::default();
    {
        let _hearing = tracing::subscriber::set_default(heard.clone());
        assert_eq!(world.worker.run_next().await.unwrap(), Some(id));
    }
    assert_eq!(world.job(id).await.state, JobState::Succeeded);
    let kept = bytes(world).await - before;
    let statements = heard.0.lock().unwrap().clone();
    (statements, kept)
}

/// What ends a transaction that began by itself; each further statement outside of one is a transaction of its own.
fn is_end(statement: &str) -> bool {
    ["COMMIT", "ROLLBACK"].contains(&statement)
}

#[sqlx::test(migrations = false)]
async fn a_job_costs_few_statements_transactions_and_bytes(pool: PgPool) {
    let (_fleet, _instances, world) = fleet(&pool, &["HOST_A", "HOST_B"]).await;
    // Statements, ends of transactions and bytes of: the first that configures, one that finds all in place, one that verifies.
    for (kind, most) in [
        (JobKind::ConfigureInbound, (31, 6, 40_000)),
        (JobKind::ConfigureInbound, (16, 4, 16_000)),
        (JobKind::VerifyInbound, (16, 4, 16_000)),
    ] {
        let (statements, bytes) = cost(&world, kind).await;
        let (ends, work): (Vec<&String>, Vec<&String>) = statements.iter().partition(|s| is_end(s));
        let told = format!(
            "{kind:?}: {} statements, {} ends of transactions, {bytes} bytes: {statements:#?}",
            work.len(),
            ends.len()
        );
        let (some, few, small) = most;
        assert!(work.len() > 5 && !ends.is_empty(), "not heard: {told}");
        assert!(
            work.len() <= some && ends.len() <= few && bytes <= small,
            "{told}"
        );
    }
}
