//! What is said of apply batches that were not committed: who refused what, whether he refused it before, what to do.
//! Pure.

use std::fmt::Write as _;

use crate::domain::action::Action;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::job::FailureCode;

/// A batch that was not committed, or not surely so.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ApplyFailure {
    pub instance: String,
    /// The user mirrorgate logs in as there.
    pub log_in: String,
    pub failure: Failure,
    /// The action whose statement the server refused, where it said which.
    pub action: Option<Refused>,
}

/// One action, with the peer it was for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refused {
    pub peer: String,
    pub action: Action,
}

impl ApplyFailure {
    /// No further look and no later attempt can cure it. What exists already may have been somebody faster, once: when
    /// the look in between did not show it, and it is refused again, it is there and cannot be seen.
    pub fn is_final(&self, earlier: &[Self]) -> bool {
        match self.failure.class {
            FailureClass::AlreadyExists => self.is_repeated(earlier),
            class => !class.may_pass(),
        }
    }

    /// Whether the same statement was refused the same way before.
    fn is_repeated(&self, earlier: &[Self]) -> bool {
        let same = |other: &Self| {
            other.instance == self.instance
                && other.action == self.action
                && other.number() == self.number()
        };
        self.number().is_some() && earlier.iter().any(same)
    }

    fn number(&self) -> Option<i32> {
        self.failure.sql.as_ref().map(|error| error.number)
    }

    /// What happened, with the action, the server's own words and, where `earlier` rounds make it final, what to do.
    pub fn describe(&self, earlier: &[Self]) -> String {
        let (Some(refused), Some(error)) = (&self.action, &self.failure.sql) else {
            return on(&self.instance, &self.failure);
        };
        let again = match self.is_repeated(earlier) {
            true => " again",
            false => "",
        };
        let mut words = format!(
            "{} refused{again} to {} for {}: {error}",
            self.instance,
            refused.action.describe(),
            refused.peer
        );
        if self.failure.class == FailureClass::AlreadyExists && !again.is_empty() {
            let _ = write!(words, " {}", self.what_is_hidden(refused));
        }
        words
    }

    /// Looked for, not seen, and yet there.
    fn what_is_hidden(&self, refused: &Refused) -> String {
        let Self {
            instance, log_in, ..
        } = self;
        let (what, place) = match (&refused.action, self.number()) {
            (Action::CreateLogin { login }, _) => (
                format!("a principal [{login}]"),
                format!("among the logins and server roles of {instance} (sys.server_principals)"),
            ),
            (Action::CreateUser { login, .. }, Some(15063 | 15278)) => (
                format!("a user of login [{login}]"),
                format!(
                    "among the users of master on {instance} (sys.database_principals, by the login's SID)"
                ),
            ),
            (Action::CreateUser { user, .. }, _) => (
                format!("a principal [{user}]"),
                format!(
                    "among the users and roles of master on {instance} (sys.database_principals)"
                ),
            ),
            (
                Action::ImportCertificate {
                    certificate,
                    thumbprint,
                    ..
                },
                _,
            ) => (
                format!("a certificate [{certificate}], or this very one under another name"),
                format!(
                    "among the certificates of master on {instance} (sys.certificates, by name and by thumbprint {thumbprint})"
                ),
            ),
            (action, _) => (
                format!("what \"{}\" would make", action.describe()),
                format!("on {instance}"),
            ),
        };
        format!(
            "So {what} is there, and log-in [{log_in}] does not see it, or it comes and goes. Look {place} as an administrator; then let [{log_in}] see it (is VIEW DEFINITION denied on it?), so that it is adopted or named as what stands in the way, or have mirrorgate use another name (naming of {instance}). Not tried again by itself."
        )
    }
}

/// The code of a job that ends because of these.
pub(super) fn code(of: &[&ApplyFailure]) -> FailureCode {
    let all = |class| of.iter().all(|f| f.failure.class == class);
    if of
        .iter()
        .any(|f| f.failure.class == FailureClass::FileMismatch)
    {
        FailureCode::Conflict
    } else if all(FailureClass::LoginRefused) {
        FailureCode::LoginRefused
    } else if all(FailureClass::TlsNotTrusted) {
        FailureCode::TlsNotTrusted
    } else {
        FailureCode::ActionRefused
    }
}

/// A failure with the instance in front, and what the server said.
pub(super) fn on(instance: &str, failure: &Failure) -> String {
    // Most details begin with the instance already.
    let mut words = if failure.detail.starts_with(instance) {
        failure.detail.clone()
    } else {
        format!("{instance}: {}", failure.detail)
    };
    if let Some(error) = &failure.sql {
        let _ = write!(words, ": {error}");
    }
    words
}
