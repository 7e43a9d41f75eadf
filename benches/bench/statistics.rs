//! What figures are made of: spreads of times, and what processes and PostgreSQL have used.

use std::time::Duration;

use sqlx::PgPool;

/// The time within which so many of a hundred were, in milliseconds.
pub fn within(times: &[Duration], share: usize) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3
}

/// The middle, the slowest hundredth and the slowest, in milliseconds.
pub fn spread(times: &[Duration]) -> String {
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms (n {})",
        within(times, 50),
        within(times, 99),
        within(times, 100),
        times.len()
    )
}

/// Seconds of CPU that a process has used, its ended threads included.
pub fn cpu_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = after_name
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    // utime and stime, in ticks of 10 ms.
    (fields[10] + fields[11]) / 100.0
}

/// Resident memory of a process, in MB.
pub fn resident_mb(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find(|l| l.starts_with("VmRSS:"))
        .unwrap_or_default();
    let kb: f64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or_default();
    kb / 1024.0
}

/// Has the statements of this database counted, if the server has `pg_stat_statements` loaded.
pub async fn count_statements(pool: &PgPool) {
    let _counted = sqlx::query("create extension if not exists pg_stat_statements")
        .execute(pool)
        .await;
}

/// What PostgreSQL has done for one database.
#[derive(Clone, Copy)]
pub struct Work {
    /// How many, and what they took; `None` where the server does not count them.
    pub statements: Option<(f64, f64)>,
    pub transactions: f64,
    pub bytes: f64,
}

impl Work {
    /// Since the database was made; statements are counted where `pg_stat_statements` is loaded.
    pub async fn so_far(pool: &PgPool) -> Self {
        // What sessions have counted is told with some delay; asking anew tells it.
        sqlx::query("select pg_stat_clear_snapshot()")
            .execute(pool)
            .await
            .unwrap();
        let statements = sqlx::query_as(
            "select coalesce(sum(calls), 0)::float8, coalesce(sum(total_exec_time), 0)::float8 from pg_stat_statements
             where dbid = (select oid from pg_database where datname = current_database())
               and query not ilike all (array['begin%', 'commit%', 'rollback%', '%pg_stat%', '%pg_total_relation_size%'])",
        )
        .fetch_one(pool)
        .await
        .ok();
        let transactions: f64 = sqlx::query_scalar(
            "select (xact_commit + xact_rollback)::float8 from pg_stat_database where datname = current_database()",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        let bytes: f64 = sqlx::query_scalar(
            "select coalesce(sum(pg_total_relation_size(oid)), 0)::float8 from pg_class
             where relkind = 'r' and relnamespace = 'public'::regnamespace",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        Self {
            statements,
            transactions,
            bytes,
        }
    }

    pub fn per(self, before: Self, jobs: f64) -> String {
        let statements = match (self.statements, before.statements) {
            (Some((calls, took)), Some((calls_before, took_before))) => format!(
                "{:.1} statements, {:.2} ms of PostgreSQL",
                (calls - calls_before) / jobs,
                (took - took_before) / jobs
            ),
            _ => "statements n/a".to_owned(),
        };
        format!(
            "{statements}, {:.1} transactions, {:.1} kB of tables per job",
            (self.transactions - before.transactions) / jobs,
            (self.bytes - before.bytes) / jobs / 1024.0
        )
    }
}
