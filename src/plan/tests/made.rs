//! Real certificates for the tests; one key serves them all, because here only their bytes and dates count.

use std::sync::LazyLock;

use chrono::{DateTime, Duration, Utc};
use rcgen::{CertificateParams, DnType, KeyPair, RsaKeySize, SerialNumber};

use super::world::now;
use crate::domain::certificate::Certificate;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub der: Vec<u8>,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
}

static KEY: LazyLock<KeyPair> = LazyLock::new(|| {
    KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
});

/// A certificate that began 100 days ago and has `days` left.
pub fn made(subject: &str, serial: u64, days: i64) -> Made {
    between(
        subject,
        serial,
        now() - Duration::days(100),
        now() + Duration::days(days),
    )
}

pub fn between(
    subject: &str,
    serial: u64,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
) -> Made {
    let time =
        |at: DateTime<Utc>| time::OffsetDateTime::from_unix_timestamp(at.timestamp()).unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    params.serial_number = Some(SerialNumber::from(serial));
    params.not_before = time(not_before);
    params.not_after = time(not_after);
    Made {
        der: params.self_signed(&*KEY).unwrap().der().to_vec(),
        not_before,
        not_after,
    }
}

impl Made {
    pub fn uploaded(&self) -> Certificate {
        Certificate::from_der(&self.der).unwrap()
    }
}
