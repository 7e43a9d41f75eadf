//! What can go wrong in the store, by meaning: PostgreSQL's codes and constraint names are read here and nowhere else.

use crate::domain::job::IllegalMove;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection, or the database is shutting down, overloaded or waiting too long: nothing is wrong with the request.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The link was lost while a transaction was being committed: whether it was is not known.
    #[error("the database did not say whether it committed")]
    Unconfirmed(#[source] sqlx::Error),
    /// Something unique is there already.
    #[error("{} is taken", constraint.as_str())]
    Taken { constraint: Unique },
    /// A row names another that is missing or deleted.
    #[error("a registration that is referred to is not there (any more)")]
    Referenced,
    /// Another worker holds the job by now, or the lease ran out: the attempt must stop and write nothing.
    #[error("the lease on the job is lost")]
    LeaseLost,
    /// A row that the domain cannot read, or that should be there.
    #[error("{table}.{column} of {id} is not what was expected")]
    Inconsistent {
        table: &'static str,
        column: &'static str,
        id: String,
    },
    #[error("the job cannot move so")]
    IllegalMove(#[from] IllegalMove),
    #[error("the schema could not be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    #[error("the database refused a statement")]
    Other(#[source] sqlx::Error),
}

/// What is unique, by the constraint that keeps it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    CredentialName,
    InstanceName,
    InstancePeerName,
    PairName,
    /// The subject has an open changing job.
    OpenChangingJob,
}

impl Unique {
    const ALL: [Self; 5] = [
        Self::CredentialName,
        Self::InstanceName,
        Self::InstancePeerName,
        Self::PairName,
        Self::OpenChangingJob,
    ];

    /// The constraint's name in the migrations.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CredentialName => "credentials_name_unique",
            Self::InstanceName => "instances_name_unique",
            Self::InstancePeerName => "instances_peer_name_unique",
            Self::PairName => "pairs_name_unique",
            Self::OpenChangingJob => "jobs_one_open_changing",
        }
    }
}

impl StoreError {
    /// Whether the same request can be expected to succeed a little later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Unconfirmed(_))
    }

    /// What a failed commit means: once it was sent, silence says nothing about what was done.
    pub(super) fn of_commit(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Unavailable(error) => Self::Unconfirmed(error),
            other => other,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Database(database) => match database.code().as_deref() {
                Some("23505") => match taken(database.constraint()) {
                    Some(constraint) => Self::Taken { constraint },
                    None => Self::Other(error),
                },
                Some("23503") => Self::Referenced,
                Some(code) if passes(code) => Self::Unavailable(error),
                _ => Self::Other(error),
            },
            _ => Self::Other(error),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(error) => match Self::from(error) {
                unavailable @ Self::Unavailable(_) => unavailable,
                Self::Other(error) => Self::Migration(sqlx::migrate::MigrateError::Execute(error)),
                other => other,
            },
            error => Self::Migration(error),
        }
    }
}

fn taken(constraint: Option<&str>) -> Option<Unique> {
    Unique::ALL
        .into_iter()
        .find(|unique| Some(unique.as_str()) == constraint)
}

/// SQLSTATEs that say something about the moment, not about the statement.
fn passes(code: &str) -> bool {
    // Connection exceptions, too few resources, shutting down or starting up, cancelled (statement time-out),
    // lock time-out, deadlock, serialisation, read-only (a standby that has not been promoted yet).
    code.starts_with("08")
        || code.starts_with("53")
        || matches!(
            code,
            "57P01" | "57P02" | "57P03" | "57014" | "55P03" | "40P01" | "40001" | "25006" | "25P03"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_mistakes_are_told_apart() {
        for code in ["08006", "53300", "57P01", "40P01", "55P03"] {
            assert!(passes(code), "{code}");
        }
        for code in ["42P01", "23514", "22001"] {
            assert!(!passes(code), "{code}");
        }
        assert!(StoreError::from(sqlx::Error::PoolTimedOut).is_unavailable());
        assert!(!StoreError::from(sqlx::Error::RowNotFound).is_unavailable());
        let cut = StoreError::of_commit(sqlx::Error::WorkerCrashed);
        assert!(matches!(cut, StoreError::Unconfirmed(_)) && cut.is_unavailable());
    }
}
