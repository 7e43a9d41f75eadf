//! What is asked for: the bodies of the two operations that ask for a job, and their rules.

use serde::Deserialize;

use super::kind_of::{InstanceJobKind, PairJobKind};
use crate::domain::change::{MAX_CHANGE_REF, MAX_REASON, is_change_ref, is_reason};
use crate::domain::deadline::Deadline;
use crate::domain::desired_state::IfEndpointInUse;
use crate::domain::job::{JobKind, JobOption, JobOptions};
use crate::domain::plan_hash::PlanHash;
use crate::domain::registration::Labels;
use crate::http::problem::{Faults, Problem, ProblemKind};
use crate::http::v1::labels;

const POINTER_DEADLINE: &str = "/deadline";

/// A job on a pair.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskOfPair {
    kind: PairJobKind,
    /// Observe and plan, change nothing. `configure-inbound` only.
    #[serde(default)]
    dry_run: bool,
    /// Proceed only if the plan has this hash; else the job ends `plan_stale`. `configure-inbound` only.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-f]{64}$")]
    only_if_plan: Option<String>,
    /// What to do when a certificate is to be imported where a database is principal with a witness.
    #[serde(default)]
    if_endpoint_in_use: IfEndpointInUse,
    /// Leave out the trusts that a blocker or conflict touches, name them, and do the rest; the job then ends `partial`. Without it
    /// a blocker anywhere means that nothing is changed anywhere. `configure-inbound` only.
    #[serde(default)]
    partial: bool,
    /// Why, for the history.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// The change this belongs to; stands in the comment at the head of every batch.
    #[serde(default)]
    #[schema(max_length = 64, example = "CHG0042")]
    change_ref: Option<String>,
    /// When the job is no longer wanted, RFC 3339, by the database's clock: no attempt and no change begins after it, and a
    /// job that has begun none by then ends `deadline_exceeded`. What is being changed at that moment is looked at all the same.
    #[serde(default)]
    #[schema(format = DateTime, example = "2030-11-27T22:00:00Z")]
    deadline: Option<String>,
}

/// A job on an instance.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskOfInstance {
    kind: InstanceJobKind,
    /// Pin the identity the server has now, if it has changed.
    #[serde(default)]
    accept_identity: bool,
    /// Why, for the history.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// The change this belongs to.
    #[serde(default)]
    #[schema(max_length = 64, example = "CHG0042")]
    change_ref: Option<String>,
    /// When the job is no longer wanted, RFC 3339, by the database's clock: one that has not ended by then ends
    /// `deadline_exceeded`.
    #[serde(default)]
    #[schema(format = DateTime, example = "2030-11-27T22:00:00Z")]
    deadline: Option<String>,
}

/// Inspections of all instances with these labels.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskByLabels {
    /// Those that have all of these.
    #[schema(value_type = BTreeMap<String, String>)]
    labels: Labels,
    /// Pin the identity each server has now, if it has changed.
    #[serde(default)]
    accept_identity: bool,
    /// Why, for the history.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// The change this belongs to.
    #[serde(default)]
    #[schema(max_length = 64, example = "CHG0042")]
    change_ref: Option<String>,
    /// When the jobs are no longer wanted, RFC 3339, by the database's clock.
    #[serde(default)]
    #[schema(format = DateTime, example = "2030-11-27T22:00:00Z")]
    deadline: Option<String>,
}

impl AskOfPair {
    /// # Errors
    /// `refused`, with every rule that is broken.
    pub fn check(self) -> Result<(JobKind, JobOptions), Problem> {
        let mut faults = Faults::default();
        let kind = self.kind.0;
        check_options(
            kind,
            &[
                (JobOption::DryRun, self.dry_run),
                (JobOption::OnlyIfPlan, self.only_if_plan.is_some()),
                (JobOption::Partial, self.partial),
                (
                    JobOption::IfEndpointInUse,
                    self.if_endpoint_in_use != IfEndpointInUse::default(),
                ),
            ],
            &mut faults,
        );
        let only_if_plan = self.only_if_plan.as_deref().map(PlanHash::parse);
        if only_if_plan == Some(None) {
            faults.add(
                "/only_if_plan",
                "invalid_plan_hash",
                "wanted is the plan_hash of a dry run: 64 hexadecimal digits, lower case",
            );
        }
        let common = common((self.reason, self.change_ref, self.deadline), &mut faults);
        faults.refuse()?;
        let options = JobOptions {
            dry_run: self.dry_run,
            partial: self.partial,
            only_if_plan: only_if_plan.flatten(),
            if_endpoint_in_use: self.if_endpoint_in_use,
            ..common
        };
        Ok((kind, options))
    }
}

