//! The cures that make, complete or move an inbound path: which login and which user, found or new, and what becomes of the certificate.
//!
//! A certificate with a private key, or one that an endpoint uses, is never given away. What is new gets a free name.

use super::certificate_owner::CertificateOwner;
use super::pin::Facts;
use super::registrants;
use super::trust::{Access, Trust};
use crate::domain::cure::{CertificatePart, ChainCure, Cure, LoginPart, UserPart};
use crate::domain::estate::Mark;
use crate::domain::hash::Sha256;
use crate::domain::naming::WantedNames;
use crate::domain::object_name::SysName;
use crate::domain::observation::{HeldCertificate, Login, MasterUser, PeerNames};

/// The length of a SQL login's SID.
const SQL_SID: usize = 16;

fn cure(
    login: LoginPart,
    user: UserPart,
    endpoint: Option<SysName>,
    certificate: CertificatePart,
) -> Cure {
    Cure::MakeChain(Box::new(ChainCure {
        login,
        user,
        endpoint,
        certificate,
    }))
}

/// Under a user whose login is let in and can do no more.
pub(super) fn give(trust: &Trust<'_>, held: &HeldCertificate) -> Option<Cure> {
    let owner = held.owner.as_ref()?;
    let endpoint = trust.seen.endpoint.as_ref()?;
    let may_be_given = !held.has_private_key
        && !is_endpoints(trust, held)
        && needed_by(trust, held).is_empty()
        && trust.sees_everything();
    // A login that is new is still public's: a DENY there would keep the peer out, who is let in now.
    if !may_be_given || trust.public_denied().is_some() {
        return None;
    }
    let (login, user) = holder(trust)?;
    Some(cure(
        login,
        user,
        Some(endpoint.name.clone()),
        CertificatePart::Give {
            certificate: held.name.clone(),
            from: owner.name.clone(),
        },
    ))
}

/// The registered instances other than the peer that the certificate is, or is to be, the own of.
pub(super) fn needed_by(trust: &Trust<'_>, held: &HeldCertificate) -> Vec<String> {
    let peer = trust.context.member(trust.peer).instance_id;
    registrants::who_need(&trust.context, &Mark::from(held), Some(peer))
}

/// The registered instances that it is or was one of.
pub(super) fn whose(trust: &Trust<'_>, held: &HeldCertificate) -> Vec<String> {
    registrants::who_have_part(&trust.context, &Mark::from(held))
}

/// The certificate an endpoint of the acceptor uses.
pub(super) fn is_endpoints(trust: &Trust<'_>, held: &HeldCertificate) -> bool {
    let own = trust
        .seen
        .endpoint
        .as_ref()
        .and_then(|e| e.certificate.as_ref());
    own.is_some_and(|own| own.certificate_id == held.certificate_id)
}

/// The wanted login with its user where it can serve, or both anew.
fn holder(trust: &Trust<'_>) -> Option<(LoginPart, UserPart)> {
    let wanted = trust.wanted_names().ok()?;
    let names = trust.names()?;
    let serves = |login: &&Login| can_serve(trust, login);
    let is_dbo = names.login_user.as_ref().is_some_and(MasterUser::is_dbo);
    Some(
        match names.login.as_ref().filter(serves).filter(|_| !is_dbo) {
            Some(login) => (
                LoginPart::Existing(login.name.clone()),
                user_of(names, wanted),
            ),
            None => (LoginPart::New(wanted.login), UserPart::New(wanted.user)),
        },
    )
}

fn user_of(names: &PeerNames, wanted: WantedNames) -> UserPart {
    match &names.login_user {
        Some(user) => UserPart::Existing(user.name.clone()),
        None => UserPart::New(wanted.user),
    }
}

/// A login that is let in once it is granted, and can do nothing else.
fn can_serve(trust: &Trust<'_>, login: &Login) -> bool {
    login.can_be_peer()
        && !login.is_privileged
        && !login.is_disabled
        && matches!(trust.access(login), Access::Granted | Access::Missing)
}

/// For an owner without a login: the login again, another one, or another owner.
pub(super) fn rescue(
    trust: &Trust<'_>,
    held: &HeldCertificate,
    owner: &MasterUser,
) -> Option<Cure> {
    let endpoint = trust.seen.endpoint.as_ref().map(|e| e.name.clone());
    relinked(trust, owner)
        .or_else(|| with_its_sid(trust, owner, endpoint))
        .or_else(|| give(trust, held))
}

