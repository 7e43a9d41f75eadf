//! CA certificates that a caller gives to verify a server by.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

const MAX_BYTES: usize = 64 * 1024;

/// Why a text is no bundle of CA certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedBundle {
    #[error(
        "it holds a private key; it was not stored. Give certificates only, and treat the key as exposed"
    )]
    PrivateKey,
    #[error("it is longer than 64 KiB")]
    TooLong,
    #[error("wanted are one or more CA certificates in PEM")]
    NoCertificates,
}

/// Checks that `pem` is one or more certificates in PEM, of at most 64 KiB.
///
/// # Errors
/// A private key in it is refused before anything else is looked at.
pub fn check(pem: &str) -> Result<(), RefusedBundle> {
    if pem.contains("PRIVATE KEY") {
        return Err(RefusedBundle::PrivateKey);
    }
    if pem.len() > MAX_BYTES {
        return Err(RefusedBundle::TooLong);
    }
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match parsed {
        Ok(found) if !found.is_empty() => Ok(()),
        _ => Err(RefusedBundle::NoCertificates),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

    #[test]
    fn certificates_in_pem_are_taken() {
        assert_eq!(check(PEM), Ok(()));
        assert_eq!(check(&PEM.repeat(3)), Ok(()));
    }

    #[test]
    fn what_is_none_is_called_by_its_name() {
        let key = format!("{PEM}-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n");
        assert_eq!(check(&key), Err(RefusedBundle::PrivateKey));
        assert_eq!(check(&PEM.repeat(1300)), Err(RefusedBundle::TooLong));
        for bad in ["", "MAA=", "-----BEGIN CERTIFICATE-----\nMAA=\n"] {
            assert_eq!(check(bad), Err(RefusedBundle::NoCertificates), "{bad:?}");
        }
    }

    #[test]
    fn a_bundle_of_64_kib_is_taken_and_one_byte_more_is_not() {
        let of = |bytes: usize| format!("{PEM}{}", "\n".repeat(bytes - PEM.len()));
        assert_eq!(check(&of(64 * 1024)), Ok(()));
        assert_eq!(check(&of(64 * 1024 + 1)), Err(RefusedBundle::TooLong));
    }
}
