//! What is wrong with an inbound path's login beside CONNECT itself: it may not log in, or its grant was lost while the session lives;
//! and a peer's private key that somebody else has.

use super::admits::login::identities_of;
use super::findings::{FindingBuilder, Findings};
use super::trust::{Access, Trust};
use crate::domain::cure::Cure;
use crate::domain::finding::Code;
use crate::domain::observation::{HeldCertificate, Login};
use crate::domain::rights::{Right, RightRow};

/// `held`: the certificate is there.
pub(super) fn check(
    trust: &Trust<'_>,
    login: &Login,
    held: Option<&HeldCertificate>,
    findings: &mut Findings,
) {
    if let Some(finding) = barred(trust, login) {
        findings.add(finding);
    }
    if let Some(held) = held
        && trust.access(login) == Access::Missing
        && trust.is_connected_by(held.certificate_id)
    {
        findings.add(lost(trust, login, held));
    }
}

/// Rows that hold for the login: its own, those of its roles and of public.
fn rows<'a>(trust: &Trust<'a>, login: &Login) -> impl Iterator<Item = &'a RightRow> {
    let who = identities_of(&trust.seen.rights, login.principal_id);
    trust
        .seen
        .rights
        .rows
        .iter()
        .filter(move |row| who.contains(&row.grantee.principal_id))
}

/// Whether such a login passes at an endpoint is not verified.
fn barred(trust: &Trust<'_>, login: &Login) -> Option<FindingBuilder> {
    let denied = rows(trust, login).find(|row| row.right == Right::ConnectSql && !row.granted);
    let (why, cure) = if login.is_disabled {
        let login = login.name.clone();
        ("is disabled".to_owned(), Some(Cure::EnableLogin { login }))
    } else if login.is_sysadmin {
        return None;
    } else if let Some(row) = denied {
        (
            format!("is denied CONNECT SQL (to {})", row.grantee),
            row.grantee.name.clone().map(|grantee| Cure::RevokeDeny {
                permission: "CONNECT SQL",
                endpoint: None,
                grantee,
            }),
        )
    } else if login.kind == 'S' && !login.connect_sql {
        let cure = Cure::GrantServerPermission {
            permission: "CONNECT SQL",
            login: login.name.clone(),
        };
        ("has no CONNECT SQL".to_owned(), Some(cure))
    } else {
        return None;
    };
    Some(
        trust
            .finding(Code::PeerLoginDisabled)
            .found(format!("the peer's login [{}] {why}", login.name))
            .wanted("a login that may log in: whether the endpoint lets another one in is not verified")
            .remedy("Undo it, as below. A login that mirrorgate made has a password that nobody knows; of another one, find out first who barred it, and why.")
            .cure(cure),
    )
}

fn lost(trust: &Trust<'_>, login: &Login, held: &HeldCertificate) -> FindingBuilder {
    let endpoint = trust.seen.endpoint.as_ref().map(|e| e.name.clone());
    trust
        .finding(Code::ConnectLostWhileConnected)
        .found(format!(
            "{} is connected now by certificate [{}], but its login [{}] has no CONNECT any more: it would be refused at the next reconnect",
            trust.context.name(trust.peer),
            held.name,
            login.name
        ))
        .wanted("CONNECT on the endpoint, before the connection breaks")
        .remedy("Urgent, and safe to do at once: grant it again, as below; configuring does it, too. A grant disturbs no connection.")
        .cure(endpoint.map(|endpoint| Cure::GrantConnect {
            endpoint,
            login: login.name.clone(),
        }))
}

/// Whoever administers the acceptor can pose as the peer.
pub(super) fn key_held(trust: &Trust<'_>, held: &HeldCertificate) -> Option<FindingBuilder> {
    held.has_private_key.then(|| {
        trust
            .finding(Code::PeerPrivateKeyHeld)
            .found(format!(
                "certificate [{}] (SHA-1 {}) is {}'s, and stands here with its private key",
                held.name,
                held.thumbprint,
                trust.context.name(trust.peer)
            ))
            .wanted("its public half only: whoever administers this instance can pose as that peer")
            .remedy("Give the peer a new certificate whose key never leaves it. Taking the key off here (ALTER CERTIFICATE, REMOVE PRIVATE KEY) does not take it from whoever copied it.")
    })
}
