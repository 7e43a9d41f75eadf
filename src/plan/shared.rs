//! Two members with one certificate and key: the acceptor cannot tell them apart, and can hold the bytes only once.

use super::findings::Findings;
use super::inbound_path::{self, InboundPath};
use super::pin::Required;
use super::trust::{Access, Trust};
use crate::domain::finding::{Code, Severity};
use crate::domain::observation::{HeldCertificate, Login, MasterUser};

/// The other member that uses the peer's certificate: the acceptor itself, or another of its peers.
pub(super) fn with(trust: &Trust<'_>, others: &[Option<Required>]) -> Option<String> {
    let wanted = trust.required.certificate;
    let own = trust
        .seen
        .endpoint
        .as_ref()
        .and_then(|e| e.certificate.as_ref());
    let is_own = own.is_some_and(|own| {
        own.sha256()
            .map_or(own.thumbprint == wanted.thumbprint, |sha256| {
                sha256 == wanted.sha256
            })
    });
    if is_own {
        return Some(trust.context.name(trust.acceptor).to_owned());
    }
    trust
        .context
        .desired
        .peers_of(trust.acceptor)
        .filter(|other| *other != trust.peer)
        .find(|other| {
            others
                .get(*other)
                .and_then(Option::as_ref)
                .is_some_and(|r| r.certificate.sha256 == wanted.sha256)
        })
        .map(|other| trust.context.name(other).to_owned())
}

pub(super) fn inbound_path(
    trust: &Trust<'_>,
    held: Option<&HeldCertificate>,
    twin: &str,
    findings: &mut Findings,
) -> InboundPath {
    let working = held.and_then(|held| Some((held, working(trust, held)?)));
    let severity = if working.is_some() {
        Severity::Warning
    } else {
        Severity::Blocker
    };
    findings.add(
        trust
            .finding(Code::SharedEndpointCertificate)
            .severity(severity)
            .found(format!(
                "{} and {twin} use one certificate and key (SHA-1 {})",
                trust.context.name(trust.peer),
                trust.required.certificate.thumbprint
            ))
            .wanted("a certificate and key of its own for each instance")
            .remedy(match severity {
                Severity::Blocker => "Make a certificate for one of the two, upload it with purpose=next, ask for configure-inbound, and switch its endpoint to it: an instance holds a certificate only once, so the two cannot be told apart.",
                _ => "It works through the certificate's owner and is left alone; whoever has the key is let in as either, and a connection by it proves neither.",
            }),
    );
    match working {
        Some((held, owner)) => inbound_path::in_place(trust, held, owner, findings),
        None => inbound_path::of_next(trust, findings),
    }
}

/// In place by the rule for every inbound path, whether or not somebody is connected now.
fn working<'a>(
    trust: &Trust<'a>,
    held: &'a HeldCertificate,
) -> Option<(&'a MasterUser, &'a Login)> {
    let (user, login) = trust.proper_owner(held)?;
    let lets_in = matches!(trust.access(login), Access::Granted | Access::OwnsEndpoint);
    lets_in.then_some((user, login))
}
