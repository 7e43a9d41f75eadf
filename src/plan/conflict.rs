//! What stands in the way of a chain, in words: the object found, what was wanted instead, and how to resolve it.
//!
//! Nothing here decides; the rules that do are in `chain`, `anchor` and `certificate_name`.

use super::anchor::wanted_names;
use super::note::{Note, moment};
use super::trust::Trust;
use crate::domain::cure::Cure;
use crate::domain::finding::Code;
use crate::domain::naming::UnusableName;
use crate::domain::object_name::SysName;
use crate::domain::observation::{HeldCertificate, Login, MasterUser};

fn certificate(held: &HeldCertificate) -> String {
    format!("certificate [{}] (SHA-1 {})", held.name, held.thumbprint)
}

/// The certificate is there, but its owner is not a user whose login could be let in.
pub(super) fn improper_owner(trust: &Trust<'_>, held: &HeldCertificate) -> Note {
    let wanted = "an owner other than dbo whose login is a SQL or a Windows login";
    match &held.owner {
        Some(owner) if owner.is_dbo() => owned_by_dbo(trust, held),
        Some(owner) => match &owner.login {
            Some(login) => trust
                .note(Code::UserOrphaned)
                .found(format!(
                    "{} is owned by user [{}], whose login [{}] is {}",
                    certificate(held),
                    owner.name,
                    login.name,
                    kind_of(login)
                ))
                .wanted(wanted)
                .remedy("Give the certificate to another user, or drop it and have it imported anew.")
                .cure(give_to_wanted_user(trust, held)),
            None => trust
                .note(Code::UserOrphaned)
                .found(format!(
                    "{} is owned by user [{}], whose SID is no login's",
                    certificate(held),
                    owner.name
                ))
                .wanted(wanted)
                .remedy("Link the user to its login again, give the certificate to another user, or drop it and have it imported anew.")
                .cure(relink(trust, owner)),
        },
        None => trust
            .note(Code::UserOrphaned)
            .found(format!("{} has no owner that this log-in sees", certificate(held)))
            .wanted(wanted)
            .remedy("Grant VIEW ANY DEFINITION to the log-in; if the owner is really gone, give the certificate to another user.")
            .cure(give_to_wanted_user(trust, held)),
    }
}

fn owned_by_dbo(trust: &Trust<'_>, held: &HeldCertificate) -> Note {
    trust
        .note(Code::CertificateOwnedByDbo)
        .found(format!("{} is owned by dbo", certificate(held)))
        .wanted("an owner other than dbo: as dbo's, it would let the peer in with the rights of sysadmin")
        .remedy("Give the certificate to the peer's user (this takes explicit permissions off it), or drop it and have it imported anew.")
        .cure(give_to_wanted_user(trust, held))
}

fn give_to_wanted_user(trust: &Trust<'_>, held: &HeldCertificate) -> Option<Cure> {
    let names = trust.names()?;
    let user = names.login_user.as_ref().or(names.user.as_ref())?;
    let usable = !user.is_dbo() && user.login.as_ref().is_some_and(Login::can_be_peer);
    usable.then(|| Cure::GiveCertificateTo {
        certificate: held.name.clone(),
        user: user.name.clone(),
    })
}

/// Only a SQL user can be linked to a SQL login.
fn relink(trust: &Trust<'_>, user: &MasterUser) -> Option<Cure> {
    let names = trust.names()?;
    let login = names.login.as_ref()?;
    (user.kind == 'S' && login.kind == 'S' && names.login_user.is_none()).then(|| {
        Cure::RelinkUser {
            user: user.name.clone(),
            login: login.name.clone(),
        }
    })
}

fn kind_of(login: &Login) -> &'static str {
    match login.kind {
        'S' => "a SQL login",
        'U' => "a Windows login",
        'G' => "a Windows group",
        'R' => "a server role",
        'C' => "mapped to a certificate",
        'K' => "mapped to an asymmetric key",
        _ => "of another kind",
    }
}

pub(super) fn privileged(trust: &Trust<'_>, login: &Login) -> Note {
    trust
        .note(Code::PeerLoginPrivileged)
        .found(format!(
            "the peer's login [{}] is a member of sysadmin or has CONTROL SERVER",
            login.name
        ))
        .wanted("a login that can do nothing but connect to the endpoint")
        .remedy("Let another login be the peer's: an endpoint log-in needs CONNECT and no more.")
}

pub(super) fn owns_endpoint(trust: &Trust<'_>, login: &Login) -> Note {
    trust
        .note(Code::LoginOwnsEndpoint)
        .found(format!("the peer's login [{}] owns the endpoint", login.name))
        .wanted("a login with CONNECT by an explicit grant")
        .remedy("Nothing is needed for the peer to get in; SQL Server grants nothing to an owner (4624). Another owner of the endpoint would be cleaner.")
}

