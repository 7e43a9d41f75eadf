//! Who shall own a certificate that is still to be imported: a user and its login, found or to be created.

use super::note::{Note, Report};
use super::trust::{Access, Trust};
use super::{conflict, owners};
use crate::domain::action::Action;
use crate::domain::naming::WantedNames;
use crate::domain::object_name::SysName;
use crate::domain::observation::{Login, MasterUser, PeerNames};

/// The end of a chain that has no certificate yet.
#[derive(Debug, Clone)]
pub(super) struct Anchor<'a> {
    pub user: SysName,
    pub login: SysName,
    /// Its row, where it is there already.
    pub user_row: Option<&'a MasterUser>,
    pub login_row: Option<&'a Login>,
    pub create: Vec<Action>,
}

impl<'a> Anchor<'a> {
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
pub(super) fn find<'a>(trust: &Trust<'a>, report: &mut Report) -> Option<Anchor<'a>> {
    if let Some((user, login)) = owner_of_an_earlier_one(trust) {
        return Some(Anchor::existing(user, login));
    }
    let Some(names) = trust.names() else {
        report.add(conflict::not_asked(trust));
        return None;
    };
    let wanted = match wanted_names(trust) {
        Ok(wanted) => wanted,
        Err(note) => {
            report.add(note);
            return None;
        }
    };
    match &names.login {
        Some(login) => by_login(trust, names, &wanted, login, report),
        None => all_new(trust, names, &wanted, report),
    }
}

pub(super) fn wanted_names(trust: &Trust<'_>) -> Result<WantedNames, Note> {
    let naming = &trust.scene.member(trust.acceptor).naming;
    naming
        .render(&trust.scene.member(trust.peer).peer_name)
        .map_err(|unusable| conflict::unusable_name(trust, &unusable))
}

/// A renewed certificate is ordinary work: its owner is whoever owns an earlier one of the same peer, the newest counting first.
/// One that is another registered instance's too leads to that one's user, maybe.
fn owner_of_an_earlier_one<'a>(trust: &Trust<'a>) -> Option<(&'a MasterUser, &'a Login)> {
    let peer = trust.scene.member(trust.peer).instance_id;
    trust
        .seen
        .certificates
        .iter()
        .filter(|held| owners::is_earlier_one(&trust.scene, held, peer))
        .filter_map(|held| Some((held, trust.proper_owner(held)?)))
        .max_by_key(|(held, _)| (held.not_after, held.certificate_id))
        .map(|(_, owner)| owner)
}

fn by_login<'a>(
    trust: &Trust<'a>,
    names: &'a PeerNames,
    wanted: &WantedNames,
    login: &'a Login,
    report: &mut Report,
) -> Option<Anchor<'a>> {
    if !login.can_be_peer() {
        report.add(conflict::login_is_something_else(trust, login));
        return None;
    }
    match (&names.login_user, &names.user) {
        (Some(user), _) if user.is_dbo() => {
            report.add(conflict::login_is_dbo(trust, login));
            None
        }
        _ if login.is_privileged => {
            report.add(conflict::would_be_privileged(trust, login));
            None
        }
        _ if trust.access(login) == Access::OwnsEndpoint => {
            report.add(conflict::would_own_endpoint(trust, login));
            None
        }
        (Some(user), _) => Some(Anchor::existing(user, login)),
        (None, Some(user)) => {
            user_taken(trust, user, Some(login), report);
            None
        }
        (None, None) => Some(Anchor {
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
fn user_taken(trust: &Trust<'_>, user: &MasterUser, login: Option<&Login>, report: &mut Report) {
    if user.login.is_some() || trust.sees_everything() {
        report.add(conflict::user_taken(trust, user, login));
    }
}

fn all_new<'a>(
    trust: &Trust<'a>,
    names: &'a PeerNames,
    wanted: &WantedNames,
    report: &mut Report,
) -> Option<Anchor<'a>> {
    if let Some(user) = &names.user {
        user_taken(trust, user, None, report);
        return None;
    }
    let login = SysName::from(&wanted.login);
    Some(Anchor {
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
