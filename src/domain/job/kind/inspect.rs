//! `inspect`: what an instance says of itself, and whether it is still the server that was pinned.

use super::{Facts, Flow, JobOption, SubjectKind};

pub(super) const FACTS: Facts = Facts {
    subjects: &[SubjectKind::Instance],
    flow: Flow::Inspect,
    options: &[JobOption::AcceptIdentity],
};
