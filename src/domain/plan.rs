//! The outcome of thinking: findings, trusts, and what to do where. Made by `crate::plan`, kept in the job's history.

use serde::{Deserialize, Serialize};

use super::action::Action;
use super::desired_state::Use;
use super::finding::{Code, Finding};
use super::hash::{Sha256, Thumbprint};
use super::plan_hash::PlanHash;
use super::trust::{Admission, Configured, NextSeen, Proof};

/// What one attempt found and would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub findings: Vec<Finding>,
    /// In the order of the members.
    pub instances: Vec<InstancePlan>,
    /// Over identities, actions, object names and certificate hashes; no times, no secrets.
    pub plan_hash: PlanHash,
    /// What blockers touch is left out of it, and they forbid nothing else.
    #[serde(default)]
    pub partial: bool,
}

/// One member's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstancePlan {
    pub instance: String,
    /// One line on the server as observed; absent when it could not be observed.
    pub server: Option<String>,
    /// One line on its endpoint.
    pub endpoint: Option<String>,
    /// The registrations that name it; told by inspections only.
    #[serde(default)]
    pub used_by: Option<Vec<Use>>,
    pub trusts: Vec<TrustPlan>,
}

/// One trust on that member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrustPlan {
    pub peer: String,
    pub configured: Configured,
    pub proof: Proof,
    /// Whether the peer would be let in at its next handshake.
    #[serde(default)]
    pub admits: Admission,
    /// The certificate that lets the peer in.
    pub certificate: Option<TrustCertificate>,
    /// The peer's next certificate, before anything of this plan is done; absent where none is uploaded.
    #[serde(default)]
    pub next: Option<NextSeen>,
    /// In the order they are carried out; empty when something forbids planning.
    pub actions: Vec<Action>,
    /// `partial`: the blockers and conflicts for which nothing is done here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Code>,
}

/// The certificate a trust is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustCertificate {
    pub sha256: Sha256,
    pub thumbprint: Thumbprint,
    pub not_after: chrono::DateTime<chrono::Utc>,
    /// It was uploaded as a pin, not merely obtained from the peer.
    pub pinned: bool,
    /// Its name on the acceptor, where it is there.
    pub name: Option<String>,
}

impl Plan {
    /// Nothing of it may be carried out.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        !self.partial && self.findings.iter().any(Finding::forbids_changes)
    }

    /// Something keeps the job from succeeding, whether or not changes may be made.
    #[must_use]
    pub fn has_blockers(&self) -> bool {
        self.findings.iter().any(Finding::blocks)
    }

    /// Whether anything at all would be changed, were it not blocked.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.changes().next().is_some()
    }

    /// Every changing action with its instance's position and its peer.
    pub fn changes(&self) -> impl Iterator<Item = (usize, &str, &Action)> {
        self.instances.iter().enumerate().flat_map(|(i, instance)| {
            instance.trusts.iter().flat_map(move |trust| {
                trust
                    .actions
                    .iter()
                    .filter(|a| a.changes_something())
                    .map(move |a| (i, trust.peer.as_str(), a))
            })
        })
    }

    /// Nothing blocks and nothing is left to do.
    #[must_use]
    pub fn is_fulfilled(&self) -> bool {
        !self.has_blockers() && !self.has_changes()
    }
}
