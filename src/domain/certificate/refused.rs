//! Why bytes are not taken as an endpoint certificate: what was found, what was wanted, what to do.

use chrono::{DateTime, Utc};

use super::MAX_DER_BYTES;

const WANTED: &str =
    "wanted is one X.509 certificate, as DER, PEM, base64, or the 0x… that SQL Server shows";

/// Why bytes are not taken as an endpoint certificate. No variant carries the bytes: they may be a private key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedCertificate {
    #[error("the upload is empty; {WANTED}")]
    Empty,
    #[error(
        "the upload holds a private key; it was not stored. Upload the public certificate only (BACKUP CERTIFICATE … TO FILE without PRIVATE KEY) and treat the key as exposed"
    )]
    PrivateKey,
    #[error(
        "the upload is a PVK file, SQL Server's form of a private key; it was not stored. Upload the .cer file that was written beside it, and treat the key as exposed"
    )]
    Pvk,
    #[error(
        "the upload is a PKCS#12 container (.pfx), which holds a private key; it was not stored. Upload the public certificate only"
    )]
    Pkcs12,
    #[error(
        "the upload is a Java key store, which may hold private keys; it was not stored. Export the public certificate and upload that"
    )]
    KeyStore,
    #[error("the upload holds {found} certificates; wanted is exactly one, the endpoint's own")]
    Several { found: usize },
    #[error(
        "the upload is a PKCS#7 container (.p7b) with {certificates} certificate(s); wanted is the endpoint's own certificate alone. Take it out of the container (openssl pkcs7 -print_certs) and upload that one"
    )]
    Pkcs7 { certificates: usize },
    #[error(
        "the upload is a certificate request (CSR), not a certificate: nobody has signed it yet. Upload what the CA made of it"
    )]
    Request,
    #[error(
        "the upload is a certificate revocation list, not a certificate; wanted is the endpoint's own certificate"
    )]
    RevocationList,
    #[error(
        "the upload is a public key without its certificate; wanted is the endpoint's own certificate"
    )]
    PublicKey,
    #[error(
        "the upload is a TRUSTED CERTIFICATE, OpenSSL's own form with trust settings behind it; wanted is the certificate alone (openssl x509 -in FILE -out HOST.pem)"
    )]
    Trusted,
    #[error(
        "the upload is in BER with an indefinite length; wanted is DER, the form a signature is made over. Write it anew (openssl x509 -inform DER -outform DER)"
    )]
    Ber,
    #[error(
        "the upload is an HTML page, not a certificate: a log-in or error page that was saved under a certificate's name, most likely. Look at what was downloaded"
    )]
    Html,
    #[error("the upload is {what}, not a certificate; {WANTED}")]
    SomethingElse { what: &'static str },
    #[error(
        "the certificate is cut at the end: it says it has {announced} bytes, and ends after {found}. Take the whole of it (with curl: --data-binary @FILE; SSMS shows no more than its column width)"
    )]
    CutAtEnd { announced: usize, found: usize },
    #[error(
        "the text is cut at the end: it breaks off after {characters} characters, before its END line. Take the whole of it"
    )]
    EndLineMissing { characters: usize },
    #[error(
        "the hexadecimal text is cut: it has {digits} digits, an odd number. Take the whole of it (SSMS shows no more than its column width)"
    )]
    OddHexadecimal { digits: usize },
    #[error(
        "the certificate is cut at the front: what is there are the last {found} bytes of one, with its signature from byte {signature_at} on. Take the whole of it"
    )]
    CutAtFront { found: usize, signature_at: usize },
    #[error(
        "the text is cut at the front: its END line stands at character {characters}, with no BEGIN line before it. Take the whole of it"
    )]
    BeginLineMissing { characters: usize },
    #[error("{bytes} bytes follow the certificate; wanted is the certificate alone")]
    TrailingBytes { bytes: usize },
    #[error("the certificate has {bytes} bytes; at most {MAX_DER_BYTES} are taken")]
    TooLarge { bytes: usize },
    #[error("the upload is not an X.509 certificate; {WANTED}")]
    NotACertificate,
    #[error("the certificate is damaged: {how}. Take it from its server again")]
    Damaged { how: String },
    #[error(
        "the certificate's {field} is not a date: found {found}; wanted is a time such as 260301000000Z. Take the certificate from its server again, or make a new one"
    )]
    BadDate { field: &'static str, found: String },
    #[error(
        "the certificate ends ({not_after}) before it begins ({not_before}): it is never valid. Make a new one"
    )]
    EndsBeforeItBegins {
        not_before: DateTime<Utc>,
        not_after: DateTime<Utc>,
    },
    #[error("the certificate's key is {found}; SQL Server endpoints take RSA keys only")]
    NotRsa { found: String },
    #[error("the RSA key has {bits} bits; SQL Server takes 384 to 4096 bits in steps of 64")]
    KeySize { bits: u32 },
    #[error(
        "the certificate expired on {not_after} (mirrorgate's clock: {now}); an endpoint that uses it is let in nowhere. Upload the renewed one, or add allow_expired=true"
    )]
    Expired {
        not_after: DateTime<Utc>,
        now: DateTime<Utc>,
    },
    #[error(
        "the certificate is not valid before {not_before} (mirrorgate's clock: {now}); until then an endpoint that uses it is let in nowhere. Upload it as purpose=next, wait, put the clocks right, or add allow_not_yet_valid=true"
    )]
    NotYetValid {
        not_before: DateTime<Utc>,
        now: DateTime<Utc>,
    },
}

impl RefusedCertificate {
    /// The stable code of this refusal.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "certificate_empty",
            Self::PrivateKey | Self::Pvk | Self::KeyStore => "private_key_refused",
            Self::Pkcs12 => "pkcs12_refused",
            Self::Several { .. } => "several_certificates",
            Self::Pkcs7 { .. } => "pkcs7_refused",
            Self::Request => "certificate_request_refused",
            Self::RevocationList => "revocation_list_refused",
            Self::PublicKey => "public_key_refused",
            Self::Trusted => "trusted_certificate_refused",
            Self::Ber => "ber_refused",
            Self::Html => "html_refused",
            Self::CutAtEnd { .. }
            | Self::EndLineMissing { .. }
            | Self::OddHexadecimal { .. }
            | Self::CutAtFront { .. }
            | Self::BeginLineMissing { .. } => "certificate_cut",
            Self::TrailingBytes { .. } => "trailing_bytes",
            Self::TooLarge { .. } => "certificate_too_large",
            Self::NotACertificate | Self::SomethingElse { .. } => "not_a_certificate",
            Self::Damaged { .. } => "certificate_damaged",
            Self::BadDate { .. } | Self::EndsBeforeItBegins { .. } => "bad_validity",
            Self::NotRsa { .. } => "key_not_rsa",
            Self::KeySize { .. } => "key_size_refused",
            Self::Expired { .. } => "certificate_expired",
            Self::NotYetValid { .. } => "certificate_not_yet_valid",
        }
    }
}
