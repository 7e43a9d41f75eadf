//! A certificate's dates: which of them cannot be read, and whether they are in order.

use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use super::der::{self, Element};
use super::{Certificate, RefusedCertificate};

/// Most characters of a date that are repeated to the caller.
const SHOWN: usize = 40;

/// # Errors
/// When it ends before it begins.
pub(super) fn in_order(certificate: &Certificate) -> Result<(), RefusedCertificate> {
    let (not_before, not_after) = (certificate.not_before, certificate.not_after);
    if not_after < not_before {
        return Err(RefusedCertificate::EndsBeforeItBegins {
            not_before,
            not_after,
        });
    }
    Ok(())
}

/// The date that keeps `certificate` (the whole outer sequence) from being read, if it is one.
pub(super) fn unreadable(certificate: &Element<'_>) -> Option<RefusedCertificate> {
    let (to_be_signed, _) = der::element(certificate.content)?;
    let mut parts = der::elements(to_be_signed.content);
    if parts.first()?.tag == der::CONTEXT_0 {
        parts.remove(0);
    }
    // Serial number, algorithm, issuer, validity.
    let validity = parts.get(3).filter(|v| v.tag == der::SEQUENCE)?;
    let dates = der::elements(validity.content);
    let [not_before, not_after] = dates.as_slice() else {
        return Some(bad(
            "validity",
            format!("{} dates instead of two", dates.len()),
        ));
    };
    [("notBefore", not_before), ("notAfter", not_after)]
        .into_iter()
        .find(|(_, date)| ASN1Time::from_der(date.whole).is_err())
        .map(|(field, date)| bad(field, shown(date)))
}

fn bad(field: &'static str, found: String) -> RefusedCertificate {
    RefusedCertificate::BadDate { field, found }
}

fn shown(date: &Element<'_>) -> String {
    let text: String = date
        .content
        .iter()
        .take(SHOWN)
        .map(|byte| match byte {
            0x20..=0x7e => char::from(*byte),
            _ => '.',
        })
        .collect();
    match date.tag {
        0x17 => format!("UTCTime {text:?}"),
        0x18 => format!("GeneralizedTime {text:?}"),
        tag => format!("{text:?} of type 0x{tag:02x}"),
    }
}
