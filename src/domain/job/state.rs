//! Where a job stands, and the one function through which it moves.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::domain::words::words;

/// Where a job stands.
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
    IntoStaticStr,
    EnumString,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum JobState {
    /// Waits to be claimed, at first or for another attempt.
    Queued,
    /// An attempt is under way.
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

words!(JobState);

impl JobState {
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// Something that happens to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEvent {
    Claimed,
    FailedForNow,
    HandedBack,
    /// The attempt's lease ran out, and nobody will end it any more.
    Lost,
    Succeeded,
    FailedForGood,
    Cancelled,
}

/// A move that the table of moves does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {} cannot take {event:?}", from.as_str())]
pub struct IllegalMove {
    pub from: JobState,
    pub event: JobEvent,
}

impl JobState {
    /// The only way from one state to another.
    ///
    /// # Errors
    /// [`IllegalMove`] for a move that is not in the table; an ended job never moves.
    pub fn after(self, event: JobEvent) -> Result<Self, IllegalMove> {
        use JobEvent as On;
        use JobState as Is;
        match (self, event) {
            (Is::Queued, On::Claimed) => Ok(Is::Running),
            (Is::Running, On::FailedForNow | On::HandedBack | On::Lost) => Ok(Is::Queued),
            (Is::Running, On::Succeeded) => Ok(Is::Succeeded),
            // A queued job fails for good when it is found poisoned, or its deadline has passed.
            (Is::Queued | Is::Running, On::FailedForGood) => Ok(Is::Failed),
            (Is::Queued | Is::Running, On::Cancelled) => Ok(Is::Cancelled),
            (from, event) => Err(IllegalMove { from, event }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_job_never_moves() {
        use JobEvent as E;
        for &state in JobState::ALL.iter().filter(|s| s.has_ended()) {
            for event in [
                E::Claimed,
                E::FailedForNow,
                E::HandedBack,
                E::Lost,
                E::Succeeded,
                E::FailedForGood,
                E::Cancelled,
            ] {
                assert_eq!(state.after(event), Err(IllegalMove { from: state, event }));
            }
        }
    }

    #[test]
    fn a_job_has_ended_when_it_neither_waits_nor_runs() {
        for &state in JobState::ALL {
            let is_open = matches!(state, JobState::Queued | JobState::Running);
            assert_eq!(state.has_ended(), !is_open, "{state:?}");
        }
    }
}
