//! What endpoints encrypt by: something in common, and nothing weak. What is allowed is widened first and narrowed last.

use super::context::Context;
use super::endpoint::altering;
use super::findings::{FindingBuilder, Findings};
use super::others;
use crate::domain::cure::Cure;
use crate::domain::finding::Code;
use crate::domain::observation::{Endpoint, EndpointEncryption};

pub(super) fn check(context: &Context<'_>, findings: &mut Findings) {
    let found: Vec<_> = context
        .all_observed()
        .filter_map(|(index, _, seen)| Some((index, seen.endpoint.as_ref()?)))
        .collect();
    for (index, endpoint) in &found {
        for (other, with) in &found {
            if other != index && !endpoint.encryption.agrees_with(with.encryption) {
                common(context, (*index, endpoint), (*other, with), findings);
            }
        }
        if endpoint.encryption.rc4 {
            let (found, wanted) = ("allows RC4", "AES alone");
            findings.add(weak(
                context,
                *index,
                endpoint,
                Code::EndpointAllowsRc4,
                (found, wanted),
            ));
        }
        if endpoint.encryption.allows_none {
            let found = "allows connections without encryption";
            let wanted = "ENCRYPTION = REQUIRED: what is not encrypted can be read on the path";
            findings.add(weak(
                context,
                *index,
                endpoint,
                Code::EndpointAllowsNoEncryption,
                (found, wanted),
            ));
        }
    }
}

/// Said about whoever does not allow AES; adding it takes nothing from anybody.
fn common(
    context: &Context<'_>,
    (index, endpoint): (usize, &Endpoint),
    (other, with): (usize, &Endpoint),
    findings: &mut Findings,
) {
    if endpoint.encryption.aes {
        return;
    }
    let code = with_aes(context, index, endpoint.encryption_code);
    let remedy = if code == RC4_BESIDE_AES && !endpoint.encryption.rc4 {
        "Let it allow AES too, and RC4, which is all that another endpoint may know; what it allows now stays."
    } else {
        "Let it allow AES too; what it allows now stays."
    };
    findings.add(
        context
            .finding(Code::NoCommonAlgorithm, index)
            .peer(context.name(other))
            .found(format!(
                "{} allows {}, {} allows {}",
                context.name(index),
                allowed(endpoint.encryption),
                context.name(other),
                allowed(with.encryption)
            ))
            .wanted("something both endpoints allow (28027 and 1418 otherwise)")
            .remedy(altering(remedy))
            .cure(set(endpoint, code)),
    );
}

fn weak(
    context: &Context<'_>,
    index: usize,
    endpoint: &Endpoint,
    code: Code,
    (found, wanted): (&str, &str),
) -> FindingBuilder {
    let finding = context
        .finding(code, index)
        .found(format!("endpoint [{}] {found}", endpoint.name))
        .wanted(wanted);
    if !endpoint.encryption.aes {
        return finding
            .remedy(altering(
                "First let it allow AES too; once every peer's endpoint does, require AES alone.",
            ))
            .cure(set(
                endpoint,
                with_aes(context, index, endpoint.encryption_code),
            ));
    }
    let behind: Vec<String> = context
        .all_observed()
        .filter(|(_, _, seen)| seen.endpoint.as_ref().is_some_and(|e| !e.encryption.aes))
        .map(|(other, _, _)| context.name(other).to_owned())
        .chain(others::let_in(context, index))
        .collect();
    if behind.is_empty() {
        finding
            .remedy(altering("Every peer's endpoint allows AES: require it."))
            .cure(set(endpoint, 2))
    } else {
        finding.remedy(format!(
            "Once the endpoints of {} are known to allow AES, require AES alone; until then it would cut them off. Nothing is proposed.",
            behind.join(", ")
        ))
    }
}

fn set(endpoint: &Endpoint, code: u8) -> Cure {
    Cure::SetEncryption {
        endpoint: endpoint.name.clone(),
        code,
        role: endpoint.role,
    }
}

/// `encryption_algorithm` of no encryption, AES and RC4.
const RC4_BESIDE_AES: u8 = 8;

/// `encryption_algorithm` of what is allowed already and AES.
///
/// Who encrypts nothing agrees with whoever need not. Once both could, they have to find an algorithm: then RC4 stays
/// beside AES as long as somebody may have no other.
fn with_aes(context: &Context<'_>, index: usize, code: u8) -> u8 {
    let may_need_rc4 = || {
        let mut seen = context
            .all_observed()
            .filter_map(|(_, _, seen)| seen.endpoint.as_ref());
        seen.any(|other| other.encryption.rc4 && !other.encryption.aes)
            || !others::let_in(context, index).is_empty()
    };
    match code {
        0 if may_need_rc4() => RC4_BESIDE_AES,
        0 => 4,
        1 => 6,
        3 => RC4_BESIDE_AES,
        other => other,
    }
}

/// `AES or RC4`
pub(super) fn allowed(encryption: EndpointEncryption) -> String {
    let all = [
        (encryption.aes, "AES"),
        (encryption.rc4, "RC4"),
        (encryption.allows_none, "no encryption"),
    ];
    let allowed: Vec<_> = all
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, text)| *text)
        .collect();
    if allowed.is_empty() {
        "nothing known".to_owned()
    } else {
        allowed.join(" or ")
    }
}
