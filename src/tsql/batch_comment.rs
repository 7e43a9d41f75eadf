//! The remark at the head of every batch: which job it belongs to, for the server's own traces. Nothing that runs.

use uuid::Uuid;

use super::quote::Comment;

/// Names the job and the caller's change reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchComment<'a> {
    pub job: Uuid,
    pub change_ref: Option<&'a str>,
}

impl BatchComment<'_> {
    /// One line of remark on what the batch is for, without a line break at its end.
    #[must_use]
    pub fn line(&self, purpose: &str) -> String {
        let change = self
            .change_ref
            .map(|reference| format!(", change {reference}"))
            .unwrap_or_default();
        Comment::new(&format!("mirrorgate {purpose}, job {}{change}", self.job)).to_string()
    }
}
