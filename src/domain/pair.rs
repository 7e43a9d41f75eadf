//! A mirroring pair as it is registered. Jobs and plans know members and trusts only; a pair is one way to ask for them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::name::NamedRef;
use crate::domain::words::words;

/// How the partners are meant to mirror; preflight weighs its findings by it, nothing else does.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum OperatingMode {
    /// SAFETY OFF.
    HighPerformance,
    /// SAFETY FULL, no witness.
    HighSafety,
    /// SAFETY FULL with a witness.
    HighSafetyWithFailover,
}

words!(OperatingMode);

/// Two partners and an optional witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairSpec {
    pub partners: [NamedRef; 2],
    pub witness: Option<NamedRef>,
    pub operating_mode: Option<OperatingMode>,
}

/// What a member does in a pair.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    Partner,
    Witness,
}

words!(Role);

/// A part of a pair's declaration: who or what is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first or the second.
    Partner(usize),
    Witness,
    OperatingMode,
}

impl Place {
    /// Where the members stand, in the order of [`PairSpec::members`].
    pub const MEMBERS: [Self; 3] = [Self::Partner(0), Self::Partner(1), Self::Witness];
}

/// Why a pair is refused by a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedPair {
    #[error(
        "instance {name} appears twice; a pair needs two different partners and a third instance as witness"
    )]
    SameInstanceTwice { name: String, place: Place },
    #[error("operating_mode {} uses no witness; with a witness it must be high_safety_with_failover or absent", found.as_str())]
    WitnessNotUsed { found: OperatingMode },
    #[error("operating_mode high_safety_with_failover needs a witness")]
    WitnessMissing,
}

impl RefusedPair {
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::SameInstanceTwice { .. } => "same_instance_twice",
            Self::WitnessNotUsed { .. } => "witness_not_used",
            Self::WitnessMissing => "witness_missing",
        }
    }

    /// Where the fault is.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::SameInstanceTwice { place, .. } => *place,
            Self::WitnessNotUsed { .. } => Place::OperatingMode,
            Self::WitnessMissing => Place::Witness,
        }
    }
}

impl PairSpec {
    /// Checks the rules a pair obeys by itself.
    ///
    /// # Errors
    /// All rules that are broken.
    pub fn check(&self) -> Result<(), Vec<RefusedPair>> {
        let mut refused = Vec::new();
        let [first, second] = &self.partners;
        let twice = |name: &NamedRef, place| RefusedPair::SameInstanceTwice {
            name: name.name.to_string(),
            place,
        };
        if first.id == second.id {
            refused.push(twice(second, Place::Partner(1)));
        }
        if let Some(witness) = &self.witness
            && (witness.id == first.id || witness.id == second.id)
        {
            refused.push(twice(witness, Place::Witness));
        }
        match (self.operating_mode, &self.witness) {
            (Some(OperatingMode::HighSafetyWithFailover), None) => {
                refused.push(RefusedPair::WitnessMissing);
            }
            (
                Some(found @ (OperatingMode::HighPerformance | OperatingMode::HighSafety)),
                Some(_),
            ) => refused.push(RefusedPair::WitnessNotUsed { found }),
            _ => {}
        }
        if refused.is_empty() {
            Ok(())
        } else {
            Err(refused)
        }
    }

    /// Partners first, then the witness: the order plans and dry runs show.
    #[must_use]
    pub fn members(&self) -> Vec<(&NamedRef, Role)> {
        self.partners
            .iter()
            .map(|p| (p, Role::Partner))
            .chain(self.witness.iter().map(|w| (w, Role::Witness)))
            .collect()
    }

    #[must_use]
    pub fn names(&self, instance: Uuid) -> bool {
        self.members().iter().any(|(m, _)| m.id == instance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::RegistrationName;

    fn named(name: &str) -> NamedRef {
        NamedRef {
            id: Uuid::from_u128(u128::from(name.as_bytes()[0])),
            name: RegistrationName::parse(name).unwrap(),
        }
    }

    fn pair(a: &str, b: &str, w: Option<&str>, mode: Option<OperatingMode>) -> PairSpec {
        PairSpec {
            partners: [named(a), named(b)],
            witness: w.map(named),
            operating_mode: mode,
        }
    }

    #[test]
    fn one_instance_fills_one_place() {
        let same = pair("a", "a", None, None).check().unwrap_err();
        assert_eq!(same[0].place(), Place::Partner(1));
        let witness = pair("a", "b", Some("b"), None).check().unwrap_err();
        assert_eq!(witness[0].place(), Place::Witness);
        assert!(pair("a", "b", Some("w"), None).check().is_ok());
    }

    #[test]
    fn a_witness_and_the_mode_must_agree() {
        use OperatingMode as M;
        for mode in [M::HighPerformance, M::HighSafety] {
            assert!(pair("a", "b", Some("w"), Some(mode)).check().is_err());
            assert!(pair("a", "b", None, Some(mode)).check().is_ok());
        }
        let failover = Some(M::HighSafetyWithFailover);
        assert!(pair("a", "b", None, failover).check().is_err());
        assert!(pair("a", "b", Some("w"), failover).check().is_ok());
    }

    #[test]
    fn each_refusal_has_its_code() {
        let failover = Some(OperatingMode::HighSafetyWithFailover);
        for (refused, code) in [
            (pair("a", "a", None, None), "same_instance_twice"),
            (pair("a", "b", Some("a"), None), "same_instance_twice"),
            (
                pair("a", "b", Some("w"), Some(OperatingMode::HighSafety)),
                "witness_not_used",
            ),
            (pair("a", "b", None, failover), "witness_missing"),
        ] {
            let refused = refused.check().unwrap_err();
            let codes: Vec<_> = refused.iter().map(RefusedPair::code).collect();
            assert_eq!(codes, [code]);
        }
    }

    #[test]
    fn its_members_are_the_partners_and_then_the_witness() {
        let shown = |pair: &PairSpec| {
            let of = |(member, role): (&NamedRef, Role)| (member.name.to_string(), role);
            pair.members().into_iter().map(of).collect::<Vec<_>>()
        };
        let member = |name: &str, role| (name.to_owned(), role);
        let partners = [member("b", Role::Partner), member("a", Role::Partner)];
        assert_eq!(shown(&pair("b", "a", None, None)), partners);
        let with_witness = pair("b", "a", Some("w"), None);
        let [b, a] = partners;
        assert_eq!(shown(&with_witness), [b, a, member("w", Role::Witness)]);
        for (name, is_named) in [("a", true), ("b", true), ("w", true), ("x", false)] {
            assert_eq!(with_witness.names(named(name).id), is_named, "{name}");
        }
    }
}
