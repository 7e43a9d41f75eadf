//! A plan as it is shown: findings, and per instance its trusts with their actions and the very T-SQL of each.

use serde::Serialize;

use crate::domain::desired_state::Use;
use crate::domain::finding::{Code, Finding};
use crate::domain::plan::{InstancePlan, Plan, TrustCertificate, TrustPlan};
use crate::domain::script::{InstanceScript, Script};
use crate::domain::trust::{AdmitReason, Admits, Configured, Proof};
use crate::http::v1::trusts::NextView;

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlanView {
    /// Names the plan; give it back as `only_if_plan`.
    plan_hash: String,
    pub summary: SummaryView,
    findings: Vec<Finding>,
    pub instances: Vec<InstancePlanView>,
}

/// The plan in numbers of trusts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SummaryView {
    pub trusts: usize,
    pub configured: usize,
    /// Those whose peer would be let in at its next handshake.
    pub admitted: usize,
    pub to_do: usize,
    pub conflicts: usize,
    /// Neither configured nor plannable, such as with an unreachable member.
    pub unknown: usize,
    /// A blocker or conflict anywhere means that nothing is changed anywhere; with `partial` it does not.
    pub blocked: bool,
    /// `partial`: those for which nothing is done, because a blocker or conflict touches them.
    pub left_out: usize,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct InstancePlanView {
    pub instance: String,
    /// One line on the server as observed.
    #[schema(required)]
    server: Option<String>,
    /// One line on its endpoint.
    #[schema(required)]
    endpoint: Option<String>,
    /// The registrations that name it, whatever they ask for; told by inspections only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    used_by: Option<Vec<Use>>,
    pub trusts: Vec<TrustPlanView>,
    /// The whole batch; null when there is nothing to do here.
    #[schema(required)]
    batch: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TrustPlanView {
    /// The peer that is let in.
    pub from: String,
    configured: Configured,
    /// Whether the peer would be let in at its next handshake, before anything of this plan is done.
    admits: Admits,
    /// Why not `yes`.
    admits_reasons: Vec<AdmitReason>,
    /// When a `yes` ends by itself.
    #[schema(required)]
    lapses_at: Option<chrono::DateTime<chrono::Utc>>,
    proof: Proof,
    #[schema(required)]
    certificate: Option<PlanCertificateView>,
    /// The peer's certificate uploaded as `next`, before anything of this plan is done; null where there is none.
    #[schema(required)]
    next: Option<NextView>,
    pub actions: Vec<ActionView>,
    /// `partial`: the blockers and conflicts for which nothing is done here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    left_out: Vec<Code>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PlanCertificateView {
    sha256: String,
    thumbprint: String,
    not_after: chrono::DateTime<chrono::Utc>,
    /// It was uploaded as a pin, not merely obtained from the peer.
    pinned: bool,
    /// Its name on the acceptor, where it is there.
    #[schema(required)]
    name: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ActionView {
    #[schema(example = "create_login", value_type = String)]
    kind: &'static str,
    /// In words.
    summary: String,
    /// The very T-SQL; null where there is nothing to run.
    #[schema(required)]
    pub statement: Option<String>,
}

impl SummaryView {
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let all: Vec<&TrustPlan> = plan.instances.iter().flat_map(|i| &i.trusts).collect();
        let count = |wanted: Configured| all.iter().filter(|t| t.configured == wanted).count();
        Self {
            trusts: all.len(),
            configured: count(Configured::Yes),
            admitted: all
                .iter()
                .filter(|t| t.admits.verdict == Admits::Yes)
                .count(),
            to_do: count(Configured::No),
            conflicts: count(Configured::Conflict),
            unknown: count(Configured::Unknown),
            blocked: plan.is_blocked(),
            left_out: all.iter().filter(|t| !t.left_out.is_empty()).count(),
        }
    }
}

impl PlanView {
    #[must_use]
    pub fn of(plan: &Plan, script: &Script) -> Self {
        Self {
            plan_hash: plan.plan_hash.to_string(),
            summary: SummaryView::of(plan),
            findings: plan.findings.clone(),
            instances: plan
                .instances
                .iter()
                .map(|instance| InstancePlanView::of(instance, script.part(&instance.instance)))
                .collect(),
        }
    }
}

impl InstancePlanView {
    fn of(plan: &InstancePlan, script: Option<&InstanceScript>) -> Self {
        // One per action that changes something, in their order.
        let statements = script.into_iter().flat_map(|script| &script.statements);
        let mut statements = statements.map(|entry| entry.statement.clone());
        Self {
            instance: plan.instance.clone(),
            server: plan.server.clone(),
            endpoint: plan.endpoint.clone(),
            used_by: plan.used_by.clone(),
            trusts: plan
                .trusts
                .iter()
                .map(|trust| TrustPlanView::of(trust, &mut statements))
                .collect(),
            batch: script.and_then(InstanceScript::batch),
        }
    }
}

impl TrustPlanView {
    fn of(trust: &TrustPlan, statements: &mut impl Iterator<Item = String>) -> Self {
        Self {
            from: trust.peer.clone(),
            configured: trust.configured,
            admits: trust.admits.verdict,
            admits_reasons: trust.admits.reasons.clone(),
            lapses_at: trust.admits.lapses_at,
            proof: trust.proof,
            certificate: trust.certificate.as_ref().map(PlanCertificateView::of),
            next: trust.next.map(|next| NextView {
                sha256: next.sha256.to_string(),
                in_place: next.in_place,
            }),
            actions: trust
                .actions
                .iter()
                .map(|action| ActionView {
                    kind: action.kind(),
                    summary: action.describe(),
                    statement: match action.changes_something() {
                        true => statements.next(),
                        false => None,
                    },
                })
                .collect(),
            left_out: trust.left_out.clone(),
        }
    }
}

impl PlanCertificateView {
    fn of(certificate: &TrustCertificate) -> Self {
        Self {
            sha256: certificate.sha256.to_string(),
            thumbprint: certificate.thumbprint.to_string(),
            not_after: certificate.not_after,
            pinned: certificate.pinned,
            name: certificate.name.clone(),
        }
    }
}
