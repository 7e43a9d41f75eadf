//! Certificates for the TDS side: the fleet's CA, the instances' server certificates, SQL Server's self-signed one.

mod version_one;

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, SanType, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;

use crate::engine::faults::TlsFault;
use crate::engine::state::version::Platform;
use crate::server_api::TlsIdentity;
use crate::spec::{InstanceSpec, TlsCertificate};

/// The subject of what SQL Server makes for itself.
const FALLBACK: &str = "SSL_Self_Signed_Fallback";

/// A server without a certificate: every TLS handshake with it ends with an alert.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesServerCert for NoCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

/// A ServerHello of TLS 1.0 with an old cipher suite, as a server without the later versions answers.
fn hello_of_tls_1_0() -> Vec<u8> {
    let mut hello = vec![3, 1];
    hello.extend_from_slice(&[0x5a; 32]);
    // No session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
    hello.extend_from_slice(&[0, 0, 0x2f, 0]);
    let message = [&[2, 0, 0, 38][..], &hello].concat();
    [&[22, 3, 1, 0, 42][..], &message].concat()
}

/// The identity as a fault makes it look.
pub fn faulty(whole: &TlsIdentity, fault: TlsFault) -> TlsIdentity {
    let without = |config: &ServerConfig| {
        let mut config = config.clone();
        config.cert_resolver = Arc::new(NoCertificate);
        Arc::new(config)
    };
    let (in_band, strict, instead) = match fault {
        TlsFault::NoCertificate => (without(&whole.in_band), without(&whole.strict), None),
        TlsFault::EndsAtClientHello | TlsFault::OnlyTls10 => (
            Arc::clone(&whole.in_band),
            Arc::clone(&whole.strict),
            Some(match fault {
                TlsFault::OnlyTls10 => hello_of_tls_1_0(),
                _ => Vec::new(),
            }),
        ),
    };
    TlsIdentity {
        certificate: whole.certificate.clone(),
        instead,
        in_band,
        strict,
    }
}

/// Why an instance could not be given its certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot make the TLS certificate")]
    Make(#[from] rcgen::Error),
    #[error("rustls refuses the TLS certificate")]
    Use(#[from] rustls::Error),
}

/// The fleet's certificate authority.
pub struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pem: String,
}

impl Authority {
    /// # Errors
    /// When no key can be generated.
    pub fn new() -> Result<Self, TlsError> {
        Self::called("sqlserver-sim fleet CA")
    }

    fn called(name: &str) -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { params, key, pem })
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The identity an instance shows to its clients.
    ///
    /// # Errors
    /// When the certificate cannot be made or used.
    pub fn identity(&self, spec: &InstanceSpec) -> Result<Arc<TlsIdentity>, TlsError> {
        let (certificate, key) = self.certificate(spec)?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok(Arc::new(TlsIdentity::new(vec![certificate.into()], key)?))
    }

    /// The certificate's DER, and the key the server has.
    fn certificate(&self, spec: &InstanceSpec) -> Result<(Vec<u8>, KeyPair), TlsError> {
        let rsa = || KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
        let named = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name = Default::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params
        };
        let by_fleet = |params: CertificateParams| {
            let key = KeyPair::generate()?;
            let issuer = Issuer::from_params(&self.params, &self.key);
            let der = params.signed_by(&key, &issuer)?.der().to_vec();
            Ok((der, key))
        };
        let self_signed = |params: CertificateParams, key: KeyPair| {
            Ok((params.self_signed(&key)?.der().to_vec(), key))
        };
        let version_one = |name: &str| {
            let key = rsa()?;
            Ok((version_one::self_signed(name, &key)?, key))
        };
        let mut params = server_params(spec)?;
        match spec.tls {
            TlsCertificate::FleetCa => by_fleet(params),
            TlsCertificate::NoNames => {
                params.subject_alt_names.clear();
                by_fleet(params)
            }
            TlsCertificate::OtherName => {
                params.subject_alt_names = vec![SanType::DnsName("elsewhere.example".try_into()?)];
                by_fleet(params)
            }
            TlsCertificate::Expired => {
                params.not_before = date_time_ymd(2001, 1, 1);
                params.not_after = date_time_ymd(2001, 12, 31);
                by_fleet(params)
            }
            TlsCertificate::NotYetValid => {
                params.not_before = date_time_ymd(2048, 1, 1);
                params.not_after = date_time_ymd(2048, 12, 31);
                by_fleet(params)
            }
            TlsCertificate::OtherCa => Self::called("another CA")?.certificate(&of_fleet(spec)),
            TlsCertificate::NamesakeCa => Self::new()?.certificate(&of_fleet(spec)),
            TlsCertificate::SelfMade => self_signed(params, KeyPair::generate()?),
            TlsCertificate::Authority => {
                params.subject_alt_names.clear();
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                self_signed(params, KeyPair::generate()?)
            }
            TlsCertificate::SelfSignedFallback => match spec.platform {
                Platform::Linux => version_one(FALLBACK),
                Platform::Windows => self_signed(named(FALLBACK), rsa()?),
            },
            TlsCertificate::VersionOne => version_one(spec.machine_name()),
            // Shows a certificate of another key than its own.
            TlsCertificate::Impostor => Ok((version_one(spec.machine_name())?.0, rsa()?)),
        }
    }
}

fn of_fleet(spec: &InstanceSpec) -> InstanceSpec {
    InstanceSpec {
        tls: TlsCertificate::FleetCa,
        ..spec.clone()
    }
}

fn server_params(spec: &InstanceSpec) -> Result<CertificateParams, TlsError> {
    let mut names = vec!["localhost".to_owned()];
    for host in spec.hosts() {
        let usable = host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        if usable && !names.iter().any(|n| n.eq_ignore_ascii_case(&host)) {
            names.push(host);
        }
    }
    let mut params = CertificateParams::new(names)?;
    params
        .subject_alt_names
        .push(SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
    params.distinguished_name = Default::default();
    params
        .distinguished_name
        .push(DnType::CommonName, spec.machine_name());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}
