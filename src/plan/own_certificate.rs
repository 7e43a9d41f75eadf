//! Whether the certificate a member's endpoint uses can let that member in anywhere: its key, its dates, its kind.
//!
//! Key and dates keep that certificate from being imported, and nothing else: the next one is handed out all the same.

use chrono::{DateTime, Utc};

use super::context::Context;
use super::findings::{FindingBuilder, Findings, moment};
use super::renewal;
use crate::domain::certificate::{Certificate, RefusedCertificate};
use crate::domain::cure::Cure;
use crate::domain::duration_words::remaining;
use crate::domain::finding::Code;
use crate::domain::observation::{Endpoint, EndpointCertificate, Observation, PrivateKey};

/// The certificate `peer` uses now would let nobody in on `acceptor`: by its key, or by either's clock.
pub(super) fn keeps_out(context: &Context<'_>, peer: usize, acceptor: usize) -> bool {
    let used = context
        .observed(peer)
        .and_then(|seen| seen.endpoint.as_ref()?.certificate.as_ref());
    used.is_some_and(|used| {
        used.private_key != PrivateKey::MasterKey
            || [peer, acceptor]
                .into_iter()
                .filter_map(|member| context.observed(member))
                .any(|seen| !is_valid(used, seen.server.clock))
    })
}

fn is_valid(certificate: &EndpointCertificate, clock: DateTime<Utc>) -> bool {
    (certificate.not_before..=certificate.not_after).contains(&clock)
}

pub(super) fn check(context: &Context<'_>, findings: &mut Findings) {
    for (index, _, seen) in context.all_observed() {
        master_key(context, index, seen, findings);
        let Some(endpoint) = &seen.endpoint else {
            continue;
        };
        match &endpoint.certificate {
            Some(certificate) => {
                let own = Own {
                    context,
                    index,
                    endpoint,
                    certificate,
                };
                own.key(findings);
                own.kind(findings);
                own.dates(seen, findings);
            }
            // Who does not see everything is told which permission is missing.
            None if endpoint.accepts_certificates && seen.login.sees_everything() => {
                findings.add(invisible(context, index, endpoint));
            }
            None => {}
        }
    }
}

fn master_key(context: &Context<'_>, index: usize, seen: &Observation, findings: &mut Findings) {
    // The key's row is hidden from who does not see everything.
    if !seen.master_key.exists && !seen.login.sees_everything() {
        return;
    }
    if !seen.master_key.exists {
        findings.add(
            context
                .finding(Code::NoMasterKey, index)
                .found("master has no database master key")
                .wanted("a master key: the endpoint's own certificate has its private key under it")
                .remedy("Create it, as below. Its password is made on the server and nobody learns it: where master is restored on another machine, the endpoint needs a new certificate.")
                .cure(Cure::CreateMasterKey),
        );
    } else if !seen.master_key.opened_by_server {
        findings.add(
            context
                .finding(Code::MasterKeyNotOpenedByServer, index)
                .found("the master key of master is not encrypted by the service master key")
                .wanted("a master key that the server opens by itself")
                .remedy("Works at most until the next restart; then the endpoint cannot open its key (28037). Whoever knows the key's password runs OPEN MASTER KEY DECRYPTION BY PASSWORD with it, then ALTER MASTER KEY ADD ENCRYPTION BY SERVICE MASTER KEY, then CLOSE MASTER KEY. No T-SQL is proposed, because the password is theirs."),
        );
    }
}

fn invisible(context: &Context<'_>, index: usize, endpoint: &Endpoint) -> FindingBuilder {
    context
        .finding(Code::OwnCertificateUnusable, index)
        .found(format!(
            "endpoint [{}] authenticates by a certificate that this log-in does not see",
            endpoint.name
        ))
        .wanted("to see which certificate peers will be shown")
        .remedy("Look up the endpoint's certificate_id in sys.database_mirroring_endpoints and that certificate in master; give the endpoint a certificate that is there.")
}

struct Own<'a> {
    context: &'a Context<'a>,
    index: usize,
    endpoint: &'a Endpoint,
    certificate: &'a EndpointCertificate,
}

