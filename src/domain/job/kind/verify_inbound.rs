//! `verify-inbound`: whether everything that `configure-inbound` would set up is in place.

use super::{Facts, Flow, JobOption, SubjectKind};

pub(super) const FACTS: Facts = Facts {
    subjects: &[SubjectKind::Pair],
    flow: Flow::Verify,
    // It changes nothing, but warns of what importing would meet.
    options: &[JobOption::IfEndpointInUse],
};
