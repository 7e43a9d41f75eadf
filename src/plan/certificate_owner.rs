//! Who shall own a certificate that is still to be imported: a user and its login, found or to be created.

use super::findings::Findings;
use super::trust::{Access, Trust};
use super::{conflict, registrants};
use crate::domain::action::Action;
use crate::domain::naming::WantedNames;
use crate::domain::object_name::SysName;
use crate::domain::observation::{Login, MasterUser, PeerNames};

/// The user and the login that a certificate to be imported shall belong to.
#[derive(Debug, Clone)]
pub(super) struct CertificateOwner<'a> {
    pub user: SysName,
    pub login: SysName,
    /// Its row, where it is there already.
    pub user_row: Option<&'a MasterUser>,
    pub login_row: Option<&'a Login>,
    pub create: Vec<Action>,
}

impl<'a> CertificateOwner<'a> {
    pub fn existing(user: &'a MasterUser, login: &'a Login) -> Self {
        Self {
            user: user.name.clone(),
            login: login.name.clone(),
            user_row: Some(user),
            login_row: Some(login),
            create: Vec::new(),
        }
    }
}

/// `None`: a conflict, reported.
pub(super) fn find<'a>(trust: &Trust<'a>, findings: &mut Findings) -> Option<CertificateOwner<'a>> {
    if let Some((user, login)) = owner_of_an_earlier_one(trust) {
        return Some(CertificateOwner::existing(user, login));
    }
    let Some(names) = trust.names() else {
        findings.add(conflict::not_asked(trust));
        return None;
    };
    let wanted = match trust.wanted_names() {
        Ok(wanted) => wanted,
        Err(unusable) => {
            findings.add(conflict::unusable_name(trust, &unusable));
            return None;
        }
    };
    match &names.login {
        Some(login) => by_login(trust, names, &wanted, login, findings),
        None => all_new(trust, names, &wanted, findings),
    }
}

/// A renewed certificate is ordinary work: its owner is whoever owns an earlier one of the same peer, the newest counting first.
/// One that is another registered instance's too leads to that one's user, maybe.
fn owner_of_an_earlier_one<'a>(trust: &Trust<'a>) -> Option<(&'a MasterUser, &'a Login)> {
    let peer = trust.context.member(trust.peer).instance_id;
    trust
        .seen
        .certificates
        .iter()
        .filter(|held| registrants::is_earlier_one(&trust.context, held, peer))
        .filter_map(|held| Some((held, trust.proper_owner(held)?)))
        .max_by_key(|(held, _)| (held.not_after, held.certificate_id))
        .map(|(_, owner)| owner)
}

fn by_login<'a>(
    trust: &Trust<'a>,
    names: &'a PeerNames,
    wanted: &WantedNames,
    login: &'a Login,
    findings: &mut Findings,
) -> Option<CertificateOwner<'a>> {
    if !login.can_be_peer() {
        findings.add(conflict::login_is_something_else(trust, login));
        return None;
    }
    match (&names.login_user, &names.user) {
        (Some(user), _) if user.is_dbo() => {
            findings.add(conflict::login_is_dbo(trust, login));
            None
        }
        _ if login.is_privileged => {
            findings.add(conflict::would_be_privileged(trust, login));
            None
        }
        _ if trust.access(login) == Access::OwnsEndpoint => {
            findings.add(conflict::would_own_endpoint(trust, login));
            None
        }
        (Some(user), _) => Some(CertificateOwner::existing(user, login)),
        (None, Some(user)) => {
            user_taken(trust, user, Some(login), findings);
            None
        }
        (None, None) => Some(CertificateOwner {
            user: SysName::from(&wanted.user),
            login: login.name.clone(),
            user_row: None,
            login_row: Some(login),
            create: vec![Action::CreateUser {
                user: wanted.user.clone(),
                login: login.name.clone(),
            }],
        }),
    }
}

/// That a user has no login cannot be told by who does not see the logins; what is missing for that is said elsewhere.
fn user_taken(
    trust: &Trust<'_>,
    user: &MasterUser,
    login: Option<&Login>,
    findings: &mut Findings,
) {
    if user.login.is_some() || trust.sees_everything() {
        findings.add(conflict::user_taken(trust, user, login));
    }
}

fn all_new<'a>(
    trust: &Trust<'a>,
    names: &'a PeerNames,
    wanted: &WantedNames,
    findings: &mut Findings,
) -> Option<CertificateOwner<'a>> {
    if let Some(user) = &names.user {
        user_taken(trust, user, None, findings);
        return None;
    }
    let login = SysName::from(&wanted.login);
    Some(CertificateOwner {
        user: SysName::from(&wanted.user),
        login: login.clone(),
        user_row: None,
        login_row: None,
        create: vec![
            Action::CreateLogin {
                login: wanted.login.clone(),
            },
            Action::CreateUser {
                user: wanted.user.clone(),
                login,
            },
        ],
    })
}
