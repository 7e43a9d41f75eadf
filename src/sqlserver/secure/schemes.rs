//! Which signature schemes a handshake may use, and how RSA ones are verified.

use aws_lc_rs::signature as rsa;
use rustls::SignatureScheme;

/// Keys of 1024 bits too, which older servers have: the pin says whose key it is, not how good it is.
pub(super) fn rsa_algorithm(scheme: SignatureScheme) -> Option<&'static rsa::RsaParameters> {
    match scheme {
        SignatureScheme::RSA_PKCS1_SHA256 => {
            Some(&rsa::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY)
        }
        SignatureScheme::RSA_PKCS1_SHA384 => Some(&rsa::RSA_PKCS1_2048_8192_SHA384),
        SignatureScheme::RSA_PKCS1_SHA512 => {
            Some(&rsa::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY)
        }
        SignatureScheme::RSA_PSS_SHA256 => Some(&rsa::RSA_PSS_2048_8192_SHA256),
        SignatureScheme::RSA_PSS_SHA384 => Some(&rsa::RSA_PSS_2048_8192_SHA384),
        SignatureScheme::RSA_PSS_SHA512 => Some(&rsa::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

/// RSA signatures that are verified with 2048 bits and more only.
pub(super) fn is_for_long_keys(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::RSA_PSS_SHA256
            | SignatureScheme::RSA_PSS_SHA384
            | SignatureScheme::RSA_PSS_SHA512
            | SignatureScheme::RSA_PKCS1_SHA384
    )
}

/// PKCS #1 v1.5 has no place in TLS 1.3.
pub(super) fn is_of_tls_1_3(scheme: SignatureScheme) -> bool {
    !matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
    )
}
