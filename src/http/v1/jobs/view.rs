//! Jobs and steps as they are shown.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::plan_view::PlanView;
use crate::domain::deadline::Deadline;
use crate::domain::desired_state::IfEndpointInUse;
use crate::domain::failure::SqlError;
use crate::domain::job::{FailureCode, Job, JobKind, JobState, Subject};
use crate::domain::pair::{OperatingMode, Role};
use crate::domain::script::Script;
use crate::domain::step::{Step, StepOutcome};
use crate::http::text::{Tabular, maybe_moment, moment};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct JobView {
    id: Uuid,
    kind: JobKind,
    subject: SubjectView,
    state: JobState,
    options: OptionsView,
    accepted: AcceptedView,
    /// Why it failed.
    #[schema(required)]
    failure: Option<FailureView>,
    /// Attempts begun.
    attempts: i32,
    /// All attempts ever begun: steps are numbered by these. More than `attempts` where some were handed back.
    attempts_begun: i32,
    /// When the next attempt is due, while queued.
    #[schema(required)]
    next_attempt_at: Option<DateTime<Utc>>,
    /// What the last attempt that will be repeated ran into.
    #[schema(required)]
    last_problem: Option<String>,
    /// For `only_if_plan`.
    #[schema(required)]
    plan_hash: Option<String>,
    /// Findings and actions; left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanView>,
    created_at: DateTime<Utc>,
    #[schema(required)]
    started_at: Option<DateTime<Utc>>,
    #[schema(required)]
    finished_at: Option<DateTime<Utc>>,
    /// When it was first asked to be cancelled; it may have ended otherwise all the same.
    #[schema(required)]
    cancel_requested_at: Option<DateTime<Utc>>,
    /// `Request-Id` of the request that asked.
    #[schema(required)]
    request_id: Option<String>,
    /// This request was answered with a job that was open already.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    deduplicated: bool,
}

/// What a job works on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum SubjectView {
    Pair(String),
    Instance(String),
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OptionsView {
    dry_run: bool,
    #[schema(required)]
    only_if_plan: Option<String>,
    if_endpoint_in_use: IfEndpointInUse,
    /// What a blocker or conflict touches is left out, and the rest done.
    partial: bool,
    accept_identity: bool,
    #[schema(required)]
    reason: Option<String>,
    #[schema(required)]
    change_ref: Option<String>,
    /// No attempt and no change begins after it.
    #[schema(required)]
    deadline: Option<DateTime<Utc>>,
}

