//! What an inspection weighs an instance by: the pairs it is registered in. Pure.

use uuid::Uuid;

use crate::domain::desired_state::Use;
use crate::domain::pair::OperatingMode;
use crate::store::pairs::Pair;

/// What each of these pairs makes of the instance.
pub(super) fn uses(pairs: &[Pair], instance: Uuid) -> Vec<Use> {
    let uses = pairs.iter().filter_map(|pair| {
        let members = pair.spec.members();
        let (_, role) = members.iter().find(|(member, _)| member.id == instance)?;
        let others = members.iter().filter(|(member, _)| member.id != instance);
        // In a pair everybody lets in everybody.
        let others: Vec<String> = others.map(|(other, _)| other.name.to_string()).collect();
        Some(Use {
            pair: pair.name.to_string(),
            role: *role,
            lets_in: others.clone(),
            let_in_by: others,
        })
    });
    uses.collect()
}

/// The mode that asks most of the server, of those in which it is a partner.
pub(super) fn strictest_mode(pairs: &[Pair], instance: Uuid) -> Option<OperatingMode> {
    pairs
        .iter()
        .filter(|pair| pair.spec.partners.iter().any(|p| p.id == instance))
        .filter_map(|pair| pair.spec.operating_mode)
        .find(|mode| *mode == OperatingMode::HighPerformance)
}
