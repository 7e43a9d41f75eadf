//! Certificates that are weaker than the policy asks for: the one a member's endpoint uses, and the next one uploaded for it.

use super::context::Context;
use super::findings::{FindingBuilder, Findings};
use crate::domain::certificate::Certificate;
use crate::domain::finding::Code;
use crate::domain::observation::Observation;

pub(super) fn check(context: &Context<'_>, findings: &mut Findings) {
    for (index, member, seen) in context.all_observed() {
        let used = seen.endpoint.as_ref().and_then(|endpoint| {
            let own = endpoint.certificate.as_ref()?;
            let parsed = Certificate::from_der(own.der.as_deref()?).ok()?;
            let whose = format!("endpoint [{}] uses [{}]", endpoint.name, own.name);
            Some((whose, parsed))
        });
        let used_hash = used.as_ref().map(|(_, parsed)| parsed.sha256);
        let next = member
            .next
            .as_ref()
            .filter(|next| Some(next.sha256) != used_hash)
            .map(|next| ("the certificate uploaded as next".to_owned(), next.clone()));
        for (whose, certificate) in used.into_iter().chain(next) {
            findings.extend(weak(context, index, seen, &whose, &certificate));
        }
    }
}

fn weak(
    context: &Context<'_>,
    index: usize,
    seen: &Observation,
    whose: &str,
    certificate: &Certificate,
) -> Option<FindingBuilder> {
    let policy = context.desired.thresholds.weak_certificates;
    let major = seen.server.major();
    let weaknesses = policy.weaknesses(certificate, major);
    if weaknesses.is_empty() {
        return None;
    }
    let words: Vec<String> = weaknesses.iter().map(ToString::to_string).collect();
    Some(
        context
            .finding(Code::WeakCertificate, index)
            .found(format!(
                "{whose} (SHA-1 {}), which {}",
                certificate.thumbprint,
                words.join(" and ")
            ))
            .wanted(format!(
                "{} (policy {}, SQL Server {})",
                policy.describe(major),
                policy.as_str(),
                seen.server.version
            ))
            .remedy("It works, and whoever can forge a certificate of its kind could pose as this instance. Make a stronger one beside it (CREATE CERTIFICATE on SQL Server 2017 and later makes SHA-256; older versions take one made elsewhere), upload it as purpose=next and configure the peers; switch the endpoint only when all of them hold it."),
    )
}
