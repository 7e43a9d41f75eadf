//! Whom to trust in a TLS handshake. A pin is worth something only with the handshake's signature checked against the
//! pinned certificate's key: the certificate itself is public, and anybody can show it. X.509 version 1, which SQL
//! Server makes on Linux, is refused by the usual verifier before it looks at anything, so both are done here.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::signature as rsa;
use chrono::{DateTime, Utc};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::Order;
use super::error::SecureError;
use super::roots::Check;
use super::schemes::{is_for_long_keys, is_of_tls_1_3, rsa_algorithm};
use crate::domain::certificate::{Presented, PublicKeyBytes};
use crate::domain::hash::Sha256;
use crate::domain::tls_cause::TlsFault;

/// What the handshake has shown so far; shared by the verifier and whoever explains afterwards.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Sight>>);

#[derive(Debug, Default)]
struct Sight {
    presented: Option<Presented>,
    at: Option<DateTime<Utc>>,
    /// The signature over the handshake was not one by the presented certificate's key.
    key_not_proven: bool,
    not_the_pin: Option<Sha256>,
}

impl Seen {
    pub fn presented(&self) -> Option<Presented> {
        self.with(|sight| sight.presented.clone())
    }

    /// The time by which dates were judged.
    pub fn now(&self) -> DateTime<Utc> {
        self.with(|sight| sight.at).unwrap_or_default()
    }

    pub fn is_key_not_proven(&self) -> bool {
        self.with(|sight| sight.key_not_proven)
    }

    pub fn not_the_pin(&self) -> Option<Sha256> {
        self.with(|sight| sight.not_the_pin)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Sight) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug)]
enum Judge {
    Chain(Arc<WebPkiServerVerifier>),
    Pinned(Sha256),
    Anything,
}

#[derive(Debug)]
pub(super) struct Verifier {
    judge: Judge,
    order: Order,
    provider: Arc<CryptoProvider>,
    seen: Seen,
}

impl Verifier {
    pub fn new(
        check: Check,
        order: Order,
        provider: Arc<CryptoProvider>,
        seen: Seen,
    ) -> Result<Self, SecureError> {
        let judge = match check {
            Check::Pinned(pin) => Judge::Pinned(pin),
            Check::Anything => Judge::Anything,
            Check::Chain { roots, .. } => {
                let builder =
                    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
                let verifier = builder.build().map_err(|error| {
                    TlsFault::Other(format!("the given CA cannot be used ({error})"))
                })?;
                Judge::Chain(verifier)
            }
        };
        Ok(Self {
            judge,
            order,
            provider,
            seen,
        })
    }

    fn noting(
        &self,
        outcome: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        if outcome.is_err() {
            self.seen.with(|sight| sight.key_not_proven = true);
        }
        outcome
    }

    /// Against the key in the certificate, whatever else stands in it.
    fn by_the_key(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let bad = || Error::from(CertificateError::BadSignature);
        let key = PublicKeyBytes::of(certificate).ok_or(CertificateError::BadEncoding)?;
        let is_true = match key.is_rsa {
            true => rsa_algorithm(signed.scheme).is_some_and(|algorithm| {
                let key = rsa::UnparsedPublicKey::new(algorithm, &key.key);
                key.verify(message, signed.signature()).is_ok()
            }),
            false => self.other_algorithms(signed.scheme).any(|algorithm| {
                algorithm.public_key_alg_id().as_ref() == key.algorithm
                    && algorithm
                        .verify_signature(&key.key, message, signed.signature())
                        .is_ok()
            }),
        };
        match is_true {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(bad()),
        }
    }

    fn other_algorithms(
        &self,
        scheme: SignatureScheme,
    ) -> impl Iterator<Item = &'static dyn rustls_pki_types::SignatureVerificationAlgorithm> {
        let mapping = self.provider.signature_verification_algorithms.mapping;
        mapping
            .iter()
            .filter(move |(known, _)| *known == scheme)
            .flat_map(|(_, algorithms)| algorithms.iter().copied())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        self.seen.with(|sight| {
            sight.presented = Presented::from_der(end_entity);
            sight.at = DateTime::from_timestamp(seconds, 0);
        });
        match &self.judge {
            Judge::Chain(verifier) => verifier.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
            Judge::Pinned(pin) if Sha256::of(end_entity) == *pin => {
                Ok(ServerCertVerified::assertion())
            }
            Judge::Pinned(pin) => {
                self.seen.with(|sight| sight.not_the_pin = Some(*pin));
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            Judge::Anything => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match self.judge {
            Judge::Chain(_) => self.noting(verify_tls12_signature(
                message,
                certificate,
                signed,
                algorithms,
            )),
            Judge::Pinned(_) => self.noting(self.by_the_key(message, certificate, signed)),
            // Where any certificate will do, its key proves nothing.
            Judge::Anything => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match self.judge {
            Judge::Chain(_) => self.noting(verify_tls13_signature(
                message,
                certificate,
                signed,
                algorithms,
            )),
            Judge::Pinned(_) if !is_of_tls_1_3(signed.scheme) => {
                self.noting(Err(CertificateError::BadSignature.into()))
            }
            Judge::Pinned(_) => self.noting(self.by_the_key(message, certificate, signed)),
            Judge::Anything => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let all = self
            .provider
            .signature_verification_algorithms
            .supported_schemes();
        match (&self.judge, self.order) {
            // What short keys of older servers can be verified with too.
            (Judge::Pinned(_), Order::PreloginFirst) => all
                .into_iter()
                .filter(|scheme| !is_for_long_keys(*scheme))
                .collect(),
            _ => all,
        }
    }
}
