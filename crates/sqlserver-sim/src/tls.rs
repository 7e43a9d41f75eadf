//! Certificates for the TDS side: the fleet's CA, the instances' server certificates, SQL Server's self-signed one.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, SanType,
};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;

use crate::session::TlsIdentity;
use crate::spec::{InstanceSpec, TlsCertificate};

/// A server without a certificate: every TLS handshake with it ends with an alert.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesServerCert for NoCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

/// The identity with its certificate lost, for the fault of that name.
pub fn broken(whole: &TlsIdentity) -> TlsIdentity {
    let without = |config: &ServerConfig| {
        let mut config = config.clone();
        config.cert_resolver = Arc::new(NoCertificate);
        Arc::new(config)
    };
    TlsIdentity {
        in_band: without(&whole.in_band),
        strict: without(&whole.strict),
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
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "sqlserver-sim fleet CA");
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
        let (certificate, key) = match spec.tls {
            TlsCertificate::FleetCa => {
                let key = KeyPair::generate()?;
                let issuer = Issuer::from_params(&self.params, &self.key);
                (server_params(spec)?.signed_by(&key, &issuer)?, key)
            }
            TlsCertificate::SelfSignedFallback => {
                let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
                let mut params = CertificateParams::default();
                params.distinguished_name = Default::default();
                params
                    .distinguished_name
                    .push(DnType::CommonName, "SSL_Self_Signed_Fallback");
                (params.self_signed(&key)?, key)
            }
        };
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok(Arc::new(TlsIdentity::new(
            vec![certificate.der().clone()],
            key,
        )?))
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
