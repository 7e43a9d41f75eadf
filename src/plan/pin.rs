//! Which certificate of a peer its acceptors must hold: the pin, the one uploaded as next, or the one obtained from it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::context::{Context, ObservedMember};
use super::findings::{FindingBuilder, Findings, moment};
use super::next;
use crate::domain::certificate::{Certificate, IssuerSerial};
use crate::domain::desired_state::{DesiredState, Member};
use crate::domain::finding::Code;
use crate::domain::hash::{Sha256, Thumbprint};
use crate::domain::observation::{EndpointCertificate, HeldCertificate};

/// What the rules need to know of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub sha256: Sha256,
    pub thumbprint: Thumbprint,
    pub not_after: DateTime<Utc>,
    /// By what a handshake looks it up; absent where the bytes cannot be read.
    pub issuer_serial: Option<IssuerSerial>,
}

impl Facts {
    fn of_upload(certificate: &Certificate) -> Self {
        Self {
            sha256: certificate.sha256,
            thumbprint: certificate.thumbprint,
            not_after: certificate.not_after,
            issuer_serial: Some(certificate.issuer_serial),
        }
    }

    fn of_endpoint(certificate: &EndpointCertificate) -> Option<Self> {
        Some(Self {
            sha256: certificate.sha256()?,
            thumbprint: certificate.thumbprint,
            not_after: certificate.not_after,
            issuer_serial: certificate.der.as_deref().and_then(IssuerSerial::of),
        })
    }

    /// By the bytes; by the thumbprint only where the server does not show the bytes.
    pub fn is_held_as(&self, held: &HeldCertificate) -> bool {
        held.sha256
            .map_or(held.thumbprint == self.thumbprint, |sha256| {
                sha256 == self.sha256
            })
    }
}

/// What an acceptor shall hold of one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Required {
    pub certificate: Facts,
    /// It was uploaded, not obtained.
    pub pinned: bool,
    /// False: a blocker stands against it; it only tells what the state is.
    pub permitted: bool,
    /// Uploaded as the peer's next one: to be held beside it.
    pub next: Option<Facts>,
}

/// `None` where the peer was not observed, or does not show what it uses.
pub(super) fn required(
    context: &Context<'_>,
    peer: usize,
    findings: &mut Findings,
) -> Option<Required> {
    let member = context.member(peer);
    let used = context
        .observed(peer)?
        .endpoint
        .as_ref()?
        .certificate
        .as_ref()?;
    let (current, next) = (member.current.as_ref(), member.next.as_ref());
    let chosen = match (current, next) {
        (Some(pin), _) if is_used(pin, used) => Some((Facts::of_upload(pin), true, true)),
        (_, Some(next)) if is_used(next, used) => {
            findings.add(next_in_use(context, peer, used));
            Some((Facts::of_upload(next), true, true))
        }
        (Some(pin), _) => {
            findings.add(other_than_pin(context, peer, pin, used));
            Facts::of_endpoint(used).map(|facts| (facts, false, false))
        }
        (None, _) => {
            obtained(context, peer, used, findings).map(|(f, permitted)| (f, false, permitted))
        }
    };
    let (certificate, pinned, permitted) = chosen?;
    Some(Required {
        certificate,
        pinned,
        permitted,
        next: next
            .filter(|n| n.sha256 != certificate.sha256 && next::may_be_handed_out(context, n))
            .map(Facts::of_upload),
    })
}

/// The bytes of every certificate a plan of these may import.
#[must_use]
pub fn certificate_bytes(
    desired: &DesiredState,
    seen: &[ObservedMember],
) -> BTreeMap<Sha256, Vec<u8>> {
    let uploaded = desired
        .members
        .iter()
        .flat_map(|member: &Member| member.current.iter().chain(&member.next))
        .map(|certificate| (certificate.sha256, certificate.der.clone()));
    let used = seen.iter().filter_map(|seen| match seen {
        ObservedMember::Answered(o) => {
            let der = o.endpoint.as_ref()?.certificate.as_ref()?.der.as_ref()?;
            Some((Sha256::of(der), der.clone()))
        }
        ObservedMember::Failed(_) => None,
    });
    uploaded.chain(used).collect()
}

fn is_used(uploaded: &Certificate, used: &EndpointCertificate) -> bool {
    used.sha256()
        .map_or(used.thumbprint == uploaded.thumbprint, |sha256| {
            sha256 == uploaded.sha256
        })
}

fn obtained(
    context: &Context<'_>,
    peer: usize,
    used: &EndpointCertificate,
    findings: &mut Findings,
) -> Option<(Facts, bool)> {
    let Some(facts) = Facts::of_endpoint(used) else {
        findings.add(
            context
                .finding(Code::OwnCertificateUnusable, peer)
                .found(format!(
                    "the bytes of [{}] (SHA-1 {}), which its endpoint uses, cannot be read",
                    used.name, used.thumbprint
                ))
                .wanted("the certificate's bytes, to give them to its peers")
                .remedy("Upload the certificate, or let the log-in see it (CONTROL on master, SQL Server 2012 or later)."),
        );
        return None;
    };
    let trusted = context.member(peer).tls_verified;
    if !trusted {
        findings.add(
            context
                .finding(Code::CertificateSourceUntrusted, peer)
                .found(format!(
                    "no certificate is uploaded; its endpoint says it uses [{}] (SHA-1 {}), but the connection that said so is not verified",
                    used.name, used.thumbprint
                ))
                .wanted("a certificate from a source that nobody on the path can forge")
                .remedy("Upload the certificate, or make the connection to the instance verified TLS."),
        );
    }
    Some((facts, trusted))
}

fn next_in_use(context: &Context<'_>, peer: usize, used: &EndpointCertificate) -> FindingBuilder {
    context
        .finding(Code::NextCertificateInUse, peer)
        .found(format!(
            "its endpoint uses [{}] (SHA-1 {}), uploaded as next",
            used.name, used.thumbprint
        ))
        .wanted("nothing: it is now the pin")
        .remedy("Upload it as current when convenient; the older one can go once all peers are connected again.")
}

fn other_than_pin(
    context: &Context<'_>,
    peer: usize,
    pin: &Certificate,
    used: &EndpointCertificate,
) -> FindingBuilder {
    context
        .finding(Code::PinnedCertificateNotInUse, peer)
        .found(format!(
            "its endpoint uses [{}] (SHA-1 {}, expires {})",
            used.name,
            used.thumbprint,
            moment(used.not_after)
        ))
        .wanted(format!(
            "the uploaded certificate, SHA-1 {} (expires {})",
            pin.thumbprint,
            moment(pin.not_after)
        ))
        .remedy("Upload the one in use, or remove the upload to have it obtained; or switch the endpoint to the uploaded one.")
}
