//! What is asked of an upload beyond being a certificate: that it is whole, and that its dates allow its purpose.

use chrono::{DateTime, Duration, Utc};

use super::{Certificate, Purpose, RefusedCertificate, SelfSignature, dates, encoding};

/// A certificate that begins within this many seconds counts as begun: it was made just now on a server whose clock is ahead.
pub const CLOCK_TOLERANCE_SECONDS: i64 = 300;

/// What an upload is for, and what its caller lets pass.
#[derive(Debug, Clone, Copy)]
pub struct UploadTerms {
    pub purpose: Purpose,
    pub allow_expired: bool,
    pub allow_not_yet_valid: bool,
    /// mirrorgate's clock.
    pub now: DateTime<Utc>,
}

impl Certificate {
    /// Reads an upload, whatever its encoding.
    ///
    /// # Errors
    /// See [`RefusedCertificate`]; a private key anywhere in the upload is refused before anything else is looked at.
    pub fn from_upload(bytes: &[u8], terms: &UploadTerms) -> Result<Self, RefusedCertificate> {
        let certificate = Self::from_der(&encoding::decode(bytes)?)?;
        if let SelfSignature::Damaged { how } = certificate.self_signature() {
            return Err(RefusedCertificate::Damaged { how });
        }
        dates::in_order(&certificate)?;
        certificate.fits(terms)?;
        Ok(certificate)
    }

    fn fits(&self, terms: &UploadTerms) -> Result<(), RefusedCertificate> {
        let now = terms.now;
        if self.not_after < now && !terms.allow_expired {
            return Err(RefusedCertificate::Expired {
                not_after: self.not_after,
                now,
            });
        }
        // The next one may well begin later; the current one is in use.
        let begins_late = self.not_before > now + Duration::seconds(CLOCK_TOLERANCE_SECONDS);
        if terms.purpose == Purpose::Current && begins_late && !terms.allow_not_yet_valid {
            return Err(RefusedCertificate::NotYetValid {
                not_before: self.not_before,
                now,
            });
        }
        Ok(())
    }
}
