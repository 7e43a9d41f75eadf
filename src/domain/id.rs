//! Ids that the server makes. Names that clients choose live in `name`.

use uuid::Uuid;

/// A fresh UUIDv7: sorts by the time it was made, so keyset pagination and indexes stay cheap.
#[must_use]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_all_different_and_sort_by_the_time_they_were_made() {
        let made: Vec<Uuid> = std::iter::repeat_with(new_id).take(1000).collect();
        assert!(made.is_sorted_by(|earlier, later| earlier < later));
        assert!(made.iter().all(|id| id.get_version_num() == 7));
    }
}
