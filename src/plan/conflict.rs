//! What stands in the way of an inbound path, in words: the object found, what was wanted instead, and how to resolve it.
//!
//! Nothing here decides; the rules that do are in `inbound_path`, `certificate_owner` and `certificate_name`.

use super::findings::{FindingBuilder, moment};
use super::inbound_path_cure;
use super::trust::Trust;
use crate::domain::cure::{CertificatePart, Cure, LoginPart};
use crate::domain::finding::{Code, Severity};
use crate::domain::naming::UnusableName;
use crate::domain::observation::{HeldCertificate, Login, MasterUser};
use crate::domain::rights::{Right, RightRow};

fn certificate(held: &HeldCertificate) -> String {
    format!("certificate [{}] (SHA-1 {})", held.name, held.thumbprint)
}

/// The certificate is there, but its owner is not a user whose login could be let in.
pub(super) fn improper_owner(trust: &Trust<'_>, held: &HeldCertificate) -> FindingBuilder {
    let finding = trust
        .finding(Code::UserOrphaned)
        .wanted("an owner other than dbo whose login is a SQL or a Windows login");
    match &held.owner {
        Some(owner) if owner.is_dbo() => owned_by_dbo(trust, held),
        Some(owner) => match &owner.login {
            Some(login) => finding
                .found(format!(
                    "{} is owned by user [{}], whose login [{}] is {}",
                    certificate(held),
                    owner.name,
                    login.name,
                    kind_of(login)
                ))
                .remedy(giving("Give the certificate to the peer's own user.", trust, held))
                .cure(inbound_path_cure::give(trust, held)),
            None => {
                let cure = inbound_path_cure::rescue(trust, held, owner);
                finding
                    .found(format!("{} is owned by user [{}], {}", certificate(held), owner.name, what_became_of(owner)))
                    .remedy(giving(way_back(cure.as_ref()), trust, held))
                    .cure(cure)
            }
        },
        None => finding
            .found(format!("{} has no owner that this log-in sees", certificate(held)))
            .remedy("Look up who owns it in sys.certificates; give the certificate to another user if its owner is gone."),
    }
}

fn what_became_of(user: &MasterUser) -> &'static str {
    if user.without_login {
        "who was made without a login and can have none"
    } else if user.kind == 'S' {
        "whose login is gone: no login has that user's SID"
    } else {
        "whose Windows login is gone: no login has that user's SID"
    }
}

/// What is to be done about a user without a login: what the cure does, or what a person can.
fn way_back(cure: Option<&Cure>) -> &'static str {
    let Some(Cure::MakeChain(chain)) = cure else {
        return match cure {
            Some(_) => "Link the user to the peer's login, as below.",
            None => {
                "Make the lost login again with the user's SID, or let a user with a login take this one's place."
            }
        };
    };
    match (&chain.login, &chain.certificate) {
        (LoginPart::WithSid { .. }, _) => {
            "Make the lost login again with the user's SID, as below."
        }
        (_, CertificatePart::Give { .. }) => {
            "Give the certificate to a user of the peer's login, as below."
        }
        _ => "Make the peer's login a user of another name, as below.",
    }
}

/// What keeps a certificate from being given away goes before what to do.
fn giving(otherwise: &str, trust: &Trust<'_>, held: &HeldCertificate) -> String {
    if inbound_path_cure::is_endpoints(trust, held) {
        "It is the certificate this instance's endpoint uses, and stays where it is: let the peer have a certificate of its own.".to_owned()
    } else if held.has_private_key {
        "It has its private key here, so somebody uses it here, or could: find out who before anything is done to it. Nothing is proposed.".to_owned()
    } else if let needed @ [_, ..] = inbound_path_cure::needed_by(trust, held).as_slice() {
        format!(
            "It is also the certificate of {}: it stays where it is, and each of the two needs one of its own. Nothing is proposed.",
            needed.join(", ")
        )
    } else if trust.public_denied().is_some() {
        format!("{otherwise} First revoke the DENY to public, which would keep the peer out then.")
    } else {
        otherwise.to_owned()
    }
}

fn owned_by_dbo(trust: &Trust<'_>, held: &HeldCertificate) -> FindingBuilder {
    trust
        .finding(Code::CertificateOwnedByDbo)
        .found(format!("{} is owned by dbo", certificate(held)))
        .wanted("an owner other than dbo: as dbo's, it would let the peer in with the rights of sysadmin")
        .remedy(giving("Give the certificate to a user whose login has CONNECT and no more. The login is granted first, so that the peer is let in throughout; explicit permissions on the certificate are taken off it.", trust, held))
        .cure(inbound_path_cure::give(trust, held))
}

