//! What an inspection says beside the instance itself: what configuring it would need, and what the registrations that name it
//! ask of it. It plans nothing, so nothing of this keeps anything from being done.

use super::note::Report;
use super::scene::Scene;
use super::{in_use, permissions, pin, two_instances};
use crate::domain::desired_state::Use;

pub(super) fn check(scene: &Scene<'_>, index: usize, uses: &[Use], report: &mut Report) {
    permissions::for_configuring(scene, index, report);
    in_use::tell(scene, index, report);
    two_instances::tell(scene, index, report);
    // A pin is wrong whoever relies on it; a certificate is obtained only for somebody who is to let its owner in.
    if scene.member(index).current.is_some() || uses.iter().any(|u| !u.let_in_by.is_empty()) {
        pin::required(scene, index, report);
    }
}
