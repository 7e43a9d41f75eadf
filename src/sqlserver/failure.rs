//! From what the driver and the network say to `domain::failure`: decided here, once, from number and kind.
//!
//! Messages name the instance's address and what the server itself said, never the log-in's password and never a
//! chain of causes.

mod numbers;

use std::io::ErrorKind;

use tiberius::error::{Error, TokenError};

use numbers::{class_of, log_in_class_of};

use super::secure::TOO_MUCH;
use super::target::Target;
use crate::domain::cause::{Cause, LogInCause, Refusal};
use crate::domain::failure::{Failure, FailureClass, SqlError};
use crate::domain::tls_cause::{TlsCause, TlsFault};

/// The severity from which on SQL Server closes the connection.
const FATAL: u8 = 20;

pub(super) fn sql_error(token: &TokenError) -> SqlError {
    SqlError {
        number: i32::try_from(token.code()).unwrap_or(i32::MAX),
        class: token.class(),
        state: token.state(),
        message: super::decode::field::storable(token.message()),
        line: Some(token.line()),
    }
}

/// A failure that SQL Server described itself.
#[must_use]
pub(super) fn from_sql(target: &Target, error: SqlError) -> Failure {
    // From this severity on the session is gone, and with it the word on what became of the batch (596: it was killed).
    let class = match error.class {
        FATAL.. => FailureClass::OutcomeUnknown,
        _ => class_of(error.number),
    };
    Failure {
        class,
        detail: format!("{} refused the batch", target.name),
        sql: Some(error),
        cause: None,
    }
}

/// No TCP connection came about.
#[must_use]
pub(super) fn unreachable(target: &Target, what: &str) -> Failure {
    Failure {
        class: FailureClass::Unreachable,
        detail: format!("{} at {}: {what}", target.name, target.address),
        sql: None,
        cause: None,
    }
}

/// Characters of a server's words in a failure.
const MOST_SAID: usize = 1_000;

/// There was a session, but by then the batch was not to be sent any more.
#[must_use]
pub(super) fn not_sent(target: &Target) -> Failure {
    Failure {
        class: FailureClass::Transient,
        detail: format!(
            "{}: the right to change it ran out before the batch could be sent",
            target.name
        ),
        sql: None,
        cause: None,
    }
}

/// The server said something that cannot be. `what` may repeat it: as much of it as somebody reads.
#[must_use]
pub(super) fn protocol(target: &Target, what: &str) -> Failure {
    let what: String = super::decode::field::storable(what)
        .chars()
        .take(MOST_SAID)
        .collect();
    Failure {
        class: FailureClass::Protocol,
        detail: format!("{} at {}: {what}", target.name, target.address),
        sql: None,
        cause: None,
    }
}

/// An error of the log-in itself: PRELOGIN and TLS are behind us.
#[must_use]
pub(super) fn while_logging_in(target: &Target, error: &Error) -> Failure {
    match error {
        Error::Server(token) => log_in_refused(target, sql_error(token)),
        Error::Io { kind, .. } => lost_logging_in(target, *kind),
        Error::Routing { host, port } => protocol(
            target,
            &format!(
                "the server sent us on to {host}:{port}; register the instance's own address, not one that redirects"
            ),
        ),
        other => protocol(target, &format!("not understood while logging in: {other}")),
    }
}

/// The connection broke between TCP connect and the end of the log-in.
#[must_use]
pub(super) fn lost_logging_in(target: &Target, kind: ErrorKind) -> Failure {
    match kind {
        TOO_MUCH => protocol(target, super::session::TOO_MUCH),
        ErrorKind::TimedOut => unreachable(
            target,
            "the connection was accepted, and then the server said nothing in time",
        ),
        kind => unreachable(
            target,
            &format!("the connection was lost while logging in ({kind})"),
        ),
    }
}

/// The name of the instance could not be turned into an address. `said`: the resolver's own words.
#[must_use]
pub(super) fn name_unresolved(target: &Target, said: &str) -> Failure {
    Failure {
        cause: Some(Box::new(Cause::NameUnresolved)),
        ..unreachable(target, said)
    }
}

fn log_in_refused(target: &Target, error: SqlError) -> Failure {
    let class = log_in_class_of(error.number).unwrap_or_else(|| class_of(error.number));
    let cause = refusal(target, error.number).map(|cause| Box::new(Cause::LogIn(cause)));
    Failure {
        class,
        detail: match class {
            FailureClass::LoginRefused => format!(
                "{} refused login [{}] ({})",
                target.name, target.log_in.user, error.number
            ),
            _ => format!("{} takes no log-in now", target.name),
        },
        sql: Some(error),
        cause,
    }
}

fn refusal(target: &Target, number: i32) -> Option<LogInCause> {
    Some(LogInCause {
        refusal: Refusal::of(number)?,
        user: target.log_in.user.clone(),
        application: target.application.clone(),
    })
}

/// The server cannot be trusted, or not be talked to, as the registration wants it.
#[must_use]
pub(super) fn tls_not_trusted(target: &Target, cause: TlsCause) -> Failure {
    let said = super::decode::field::storable(&cause.describe());
    Failure {
        class: FailureClass::TlsNotTrusted,
        detail: match cause.presented {
            Some(_) => format!("{} {said}", target.address),
            None => format!("{}: {said}", target.address),
        },
        sql: None,
        cause: Some(Box::new(Cause::Tls(cause))),
    }
}

/// Whether the server hung up on the first TLS message; a broken link looks the same.
#[must_use]
pub(super) fn is_hang_up_at_hello(failure: &Failure) -> bool {
    let cause = failure.cause.as_deref();
    matches!(cause, Some(Cause::Tls(tls)) if tls.fault == TlsFault::ClosedAtHello)
}

/// An error with a batch under way, whose effect is then unknown.
#[must_use]
pub(super) fn during_batch(target: &Target, error: &Error) -> Failure {
    match error {
        Error::Server(token) => from_sql(target, sql_error(token)),
        Error::Io { kind: TOO_MUCH, .. } => protocol(target, super::session::TOO_MUCH),
        Error::Io { kind, .. } => Failure {
            class: FailureClass::OutcomeUnknown,
            detail: format!(
                "{} at {}: the connection was lost with a batch under way ({kind})",
                target.name, target.address
            ),
            sql: None,
            cause: None,
        },
        other => protocol(target, &format!("the answer was not understood: {other}")),
    }
}

/// The answer ended, complete as TDS has it, and neither what commits nor what catches errors was heard of.
#[must_use]
pub(super) fn no_verdict(target: &Target) -> Failure {
    Failure {
        class: FailureClass::OutcomeUnknown,
        detail: format!(
            "{} at {}: the batch ended without saying how",
            target.name, target.address
        ),
        sql: None,
        cause: None,
    }
}

/// No answer within the time a batch is given.
#[must_use]
pub(super) fn no_answer(target: &Target, limit: std::time::Duration) -> Failure {
    Failure {
        class: FailureClass::OutcomeUnknown,
        detail: format!(
            "{} at {}: no complete answer within {} s",
            target.name,
            target.address,
            limit.as_secs()
        ),
        sql: None,
        cause: None,
    }
}

#[cfg(test)]
mod tests;
