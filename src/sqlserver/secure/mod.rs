//! PRELOGIN and TLS, done here and not by the driver, which knows no pin and tells only that verification failed.
//!
//! `limited` bounds what is read; `wrapping` carries TLS inside PRELOGIN packets, as TDS 7.4 has it; `verifier` and
//! `roots` decide whom to trust; `error` says why not; `driver_stream` is what the driver then talks over, having
//! been told that the server does not encrypt.

mod channel;
mod driver_stream;
mod error;
mod limited;
mod prelogin;
mod roots;
mod schemes;
mod verifier;
mod wrapping;

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use self::channel::Channel;
pub(super) use self::driver_stream::DriverStream;
pub(super) use self::error::SecureError;
use self::limited::Limited;
pub(super) use self::limited::{Budget, TOO_MUCH};
use self::prelogin::Encryption;
use self::roots::Check;
use self::verifier::{Seen, Verifier};
use self::wrapping::Wrapping;
use crate::domain::certificate::Presented;
use crate::domain::instance::{Tls, Verification};
use crate::domain::tls_cause::{Terms, TlsFault};

/// The ALPN name of TDS 8.0.
const TDS_8: &[u8] = b"tds/8.0";
/// In the place of a name that cannot stand in a ClientHello, where the name is not verified.
const NAMELESS: &str = "sql-server.invalid";

pub(super) type Wire = DriverStream<Channel>;

/// How TLS and PRELOGIN follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// TDS 7.4: PRELOGIN, then TLS inside its packets.
    PreloginFirst,
    /// TDS 8.0.
    TlsFirst,
}

/// Introduces us to the server on the other end of `socket` and secures the connection as `tls` says. Nothing secret
/// is sent.
pub(super) async fn secure(
    socket: TcpStream,
    host: &str,
    tls: &Tls,
    order: Order,
) -> Result<(Wire, Budget), SecureError> {
    let (limited, budget) = Limited::new(socket);
    let (channel, version) = match order {
        Order::TlsFirst => {
            let mut channel =
                Box::pin(shake_hands(Wrapping::bare(limited), host, tls, order)).await?;
            let answer = prelogin::ask(&mut channel, Encryption::Required).await?;
            (channel, answer.version)
        }
        Order::PreloginFirst => {
            let mut limited = limited;
            let asked = match tls {
                Tls::Off => Encryption::NotSupported,
                _ => Encryption::On,
            };
            let answer = prelogin::ask(&mut limited, asked).await?;
            let channel = match (tls, answer.encryption) {
                (Tls::Off, Encryption::Off | Encryption::NotSupported) => Channel::Plain(limited),
                (Tls::Off, Encryption::On | Encryption::Required) => {
                    return Err(TlsFault::EncryptionForced.into());
                }
                (_, Encryption::Off | Encryption::NotSupported) => {
                    return Err(TlsFault::NoEncryption.into());
                }
                (_, Encryption::On | Encryption::Required) => {
                    Box::pin(shake_hands(
                        Wrapping::in_prelogin(limited),
                        host,
                        tls,
                        order,
                    ))
                    .await?
                }
            };
            (channel, answer.version)
        }
    };
    Ok((DriverStream::new(channel, version), budget))
}

/// Whether the server speaks TDS 8.0 on `socket`, and the certificate it shows there. Nobody is trusted by that.
pub(super) async fn speaks_strict(socket: TcpStream, host: &str) -> Option<Option<Presented>> {
    let (limited, _) = Limited::new(socket);
    let (seen, config) = configuration(Check::Anything, Order::TlsFirst).ok()?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(name_for(host)?, limited);
    let stream = connecting.await.ok()?;
    let speaks = stream.get_ref().1.alpn_protocol() == Some(TDS_8);
    speaks.then(|| seen.presented())
}

async fn shake_hands(
    stream: Wrapping<Limited<TcpStream>>,
    host: &str,
    tls: &Tls,
    order: Order,
) -> Result<Channel, SecureError> {
    let check = Check::of(tls)?;
    let expected = expected(host, tls);
    let name = match check.is_by_name() {
        true => ServerName::try_from(expected.clone()).map_err(|_| {
            TlsFault::Other(format!("{expected} cannot be the name in a certificate"))
        })?,
        false => name_for(host).ok_or_else(|| TlsFault::Other("no name to ask for".to_owned()))?,
    };
    let given = check.given();
    let (seen, config) = configuration(check, order)?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    match connecting.into_fallible().await {
        Ok(mut secured) => {
            secured.get_mut().0.unwrap_from_now_on();
            Ok(Channel::Tls(Box::new(secured)))
        }
        Err((error, stream)) => {
            let terms = Terms {
                expected,
                given,
                now: seen.now(),
            };
            Err(error::of_handshake(
                &error,
                stream.was_heard(),
                order,
                &seen,
                terms,
            ))
        }
    }
}

fn configuration(check: Check, order: Order) -> Result<(Seen, ClientConfig), SecureError> {
    let provider = CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let seen = Seen::default();
    let verifier = Verifier::new(check, order, Arc::clone(&provider), seen.clone())?;
    // No server speaks TLS 1.3 inside PRELOGIN packets, where its messages after the handshake have no place.
    let versions: &[_] = match order {
        Order::PreloginFirst => &[&TLS12],
        Order::TlsFirst => &[&TLS13, &TLS12],
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| TlsFault::Other(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // A resumed session would show no certificate.
    config.resumption = rustls::client::Resumption::disabled();
    if order == Order::TlsFirst {
        config.alpn_protocols = vec![TDS_8.to_vec()];
    }
    Ok((seen, config))
}

fn expected(host: &str, tls: &Tls) -> String {
    match tls {
        Tls::Required(Verification { server_name, .. })
        | Tls::Strict(Verification { server_name, .. }) => {
            server_name.clone().unwrap_or_else(|| host.to_owned())
        }
        _ => host.to_owned(),
    }
}

fn name_for(host: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(host.to_owned())
        .or_else(|_| ServerName::try_from(NAMELESS))
        .ok()
}

#[cfg(test)]
mod tests;
