//! The two TLS configurations a certificate is shown with.
//!
//! Making certificates is not done here.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::NoServerSessionStorage;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::session::TlsIdentity;

/// The ALPN name of TDS 8.0.
const TDS_8: &[u8] = b"tds/8.0";

impl TlsIdentity {
    /// `chain` starts with the server's own certificate.
    ///
    /// # Errors
    /// The key does not belong to the certificate, or is of a kind TLS has no use for.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        // In-band TLS ends at 1.2: handshake records travel in PRELOGIN packets and what follows does not, so a message after
        // the handshake, as TLS 1.3 sends tickets, is misread by clients. Resumption would turn the last flight around.
        let mut in_band = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS12])?
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key.clone_key())?;
        in_band.session_storage = Arc::new(NoServerSessionStorage {});
        let mut strict = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12, &rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        strict.alpn_protocols = vec![TDS_8.to_vec()];
        Ok(Self {
            in_band: Arc::new(in_band),
            strict: Arc::new(strict),
        })
    }
}
