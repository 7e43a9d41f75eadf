//! What the rules look at: the desired state, what was seen of each member, and the time. No judgement.

use chrono::{DateTime, Utc};

use super::findings::FindingBuilder;
use crate::domain::desired_state::{DesiredState, Member, NeededRoles};
use crate::domain::failure::Failure;
use crate::domain::finding::Code;
use crate::domain::observation::Observation;
use crate::domain::pair::Role;

/// What came back from looking at one member.
#[derive(Debug, Clone, PartialEq)]
pub enum ObservedMember {
    Answered(Box<Observation>),
    Failed(Failure),
}

/// All a rule may know.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub desired: &'a DesiredState,
    /// One per member, in their order.
    pub seen: &'a [ObservedMember],
    /// mirrorgate's clock.
    pub now: DateTime<Utc>,
}

impl<'a> Context<'a> {
    pub fn member(&self, index: usize) -> &'a Member {
        &self.desired.members[index]
    }

    pub fn name(&self, index: usize) -> &'a str {
        self.member(index).name.as_str()
    }

    /// What the registrations want of its endpoint: all of them, and the one that this is about.
    pub fn needed_roles(&self, index: usize) -> NeededRoles {
        let member = self.member(index);
        let (of_all, own) = (member.needed_roles, member.role);
        let is_own = |role| self.desired.inspection.is_none() && own == role;
        NeededRoles {
            partner: of_all.partner || is_own(Role::Partner),
            witness: of_all.witness || is_own(Role::Witness),
        }
    }

    /// Whether it is a partner in what this is about; an inspection is about all that is registered.
    pub fn is_partner(&self, index: usize) -> bool {
        match self.desired.inspection {
            Some(_) => self.member(index).needed_roles.partner,
            None => self.member(index).role == Role::Partner,
        }
    }

    pub fn observed(&self, index: usize) -> Option<&'a Observation> {
        match self.seen.get(index) {
            Some(ObservedMember::Answered(observation)) => Some(observation),
            _ => None,
        }
    }

    /// Every member that answered.
    pub fn all_observed(&self) -> impl Iterator<Item = (usize, &'a Member, &'a Observation)> {
        let context = *self;
        (0..self.desired.members.len())
            .filter_map(move |i| Some((i, context.member(i), context.observed(i)?)))
    }

    /// A finding about one member, to be filled in.
    pub fn finding(&self, code: Code, member: usize) -> FindingBuilder {
        FindingBuilder::new(code, member, self.name(member))
    }
}
