//! From a [`Target`] to a logged-in session in `master`: name, Browser, TCP, TLS, log-in, each with its own limit.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_util::compat::TokioAsyncWriteCompatExt;

use super::browser;
use super::failure;
use super::presented::{FirstBytes, Watched};
use super::session::{Session, Wire};
use super::target::Target;
use crate::domain::failure::Failure;
use crate::domain::instance::{DEFAULT_PORT, Tls, Verification};

/// Opens one session.
///
/// # Errors
/// The class says how far it came: unreachable, TLS not trusted, log-in refused.
pub(super) async fn open(target: &Target) -> Result<Session, Failure> {
    let stream = dial(target).await?;
    let first = FirstBytes::watching();
    let watched = Watched {
        inner: stream,
        first: first.clone(),
    };
    // The driver's handshake is a future of some 40 kB; unboxed, it would lie on the stack of every caller's caller.
    let logging_in = Box::pin(Client::connect(config(target), watched.compat_write()));
    // The driver may panic on an answer it has no code for; that must cost this session only.
    let outcome = AssertUnwindSafe(timeout(target.timeouts.log_in, logging_in))
        .catch_unwind()
        .await;
    let client: Client<Wire> = match outcome {
        Ok(Ok(Ok(client))) => client,
        Ok(Ok(Err(error))) => {
            return Err(failure::while_logging_in(
                target,
                &error,
                first.subject().as_deref(),
            ));
        }
        Ok(Err(_)) => {
            return Err(failure::unreachable(
                target,
                "the connection was accepted, and then the server said nothing in time",
            ));
        }
        Err(_) => {
            return Err(failure::protocol(
                target,
                "the log-in answer could not be read",
            ));
        }
    };
    first.forget();
    Ok(Session::new(client))
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
        std::io::ErrorKind::ConnectionRefused => "refused the connection".to_owned(),
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
    match &target.tls {
        Tls::Required(verification) => {
            verified(&mut config, EncryptionLevel::Required, verification)
        }
        Tls::Strict(verification) => verified(&mut config, EncryptionLevel::Strict, verification),
        Tls::TrustServerCertificate => {
            config.encryption(EncryptionLevel::Required);
            config.trust_cert();
        }
        Tls::Off => config.encryption(EncryptionLevel::NotSupported),
    }
    config
}

fn verified(config: &mut Config, level: EncryptionLevel, verification: &Verification) {
    config.encryption(level);
    if let Some(pem) = &verification.ca_pem {
        config.trust_cert_ca_bundle(pem.as_bytes().to_vec());
    }
    if let Some(name) = &verification.server_name {
        config.hostname_in_certificate(name);
    }
}
