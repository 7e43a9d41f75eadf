//! What an inspection says beside the instance itself: what configuring it would need, and what the registrations that name it
//! ask of it. It plans nothing, so nothing of this keeps anything from being done.

use super::context::Context;
use super::findings::Findings;
use super::{in_use, permissions, pin, two_instances};
use crate::domain::desired_state::Use;

pub(super) fn check(context: &Context<'_>, index: usize, uses: &[Use], findings: &mut Findings) {
    permissions::for_configuring(context, index, findings);
    in_use::tell(context, index, findings);
    two_instances::tell(context, index, findings);
    // A pin is wrong whoever relies on it; a certificate is obtained only for somebody who is to let its owner in.
    if context.member(index).current.is_some() || uses.iter().any(|u| !u.let_in_by.is_empty()) {
        pin::required(context, index, findings);
    }
}
