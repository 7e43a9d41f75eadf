//! Jobs: what was asked, what it was accepted with, and how it went.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::deadline::Deadline;
use super::desired_state::IfEndpointInUse;
use super::hash::Sha256;
use super::name::NamedRef;
use super::pair::{OperatingMode, Role};
use super::plan::Plan;
use super::plan_hash::PlanHash;

mod failure_code;
mod kind;
mod state;
mod subject;

pub use failure_code::FailureCode;
pub use kind::{Flow, JobKind, JobOption};
pub use state::{IllegalMove, JobEvent, JobState};
pub use subject::{Subject, SubjectKind};

/// What the caller asked for beside the kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobOptions {
    pub dry_run: bool,
    /// Proceed only if the plan has this hash.
    pub only_if_plan: Option<PlanHash>,
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

impl JobOptions {
    /// The newest format of options that this release understands. To be raised with every option that an older release would pass
    /// over to harm; jobs that use it are then written with the new format (`jobs.format`), others with the old one.
    pub const FORMAT: i16 = 1;
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
