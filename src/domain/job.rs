//! Jobs: what was asked, with what it was accepted with, and the one function through which their state moves.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::deadline::Deadline;
use super::hash::Sha256;
use super::name::NamedRef;
use super::pair::{OperatingMode, Role};
use super::plan::Plan;
use super::wish::IfEndpointInUse;

/// What kind of job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobKind {
    /// Brings every member's inbound side into the wanted state.
    ConfigureInbound,
    /// Looks only; fails with `not_in_place` if anything is missing.
    VerifyInbound,
    /// Observes one instance; with `accept_identity` pins a changed identity anew.
    Inspect,
}

impl JobKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigureInbound => "configure-inbound",
            Self::VerifyInbound => "verify-inbound",
            Self::Inspect => "inspect",
        }
    }

    /// Reads the stored and the wire form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::ConfigureInbound, Self::VerifyInbound, Self::Inspect]
            .into_iter()
            .find(|k| k.as_str() == text)
    }
}

/// What a job works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Pair(NamedRef),
    Instance(NamedRef),
}

impl Subject {
    #[must_use]
    pub fn named(&self) -> &NamedRef {
        match self {
            Self::Pair(named) | Self::Instance(named) => named,
        }
    }
}

/// What the caller asked for beside the kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobOptions {
    pub dry_run: bool,
    /// Proceed only if the plan has this hash.
    pub only_if_plan: Option<String>,
    pub if_endpoint_in_use: IfEndpointInUse,
    /// What a blocker or conflict touches is left out, and the rest done; `configure-inbound` only.
    #[serde(default)]
    pub partial: bool,
    /// `inspect` only.
    pub accept_identity: bool,
    pub reason: Option<String>,
    /// The caller's change reference; travels in a comment at the head of every batch.
    pub change_ref: Option<String>,
    /// No attempt and no change begins after it.
    pub deadline: Option<Deadline>,
}

/// What a job was accepted with: kept, whatever is uploaded meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Revision of the pair (or of the instance, for `inspect`).
    pub revision: i64,
    pub operating_mode: Option<OperatingMode>,
    pub members: Vec<AcceptedMember>,
}

/// One member at the time of acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedMember {
    pub instance: NamedRef,
    pub role: Role,
    pub current: Option<Sha256>,
    pub next: Option<Sha256>,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits to be claimed, at first or for another attempt.
    Queued,
    /// An attempt is under way.
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl JobState {
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// Why a job failed: a closed, documented list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// A blocker among the findings.
    PreflightFailed,
    /// Something stands in the way of a chain. No batch was sent after it was found; the steps tell what was done before.
    Conflict,
    /// `verify-inbound`: something is missing.
    NotInPlace,
    /// Everything is in place, and the endpoint would still refuse a peer: the reasons are in `admits`.
    NotAdmitted,
    /// `partial`: what a blocker or conflict touches was left out; the rest is done.
    Partial,
    /// The deadline the job was given has passed, or leaves no time for another attempt. Nothing was begun after it; the steps
    /// tell what was done before.
    DeadlineExceeded,
    /// `only_if_plan`: the world has moved.
    PlanStale,
    /// An instance could not be reached, through all attempts.
    Unreachable,
    /// An instance refused the log-in; not retried.
    LoginRefused,
    /// An instance's certificate could not be verified.
    TlsNotTrusted,
    /// SQL Server refused an action.
    ActionRefused,
    /// All attempts failed for reasons that could have passed.
    AttemptsExhausted,
    /// The job killed its process again and again.
    Poisoned,
    /// A credential, certificate or registration the job needs is gone or cannot be opened.
    RegistrationUnusable,
    /// A fault of mirrorgate's own.
    Internal,
}

