//! The two TLS configurations a certificate is shown with.
//!
//! Making certificates is not done here.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::server_api::TlsIdentity;

/// The ALPN name of TDS 8.0.
const TDS_8: &[u8] = b"tds/8.0";

/// The one certificate there is, whatever the client asks for.
#[derive(Debug)]
struct One(Arc<CertifiedKey>);

impl ResolvesServerCert for One {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

impl TlsIdentity {
    /// `chain` starts with the server's own certificate.
    ///
    /// # Errors
    /// The first of the chain is no certificate, or the key is of a kind TLS has no use for.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificate = chain.first().map(|own| own.to_vec()).unwrap_or_default();
        if X509Certificate::from_der(&certificate).is_err() {
            return Err(CertificateError::BadEncoding.into());
        }
        let key = provider.key_provider.load_private_key(key)?;
        // Not compared with each other: a server may show what it has no key for, and version 1 is not read by rustls.
        let shown = Arc::new(One(Arc::new(CertifiedKey::new(chain, key))));
        // In-band TLS ends at 1.2: handshake records travel in PRELOGIN packets and what follows does not, so a message after
        // the handshake, as TLS 1.3 sends tickets, is misread by clients. Resumption would turn the last flight around.
        let mut in_band = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as _);
        in_band.session_storage = Arc::new(NoServerSessionStorage {});
        let mut strict = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12, &rustls::version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(shown);
        strict.alpn_protocols = vec![TDS_8.to_vec()];
        Ok(Self {
            certificate,
            instead: None,
            in_band: Arc::new(in_band),
            strict: Arc::new(strict),
        })
    }
}
