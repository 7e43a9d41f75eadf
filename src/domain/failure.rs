//! Why talking to an instance failed: decided once, at the wire, from error number and kind. Nobody matches on text.

use serde::{Deserialize, Serialize};

use super::cause::Cause;
use crate::domain::words::words;

/// An error SQL Server sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SqlError {
    /// Error number, for example 15025.
    pub number: i32,
    /// Severity.
    pub class: u8,
    pub state: u8,
    pub message: String,
    /// Line in the batch that was sent.
    pub line: Option<u32>,
}

impl std::fmt::Display for SqlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "error {}, severity {}, state {}: {}",
            self.number, self.class, self.state, self.message
        )
    }
}

/// The class of a failure.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FailureClass {
    /// No connection: name not resolved, refused, timed out, Browser silent, not ready for log-ins yet.
    Unreachable,
    /// The server's certificate could not be verified, or it does not offer TLS.
    TlsNotTrusted,
    /// 18456 and its kin. Never retried: lock-out.
    LoginRefused,
    /// Deadlock victim, lock time-out, out of memory, a database in recovery …: the batch did nothing; the server's state passes.
    Transient,
    /// 15025, 15023, 15063, 15278, 15232: somebody was faster, or the object is invisible. Observe and plan anew; refused a
    /// second time, it is invisible.
    AlreadyExists,
    /// 15151, 15247, 229, 262, 297, 300 …
    PermissionMissing,
    /// 15208: the file on the acceptor is missing, unreadable or no certificate.
    FileUnusable,
    /// The bytes of the file are another certificate's.
    FileMismatch,
    /// The link was lost with a batch under way, or its answer did not say how it ended: nobody knows whether it ran.
    OutcomeUnknown,
    /// Any other error number.
    Rejected,
    /// The server said something that cannot be.
    Protocol,
}

words!(FailureClass);

impl FailureClass {
    /// Whether a later attempt could succeed with nothing else changed.
    #[must_use]
    pub fn may_pass(self) -> bool {
        match self {
            Self::Unreachable | Self::Transient | Self::OutcomeUnknown => true,
            Self::TlsNotTrusted
            | Self::LoginRefused
            | Self::AlreadyExists
            | Self::PermissionMissing
            | Self::FileUnusable
            | Self::FileMismatch
            | Self::Rejected
            | Self::Protocol => false,
        }
    }
}

/// A failure with what people need to understand it. Holds no secret: messages of the log-in phase are the server's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    pub class: FailureClass,
    /// Written for the caller.
    pub detail: String,
    pub sql: Option<SqlError>,
    /// Where more is known than the class.
    pub cause: Option<Box<Cause>>,
}

/// An error with all its causes, on one line: for the log or, where they come from our own rules and hold nothing secret,
/// for people.
#[must_use]
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let words: Vec<String> = causes.map(ToString::to_string).collect();
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_written_the_way_it_is_serialised() {
        for class in FailureClass::ALL {
            let written = serde_json::to_value(class).unwrap();
            assert_eq!(written, serde_json::Value::from(class.as_str()));
        }
    }

    /// What is refused stays refused until somebody changes something; trying again would only lock a login out.
    #[test]
    fn only_what_may_be_gone_by_itself_is_worth_another_try() {
        let passing: Vec<_> = FailureClass::ALL.iter().filter(|c| c.may_pass()).collect();
        assert_eq!(
            passing,
            [
                &FailureClass::Unreachable,
                &FailureClass::Transient,
                &FailureClass::OutcomeUnknown
            ]
        );
    }

    #[test]
    fn an_error_of_sql_server_is_told_with_number_severity_state_and_message() {
        let error = SqlError {
            number: 15151,
            class: 16,
            state: 1,
            message: "Cannot find the login.".to_owned(),
            line: Some(3),
        };
        assert_eq!(
            error.to_string(),
            "error 15151, severity 16, state 1: Cannot find the login."
        );
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{said}")]
    struct Nested {
        said: &'static str,
        source: Option<Box<Self>>,
    }

    #[test]
    fn an_error_is_told_with_all_its_causes_from_the_outside_in() {
        let inner = |said, source: Option<Nested>| Nested {
            said,
            source: source.map(Box::new),
        };
        let error = inner("a", Some(inner("b", Some(inner("c", None)))));
        assert_eq!(error_chain(&error), "a: b: c");
        assert_eq!(error_chain(&inner("alone", None)), "alone");
    }
}
