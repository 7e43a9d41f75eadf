//! `configure-inbound`: every member's inbound side comes into the wanted state.

use super::{Facts, Flow, JobOption, SubjectKind};

pub(super) const FACTS: Facts = Facts {
    subjects: &[SubjectKind::Pair],
    flow: Flow::Configure,
    options: &[
        JobOption::DryRun,
        JobOption::OnlyIfPlan,
        JobOption::IfEndpointInUse,
        JobOption::Partial,
    ],
};
