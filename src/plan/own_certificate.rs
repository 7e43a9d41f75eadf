//! Whether the certificate a member's endpoint uses can let that member in anywhere: its key, its dates, its kind.

use chrono::{DateTime, Utc};

use super::endpoint::own_certificate_name;
use super::note::{Note, Report, moment};
use super::scene::Scene;
use crate::domain::certificate::Certificate;
use crate::domain::cure::Cure;
use crate::domain::duration_words::remaining;
use crate::domain::finding::Code;
use crate::domain::observation::{Endpoint, EndpointCertificate, Observation, PrivateKey};

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
            None if endpoint.accepts_certificates => report.add(invisible(scene, index, endpoint)),
            None => {}
        }
    }
}

fn master_key(scene: &Scene<'_>, index: usize, seen: &Observation, report: &mut Report) {
    if !seen.master_key.exists {
        report.add(
            scene
                .note(Code::NoMasterKey, index)
                .found("master has no database master key")
                .wanted("a master key: the endpoint's own certificate has its private key under it")
                .remedy("Create it, and keep its password where it can be found after a restore of master.")
                .cure(Cure::CreateMasterKey),
        );
    } else if !seen.master_key.opened_by_server {
        report.add(
            scene
                .note(Code::MasterKeyNotOpenedByServer, index)
                .found("the master key of master is not encrypted by the service master key")
                .wanted("a master key that the server opens by itself")
                .remedy(
                    "Works until the next restart; then the endpoint cannot open its key (28037).",
                )
                .cure(Cure::LetServerOpenMasterKey),
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
        .remedy("Grant VIEW ANY DEFINITION to the log-in.")
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

    fn renewal(&self) -> Cure {
        use crate::domain::object_name::ObjectName;
        let suffix = format!("_{}", self.scene.now.format("%Y%m%d"));
        let base = own_certificate_name(self.scene, self.index);
        let name = ObjectName::parse(base.as_str()).and_then(|name| name.with_suffix(&suffix));
        Cure::RenewOwnCertificate {
            endpoint: self.endpoint.name.clone(),
            certificate: name.map_or(base, Into::into),
        }
    }

    fn key(&self, report: &mut Report) {
        let protection = match self.certificate.private_key {
            PrivateKey::MasterKey => return,
            PrivateKey::None => "has no private key there",
            PrivateKey::Password => "has its private key under a password",
            PrivateKey::ServiceMasterKey => "has its private key under the service master key",
        };
        report.add(
            self.note(Code::OwnCertificateWithoutKey)
                .found(format!("{}, which {protection}", self.uses()))
                .wanted("a private key under the master key of master (28055 otherwise)")
                .remedy(
                    "Make a new own certificate, let the peers have it, then switch the endpoint.",
                )
                .cure(self.renewal()),
        );
    }

    fn kind(&self, report: &mut Report) {
        let Some(Err(refused)) = self.certificate.der.as_deref().map(Certificate::from_der) else {
            return;
        };
        report.add(
            self.note(Code::OwnCertificateUnusable)
                .found(format!("{}; {refused}", self.uses()))
                .wanted("one RSA certificate of 384 to 4096 bits in steps of 64")
                .remedy(
                    "Make a new own certificate, let the peers have it, then switch the endpoint.",
                )
                .cure(self.renewal()),
        );
    }

    /// By the instance's own clock; where that is content, by the clocks of those who shall let it in.
    fn dates(&self, seen: &Observation, report: &mut Report) {
        if self.outside(self.scene.name(self.index), seen.server.clock, report) {
            return;
        }
        let acceptors = self
            .scene
            .wish
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
        if left < self.scene.wish.thresholds.expires_soon {
            report.add(
                self.note(Code::OwnCertificateExpiresSoon)
                    .found(format!(
                        "{}, expires {}, {}",
                        self.uses(),
                        moment(self.certificate.not_after),
                        remaining(left)
                    ))
                    .wanted(format!(
                        "more than {} days left",
                        self.scene.wish.thresholds.expires_soon.num_days()
                    ))
                    .remedy("Make the next certificate now, upload it as purpose=next and configure the peers; then switch the endpoint.")
                    .cure(self.renewal()),
            );
        }
    }

    fn outside(&self, whose: &str, clock: DateTime<Utc>, report: &mut Report) -> bool {
        let (code, what, at, effect) = if clock > self.certificate.not_after {
            (
                Code::OwnCertificateExpired,
                "expired",
                self.certificate.not_after,
                "Open connections live on; the next reconnect fails (28036 here, 28035 on its peers). Make a new own certificate, let the peers have it, then switch the endpoint.",
            )
        } else if clock < self.certificate.not_before {
            (
                Code::OwnCertificateNotYetValid,
                "not valid before",
                self.certificate.not_before,
                "Wait, put the clocks right, or make a certificate with a START_DATE in the past.",
            )
        } else {
            return false;
        };
        report.add(
            self.note(code)
                .found(format!(
                    "{}, {what} {} by {whose}'s clock (now {})",
                    self.uses(),
                    moment(at),
                    moment(clock)
                ))
                .wanted("a certificate that is valid now, by this instance's clock and its peers'")
                .remedy(effect)
                .cure(self.renewal()),
        );
        true
    }
}
