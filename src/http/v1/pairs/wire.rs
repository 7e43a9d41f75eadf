//! Pairs as they cross the wire.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::name::RegistrationName;
use crate::domain::pair::{OperatingMode, PairSpec, Place};
use crate::domain::registration::{Labels, Wanted};
use crate::http::problem::{Faults, Problem, ProblemKind};
use crate::http::text::{Lines, Tabular};
use crate::http::v1::labels;
use crate::http::v1::registration::{Screen, registration_view};
use crate::http::v1::trusts::{self, TrustStatuses, TrustView, summary};
use crate::store::instances::Instance;
use crate::store::pairs::Pair;
use crate::store::trusts::Couple;

/// A pair as it is declared.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPair {
    pub spec: PairInput,
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: Labels,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PairInput {
    /// Names of two instances.
    #[schema(example = json!(["HOST_A", "HOST_B"]))]
    pub partners: [String; 2],
    /// Name of a third instance.
    #[serde(default)]
    #[schema(example = "HOST_W")]
    pub witness: Option<String>,
    /// How the partners are meant to mirror; only preflight uses it. A witness goes with the last of them only.
    #[serde(default)]
    pub operating_mode: Option<OperatingMode>,
}

impl PutPair {
    /// # Errors
    /// `refused`, with every rule that is broken by itself.
    pub fn check(&self) -> Result<(), Problem> {
        labels::faults(&self.labels).refuse()
    }

    /// The declaration with the members it refers to, by the keys of their names.
    ///
    /// # Errors
    /// `refused`, with every rule that is broken.
    pub fn complete(
        self,
        members: &HashMap<String, Instance>,
    ) -> Result<Wanted<PairSpec>, Problem> {
        let named = |name: &String| {
            key(name)
                .and_then(|key| members.get(&key))
                .map(Instance::named)
                .ok_or_else(|| {
                    Problem::new(ProblemKind::Internal, "a member that was found is gone")
                })
        };
        let [first, second] = &self.spec.partners;
        let spec = PairSpec {
            partners: [named(first)?, named(second)?],
            witness: self.spec.witness.as_ref().map(named).transpose()?,
            operating_mode: self.spec.operating_mode,
        };
        let mut faults = Faults::default();
        for refused in spec.check().err().unwrap_or_default() {
            faults.add(pointer(refused.place()), refused.code(), &refused);
        }
        faults.refuse()?;
        Ok(Wanted::new(spec, self.labels))
    }

    /// The members' names, and where each stands.
    pub fn members(&self) -> Vec<(Place, &str)> {
        let partners = self.spec.partners.iter().map(String::as_str);
        Place::MEMBERS
            .into_iter()
            .zip(partners.chain(self.spec.witness.as_deref()))
            .collect()
    }
}

/// Where a part of a pair stands in its declaration.
pub fn pointer(place: Place) -> String {
    match place {
        Place::Partner(n) => format!("/spec/partners/{n}"),
        Place::Witness => "/spec/witness".to_owned(),
        Place::OperatingMode => "/spec/operating_mode".to_owned(),
    }
}

/// By what an instance of this name is found; `None` for what is no name.
pub fn key(name: &str) -> Option<String> {
    RegistrationName::parse(name).ok().map(|name| name.key())
}

registration_view! {
    /// A pair as it is shown.
    PairView(PairOutput, PairStatus),
    example "erp", revision "Counts changes of spec and labels."
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PairOutput {
    partners: [String; 2],
    #[schema(required)]
    witness: Option<String>,
    #[schema(required)]
    operating_mode: Option<OperatingMode>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PairStatus {
    /// One entry per trust: 2 between partners, 6 with a witness. Shared with every other pair of the same two instances.
    trusts: Vec<TrustView>,
}

impl PairView {
    /// `statuses` must have all members.
    #[must_use]
    pub fn of(pair: &Pair, statuses: &TrustStatuses) -> Self {
        let spec = PairOutput {
            partners: pair.spec.partners.clone().map(|p| p.name.to_string()),
            witness: pair.spec.witness.as_ref().map(|w| w.name.to_string()),
            operating_mode: pair.spec.operating_mode,
        };
        let trusts = trusts_of(&pair.spec).into_iter();
        let trusts = trusts
            .filter_map(|(on, from)| statuses.view(on, from))
            .collect();
        Self::around(pair, spec, PairStatus { trusts })
    }

    fn mode(&self) -> &'static str {
        self.spec.operating_mode.map_or("", |m| m.as_str())
    }
}

impl Screen for PairView {
    fn plain(&self) -> String {
        let mut lines = Lines::default();
        lines.line("pair", &self.name);
        lines.line("partners", self.spec.partners.join(" "));
        lines.line("witness", self.spec.witness.as_deref().unwrap_or_default());
        lines.line("mode", self.mode());
        lines.line("labels", labels::cell(&self.labels));
        lines.line("revision", self.revision.to_string());
        lines.line("trusts", summary(&self.status.trusts));
        lines.render() + "\n" + &trusts::columns(&self.status.trusts)
    }
}

impl Tabular for PairView {
    const COLUMNS: &'static [&'static str] = &[
        "NAME", "PARTNERS", "WITNESS", "MODE", "TRUSTS", "REVISION", "LABELS",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.spec.partners.join(" "),
            self.spec.witness.clone().unwrap_or_default(),
            self.mode().to_owned(),
            summary(&self.status.trusts),
            self.revision.to_string(),
            labels::cell(&self.labels),
        ]
    }
}

/// The trusts it asks for: on every member from every other, in the order they are shown in.
pub fn trusts_of(spec: &PairSpec) -> Vec<Couple> {
    let members = spec.members();
    let from = |on: Uuid| members.iter().map(move |(from, _)| (on, from.id));
    members
        .iter()
        .flat_map(|(on, _)| from(on.id))
        .filter(|(on, from)| on != from)
        .collect()
}

pub fn example() -> serde_json::Value {
    let trust = |on: &str, from: &str| {
        serde_json::json!({
            "on": on, "from": from, "configured": "yes", "admits": "yes",
            "admits_reasons": [], "lapses_at": "2027-03-01T00:00:00Z", "proof": {"state": "proven", "since": "2026-11-22T20:11:00Z"},
            "certificate": {
                "sha256": "3f0a9e1f6c1d0f5f4f0e5a9f8f5f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b",
                "thumbprint": "9F21A7C44E0B5D1188A0C7B2E3F4051627384950"
            },
            "checked_at": "2026-11-22T20:12:00Z", "job": "01935f6e-3f00-7000-8000-000000000000"
        })
    };
    serde_json::json!({
        "name": "erp", "labels": {}, "revision": 1,
        "created_at": "2026-11-22T20:11:00Z", "updated_at": "2026-11-22T20:11:00Z",
        "spec": {"partners": ["HOST_A", "HOST_B"], "witness": null, "operating_mode": "high_safety"},
        "status": {"trusts": [trust("HOST_A", "HOST_B"), trust("HOST_B", "HOST_A")]}
    })
}
