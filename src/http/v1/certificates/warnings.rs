//! What is to be said about a certificate that is taken all the same.

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use crate::domain::certificate::{Certificate, Purpose, SelfSignature};
use crate::domain::desired_state::Thresholds;
use crate::domain::duration_words::remaining;
use crate::http::api::Api;
use crate::http::text::moment;
use crate::store::certificate_uses::{self, Clash, Use};
use crate::store::certificates::StoredCertificate;
use crate::store::{Conn, StoreError, instance_status};

/// A version that makes neither SHA-1 nor short keys: what holds for it holds for every later one.
const NEWEST: u32 = u32::MAX;

/// Something to know about a certificate that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct UploadWarning {
    /// Stable; the list is open.
    #[schema(example = "certificate_of_two_instances")]
    code: &'static str,
    detail: String,
    /// The registered instances it is about, where it is about others.
    instances: Vec<String>,
}

/// All there is to say about this upload.
pub async fn of(
    api: &Api,
    conn: &mut Conn,
    stored: &StoredCertificate,
    clashes: &[Clash],
) -> Result<Vec<UploadWarning>, StoreError> {
    let certificate = &stored.certificate;
    let others = certificate_uses::by_others(conn, stored.instance_id, certificate).await?;
    let status = instance_status::status(conn, stored.instance_id).await?;
    let major = status.observation.map(|seen| seen.major());
    let thresholds = &api.settings.thresholds;
    Ok([
        shared(&others),
        clashing(clashes),
        weak(certificate, thresholds, major),
        ending(certificate, thresholds, api.clock.now()),
        beginning(stored, api.clock.now()),
        unchecked(certificate),
    ]
    .into_iter()
    .flatten()
    .collect())
}

fn about(code: &'static str, detail: String) -> Option<UploadWarning> {
    Some(UploadWarning {
        code,
        detail,
        instances: Vec::new(),
    })
}

fn shared(others: &[(String, Use)]) -> Option<UploadWarning> {
    let words: Vec<String> = others
        .iter()
        .map(|(name, how)| match how {
            Use::Endpoint => format!("{name} (its endpoint uses it)"),
            Use::Pinned => format!("{name} (uploaded for it, and it counts)"),
            Use::Known => format!("{name} (known as its own)"),
        })
        .collect();
    if words.is_empty() {
        return None;
    }
    Some(UploadWarning {
        code: "certificate_of_two_instances",
        detail: format!(
            "this certificate is also that of {}: right only where they share one certificate and its key on purpose; otherwise it was uploaded for the wrong instance",
            words.join(", ")
        ),
        instances: others.iter().map(|(name, _)| name.clone()).collect(),
    })
}

fn clashing(clashes: &[Clash]) -> Option<UploadWarning> {
    if clashes.is_empty() {
        return None;
    }
    let words: Vec<String> = clashes.iter().map(describe).collect();
    let mut instances: Vec<String> = clashes.iter().map(|c| c.instance.clone()).collect();
    instances.dedup();
    Some(UploadWarning {
        code: "issuer_serial_clash",
        detail: format!(
            "another certificate of the same issuer and serial is known: {}. A handshake looks a peer's certificate up by these two, so where both are held it may be refused (28045); make one with a serial of its own",
            words.join(", ")
        ),
        instances,
    })
}

/// `SHA-1 …, of HOST_B`
pub fn describe(clash: &Clash) -> String {
    match &clash.held_as {
        Some(name) => format!(
            "SHA-1 {}, held on {} as [{name}]",
            clash.thumbprint, clash.instance
        ),
        None => format!("SHA-1 {}, of {}", clash.thumbprint, clash.instance),
    }
}

fn weak(
    certificate: &Certificate,
    thresholds: &Thresholds,
    major: Option<u32>,
) -> Option<UploadWarning> {
    let policy = thresholds.weak_certificates;
    let found = policy.weaknesses(certificate, major.unwrap_or(NEWEST));
    let words: Vec<String> = found.iter().map(ToString::to_string).collect();
    if words.is_empty() {
        return None;
    }
    let is_weak_anywhere = !policy.weaknesses(certificate, 0).is_empty();
    let unless = match major {
        None if !is_weak_anywhere => {
            "; on SQL Server 2016 and older that may be what the server makes itself, and which version this instance is has not been seen yet"
        }
        _ => "",
    };
    about(
        "weak_certificate",
        format!(
            "the certificate {}; wanted is {}{unless}",
            words.join(" and "),
            policy.describe(major.unwrap_or(NEWEST))
        ),
    )
}

fn ending(
    certificate: &Certificate,
    thresholds: &Thresholds,
    now: DateTime<Utc>,
) -> Option<UploadWarning> {
    let left = certificate.not_after - now;
    let end = moment(certificate.not_after);
    if left < Duration::zero() {
        return about(
            "certificate_expired",
            format!("it ended {end}: an endpoint that uses it is let in nowhere"),
        );
    }
    if left >= thresholds.expires_soon {
        return None;
    }
    about(
        "certificate_expires_soon",
        format!("it ends {end}, {}", remaining(left)),
    )
}

fn beginning(stored: &StoredCertificate, now: DateTime<Utc>) -> Option<UploadWarning> {
    let begins = stored.certificate.not_before;
    if begins <= now {
        return None;
    }
    let then = match stored.purpose {
        Some(Purpose::Next) => "do not switch the endpoint to it before then",
        _ => "until then an endpoint that uses it is let in nowhere",
    };
    about(
        "certificate_not_yet_valid",
        format!(
            "it begins {}, {}: {then}",
            moment(begins),
            remaining(begins - now)
        ),
    )
}

fn unchecked(certificate: &Certificate) -> Option<UploadWarning> {
    if certificate.self_signature() != SelfSignature::Unknown {
        return None;
    }
    about(
        "signature_not_checked",
        format!(
            "its signature ({} over {}) cannot be checked here, so damage to it would not be noticed",
            certificate.signature_algorithm, certificate.signature_hash
        ),
    )
}
