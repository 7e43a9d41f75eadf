//! The engine as the wire sees it: greeting, log-ins, and the loop that accepts clients.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::engine::run::login;
use crate::engine::run::session::EngineSession;
use crate::protocol::{Item, LoginRequest};
use crate::server_api::{Greeting, Server};
use crate::tds::serve_connection;
use crate::tls;

/// An instance as a server of sessions.
pub struct TdsServer {
    instance: Arc<Engine>,
    /// Ends the connection this copy serves.
    ended: CancellationToken,
}

impl TdsServer {
    pub fn new(instance: Arc<Engine>) -> Self {
        Self {
            instance,
            ended: CancellationToken::new(),
        }
    }
}

impl Server for TdsServer {
    type Session = EngineSession;

    fn greeting(&self) -> Greeting {
        let (major, minor, build, _) = self.instance.version().parts();
        Greeting {
            encryption: self.instance.spec.encryption,
            version: (major, minor, build),
            server_name: self.instance.server_name(),
            instance_name: self.instance.instance_name().map(str::to_owned),
            tls: match self.instance.faults().tls() {
                Some(fault) => Arc::new(tls::faulty(&self.instance.tls(), fault)),
                None => self.instance.tls(),
            },
            attention_in_one_message: self.instance.spec.attention_in_one_message,
        }
    }

    fn count_round_trip(&self, bytes: usize) {
        self.instance.ledger().count(|c| {
            c.round_trips += 1;
            c.bytes_received += u64::try_from(bytes).unwrap_or(0);
        });
    }

    async fn log_in(&self, request: LoginRequest) -> Result<(EngineSession, Vec<Item>), Vec<Item>> {
        login::log_in(&self.instance, request, self.ended.clone()).await
    }
}

/// Accepts clients until `shutdown`. A stopped instance drops them at once, and those it has whenever it is told to.
pub async fn accept(server: Arc<TdsServer>, listener: TcpListener, shutdown: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = server.instance.faults().dropped() => connections.abort_all(),
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let running = server.instance.running.load(Ordering::Relaxed);
                match accepted {
                    Ok((stream, _)) if running => {
                        let server = TdsServer::new(Arc::clone(&server.instance));
                        connections.spawn(async move {
                            tokio::select! {
                                () = server.ended.cancelled() => {}
                                _ = serve_connection(&server, stream) => {}
                            }
                        });
                    }
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, "cannot accept a client"),
                }
            }
        }
    }
}