impl FailureCode {
    pub const ALL: [Self; 15] = [
        Self::PreflightFailed,
        Self::Conflict,
        Self::NotInPlace,
        Self::NotAdmitted,
        Self::Partial,
        Self::DeadlineExceeded,
        Self::PlanStale,
        Self::Unreachable,
        Self::LoginRefused,
        Self::TlsNotTrusted,
        Self::ActionRefused,
        Self::AttemptsExhausted,
        Self::Poisoned,
        Self::RegistrationUnusable,
        Self::Internal,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreflightFailed => "preflight_failed",
            Self::Conflict => "conflict",
            Self::NotInPlace => "not_in_place",
            Self::NotAdmitted => "not_admitted",
            Self::Partial => "partial",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::PlanStale => "plan_stale",
            Self::Unreachable => "unreachable",
            Self::LoginRefused => "login_refused",
            Self::TlsNotTrusted => "tls_not_trusted",
            Self::ActionRefused => "action_refused",
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::Poisoned => "poisoned",
            Self::RegistrationUnusable => "registration_unusable",
            Self::Internal => "internal",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == text)
    }
}

/// How an attempt ended, as the worker reports it.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptOutcome {
    Succeeded,
    /// For good.
    Failed {
        code: FailureCode,
        detail: String,
    },
    /// For now: another attempt is due, unless the cap is reached (then it ends with `code`).
    RetryLater {
        code: FailureCode,
        detail: String,
    },
}

/// A job with its history's head.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub id: Uuid,
    pub kind: JobKind,
    pub subject: Subject,
    pub options: JobOptions,
    pub accepted: Accepted,
    pub state: JobState,
    pub failure: Option<(FailureCode, String)>,
    /// Attempts that count: begun and not handed back.
    pub attempts: i32,
    /// All attempts ever begun, those handed back included: what the steps are numbered by.
    pub attempts_begun: i32,
    /// When the next attempt is due; set while queued.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// What the last attempt that failed for now ran into.
    pub last_problem: Option<String>,
    /// When it was first asked to be cancelled; it may have succeeded all the same.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// The plan of the last attempt that got that far.
    pub plan: Option<Plan>,
    /// Counts changes of everything a view shows: the status part of its ETag.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// `Request-Id` of the request that asked.
    pub request_id: Option<String>,
}

/// Something that happens to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEvent {
    Claimed,
    FailedForNow,
    HandedBack,
    Succeeded,
    FailedForGood,
    Cancelled,
}

/// A move that the table of moves does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {} cannot take {event:?}", from.as_str())]
pub struct IllegalMove {
    pub from: JobState,
    pub event: JobEvent,
}

impl JobState {
    /// The only way from one state to another.
    ///
    /// # Errors
    /// [`IllegalMove`] for a move that is not in the table; an ended job never moves.
    pub fn after(self, event: JobEvent) -> Result<Self, IllegalMove> {
        use JobEvent as On;
        use JobState as Is;
        match (self, event) {
            // An expired lease is claimed by the query that claims fresh jobs.
            (Is::Queued | Is::Running, On::Claimed) => Ok(Is::Running),
            (Is::Running, On::FailedForNow | On::HandedBack) => Ok(Is::Queued),
            (Is::Running, On::Succeeded) => Ok(Is::Succeeded),
            // A queued job fails for good when it is found poisoned, or its deadline has passed.
            (Is::Queued | Is::Running, On::FailedForGood) => Ok(Is::Failed),
            (Is::Queued | Is::Running, On::Cancelled) => Ok(Is::Cancelled),
            (from, event) => Err(IllegalMove { from, event }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_job_never_moves() {
        use JobEvent as E;
        for state in JobState::ALL.into_iter().filter(|s| s.has_ended()) {
            for event in [
                E::Claimed,
                E::FailedForNow,
                E::HandedBack,
                E::Succeeded,
                E::FailedForGood,
                E::Cancelled,
            ] {
                assert_eq!(state.after(event), Err(IllegalMove { from: state, event }));
            }
        }
    }

    #[test]
    fn stored_forms_read_back() {
        for code in FailureCode::ALL {
            assert_eq!(FailureCode::parse(code.as_str()), Some(code));
        }
        for state in JobState::ALL {
            assert_eq!(JobState::parse(state.as_str()), Some(state));
        }
    }
}
