//! Why a connection was not secured: from what rustls and the network say to the domain's words.

use std::io::{self, ErrorKind};

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use super::Order;
use super::verifier::Seen;
use crate::domain::tls_cause::{Complaint, Terms, TlsCause, TlsFault};

#[derive(Debug)]
pub(in crate::sqlserver) enum SecureError {
    Tls(Box<TlsCause>),
    /// The connection ended before PRELOGIN was answered.
    HungUp(ErrorKind),
    /// It broke later, or something failed that has nothing to do with trust.
    Io(ErrorKind),
    /// What answered is no SQL Server.
    NotTds,
}

impl SecureError {
    pub(super) fn at_prelogin(error: io::Error) -> Self {
        match error.kind() {
            kind if is_hang_up(kind) => Self::HungUp(kind),
            kind => Self::Io(kind),
        }
    }
}

impl From<TlsFault> for SecureError {
    fn from(fault: TlsFault) -> Self {
        Self::Tls(Box::new(TlsCause {
            fault,
            presented: None,
        }))
    }
}

fn is_hang_up(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
    )
}

/// A TLS handshake that failed. `heard`: the server had said something in it.
pub(super) fn of_handshake(
    error: &io::Error,
    heard: bool,
    order: Order,
    seen: &Seen,
    terms: Terms,
) -> SecureError {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    let fault = match inner {
        None if is_hang_up(error.kind()) && !heard => match order {
            Order::PreloginFirst => TlsFault::ClosedAtHello,
            Order::TlsFirst => TlsFault::NoStrict,
        },
        None if error.kind() == ErrorKind::InvalidData => TlsFault::Other(error.to_string()),
        None => return SecureError::Io(error.kind()),
        Some(error) => of_rustls(error, seen, terms),
    };
    SecureError::Tls(Box::new(TlsCause {
        fault,
        presented: seen.presented(),
    }))
}

fn of_rustls(error: &Error, seen: &Seen, terms: Terms) -> TlsFault {
    match error {
        Error::AlertReceived(AlertDescription::ProtocolVersion)
        | Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => TlsFault::OldTls,
        Error::AlertReceived(alert) => TlsFault::Alert(format!("{alert:?}")),
        _ if seen.is_key_not_proven() => match seen.presented() {
            Some(presented) => TlsFault::of(&presented, Complaint::Key, terms),
            None => TlsFault::KeyNotProven,
        },
        Error::InvalidCertificate(error) => match (seen.not_the_pin(), seen.presented()) {
            (Some(pinned), _) => TlsFault::NotThePin { pinned },
            (None, Some(presented)) => TlsFault::of(&presented, complaint(error), terms),
            (None, None) => TlsFault::Other("its certificate cannot be read".to_owned()),
        },
        other => TlsFault::Other(other.to_string()),
    }
}

fn complaint(error: &CertificateError) -> Complaint {
    match error {
        CertificateError::UnknownIssuer => Complaint::Issuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Complaint::Name
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Complaint::Date,
        // In the chain: the handshake's own signature is noted where it is checked.
        CertificateError::BadSignature => Complaint::Issuer,
        other => Complaint::Other(other.to_string()),
    }
}
