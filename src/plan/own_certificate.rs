//! Whether the certificate a member's endpoint uses can let that member in anywhere: its key, its dates, its kind.
//!
//! Key and dates keep that certificate from being imported, and nothing else: the next one is handed out all the same.

use chrono::{DateTime, Utc};

use super::note::{Note, Report, moment};
use super::renewal;
use super::scene::Scene;
use crate::domain::certificate::Certificate;
use crate::domain::cure::Cure;
use crate::domain::duration_words::remaining;
use crate::domain::finding::Code;
use crate::domain::observation::{Endpoint, EndpointCertificate, Observation, PrivateKey};

/// The certificate `peer` uses now would let nobody in on `acceptor`: by its key, or by either's clock.
pub(super) fn keeps_out(scene: &Scene<'_>, peer: usize, acceptor: usize) -> bool {
    let used = scene
        .observed(peer)
        .and_then(|seen| seen.endpoint.as_ref()?.certificate.as_ref());
    used.is_some_and(|used| {
        used.private_key != PrivateKey::MasterKey
            || [peer, acceptor]
                .into_iter()
                .filter_map(|member| scene.observed(member))
                .any(|seen| !is_valid(used, seen.server.clock))
    })
}

fn is_valid(certificate: &EndpointCertificate, clock: DateTime<Utc>) -> bool {
    (certificate.not_before..=certificate.not_after).contains(&clock)
}

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for (index, _, seen) in scene.all_observed() {
        master_key(scene, index, seen, report);
        let Some(endpoint) = &seen.endpoint else {
            continue;
        };
        match &endpoint.certificate {
            Some(certificate) => {
                let own = Own {
                    scene,
                    index,
                    endpoint,
                    certificate,
                };
                own.key(report);
                own.kind(report);
                own.dates(seen, report);
            }
            // Who does not see everything is told which permission is missing.
            None if endpoint.accepts_certificates && seen.login.sees_everything() => {
                report.add(invisible(scene, index, endpoint));
            }
            None => {}
        }
    }
}

fn master_key(scene: &Scene<'_>, index: usize, seen: &Observation, report: &mut Report) {
    // The key's row is hidden from who does not see everything.
    if !seen.master_key.exists && !seen.login.sees_everything() {
        return;
    }
    if !seen.master_key.exists {
        report.add(
            scene
                .note(Code::NoMasterKey, index)
                .found("master has no database master key")
                .wanted("a master key: the endpoint's own certificate has its private key under it")
                .remedy("Create it. Its password is made on the server and known to nobody: after a restore of master elsewhere, a new certificate takes the place of the old one's key.")
                .cure(Cure::CreateMasterKey),
        );
    } else if !seen.master_key.opened_by_server {
        report.add(
            scene
                .note(Code::MasterKeyNotOpenedByServer, index)
                .found("the master key of master is not encrypted by the service master key")
                .wanted("a master key that the server opens by itself")
                .remedy("Works at most until the next restart; then the endpoint cannot open its key (28037). Whoever knows the key's password runs OPEN MASTER KEY DECRYPTION BY PASSWORD with it, then ALTER MASTER KEY ADD ENCRYPTION BY SERVICE MASTER KEY, then CLOSE MASTER KEY. No T-SQL is proposed, because the password is theirs."),
        );
    }
}

fn invisible(scene: &Scene<'_>, index: usize, endpoint: &Endpoint) -> Note {
    scene
        .note(Code::OwnCertificateUnusable, index)
        .found(format!(
            "endpoint [{}] authenticates by a certificate that this log-in does not see",
            endpoint.name
        ))
        .wanted("to see which certificate peers will be shown")
        .remedy("Look up the endpoint's certificate_id in sys.database_mirroring_endpoints and that certificate in master; give the endpoint a certificate that is there.")
}

struct Own<'a> {
    scene: &'a Scene<'a>,
    index: usize,
    endpoint: &'a Endpoint,
    certificate: &'a EndpointCertificate,
}

impl Own<'_> {
    fn note(&self, code: Code) -> Note {
        self.scene.note(code, self.index)
    }

    /// `endpoint [e] uses [c] (SHA-1 …)`
    fn uses(&self) -> String {
        format!(
            "endpoint [{}] uses [{}] (SHA-1 {})",
            self.endpoint.name, self.certificate.name, self.certificate.thumbprint
        )
    }

    /// A finding whose remedy is another certificate.
    fn renew(&self, note: Note, before: &str) -> Note {
        let (words, cure) = renewal::step(self.scene, self.index, self.certificate);
        note.remedy(format!("{before}{words}")).cure(cure)
    }

    fn key(&self, report: &mut Report) {
        let protection = match self.certificate.private_key {
            PrivateKey::MasterKey => return,
            PrivateKey::None => "has no private key there",
            PrivateKey::Password => "has its private key under a password",
            PrivateKey::ServiceMasterKey => "has its private key under the service master key",
        };
        let note = self
            .note(Code::OwnCertificateWithoutKey)
            .found(format!("{}, which {protection}", self.uses()))
            .wanted("a private key under the master key of master (28055 otherwise)");
        report.add(self.renew(note, ""));
    }

    fn kind(&self, report: &mut Report) {
        let Some(Err(refused)) = self.certificate.der.as_deref().map(Certificate::from_der) else {
            return;
        };
        let note = self
            .note(Code::OwnCertificateUnusable)
            .found(format!("{}; {refused}", self.uses()))
            .wanted("one RSA certificate of 384 to 4096 bits in steps of 64");
        report.add(self.renew(note, ""));
    }

    /// By the instance's own clock; where that is content, by the clocks of those who shall let it in.
    fn dates(&self, seen: &Observation, report: &mut Report) {
        if self.outside(self.scene.name(self.index), seen.server.clock, report) {
            return;
        }
        let acceptors = self
            .scene
            .desired
            .trusts
            .iter()
            .filter(|trust| trust.peer == self.index)
            .filter_map(|trust| Some((trust.acceptor, self.scene.observed(trust.acceptor)?)));
        for (acceptor, other) in acceptors {
            if self.outside(self.scene.name(acceptor), other.server.clock, report) {
                return;
            }
        }
        let left = self.certificate.not_after - seen.server.clock;
        if left < self.scene.desired.thresholds.expires_soon {
            let note = self
                .note(Code::OwnCertificateExpiresSoon)
                .found(format!(
                    "{}, expires {}, {}",
                    self.uses(),
                    moment(self.certificate.not_after),
                    remaining(left)
                ))
                .wanted(format!(
                    "more than {} days left",
                    self.scene.desired.thresholds.expires_soon.num_days()
                ));
            report.add(self.renew(note, ""));
        }
    }

    fn outside(&self, whose: &str, clock: DateTime<Utc>, report: &mut Report) -> bool {
        let (code, what, at, effect) = if clock > self.certificate.not_after {
            (
                Code::OwnCertificateExpired,
                "expired",
                self.certificate.not_after,
                "Open connections live on; the next reconnect fails (28036 here, 28035 on its peers). ",
            )
        } else if clock < self.certificate.not_before {
            (
                Code::OwnCertificateNotYetValid,
                "not valid before",
                self.certificate.not_before,
                "Wait, or put the clocks right; or use another certificate. ",
            )
        } else {
            return false;
        };
        let note = self
            .note(code)
            .found(format!(
                "{}, {what} {} by {whose}'s clock (now {})",
                self.uses(),
                moment(at),
                moment(clock)
            ))
            .wanted("a certificate that is valid now, by this instance's clock and its peers'");
        report.add(self.renew(note, effect));
        true
    }
}
