//! One certificate and key of two registered instances, whether or not they are members together: it proves neither, and is
//! handed out no further. What would end it is never stopped: the next certificate goes out all the same.

use super::context::Context;
use super::findings::{FindingBuilder, Findings};
use super::registrants::{self, Part};
use super::trust::Trust;
use crate::domain::estate::Mark;
use crate::domain::finding::{Code, Severity};
use crate::domain::observation::EndpointCertificate;

const WANTED: &str = "a certificate and key of its own for each registered instance";
const REMEDY: &str = "Give one of them a certificate of its own: make it there, upload it with purpose=next, ask for configure-inbound, and switch its endpoint to it. Or forget the registration of a server that is gone. Until then a connection by it proves neither.";

/// Somebody else's too, beyond what the rule of members says.
pub(super) fn check(trust: &Trust<'_>, findings: &mut Findings) {
    let others = others(trust);
    if others.is_empty() {
        return;
    }
    let certificate = trust.required.certificate;
    let severity = if trust.held(&certificate).is_some() || !is_of_two_now(&others) {
        Severity::Warning
    } else {
        Severity::Blocker
    };
    findings.add(
        trust
            .finding(Code::CertificateOfTwoInstances)
            .severity(severity)
            .found(format!(
                "{} uses a certificate (SHA-1 {}) that is also another's: {}",
                trust.context.name(trust.peer),
                certificate.thumbprint,
                describe(&others)
            ))
            .wanted(WANTED)
            .remedy(REMEDY),
    );
}

/// For an inspection: who else uses what this instance's endpoint uses.
pub(super) fn tell(context: &Context<'_>, index: usize, findings: &mut Findings) {
    if let Some(finding) = told(context, index) {
        findings.add(finding);
    }
}

fn told(context: &Context<'_>, index: usize) -> Option<FindingBuilder> {
    let endpoint = context.observed(index)?.endpoint.as_ref()?;
    let used: &EndpointCertificate = endpoint.certificate.as_ref()?;
    let id = context.member(index).instance_id;
    let others = registrants::of(context, &Mark::from(used), id);
    (!others.is_empty()).then(|| {
        context
            .finding(Code::CertificateOfTwoInstances, index)
            .severity(Severity::Warning)
            .found(format!(
                "its endpoint uses [{}] (SHA-1 {}), which is also another's: {}",
                used.name,
                used.thumbprint,
                describe(&others)
            ))
            .wanted(WANTED)
            .remedy(REMEDY)
    })
}

/// The certificate in use is not to be imported: somebody outside uses it too.
pub(super) fn keeps_out(trust: &Trust<'_>) -> bool {
    is_of_two_now(&others(trust))
}

/// Those the rule of members does not name already.
fn others(trust: &Trust<'_>) -> Vec<(String, Part)> {
    let peer = trust.context.member(trust.peer).instance_id;
    let members = &trust.context.desired.members;
    let all = registrants::of(
        &trust.context,
        &Mark::from(&trust.required.certificate),
        peer,
    );
    all.into_iter()
        .filter(|(name, part)| {
            *part != Part::Uses || members.iter().all(|member| member.name.as_str() != name)
        })
        .collect()
}

fn is_of_two_now(others: &[(String, Part)]) -> bool {
    others.iter().any(|(_, part)| *part == Part::Uses)
}

fn describe(others: &[(String, Part)]) -> String {
    let words: Vec<String> = others
        .iter()
        .map(|(name, part)| match part {
            Part::Earlier => format!("{name} has used it before"),
            Part::Uses | Part::Pinned | Part::Next => format!("{name} uses it, too"),
        })
        .collect();
    words.join(", ")
}