pub(super) fn cannot_be_granted(trust: &Trust<'_>, login: &Login, why: &str) -> Note {
    trust
        .note(Code::NameTaken)
        .found(format!(
            "the peer's login would be [{}], but {why} (4624)",
            login.name
        ))
        .wanted("a login that CONNECT on the endpoint can be granted to")
        .remedy("Give the certificate to another user, or choose other names for the peer; or let mirrorgate use another login.")
}

pub(super) fn denied(trust: &Trust<'_>, grantee: &SysName) -> Note {
    let endpoint = trust.seen.endpoint.as_ref().map(|e| e.name.clone());
    trust
        .note(Code::ConnectDenied)
        .found(format!(
            "CONNECT on endpoint {} is denied to [{grantee}]",
            endpoint.as_ref().map(|e| format!("[{e}]")).unwrap_or_default()
        ))
        .wanted("no DENY: it outweighs every grant")
        .remedy("Somebody decided to keep this login out. If that is over, revoke the DENY; mirrorgate does not overrule it.")
        .cure(endpoint.map(|endpoint| Cure::RevokeDeny {
            endpoint,
            login: grantee.clone(),
        }))
}

pub(super) fn login_is_something_else(trust: &Trust<'_>, login: &Login) -> Note {
    trust
        .note(Code::NameTaken)
        .found(format!("[{}] is {}", login.name, kind_of(login)))
        .wanted("a SQL or a Windows login, or nothing, under the peer's login name")
        .remedy("Choose another naming template for the acceptor, or rename what is there.")
}

pub(super) fn login_is_dbo(trust: &Trust<'_>, login: &Login) -> Note {
    trust
        .note(Code::CertificateOwnedByDbo)
        .found(format!(
            "login [{}] is dbo in master, so the peer's certificate would be dbo's",
            login.name
        ))
        .wanted("a login with a user of its own in master")
        .remedy("Choose another naming template for the acceptor, or give master another owner.")
}

/// Somebody stands under the wanted user name who is not the wanted login's.
pub(super) fn user_taken(trust: &Trust<'_>, user: &MasterUser, login: Option<&Login>) -> Note {
    match &user.login {
        None if matches!(user.kind, 'S' | 'U') => trust
            .note(Code::UserOrphaned)
            .found(format!("user [{}] is there, but its SID is no login's", user.name))
            .wanted(match login {
                Some(login) => format!("a user of login [{}], or nothing, under that name", login.name),
                None => "nothing, or a user with a login, under that name".to_owned(),
            })
            .remedy("Link the user to the peer's login (create the login first, if it is gone), or drop the user.")
            .cure(relink(trust, user)),
        other => trust
            .note(Code::NameTaken)
            .found(match other {
                Some(other) => format!("user [{}] belongs to login [{}]", user.name, other.name),
                None => format!("[{}] is a principal of master that is no user", user.name),
            })
            .wanted("the peer's own user, or nothing, under that name")
            .remedy("Choose another naming template for the acceptor, or rename what is there."),
    }
}

pub(super) fn certificate_name_taken(
    trust: &Trust<'_>,
    name: &str,
    held: Option<&HeldCertificate>,
) -> Note {
    let found = match held {
        Some(held) => {
            let owner = held.owner.as_ref().map_or_else(
                || "an owner unseen".to_owned(),
                |owner| format!("[{}]", owner.name),
            );
            format!(
                "{} stands under the name [{name}], owned by {owner}, expires {}",
                certificate(held),
                moment(held.not_after)
            )
        }
        None => format!("the name [{name}] is taken"),
    };
    trust
        .note(Code::NameTaken)
        .found(found)
        .wanted("nothing under that name, or an earlier certificate of the same peer's user")
        .remedy("Choose another naming template for the acceptor, or drop the certificate that is there if nothing needs it. If it is an earlier one of this peer, give it to the peer's user.")
}

pub(super) fn unusable_name(trust: &Trust<'_>, unusable: &UnusableName) -> Note {
    trust
        .note(Code::NameTaken)
        .found(format!("{unusable}: {}", unusable.reason))
        .wanted("names that SQL Server takes")
        .remedy("Change the naming templates of the acceptor or the peer_name of the peer.")
}

/// A plan without this answer could take a name that is somebody's.
pub(super) fn not_asked(trust: &Trust<'_>) -> Note {
    let names = wanted_names(trust).map_or_else(
        |_| String::new(),
        |n| format!(" [{}], [{}], [{}]", n.login, n.user, n.certificate),
    );
    trust
        .note(Code::ObservationFailed)
        .found("the observation says nothing about the names wanted for this peer")
        .wanted(format!("an answer about{names}"))
        .remedy("Ask for the job again; if it repeats, this is a fault of mirrorgate.")
}