/// Of a login that cannot be a peer's.
fn kind_of(login: &Login) -> &'static str {
    match login.kind {
        'G' => "a Windows group",
        'R' => "a server role",
        'C' => "mapped to a certificate",
        'K' => "mapped to an asymmetric key",
        _ => "of another kind",
    }
}

/// `held`: the inbound path is there, and works.
pub(super) fn privileged(
    trust: &Trust<'_>,
    login: &Login,
    held: Option<&HeldCertificate>,
) -> FindingBuilder {
    trust
        .finding(Code::PeerLoginPrivileged)
        .found(privileged_login(login))
        .wanted("a login that can do nothing but connect to the endpoint")
        .remedy(match trust.public_denied() {
            None => "Let another login be the peer's: an endpoint log-in needs CONNECT and no more. It is granted before the certificate changes hands, so that the peer is let in throughout.",
            Some(_) => "Let another login be the peer's: an endpoint log-in needs CONNECT and no more. First revoke the DENY to public, which would keep the peer out then.",
        })
        .cure(held.and_then(|held| inbound_path_cure::give(trust, held)))
}

/// Whoever has the peer's key would come in as sysadmin: what is not there yet is not made.
pub(super) fn would_be_privileged(trust: &Trust<'_>, login: &Login) -> FindingBuilder {
    trust
        .finding(Code::PeerLoginPrivileged)
        .severity(Severity::Blocker)
        .found(privileged_login(login))
        .wanted("a login that can do nothing but connect to the endpoint: as this one's, the certificate would let the peer in with the rights of sysadmin")
        .remedy("Make the peer's chain under other names, as below, or choose another naming template for the acceptor.")
        .cure(inbound_path_cure::elsewhere(trust))
}

fn privileged_login(login: &Login) -> String {
    format!(
        "the peer's login [{}] is a member of sysadmin or has CONTROL SERVER",
        login.name
    )
}

fn given_away(trust: &Trust<'_>, login: &Login) -> Option<Cure> {
    Some(Cure::GiveEndpointAway {
        endpoint: trust.seen.endpoint.as_ref()?.name.clone(),
        login: login.name.clone(),
    })
}

pub(super) fn owns_endpoint(trust: &Trust<'_>, login: &Login) -> FindingBuilder {
    trust
        .finding(Code::LoginOwnsEndpoint)
        .found(format!("the peer's login [{}] owns the endpoint", login.name))
        .wanted("a login with CONNECT by an explicit grant")
        .remedy("The peer gets in as the owner. Who gives the endpoint to another owner takes every permission off it, and shuts this peer out: give it away with all of them restated and CONNECT granted, in one step.")
        .cure(given_away(trust, login))
}

/// A new inbound path is not built on it: it would last until the endpoint's owner changes.
pub(super) fn would_own_endpoint(trust: &Trust<'_>, login: &Login) -> FindingBuilder {
    trust
        .finding(Code::NameTaken)
        .found(format!(
            "the peer's login would be [{}], but it owns the endpoint, and nothing can be granted to an owner (4624)",
            login.name
        ))
        .wanted("a login that CONNECT on the endpoint can be granted to")
        .remedy("Give the endpoint to sa, with every permission on it restated and CONNECT granted to this login, in one step; or choose another naming template for the acceptor.")
        .cure(given_away(trust, login))
}

pub(super) fn cannot_be_granted(
    trust: &Trust<'_>,
    login: &Login,
    why: &str,
    held: Option<&HeldCertificate>,
) -> FindingBuilder {
    trust
        .finding(Code::NameTaken)
        .found(format!(
            "the peer's login would be [{}], but {why} (4624)",
            login.name
        ))
        .wanted("a login that CONNECT on the endpoint can be granted to")
        .remedy(
            "Let the peer have a login of its own, as below; or let mirrorgate use another login.",
        )
        .cure(match held {
            Some(held) => inbound_path_cure::give(trust, held),
            None => inbound_path_cure::elsewhere(trust),
        })
}

pub(super) fn denied(trust: &Trust<'_>, row: &RightRow) -> FindingBuilder {
    let endpoint = trust.seen.endpoint.as_ref().map(|e| e.name.clone());
    let on = endpoint
        .as_ref()
        .map_or_else(String::new, |e| format!(" on endpoint [{e}]"));
    let (permission, endpoint) = match row.right {
        Right::ControlServer => ("CONTROL SERVER", None),
        Right::ControlEndpoint => ("CONTROL", endpoint),
        Right::Connect | Right::ConnectSql => ("CONNECT", endpoint),
    };
    let place = if endpoint.is_some() { on.as_str() } else { "" };
    trust
        .finding(Code::ConnectDenied)
        .found(format!("{permission}{place} is denied to {}", row.grantee))
        .wanted("no DENY against the peer's login: it outweighs every grant")
        .remedy("Somebody decided to keep this login out, or a role it is in. If that is over, revoke the DENY; mirrorgate does not overrule it.")
        .cure(row.grantee.name.clone().map(|grantee| Cure::RevokeDeny {
            permission,
            endpoint,
            grantee,
        }))
}