/// For a user without a login that stands under the wanted name.
pub(super) fn revive(trust: &Trust<'_>, user: &MasterUser) -> Option<Cure> {
    let login_is_there = trust.names()?.login.is_some();
    let again = || (!login_is_there).then(|| with_its_sid(trust, user, None))?;
    relinked(trust, user)
        .or_else(again)
        .or_else(|| beside(trust))
}

/// Only a SQL user that has had a login can be linked to another one, and only to one without a user.
fn relinked(trust: &Trust<'_>, user: &MasterUser) -> Option<Cure> {
    let names = trust.names()?;
    let login = names
        .login
        .as_ref()
        .filter(|login| can_serve(trust, login))?;
    let fits =
        user.kind == 'S' && !user.without_login && login.kind == 'S' && names.login_user.is_none();
    fits.then(|| Cure::RelinkUser {
        user: user.name.clone(),
        login: login.name.clone(),
    })
}

fn with_its_sid(trust: &Trust<'_>, user: &MasterUser, endpoint: Option<SysName>) -> Option<Cure> {
    let sid = user.sid.as_ref().filter(|sid| sid.len() == SQL_SID)?;
    let had_a_login = user.kind == 'S' && !user.without_login && trust.sees_everything();
    had_a_login.then_some(())?;
    let login = LoginPart::WithSid {
        name: trust.wanted_names().ok()?.login,
        sid: sid.clone(),
    };
    Some(cure(
        login,
        UserPart::Existing(user.name.clone()),
        endpoint,
        CertificatePart::None,
    ))
}

/// A user of the wanted login under a free name, beside whoever has the wanted one; the plan goes on from there.
pub(super) fn beside(trust: &Trust<'_>) -> Option<Cure> {
    let wanted = trust.wanted_names().ok()?;
    let login = match &trust.names()?.login {
        Some(login) => LoginPart::Existing(login.name.clone()),
        None => LoginPart::New(wanted.login),
    };
    Some(cure(
        login,
        UserPart::New(wanted.user),
        None,
        CertificatePart::None,
    ))
}

/// The whole inbound path under free names, where the wanted login is somebody who cannot be the peer's.
pub(super) fn elsewhere(trust: &Trust<'_>) -> Option<Cure> {
    let wanted = trust.wanted_names().ok()?;
    import(
        trust,
        &trust.required.certificate,
        LoginPart::New(wanted.login),
        UserPart::New(wanted.user),
    )
}

/// The certificate under a free name, for the inbound path's own user.
pub(super) fn under_a_free_name(
    trust: &Trust<'_>,
    owner: &CertificateOwner<'_>,
    facts: &Facts,
) -> Option<Cure> {
    let wanted = trust.wanted_names().ok()?;
    let login = match owner.login_row {
        Some(login) => LoginPart::Existing(login.name.clone()),
        None => LoginPart::New(wanted.login),
    };
    let user = match owner.user_row {
        Some(user) => UserPart::Existing(user.name.clone()),
        None => UserPart::New(wanted.user),
    };
    import(trust, facts, login, user)
}

fn import(trust: &Trust<'_>, facts: &Facts, login: LoginPart, user: UserPart) -> Option<Cure> {
    let endpoint = trust.seen.endpoint.as_ref()?.name.clone();
    let is_required = *facts == trust.required.certificate;
    let kept_out = is_required && trust.keeps_out_required();
    if !trust.required.permitted || kept_out || trust.public_denied().is_some() {
        return None;
    }
    let certificate = CertificatePart::Import {
        name: trust.wanted_names().ok()?.certificate,
        der: bytes(trust, facts.sha256)?,
    };
    Some(cure(login, user, Some(endpoint), certificate))
}

/// The peer's certificate of this hash: uploaded, or in use.
fn bytes(trust: &Trust<'_>, sha256: Sha256) -> Option<Vec<u8>> {
    let member = trust.context.member(trust.peer);
    let uploaded = [&member.current, &member.next]
        .into_iter()
        .flatten()
        .find(|c| c.sha256 == sha256)
        .map(|c| c.der.clone());
    uploaded.or_else(|| {
        let used = trust.context.observed(trust.peer)?.endpoint.as_ref()?;
        let der = used.certificate.as_ref()?.der.clone()?;
        (Sha256::of(&der) == sha256).then_some(der)
    })
}
