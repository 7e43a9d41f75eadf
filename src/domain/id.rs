//! Ids that the server makes. Names that clients choose live in `name`.

use uuid::Uuid;

/// A fresh UUIDv7: sorts by the time it was made, so keyset pagination and indexes stay cheap.
#[must_use]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}
