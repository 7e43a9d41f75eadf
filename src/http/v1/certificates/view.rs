//! A certificate as it is shown.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::warnings::UploadWarning;
use crate::domain::certificate::{Purpose, Source};
use crate::http::text::{Tabular, maybe_moment, moment};
use crate::store::certificates::StoredCertificate;

/// A certificate as it is shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CertificateView {
    /// Over the DER: what identifies it.
    pub sha256: String,
    /// SHA-1, as SQL Server shows it.
    pub thumbprint: String,
    pub subject: String,
    pub issuer: String,
    pub serial: String,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
    pub key_bits: u32,
    /// Dotted object identifier.
    #[schema(example = "1.2.840.113549.1.1.11")]
    pub signature_algorithm: String,
    /// What it was last uploaded for; null when it was only obtained from the endpoint.
    #[schema(required)]
    pub purpose: Option<Purpose>,
    pub source: Source,
    /// It counts now: the last upload of its purpose.
    pub pinned: bool,
    pub created_at: DateTime<Utc>,
    #[schema(required)]
    pub uploaded_at: Option<DateTime<Utc>>,
}

/// A certificate as its upload is answered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UploadedView {
    #[serde(flatten)]
    certificate: CertificateView,
    /// What to know about it; it was taken all the same.
    warnings: Vec<UploadWarning>,
}

impl UploadedView {
    #[must_use]
    pub fn of(stored: &StoredCertificate, warnings: Vec<UploadWarning>) -> Self {
        Self {
            certificate: CertificateView::of(stored),
            warnings,
        }
    }

    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.certificate.sha256
    }
}

impl CertificateView {
    #[must_use]
    pub fn of(stored: &StoredCertificate) -> Self {
        let certificate = &stored.certificate;
        Self {
            sha256: certificate.sha256.to_string(),
            thumbprint: certificate.thumbprint.to_string(),
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            serial: certificate.serial.clone(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            key_bits: certificate.key_bits,
            signature_algorithm: certificate.signature_algorithm.clone(),
            purpose: stored.purpose,
            source: stored.source,
            pinned: stored.pinned,
            created_at: stored.created_at,
            uploaded_at: stored.uploaded_at,
        }
    }
}

impl Tabular for CertificateView {
    const COLUMNS: &'static [&'static str] = &[
        "THUMBPRINT",
        "PURPOSE",
        "SOURCE",
        "PINNED",
        "NOT AFTER",
        "KEY",
        "SUBJECT",
        "UPLOADED",
        "SHA256",
    ];

    fn cells(&self) -> Vec<String> {
        let pinned = if self.pinned { "yes" } else { "no" };
        vec![
            self.thumbprint.clone(),
            self.purpose.map_or("", Purpose::as_str).to_owned(),
            self.source.as_str().to_owned(),
            pinned.to_owned(),
            moment(self.not_after),
            self.key_bits.to_string(),
            self.subject.clone(),
            maybe_moment(self.uploaded_at),
            self.sha256.clone(),
        ]
    }
}
