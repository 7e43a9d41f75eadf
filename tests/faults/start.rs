//! Starting: replicas that start together on an empty database take turns at its schema, and all of them serve.

use sqlx::PgPool;

use super::replica::Replica;
use super::site::{LONG, Site};
use super::within;

#[sqlx::test(migrations = false)]
async fn replicas_that_start_together_make_the_schema_once(pool: PgPool) {
    let site = Site::apart(&pool, 1).await;
    let mut replicas: Vec<Replica> = (0..3)
        .map(|_| Replica::launch(site.directory.path(), &site.database, &[], &[]))
        .collect();
    for replica in &mut replicas {
        within(LONG, "it serves", || {
            assert!(!replica.has_ended(), "{}", replica.log());
            std::future::ready(replica.is_listening())
        })
        .await;
    }
    let made: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations where success")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(made as usize, mirrorgate::store::MIGRATOR.iter().count());
    site.register(&replicas[2], &[]).await;
    let asked = site.configure_all(&replicas[0]).await;
    site.all_succeed(&asked, LONG).await;
}
