//! What decisions are made of, and what they come to.

use crate::domain::failure::Failure;
use crate::domain::job::{AttemptOutcome, FailureCode};
use crate::worker::attempt::refused::ApplyFailure;

/// What has happened so far in this attempt.
#[derive(Debug, Default)]
pub(in crate::worker::attempt) struct Progress {
    /// Apply rounds sent.
    pub rounds: usize,
    /// What went wrong in the last of them.
    pub apply_failures: Vec<ApplyFailure>,
    /// What went wrong in those before it.
    pub earlier_failures: Vec<ApplyFailure>,
    /// Members that could not be observed in the last look.
    pub unseen: Vec<(String, Failure)>,
}

impl Progress {
    /// Takes in what a further round came to.
    pub(in crate::worker::attempt) fn note_round(&mut self, failures: Vec<ApplyFailure>) {
        self.rounds += 1;
        let before = std::mem::replace(&mut self.apply_failures, failures);
        self.earlier_failures.extend(before);
    }

    /// All that went wrong in the last round, these first.
    pub(super) fn apply_words(&self, first: &[&ApplyFailure]) -> String {
        let is_first = |f: &ApplyFailure| first.iter().any(|other| std::ptr::eq(*other, f));
        let rest = self.apply_failures.iter().filter(|f| !is_first(f));
        let all = first.iter().copied().chain(rest);
        let words: Vec<String> = all.map(|f| f.describe(&self.earlier_failures)).collect();
        words.join("; ")
    }
}

/// What to do now.
#[derive(Debug, PartialEq)]
pub(in crate::worker::attempt) enum Next {
    End(AttemptOutcome),
    Apply,
}

pub(in crate::worker::attempt) fn failed(code: FailureCode, detail: String) -> AttemptOutcome {
    AttemptOutcome::Failed { code, detail }
}
