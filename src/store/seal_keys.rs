//! Which keys a database's secrets are sealed with. It knows that itself: every process has to have one of them.

use super::{Conn, StoreError};

/// What became of a process that comes with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// It is one of the database's.
    Known,
    /// The database had none; now it has this one.
    First,
    /// The database has others.
    Foreign(Vec<String>),
}

/// The ids of the database's keys.
///
/// # Errors
/// When the database does not answer.
pub async fn known(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    let known = sqlx::query_scalar!("select id from seal_keys order by id");
    Ok(known.fetch_all(conn).await?)
}

/// Joins with key `id`, in a transaction of the caller's. `lost` names a key that nobody has any more: it is forgotten, and what it sealed
/// is worthless.
///
/// # Errors
/// When the database does not answer.
pub async fn join(conn: &mut Conn, id: &str, lost: Option<&str>) -> Result<Joined, StoreError> {
    // Of two that come first, with two keys, one is the first.
    sqlx::query!("lock table seal_keys in share row exclusive mode")
        .execute(&mut *conn)
        .await?;
    if let Some(lost) = lost.filter(|lost| *lost != id) {
        sqlx::query!("delete from seal_keys where id = $1", lost)
            .execute(&mut *conn)
            .await?;
    }
    let known = known(conn).await?;
    if known.iter().any(|known| known == id) {
        return Ok(Joined::Known);
    }
    if !known.is_empty() {
        return Ok(Joined::Foreign(known));
    }
    sqlx::query!("insert into seal_keys (id) values ($1)", id)
        .execute(conn)
        .await?;
    Ok(Joined::First)
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;
    use crate::store::MIGRATOR;

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn the_first_key_is_the_databases_until_it_is_lost(pool: PgPool) {
        let conn = &mut *pool.begin().await.unwrap();
        assert_eq!(join(conn, "aaaaaaaa", None).await.unwrap(), Joined::First);
        assert_eq!(join(conn, "aaaaaaaa", None).await.unwrap(), Joined::Known);
        let foreign = Joined::Foreign(vec!["aaaaaaaa".to_owned()]);
        assert_eq!(join(conn, "bbbbbbbb", None).await.unwrap(), foreign);
        let wrong = join(conn, "bbbbbbbb", Some("cccccccc")).await.unwrap();
        assert_eq!(wrong, foreign);
        let itself = join(conn, "aaaaaaaa", Some("aaaaaaaa")).await.unwrap();
        assert_eq!(itself, Joined::Known, "who has it has not lost it");
        let lost = join(conn, "bbbbbbbb", Some("aaaaaaaa")).await.unwrap();
        assert_eq!(lost, Joined::First);
        assert_eq!(known(conn).await.unwrap(), ["bbbbbbbb"]);
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn of_two_keys_that_come_at_once_one_is_the_first(pool: PgPool) {
        let one = async |id: &'static str| {
            let mut tx = pool.begin().await.unwrap();
            let joined = join(&mut tx, id, None).await.unwrap();
            tx.commit().await.unwrap();
            joined
        };
        let (a, b) = tokio::join!(one("aaaaaaaa"), one("bbbbbbbb"));
        assert!((a == Joined::First) != (b == Joined::First), "{a:?} {b:?}");
    }
}
