//! What one observation of all members showed, read in the ways an attempt needs it. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::inputs::Inputs;
use super::party::Party;
use crate::domain::desired_state::Member;
use crate::domain::failure::Failure;
use crate::domain::hash::Thumbprint;
use crate::domain::identity::ServerIdentity;
use crate::domain::observation::Observation;
use crate::plan::ObservedMember;

/// Certificates that endpoints were seen to use, by the member's position: what a renewed one would be called is known
/// only then.
pub(super) type KnownCertificates = BTreeMap<usize, Thumbprint>;

/// What was seen of every member.
pub(super) struct Observed<'a> {
    pub inputs: &'a Inputs,
    /// PostgreSQL's time before the first member was asked: of two observations, the one begun later is the newer.
    pub at: DateTime<Utc>,
    /// One per member, in their order.
    pub seen: Vec<ObservedMember>,
}

impl Observed<'_> {
    fn all(&self) -> impl Iterator<Item = (&Member, &Party, &ObservedMember)> {
        let members = self.inputs.desired.members.iter();
        let all = members.zip(&self.inputs.parties).zip(&self.seen);
        all.map(|((member, party), seen)| (member, party, seen))
    }

    /// The members that answered, with what they said.
    pub(super) fn answers(&self) -> impl Iterator<Item = (&Member, &Party, &Observation)> {
        self.all()
            .filter_map(|(member, party, seen)| Some((member, party, answer(seen)?)))
    }

    /// The members that could not be seen, and why.
    pub(super) fn unseen(&self) -> Vec<(String, Failure)> {
        self.all()
            .filter_map(|(member, _, seen)| match seen {
                ObservedMember::Failed(failure) => Some((member.name.to_string(), failure.clone())),
                ObservedMember::Answered(_) => None,
            })
            .collect()
    }

    /// Which server each member is, where it could be seen.
    pub(super) fn servers(&self) -> Vec<Option<&ServerIdentity>> {
        let answers = self.seen.iter().map(answer);
        answers
            .map(|answer| answer.map(|said| &said.server.identity))
            .collect()
    }

    pub(super) fn known_certificates(&self) -> KnownCertificates {
        let answers = self.seen.iter().map(answer).enumerate();
        answers
            .filter_map(|(member, answer)| Some((member, Thumbprint::of(endpoint_der(answer?)?))))
            .collect()
    }
}

fn answer(seen: &ObservedMember) -> Option<&Observation> {
    match seen {
        ObservedMember::Answered(observation) => Some(observation),
        ObservedMember::Failed(_) => None,
    }
}

/// The bytes of the certificate an observed endpoint uses.
pub(super) fn endpoint_der(observation: &Observation) -> Option<&[u8]> {
    let endpoint = observation.endpoint.as_ref()?;
    endpoint.certificate.as_ref()?.der.as_deref()
}