/// What the job was accepted with, whatever is uploaded or changed meanwhile.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AcceptedView {
    /// Of the pair or instance.
    revision: i64,
    #[schema(required)]
    operating_mode: Option<OperatingMode>,
    members: Vec<AcceptedMemberView>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AcceptedMemberView {
    instance: String,
    role: Role,
    /// SHA-256 of its pin.
    #[schema(required)]
    current: Option<String>,
    /// SHA-256 of the certificate for a renewal to come.
    #[schema(required)]
    next: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct FailureView {
    code: FailureCode,
    detail: String,
}

impl JobView {
    /// As lists show it: without the plan.
    #[must_use]
    pub fn brief(job: &Job) -> Self {
        let options = &job.options;
        let text = |hash: &Option<crate::domain::hash::Sha256>| hash.map(|h| h.to_string());
        Self {
            id: job.id,
            kind: job.kind,
            subject: match &job.subject {
                Subject::Pair(named) => SubjectView::Pair(named.name.to_string()),
                Subject::Instance(named) => SubjectView::Instance(named.name.to_string()),
            },
            state: job.state,
            options: OptionsView {
                dry_run: options.dry_run,
                only_if_plan: options.only_if_plan.map(|hash| hash.to_string()),
                if_endpoint_in_use: options.if_endpoint_in_use,
                partial: options.partial,
                accept_identity: options.accept_identity,
                reason: options.reason.clone(),
                change_ref: options.change_ref.clone(),
                deadline: options.deadline.map(Deadline::moment),
            },
            accepted: AcceptedView {
                revision: job.accepted.revision,
                operating_mode: job.accepted.operating_mode,
                members: job
                    .accepted
                    .members
                    .iter()
                    .map(|m| AcceptedMemberView {
                        instance: m.instance.name.to_string(),
                        role: m.role,
                        current: text(&m.current),
                        next: text(&m.next),
                    })
                    .collect(),
            },
            failure: job
                .failure
                .clone()
                .map(|(code, detail)| FailureView { code, detail }),
            attempts: job.attempts,
            attempts_begun: job.attempts_begun,
            next_attempt_at: job.next_attempt_at,
            last_problem: job.last_problem.clone(),
            plan_hash: job.plan.as_ref().map(|p| p.plan_hash.to_string()),
            plan: None,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            cancel_requested_at: job.cancel_requested_at,
            request_id: job.request_id.clone(),
            deduplicated: false,
        }
    }

    /// With the plan and the very T-SQL of its actions.
    #[must_use]
    pub fn full(job: &Job, script: &Script) -> Self {
        Self {
            plan: job.plan.as_ref().map(|plan| PlanView::of(plan, script)),
            ..Self::brief(job)
        }
    }

    /// Says whether the request was answered with a job that was open already.
    #[must_use]
    pub fn marked(self, deduplicated: bool) -> Self {
        Self {
            deduplicated,
            ..self
        }
    }
}

impl Tabular for JobView {
    const COLUMNS: &'static [&'static str] = &[
        "JOB", "KIND", "SUBJECT", "STATE", "ATTEMPTS", "ASKED", "FINISHED", "CHANGE", "FAILURE",
    ];

    fn cells(&self) -> Vec<String> {
        let (on, name) = match &self.subject {
            SubjectView::Pair(name) => ("pair", name),
            SubjectView::Instance(name) => ("instance", name),
        };
        let dry = if self.options.dry_run {
            " (dry run)"
        } else {
            ""
        };
        vec![
            self.id.to_string(),
            format!("{}{dry}", self.kind.as_str()),
            format!("{on} {name}"),
            self.state.as_str().to_owned(),
            self.attempts.to_string(),
            moment(self.created_at),
            maybe_moment(self.finished_at),
            self.options.change_ref.clone().unwrap_or_default(),
            self.failure
                .as_ref()
                .map_or(String::new(), |f| f.code.as_str().to_owned()),
        ]
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StepView {
    id: Uuid,
    /// 1 for the first attempt.
    attempt: i32,
    /// Position in the attempt, from 1.
    ordinal: i32,
    instance: String,
    /// Where it is about a trust.
    #[schema(required)]
    peer: Option<String>,
    /// `observe`, `verify`, or an action's kind.
    #[schema(example = "create_login")]
    kind: String,
    summary: String,
    /// The very T-SQL that was sent.
    statement: String,
    started_at: DateTime<Utc>,
    #[schema(required)]
    ended_at: Option<DateTime<Utc>>,
    /// Null while it runs.
    #[schema(required)]
    outcome: Option<StepOutcome>,
    /// What SQL Server said.
    #[schema(required)]
    error: Option<SqlError>,
    #[schema(required)]
    detail: Option<String>,
}

impl StepView {
    #[must_use]
    pub fn of(step: Step) -> Self {
        Self {
            id: step.id,
            attempt: step.attempt,
            ordinal: step.ordinal,
            instance: step.instance,
            peer: step.peer,
            kind: step.kind,
            summary: step.summary,
            statement: step.statement,
            started_at: step.started_at,
            ended_at: step.ended_at,
            outcome: step.outcome,
            error: step.error,
            detail: step.detail,
        }
    }
}

impl Tabular for StepView {
    const COLUMNS: &'static [&'static str] = &[
        "STEP", "ON", "FROM", "KIND", "OUTCOME", "STARTED", "TOOK", "WHAT", "SAID",
    ];

    fn cells(&self) -> Vec<String> {
        let took = self.ended_at.map(|ended| {
            let ms = (ended - self.started_at).num_milliseconds().max(0);
            format!("{ms} ms")
        });
        let said = self.error.as_ref().map(ToString::to_string);
        vec![
            format!("{}.{}", self.attempt, self.ordinal),
            self.instance.clone(),
            self.peer.clone().unwrap_or_default(),
            self.kind.clone(),
            self.outcome
                .map_or("running", StepOutcome::as_str)
                .to_owned(),
            moment(self.started_at),
            took.unwrap_or_default(),
            self.summary.clone(),
            said.or_else(|| self.detail.clone()).unwrap_or_default(),
        ]
    }
}

pub fn example() -> serde_json::Value {
    serde_json::json!({
        "id": "01935f6e-3f00-7000-8000-000000000000", "kind": "configure-inbound", "subject": {"pair": "erp"}, "state": "queued",
        "options": {"dry_run": false, "only_if_plan": null, "if_endpoint_in_use": "refuse", "partial": false, "accept_identity": false,
                    "reason": "new pair", "change_ref": "CHG0042", "deadline": null},
        "accepted": {"revision": 1, "operating_mode": null, "members": [
            {"instance": "HOST_A", "role": "partner", "current": null, "next": null},
            {"instance": "HOST_B", "role": "partner", "current": null, "next": null}
        ]},
        "failure": null, "attempts": 0, "attempts_begun": 0, "next_attempt_at": "2026-11-22T20:11:00Z", "last_problem": null, "plan_hash": null,
        "created_at": "2026-11-22T20:11:00Z", "started_at": null, "finished_at": null, "cancel_requested_at": null, "request_id": null
    })
}
