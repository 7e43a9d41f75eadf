//! Why a connection to an instance did not come about, more precisely than by class: each cause has a remedy of its own.

use serde::{Deserialize, Serialize};

use super::tls_cause::TlsCause;

/// What is known of the cause. None is better than a wrong one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The instance's name leads to no address.
    NameUnresolved,
    LogIn(LogInCause),
    Tls(TlsCause),
}

/// A log-in the server refused, and what it was told of us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogInCause {
    pub refusal: Refusal,
    /// The SQL login.
    pub user: String,
    /// What mirrorgate calls itself in LOGIN7; logon triggers see it.
    pub application: String,
}

/// Refusals of a log-in, by error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// 18456: clients are not told why.
    Unsaid,
    /// 18450, 18452: the server takes this log-in for one of Windows, or takes no others.
    WindowsOnly,
    /// 18470.
    Disabled,
    /// 18486.
    LockedOut,
    /// 18487.
    PasswordExpired,
    /// 18488.
    MustChangePassword,
    /// 17892.
    LogonTrigger,
    /// 18451.
    OnlyAdministrators,
    /// 18461.
    SingleUser,
    /// 4060: the database asked for, which is `master`.
    Database,
    /// 4064: the login's default database.
    DefaultDatabase,
    /// 40532: only a gateway of Azure SQL says so.
    Gateway,
}

impl Refusal {
    /// What an error number says while logging in; `None` for one that is no refusal.
    #[must_use]
    pub fn of(number: i32) -> Option<Self> {
        match number {
            18456 => Some(Self::Unsaid),
            18450 | 18452 => Some(Self::WindowsOnly),
            18470 => Some(Self::Disabled),
            18486 => Some(Self::LockedOut),
            18487 => Some(Self::PasswordExpired),
            18488 => Some(Self::MustChangePassword),
            17892 => Some(Self::LogonTrigger),
            18451 => Some(Self::OnlyAdministrators),
            18461 => Some(Self::SingleUser),
            4060 => Some(Self::Database),
            4064 => Some(Self::DefaultDatabase),
            40532 => Some(Self::Gateway),
            _ => None,
        }
    }

    /// Whether this version of the credential is not tried again by itself. Where it is not the log-in that was refused,
    /// another try brings no lock-out nearer, and what is cured on the server is seen by the next job.
    #[must_use]
    pub fn rests(self) -> bool {
        match self {
            Self::Unsaid
            | Self::WindowsOnly
            | Self::Disabled
            | Self::LockedOut
            | Self::PasswordExpired
            | Self::MustChangePassword => true,
            Self::LogonTrigger
            | Self::OnlyAdministrators
            | Self::SingleUser
            | Self::Database
            | Self::DefaultDatabase
            | Self::Gateway => false,
        }
    }
}
