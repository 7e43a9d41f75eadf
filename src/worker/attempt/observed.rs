//! What one observation of all members showed, read in the ways an attempt needs it. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::inputs::Inputs;
use super::party::Party;
use crate::domain::desired_state::Member;
use crate::domain::estate::Mark;
use crate::domain::failure::Failure;
use crate::domain::hash::Thumbprint;
use crate::domain::identity::ServerIdentity;
use crate::domain::observation::Observation;
use crate::plan::ObservedMember;
use crate::store::estate::About;

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

    /// Each member, and why it could not be seen where it could not.
    pub(super) fn answered(&self) -> impl Iterator<Item = (Uuid, Option<&Failure>)> {
        self.all().map(|(member, _, seen)| match seen {
            ObservedMember::Failed(failure) => (member.instance_id, Some(failure)),
            ObservedMember::Answered(_) => (member.instance_id, None),
        })
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

/// What has to be known of other registrations before this is weighed.
pub(super) fn about(inputs: &Inputs, seen: &[ObservedMember]) -> About {
    let members = &inputs.desired.members;
    let mut about = About {
        members: members.iter().map(|member| member.instance_id).collect(),
        ..About::default()
    };
    let pins = members
        .iter()
        .flat_map(|member| member.current.iter().chain(&member.next));
    about.certificates.extend(pins.map(|pin| Mark {
        sha256: Some(pin.sha256),
        thumbprint: Some(pin.thumbprint),
    }));
    for answer in seen.iter().filter_map(answer) {
        about.servers.push(answer.server.identity.clone());
        about
            .certificates
            .extend(answer.certificates.iter().map(Mark::from));
        let used = answer.endpoint.as_ref();
        let used = used.and_then(|endpoint| endpoint.certificate.as_ref());
        about.certificates.extend(used.map(Mark::from));
    }
    about
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
