//! What a certificate will be called on the acceptor. Whether a name is taken was answered by the server.

use super::certificate_owner::CertificateOwner;
use super::findings::FindingBuilder;
use super::pin::Facts;
use super::trust::Trust;
use super::{conflict, inbound_path_cure};
use crate::domain::object_name::ObjectName;

/// What is known about the wanted name before the server's answer is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occupied<'a> {
    /// The certificate in use gets the wanted name in this very plan.
    pub by_required: bool,
    /// Its user, where it is there already: a certificate of his under the wanted name is an earlier one.
    pub owner: &'a CertificateOwner<'a>,
}

pub(super) struct Chosen {
    pub name: ObjectName,
    pub is_the_wanted_one: bool,
}

/// The wanted name, or the name of a renewed one where the wanted name has an earlier certificate of the same owner.
pub(super) fn choose(
    trust: &Trust<'_>,
    facts: &Facts,
    occupied: Occupied<'_>,
) -> Result<Chosen, FindingBuilder> {
    let wanted = trust
        .wanted_names()
        .map_err(|unusable| conflict::unusable_name(trust, &unusable))?
        .certificate;
    let taken = |name: &str, held| {
        let cure = inbound_path_cure::under_a_free_name(trust, occupied.owner, facts);
        conflict::certificate_name_taken(trust, name, held, cure)
    };
    let Some(names) = trust.names() else {
        return Err(conflict::not_asked(trust));
    };
    if names.certificate_id.is_none() && !occupied.by_required {
        return Ok(Chosen {
            name: wanted,
            is_the_wanted_one: true,
        });
    }
    if let Some(id) = names.certificate_id {
        let held = trust.held_by_id(id);
        let owner = held.and_then(|held| held.owner.as_ref());
        let is_his = matches!((owner, occupied.owner.user_row), (Some(o), Some(u)) if o.principal_id == u.principal_id);
        if !is_his {
            return Err(taken(wanted.as_str(), held));
        }
    }
    let suffix = format!("_{}", facts.thumbprint.short());
    let name = wanted
        .with_suffix(&suffix)
        .map_err(|_| taken(wanted.as_str(), None))?;
    // The server was asked about one such name; the hexadecimal end of what it found tells whether it was this one.
    let occupant = names
        .renewed_certificate_id
        .and_then(|id| trust.held_by_id(id))
        .filter(|held| held.name.as_str().to_ascii_lowercase().ends_with(&suffix));
    match occupant {
        Some(held) => Err(taken(name.as_str(), Some(held))),
        None => Ok(Chosen {
            name,
            is_the_wanted_one: false,
        }),
    }
}
