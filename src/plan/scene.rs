//! What the rules look at: the wish, what was seen of each member, and the time. No judgement.

use chrono::{DateTime, Utc};

use super::note::Note;
use crate::domain::failure::Failure;
use crate::domain::finding::Code;
use crate::domain::observation::Observation;
use crate::domain::wish::{Member, Wish};

/// What came back from looking at one member.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Observed(Box<Observation>),
    Failed(Failure),
}

/// All a rule may know.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub wish: &'a Wish,
    /// One per member, in their order.
    pub seen: &'a [Seen],
    /// mirrorgate's clock.
    pub now: DateTime<Utc>,
}

impl<'a> Scene<'a> {
    pub fn member(&self, index: usize) -> &'a Member {
        &self.wish.members[index]
    }

    pub fn name(&self, index: usize) -> &'a str {
        self.member(index).name.as_str()
    }

    pub fn observed(&self, index: usize) -> Option<&'a Observation> {
        match self.seen.get(index) {
            Some(Seen::Observed(observation)) => Some(observation),
            _ => None,
        }
    }

    /// Every member that answered.
    pub fn all_observed(&self) -> impl Iterator<Item = (usize, &'a Member, &'a Observation)> {
        let scene = *self;
        (0..self.wish.members.len())
            .filter_map(move |i| Some((i, scene.member(i), scene.observed(i)?)))
    }

    /// A finding about one member, to be filled in.
    pub fn note(&self, code: Code, member: usize) -> Note {
        Note::new(code, member, self.name(member))
    }
}
