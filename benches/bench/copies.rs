//! Much of everything, by SQL: rows copied from those that requests over HTTP have made. What is left out of a copy has its
//! default, such as the place in the queue.

use sqlx::PgPool;

/// The columns of a table that a copy takes over as they are.
async fn columns(pool: &PgPool, table: &str, except: &[&str]) -> String {
    sqlx::query_scalar(
        "select string_agg(quote_ident(column_name), ', ') from information_schema.columns
         where table_schema = 'public' and table_name = $1 and is_generated = 'NEVER' and column_name <> all ($2)",
    )
    .bind(table)
    .bind(except)
    .fetch_one(pool)
    .await
    .unwrap()
}

async fn run(pool: &PgPool, statement: String, first: usize, last: usize) {
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(first as i64)
        .bind(last as i64)
        .execute(pool)
        .await
        .unwrap();
}

/// What autovacuum would have done by the time there is so much of it.
pub async fn settle(pool: &PgPool) {
    sqlx::raw_sql("vacuum analyze").execute(pool).await.unwrap();
}

/// `COPY000001` and so on.
pub async fn instances(pool: &PgPool, first: usize, last: usize) {
    let except = ["id", "name", "peer_name", "peer_name_key"];
    let columns = columns(pool, "instances", &except).await;
    let statement = format!(
        "with made as (
             insert into instances ({columns}, id, name, peer_name, peer_name_key)
             select {columns}, gen_random_uuid(), 'COPY' || n, 'COPY' || n, 'copy' || n
             from (select * from instances order by created_at limit 1) i,
                  lateral (select lpad(k::text, 6, '0') as n from generate_series($1, $2) k) numbers
             returning id),
         made_status as (insert into instance_status (instance_id) select id from made)
         insert into instance_leases (instance_id) select id from made"
    );
    run(pool, statement, first, last).await;
}

/// `copy000001` and so on, each of two of the copied instances; where there are twice as many of those, no two share one.
pub async fn pairs(pool: &PgPool, first: usize, last: usize) {
    let columns = columns(pool, "pairs", &["id", "name"]).await;
    let statement = format!(
        "with made as (
             insert into pairs ({columns}, id, name)
             select {columns}, gen_random_uuid(), 'copy' || lpad(k::text, 6, '0')
             from (select * from pairs order by created_at limit 1) p, generate_series($1, $2) k
             returning id, substring(name from 5)::int as n),
         there as (
             select array_agg(id order by name_key) as ids, count(*) as size from instances where name like 'COPY%')
         insert into pair_members (pair_id, position, role, instance_id)
         select m.id, side, 'partner',
                ids[1 + mod(2 * m.n + case side when 0 then 0 else 1 + 2 * (2 * m.n / size) end, size)]
         from made m, there, generate_series(0, 1) side"
    );
    run(pool, statement, first, last).await;
}

/// Ended inspections, spread over all instances; copied from the first that was asked for.
pub async fn history(pool: &PgPool, first: usize, last: usize) {
    let except = [
        "id",
        "subject_id",
        "subject_name",
        "instance_id",
        "state",
        "next_attempt_at",
        "finished_at",
        "queue_position",
    ];
    let columns = columns(pool, "jobs", &except).await;
    let statement = format!(
        "with there as (
             select id, name, row_number() over (order by id) - 1 as n, count(*) over () as size from instances),
         made as (
             insert into jobs ({columns}, id, subject_id, subject_name, state, finished_at)
             select {columns}, gen_random_uuid(), t.id, t.name, 'succeeded', clock_timestamp()
             from (select * from jobs where kind = 'inspect' order by queue_position limit 1) j,
                  generate_series($1, $2) k join there t on t.n = mod(k, t.size)
             returning id, subject_id, subject_name)
         insert into job_instances (job_id, instance_id, instance_name_key)
         select id, subject_id, lower(subject_name) from made"
    );
    run(pool, statement, first, last).await;
}

/// What an open job waits for.
#[derive(Clone, Copy)]
pub enum Wait {
    /// Its instances are free.
    Nothing,
    /// One and the same instance, `HOST_A`.
    OneInstance,
    /// It is a retry, due in an hour.
    ItsTime,
}

/// Open changing jobs on the copied pairs; copied from the first that was asked for.
pub async fn open_jobs(pool: &PgPool, first: usize, last: usize, wait: Wait) {
    let except = [
        "id",
        "subject_id",
        "subject_name",
        "pair_id",
        "instance_id",
        "holds",
        "state",
        "attempts",
        "claims",
        "next_attempt_at",
        "finished_at",
        "parked_on",
        "parked_until",
        "queue_position",
    ];
    let columns = columns(pool, "jobs", &except).await;
    let (attempts, due) = match wait {
        Wait::Nothing | Wait::OneInstance => (0, "interval '0'"),
        Wait::ItsTime => (1, "interval '1 hour'"),
    };
    let second = match wait {
        Wait::OneInstance => "(select id from instances where name = 'HOST_A')",
        Wait::Nothing | Wait::ItsTime => "two.instance_id",
    };
    let statement = format!(
        "with made as (
             insert into jobs ({columns}, id, subject_id, subject_name, holds, state, attempts, claims, next_attempt_at)
             select {columns}, gen_random_uuid(), p.id, p.name,
                    array[least(one.instance_id, {second}), greatest(one.instance_id, {second})],
                    'queued', {attempts}, {attempts}, clock_timestamp() + {due}
             from (select * from jobs where kind = 'configure-inbound' order by queue_position limit 1) j,
                  (select id, name from pairs where name like 'copy%'
                   and substring(name from 5)::int between $1 and $2 order by name) p
             join pair_members one on one.pair_id = p.id and one.position = 0
             join pair_members two on two.pair_id = p.id and two.position = 1
             returning id, holds)
         insert into job_instances (job_id, instance_id, instance_name_key)
         select made.id, i.id, i.name_key from made join instances i on i.id = any (made.holds)"
    );
    run(pool, statement, first, last).await;
}

/// An attempt that lasts for an hour has `HOST_A`.
pub async fn hold_host_a(pool: &PgPool) {
    sqlx::query(
        "insert into instance_leases (instance_id, job_id, token, since, until)
         select (select id from instances where name = 'HOST_A'), (select id from jobs order by queue_position limit 1),
                gen_random_uuid(), clock_timestamp(), clock_timestamp() + interval '1 hour'
         on conflict (instance_id) do update
         set job_id = excluded.job_id, token = excluded.token, since = excluded.since, until = excluded.until",
    )
    .execute(pool)
    .await
    .unwrap();
}

/// Nothing is open any more, and nothing held.
pub async fn end_all(pool: &PgPool) {
    for statement in [
        "update instance_leases set job_id = null, token = null, until = '-infinity' where token is not null",
        "update jobs set state = 'cancelled', finished_at = clock_timestamp(), next_attempt_at = null, parked_on = null
         where state = 'queued'",
    ] {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
    settle(pool).await;
}