impl AskOfInstance {
    /// # Errors
    /// `refused`, with every rule that is broken.
    pub fn check(self) -> Result<(JobKind, JobOptions), Problem> {
        let mut faults = Faults::default();
        let kind = self.kind.0;
        check_options(
            kind,
            &[(JobOption::AcceptIdentity, self.accept_identity)],
            &mut faults,
        );
        let common = common((self.reason, self.change_ref, self.deadline), &mut faults);
        faults.refuse()?;
        let options = JobOptions {
            accept_identity: self.accept_identity,
            ..common
        };
        Ok((kind, options))
    }
}

impl AskByLabels {
    /// # Errors
    /// `refused`, with every rule that is broken; no labels at all would choose everything.
    pub fn check(self) -> Result<(Labels, JobOptions), Problem> {
        let mut faults = labels::faults(&self.labels);
        if self.labels.is_empty() {
            faults.add(
                "/labels",
                "no_labels",
                "wanted is at least one label: without any, every instance would be meant",
            );
        }
        let common = common((self.reason, self.change_ref, self.deadline), &mut faults);
        faults.refuse()?;
        let options = JobOptions {
            accept_identity: self.accept_identity,
            ..common
        };
        Ok((self.labels, options))
    }
}

/// Options that were given and that this kind does not take: to pass over them would be to promise what is not done.
fn check_options(kind: JobKind, given: &[(JobOption, bool)], faults: &mut Faults) {
    let refused = given.iter().filter(|(o, given)| *given && !kind.takes(*o));
    for (option, _) in refused {
        let takers = JobKind::ALL.iter().filter(|k| k.takes(*option));
        let takers: Vec<&str> = takers.map(|k| k.as_str()).collect();
        faults.add(
            format!("/{}", option.as_str()),
            "option_not_for_kind",
            format!(
                "{} does not take it; the option is for {}",
                kind.as_str(),
                takers.join(", ")
            ),
        );
    }
}

/// What any job may be asked with: why, the change it belongs to, and until when.
fn common(
    (reason, change_ref, deadline): (Option<String>, Option<String>, Option<String>),
    faults: &mut Faults,
) -> JobOptions {
    if reason.as_deref().is_some_and(|r| !is_reason(r)) {
        let wanted = format!(
            "wanted are at most {MAX_REASON} characters, none of them a control character or one that is not seen"
        );
        faults.add("/reason", "invalid_reason", wanted);
    }
    if change_ref.as_deref().is_some_and(|r| !is_change_ref(r)) {
        let wanted =
            format!("wanted are 1 to {MAX_CHANGE_REF} letters, digits, blanks or any of _.:#/+-");
        faults.add("/change_ref", "invalid_change_ref", wanted);
    }
    let until = deadline.as_deref().and_then(Deadline::parse);
    if let (Some(text), None) = (&deadline, until) {
        let wanted = format!(
            "wanted is a moment as RFC 3339 has it, such as 2030-11-27T22:00:00Z, not {text:?}"
        );
        faults.add(POINTER_DEADLINE, "invalid_deadline", wanted);
    }
    JobOptions {
        reason,
        change_ref,
        deadline: until,
        ..JobOptions::default()
    }
}

/// A job whose time is over before it begins.
#[must_use]
pub fn deadline_passed(deadline: Deadline) -> Problem {
    let detail = format!(
        "{deadline} is not in the future by the database's clock: such a job could not begin anything; give a later moment, or none"
    );
    Problem::at(
        ProblemKind::Refused,
        POINTER_DEADLINE,
        "deadline_passed",
        detail,
    )
}
