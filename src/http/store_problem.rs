//! What the caller is told when the store fails. The whole cause goes to the log, once, here.

use super::problem::{Problem, ProblemKind};
use crate::domain::failure::error_chain;
use crate::store::seal::SealError;
use crate::store::{StoreError, Unique};

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Taken {
                constraint: Unique::InstancePeerName,
            } => Self::new(
                ProblemKind::PeerNameTaken,
                "another instance already has this peer name; peer names are unique without regard to case",
            ),
            StoreError::Taken { .. } | StoreError::Referenced => Self::new(
                ProblemKind::ConcurrentChange,
                "another request changed the same objects at the same moment; repeat the request",
            ),
            StoreError::Unconfirmed(_) => {
                tracing::warn!(error = error_chain(&error), "a commit was not confirmed");
                Self::new(
                    ProblemKind::Unavailable,
                    "the database did not say whether the change was made; repeat the request: PUT and DELETE bear it, POST with its Idempotency-Key",
                )
            }
            unavailable if unavailable.is_unavailable() => {
                tracing::warn!(error = error_chain(&error), "the database is not available");
                Self::new(
                    ProblemKind::Unavailable,
                    "the database does not answer just now; nothing was changed",
                )
            }
            _ => {
                tracing::error!(error = error_chain(&error), "the store failed");
                Self::new(
                    ProblemKind::Internal,
                    "the request could not be carried out; the log tells why",
                )
            }
        }
    }
}

impl From<SealError> for Problem {
    fn from(error: SealError) -> Self {
        tracing::error!(
            error = error_chain(&error),
            "a secret cannot be sealed or opened"
        );
        Self::new(
            ProblemKind::Internal,
            "the secret cannot be sealed; the log tells why",
        )
    }
}