pub(super) fn login_is_something_else(trust: &Trust<'_>, login: &Login) -> FindingBuilder {
    trust
        .finding(Code::NameTaken)
        .found(format!("[{}] is {}", login.name, kind_of(login)))
        .wanted("a SQL or a Windows login, or nothing, under the peer's login name")
        .remedy("Make the peer's chain under other names, as below, or choose another naming template for the acceptor.")
        .cure(inbound_path_cure::elsewhere(trust))
}

pub(super) fn login_is_dbo(trust: &Trust<'_>, login: &Login) -> FindingBuilder {
    trust
        .finding(Code::CertificateOwnedByDbo)
        .found(format!(
            "login [{}] is dbo in master, so the peer's certificate would be dbo's",
            login.name
        ))
        .wanted("a login with a user of its own in master")
        .remedy("Make the peer's chain under other names, as below, or choose another naming template for the acceptor.")
        .cure(inbound_path_cure::elsewhere(trust))
}

/// Somebody stands under the wanted user name who is not the wanted login's.
pub(super) fn user_taken(
    trust: &Trust<'_>,
    user: &MasterUser,
    login: Option<&Login>,
) -> FindingBuilder {
    match &user.login {
        None if matches!(user.kind, 'S' | 'U') => {
            let cure = inbound_path_cure::revive(trust, user);
            trust
            .finding(Code::UserOrphaned)
            .found(format!("user [{}] is there, {}", user.name, what_became_of(user)))
            .wanted(match login {
                Some(login) => format!("a user of login [{}], or nothing, under that name", login.name),
                None => "nothing, or a user with a login, under that name".to_owned(),
            })
            .remedy(way_back(cure.as_ref()))
            .cure(cure)
        }
        other => trust
            .finding(Code::NameTaken)
            .found(match other {
                Some(other) => format!("user [{}] belongs to login [{}]", user.name, other.name),
                None => format!("[{}] is a principal of master that is no user", user.name),
            })
            .wanted("the peer's own user, or nothing, under that name")
            .remedy("Make the peer's login a user of another name, as below, or choose another naming template for the acceptor.")
            .cure(inbound_path_cure::beside(trust)),
    }
}

/// What stands under the name, and who needs it.
fn what_it_is(trust: &Trust<'_>, held: &HeldCertificate) -> String {
    if inbound_path_cure::is_endpoints(trust, held) {
        return "it is the one this instance's endpoint uses".to_owned();
    }
    if held.has_private_key {
        return "it is an own certificate of this instance, with its private key".to_owned();
    }
    let whose = match inbound_path_cure::whose(trust, held) {
        names if names.is_empty() => String::new(),
        names => format!("it is one of {}, ", names.join(", ")),
    };
    let owner = held.owner.as_ref().map_or_else(
        || "an owner unseen".to_owned(),
        |owner| format!("[{}]", owner.name),
    );
    format!("{whose}owned by {owner}")
}

pub(super) fn certificate_name_taken(
    trust: &Trust<'_>,
    name: &str,
    held: Option<&HeldCertificate>,
    cure: Option<Cure>,
) -> FindingBuilder {
    let found = match held {
        Some(held) => format!(
            "{} stands under the name [{name}], {}, expires {}",
            certificate(held),
            what_it_is(trust, held),
            moment(held.not_after)
        ),
        None => format!("the name [{name}] is taken"),
    };
    trust
        .finding(Code::NameTaken)
        .found(found)
        .wanted("nothing under that name, or an earlier certificate of the same peer's user")
        .remedy("Leave what is there; import the peer's under a free name, as below, or choose another naming template for the acceptor.")
        .cure(cure)
}

pub(super) fn unusable_name(trust: &Trust<'_>, unusable: &UnusableName) -> FindingBuilder {
    trust
        .finding(Code::NameTaken)
        .found(format!("{unusable}: {}", unusable.reason))
        .wanted("names that SQL Server takes")
        .remedy("Change the naming templates of the acceptor or the peer_name of the peer.")
}

/// A plan without this answer could take a name that is somebody's.
pub(super) fn not_asked(trust: &Trust<'_>) -> FindingBuilder {
    let names = trust.wanted_names().map_or_else(
        |_| String::new(),
        |n| format!(" [{}], [{}], [{}]", n.login, n.user, n.certificate),
    );
    trust
        .finding(Code::ObservationFailed)
        .found("the observation says nothing about the names wanted for this peer")
        .wanted(format!("an answer about{names}"))
        .remedy("Ask for the job again; if it repeats, this is a fault of mirrorgate.")
}
