//! From a [`Target`] to a logged-in session in `master`: name, Browser, TCP, TLS, log-in, each with its own limit.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_util::compat::TokioAsyncWriteCompatExt;

use super::browser;
use super::failure;
use super::secure::{self, Order, SecureError};
use super::session::{self, Session};
use super::target::Target;
use crate::domain::failure::Failure;
use crate::domain::instance::{DEFAULT_PORT, Tls};
use crate::domain::tls_cause::{TlsCause, TlsFault};

/// Opens one session.
///
/// # Errors
/// The class says how far it came: unreachable, TLS not trusted, log-in refused.
pub(super) async fn open(target: &Target) -> Result<Session, Failure> {
    let order = match target.tls {
        Tls::Strict(_) => Order::TlsFirst,
        _ => Order::PreloginFirst,
    };
    // Boxed for their size, here and below: they would lie on the stack of every caller's caller.
    match Box::pin(once(target, order)).await {
        // A link may break at any byte; twice at the very same one is the server's doing.
        Err(failure) if failure::is_hang_up_at_hello(&failure) => {
            Box::pin(once(target, order)).await
        }
        outcome => outcome,
    }
}

async fn once(target: &Target, order: Order) -> Result<Session, Failure> {
    let stream = dial(target).await?;
    let opening = Box::pin(log_in(target, stream, order));
    // The driver may panic on an answer it has no code for; that must cost this session only.
    let outcome = AssertUnwindSafe(timeout(target.timeouts.log_in, opening))
        .catch_unwind()
        .await;
    match outcome {
        Ok(Ok(Ok(session))) => Ok(session),
        Ok(Ok(Err(Refused::By(failure)))) => Err(failure),
        Ok(Ok(Err(Refused::HungUp(kind)))) => Box::pin(hung_up(target, order, kind)).await,
        Ok(Err(_)) => Err(failure::unreachable(
            target,
            "the connection was accepted, and then the server said nothing in time",
        )),
        Err(_) => Err(failure::protocol(
            target,
            "the log-in answer could not be read",
        )),
    }
}

enum Refused {
    By(Failure),
    /// Before PRELOGIN was answered.
    HungUp(ErrorKind),
}

async fn log_in(target: &Target, stream: TcpStream, order: Order) -> Result<Session, Refused> {
    let host = &target.address.host;
    let (wire, budget) = match Box::pin(secure::secure(stream, host, &target.tls, order)).await {
        Ok(secured) => secured,
        Err(SecureError::HungUp(kind)) => return Err(Refused::HungUp(kind)),
        Err(SecureError::Tls(cause)) => {
            return Err(Refused::By(failure::tls_not_trusted(target, *cause)));
        }
        Err(SecureError::Io(kind)) => {
            return Err(Refused::By(failure::lost_logging_in(target, kind)));
        }
        Err(SecureError::NotTds) => {
            let what = "what answers there is no SQL Server";
            return Err(Refused::By(failure::protocol(target, what)));
        }
    };
    // The driver's handshake is a future of some 40 kB.
    let connecting = Box::pin(Client::connect(
        config(target),
        Box::new(wire).compat_write(),
    ));
    match connecting.await {
        Ok(client) => Ok(Session::new(client, budget)),
        Err(_) if budget.is_spent() => {
            Err(Refused::By(failure::protocol(target, session::TOO_MUCH)))
        }
        Err(error) => Err(Refused::By(failure::while_logging_in(target, &error))),
    }
}

/// A server that is strict about TDS 8.0 hangs up on PRELOGIN; so does much else. It is asked, without being told
/// anything.
async fn hung_up(target: &Target, order: Order, kind: ErrorKind) -> Result<Session, Failure> {
    let asking = async {
        match order {
            Order::TlsFirst => None,
            Order::PreloginFirst => {
                secure::speaks_strict(dial(target).await.ok()?, &target.address.host).await
            }
        }
    };
    match timeout(target.timeouts.log_in, Box::pin(asking)).await {
        Ok(Some(_)) if matches!(target.tls, Tls::Pinned { .. }) => {
            // The pin is as good there.
            Box::pin(once(target, Order::TlsFirst)).await
        }
        Ok(Some(presented)) => Err(failure::tls_not_trusted(
            target,
            TlsCause {
                fault: TlsFault::StrictOnly,
                presented,
            },
        )),
        Ok(None) | Err(_) => Err(failure::lost_logging_in(target, kind)),
    }
}

async fn dial(target: &Target) -> Result<TcpStream, Failure> {
    let limit = target.timeouts.connect;
    let hosts = resolve(target).await?;
    if hosts.is_empty() {
        return Err(failure::name_unresolved(
            target,
            "its name leads to no address",
        ));
    }
    let mut last = String::new();
    for host in hosts {
        let port = match port(target, host).await {
            Ok(port) => port,
            Err(said) => {
                last = said;
                continue;
            }
        };
        match timeout(limit, TcpStream::connect(SocketAddr::new(host, port))).await {
            Ok(Ok(stream)) => {
                // Batches are written whole; waiting for more only adds latency.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = format!("{host}:{port} {}", refusal(&error)),
            Err(_) => {
                last = format!(
                    "{host}:{port} did not answer within {} s",
                    limit.as_secs_f32()
                );
            }
        }
    }
    Err(failure::unreachable(target, &last))
}

fn refusal(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "refused the connection".to_owned(),
        kind => format!("could not be connected to ({kind})"),
    }
}

async fn resolve(target: &Target) -> Result<Vec<IpAddr>, Failure> {
    let host = target.address.host.as_str();
    match timeout(target.timeouts.connect, lookup_host((host, 0))).await {
        Ok(Ok(addresses)) => {
            let mut found: Vec<IpAddr> = Vec::new();
            for address in addresses {
                if !found.contains(&address.ip()) {
                    found.push(address.ip());
                }
            }
            Ok(found)
        }
        // The resolver's words, since "no such name" and "no name server answers" are told apart by nothing else.
        Ok(Err(error)) => Err(failure::name_unresolved(
            target,
            &format!("its name cannot be resolved ({error})"),
        )),
        Err(_) => Err(failure::name_unresolved(
            target,
            "its name was not resolved in time",
        )),
    }
}

async fn port(target: &Target, host: IpAddr) -> Result<u16, String> {
    match (target.address.port, &target.address.instance_name) {
        (Some(port), _) => Ok(port),
        (None, Some(instance)) => browser::port_of(host, instance, &target.timeouts).await,
        (None, None) => Ok(DEFAULT_PORT),
    }
}

// `Config::port` and `Config::instance_name` stay unset: the stream is ours, and set together they mean something else.
fn config(target: &Target) -> Config {
    let mut config = Config::new();
    config.host(&target.address.host);
    config.database("master");
    config.application_name(&target.application);
    config.authentication(AuthMethod::sql_server(
        &target.log_in.user,
        target.password(),
    ));
    config.handshake_timeout(Some(target.timeouts.log_in));
    // The longest batch; each one has its own limit in `session`, which must strike first.
    let longest = target.timeouts.apply.max(target.timeouts.observe);
    config.command_timeout(Some(longest.saturating_mul(2)));
    // Whatever is secured is so below the driver.
    config.encryption(EncryptionLevel::NotSupported);
    config
}
