//! Instances chosen by their labels.

use super::read::to_json;
use super::{Conn, StoreError};
use crate::domain::registration::Labels;

/// The names (lower case) of the registered instances that have all these labels, in order, at most `most`.
pub async fn by_labels(
    conn: &mut Conn,
    labels: &Labels,
    most: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select name_key from instances where labels @> $1 and deleted_at is null order by name_key limit $2",
        to_json(labels)?,
        most
    )
    .fetch_all(conn)
    .await?)
}
