//! Whether the peer has been seen logged in by its certificate. Configured is not proven.

use super::trust::Trust;
use crate::domain::trust::Proof;

pub(super) fn proof(trust: &Trust<'_>) -> Proof {
    if trust.seen.connections.is_none() {
        return Proof::NotPermittedToSee;
    }
    trust
        .held(&trust.required.certificate)
        .and_then(|held| trust.connection_by(held.certificate_id))
        .map_or(Proof::NeverDialled, |connection| Proof::Proven {
            since: connection.login_time,
        })
}
