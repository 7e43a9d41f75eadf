//! What is old goes, whole and in pieces; what is open, young or referred to stays.

use sqlx::PgPool;

use super::*;
use crate::domain::job::JobKind;
use crate::store::fixture::*;
use crate::store::{MIGRATOR, events, jobs, lease};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[sqlx::test(migrator = "MIGRATOR")]
async fn old_history_goes_in_pieces_and_nothing_else_does(pool: PgPool) {
    let conn = &mut *pool.acquire().await.unwrap();
    let fleet = fleet(conn, 2).await;
    let erp = pair(conn, "erp", &fleet[0], &fleet[1]).await;
    let mut ended = Vec::new();
    for _ in 0..6 {
        let new = new_job(&erp, JobKind::VerifyInbound, false);
        jobs::enqueue(conn, &new).await.unwrap();
        let (lease, _) = taken(conn).await.unwrap();
        lease::succeed(conn, &lease).await.unwrap();
        ended.push(new.id);
    }
    let open = queued(conn, &erp).await;
    for statement in [
        "update jobs set finished_at = finished_at - interval '31 days' where id = any($1)",
        "insert into trusts (acceptor_id, peer_id, configured, proof, checked_at, job_id, basis)
         select (select min(id::text)::uuid from instances), (select max(id::text)::uuid from instances), 'yes', 'unknown', now(), id, ''
         from jobs where id = any($1) order by id limit 1",
        "update jobs set created_at = now() - interval '60 days' where id <> all($1)",
    ] {
        sqlx::query(statement).bind(&ended[..5]).execute(&mut *conn).await.unwrap();
    }
    assert_eq!(prune(conn, DAY * 32, 3).await.unwrap(), 0);
    // Another process is at it.
    let mut other = pool.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *other)
        .await
        .unwrap();
    assert_eq!(prune(conn, DAY * 30, 3).await.unwrap(), 0);
    other.rollback().await.unwrap();
    // A repeated request may still be answered with it.
    sqlx::query(
        "insert into idempotency_keys (caller, method, path, key, request, status, object, created_at)
         values ('', 'POST', '/x', 'portal-1', decode(repeat('00', 32), 'hex'), 202, $1::text, now())",
    )
    .bind(ended[2])
    .execute(&mut *conn)
    .await
    .unwrap();
    assert_eq!(prune(conn, DAY * 30, 2).await.unwrap(), 2);
    assert_eq!(prune(conn, DAY * 30, 2).await.unwrap(), 1);
    assert_eq!(prune(conn, DAY * 30, 3).await.unwrap(), 0);
    for (id, stays) in [
        (ended[0], true),
        (ended[1], false),
        (ended[2], true),
        (ended[4], false),
        (ended[5], true),
        (open.id, true),
    ] {
        assert_eq!(jobs::get(conn, id).await.unwrap().is_some(), stays);
        assert_eq!(
            !events::list(conn, id, 0, 9).await.unwrap().is_empty(),
            stays
        );
    }
}
