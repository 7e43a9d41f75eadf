//! Whether each side can use its own certificate, and whether the acceptor holds the peer's, valid by its own clock.

use chrono::{DateTime, Utc};

use super::reasons::Reasons;
use super::{End, sees_everything};
use crate::domain::observation::{EndpointCertificate, HeldCertificate, PrivateKey};
use crate::plan::findings::moment;

/// Whether the endpoint can show its own certificate and prove its key; until when, if that is known.
pub(super) fn own(end: &End<'_>, reasons: &mut Reasons) -> Option<DateTime<Utc>> {
    if !end.endpoint.accepts_certificates {
        return None;
    }
    let Some(own) = &end.endpoint.certificate else {
        reasons.refuses(
            sees_everything(end.seen),
            "own_certificate_missing",
            format!(
                "the certificate that endpoint [{}] of {} uses is not there",
                end.endpoint.name, end.name
            ),
        );
        return None;
    };
    key(end, own, reasons);
    let what = format!("the certificate [{}] of {}", own.name, end.name);
    dates(&what, (own.not_before, own.not_after), end, reasons);
    Some(own.not_after)
}

fn key(end: &End<'_>, own: &EndpointCertificate, reasons: &mut Reasons) {
    let sees = sees_everything(end.seen);
    if own.private_key != PrivateKey::MasterKey {
        reasons.refuses(
            true,
            "own_certificate_without_key",
            format!(
                "the certificate [{}] of {} has no private key under the master key",
                own.name, end.name
            ),
        );
    } else if !end.seen.master_key.exists {
        reasons.refuses(
            sees,
            "no_master_key",
            format!("master of {} has no master key", end.name),
        );
    } else if !end.seen.master_key.opened_by_server {
        reasons.unverified(
            "master_key_not_opened_by_server",
            format!(
                "{} does not open its master key by itself: its endpoint works until the server or the endpoint restarts, and whether that has happened since is not seen",
                end.name
            ),
        );
    }
}

fn dates(
    what: &str,
    (not_before, not_after): (DateTime<Utc>, DateTime<Utc>),
    by: &End<'_>,
    reasons: &mut Reasons,
) {
    let now = by.now();
    if now > not_after {
        reasons.refuses(
            true,
            "certificate_expired",
            format!(
                "{what} expired {} by {}'s clock",
                moment(not_after),
                by.name
            ),
        );
    } else if now < not_before {
        reasons.refuses(
            true,
            "certificate_not_yet_valid",
            format!(
                "{what} is not valid before {} by {}'s clock",
                moment(not_before),
                by.name
            ),
        );
    }
}

/// The acceptor's copy of what the peer shows; `None` where there is none, or nobody knows what the peer shows.
pub(super) fn held<'a>(
    on: &End<'a>,
    from: &End<'_>,
    reasons: &mut Reasons,
) -> Option<&'a HeldCertificate> {
    let shown = from.endpoint.certificate.as_ref()?;
    let is_shown = |held: &&HeldCertificate| match (shown.sha256(), held.sha256) {
        (Some(shown), Some(held)) => shown == held,
        _ => held.thumbprint == shown.thumbprint,
    };
    let Some(held) = on.seen.certificates.iter().find(is_shown) else {
        reasons.refuses(
            sees_everything(on.seen),
            "certificate_not_held",
            format!(
                "{} does not hold the certificate {} uses (SHA-1 {})",
                on.name, from.name, shown.thumbprint
            ),
        );
        return None;
    };
    let what = format!("{}'s certificate, held as [{}],", from.name, held.name);
    dates(&what, (held.not_before, held.not_after), on, reasons);
    twin(on, held, &what, reasons);
    Some(held)
}

/// The handshake looks the certificate up by issuer and serial, and refuses where the bytes found are others (28045).
fn twin(on: &End<'_>, held: &HeldCertificate, what: &str, reasons: &mut Reasons) {
    let mut all = on.seen.certificates.iter();
    if let Some(other) = all.find(|other| other.is_twin_of(held)) {
        reasons.unverified(
            "issuer_serial_twin",
            format!(
                "{what} has issuer and serial of [{}] on {}, and which of the two a handshake finds is not verified",
                other.name, on.name
            ),
        );
    }
}