impl Own<'_> {
    fn finding(&self, code: Code) -> FindingBuilder {
        self.context.finding(code, self.index)
    }

    /// `endpoint [e] uses [c] (SHA-1 …)`
    fn uses(&self) -> String {
        format!(
            "endpoint [{}] uses [{}] (SHA-1 {})",
            self.endpoint.name, self.certificate.name, self.certificate.thumbprint
        )
    }

    /// A finding whose remedy is another certificate.
    fn renew(&self, finding: FindingBuilder, before: &str) -> FindingBuilder {
        let (words, cure) = renewal::step(self.context, self.index, self.certificate);
        finding.remedy(format!("{before}{words}")).cure(cure)
    }

    fn key(&self, findings: &mut Findings) {
        let protection = match self.certificate.private_key {
            PrivateKey::MasterKey => return,
            PrivateKey::None => "has no private key there",
            PrivateKey::Password => "has its private key under a password",
            PrivateKey::ServiceMasterKey => "has its private key under the service master key",
        };
        let finding = self
            .finding(Code::OwnCertificateWithoutKey)
            .found(format!("{}, which {protection}", self.uses()))
            .wanted("a private key under the master key of master (28055 otherwise)");
        findings.add(self.renew(finding, ""));
    }

    fn kind(&self, findings: &mut Findings) {
        let Some(Err(refused)) = self.certificate.der.as_deref().map(Certificate::from_der) else {
            return;
        };
        // What is said of an upload by its form says nothing here: nobody uploaded anything.
        let why = match refused {
            RefusedCertificate::NotRsa { .. } | RefusedCertificate::KeySize { .. } => {
                refused.to_string()
            }
            _ => "mirrorgate cannot read its bytes as an X.509 certificate".to_owned(),
        };
        let finding = self
            .finding(Code::OwnCertificateUnusable)
            .found(format!("{}; {why}", self.uses()))
            .wanted("one RSA certificate of 384 to 4096 bits in steps of 64");
        findings.add(self.renew(finding, ""));
    }

    /// By the instance's own clock; where that is content, by the clocks of those who shall let it in.
    fn dates(&self, seen: &Observation, findings: &mut Findings) {
        if self.outside(self.context.name(self.index), seen.server.clock, findings) {
            return;
        }
        let acceptors = self
            .context
            .desired
            .trusts
            .iter()
            .filter(|trust| trust.peer == self.index)
            .filter_map(|trust| Some((trust.acceptor, self.context.observed(trust.acceptor)?)));
        for (acceptor, other) in acceptors {
            if self.outside(self.context.name(acceptor), other.server.clock, findings) {
                return;
            }
        }
        let left = self.certificate.not_after - seen.server.clock;
        if left < self.context.desired.thresholds.expires_soon {
            let finding = self
                .finding(Code::OwnCertificateExpiresSoon)
                .found(format!(
                    "{}, expires {}, {}",
                    self.uses(),
                    moment(self.certificate.not_after),
                    remaining(left)
                ))
                .wanted(format!(
                    "more than {} days left",
                    self.context.desired.thresholds.expires_soon.num_days()
                ));
            findings.add(self.renew(finding, ""));
        }
    }

    fn outside(&self, whose: &str, clock: DateTime<Utc>, findings: &mut Findings) -> bool {
        let own = self.context.name(self.index);
        let (code, what, at, effect) = if clock > self.certificate.not_after {
            (
                Code::OwnCertificateExpired,
                "expired",
                self.certificate.not_after,
                if whose == own {
                    "Open connections live on; the next reconnect fails (28036 here, 28035 on its peers). ".to_owned()
                } else {
                    format!(
                        "Open connections live on; the next reconnect to {whose} fails (28035 there). "
                    )
                },
            )
        } else if clock < self.certificate.not_before {
            (
                Code::OwnCertificateNotYetValid,
                "not valid before",
                self.certificate.not_before,
                "Wait, or put the clocks right; or use another certificate. ".to_owned(),
            )
        } else {
            return false;
        };
        let finding = self
            .finding(code)
            .found(format!(
                "{}, {what} {} by {whose}'s clock (now {})",
                self.uses(),
                moment(at),
                moment(clock)
            ))
            .wanted("a certificate that is valid now, by this instance's clock and its peers'");
        findings.add(self.renew(finding, &effect));
        true
    }
}
