//! Fleets: instances that know each other, started and stopped together.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

use crate::engine::net::handshake::{Purpose, probe};
use crate::engine::net::refusal::Refusal;
use crate::engine::{Engine, Network};
use crate::handle::Instance;
use crate::spec::InstanceSpec;
use crate::tds::{self, BrowserEntry};
use crate::tls::{Authority, TlsError};

/// Why a fleet or an instance could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot make the TLS identity of {instance}")]
    Tls { instance: String, source: TlsError },
    #[error("cannot listen on {address}")]
    Listen {
        address: String,
        source: std::io::Error,
    },
    #[error("there is an instance called {name} in this fleet; give the new one another name")]
    NameTaken { name: String },
    #[error("preparing {instance} failed: {what}")]
    Prepare { instance: String, what: String },
}

/// A fleet of simulated instances. Dropping it stops them all.
pub struct Fleet {
    network: Arc<Network>,
    shutdown: CancellationToken,
}

impl Fleet {
    /// An empty fleet with a TLS authority of its own.
    ///
    /// # Errors
    /// When no key can be generated.
    pub fn new() -> Result<Self, StartError> {
        let authority = Authority::new().map_err(|source| StartError::Tls {
            instance: "the fleet".to_owned(),
            source,
        })?;
        Ok(Self {
            network: Arc::new(Network::new(authority)),
            shutdown: CancellationToken::new(),
        })
    }

    /// The certificate, in PEM, that signed the instances' TDS certificates.
    pub fn ca_pem(&self) -> &str {
        self.network.authority.pem()
    }

    /// Answers HTTP on `listener` until the fleet is dropped: [`crate::control`] says what.
    ///
    /// Whoever reaches the port is sysadmin everywhere; keep it on loopback.
    pub fn serve_control(&self, listener: TcpListener) {
        let (network, shutdown) = (Arc::clone(&self.network), self.shutdown.clone());
        tokio::spawn(crate::control::serve(network, listener, shutdown));
    }

    /// Answers SQL Browser's questions (usually on UDP port 1434) until the fleet is dropped.
    pub fn serve_browser(&self, socket: UdpSocket) {
        let shutdown = self.shutdown.clone();
        tokio::spawn(tds::serve_browser(socket, self.browser_entries(), shutdown));
    }

    /// Starts an instance and listens for clients.
    ///
    /// # Errors
    /// When the name or the port is taken, or TLS cannot be set up.
    pub async fn start(&self, spec: InstanceSpec) -> Result<Instance, StartError> {
        let address = format!("{}:{}", spec.listen, spec.port);
        let listener = TcpListener::bind(&address)
            .await
            .map_err(|source| StartError::Listen { address, source })?;
        let identity = self.network.authority.identity(&spec);
        let tls = identity.map_err(|source| StartError::Tls {
            instance: spec.name.clone(),
            source,
        })?;
        let name = spec.name.clone();
        let engine = self.network.install(spec, tls);
        let engine = engine.ok_or(StartError::NameTaken { name })?;
        let instance = Instance::new(engine);
        instance.listen(listener, &self.shutdown);
        Ok(instance)
    }

    /// The started instances, in order.
    pub fn instances(&self) -> Vec<Instance> {
        let all = self.network.all();
        all.into_iter().map(Instance::new).collect()
    }

    /// An instance by its name, without regard to case.
    pub fn instance(&self, name: &str) -> Option<Instance> {
        self.instances()
            .into_iter()
            .find(|i| i.name().eq_ignore_ascii_case(name))
    }

    /// Can `from` log in to `to`'s mirroring endpoint now? Both write it to their error logs; no connection is kept.
    ///
    /// # Errors
    /// The reason why not, with the number the error log has.
    pub fn handshake(&self, from: &Instance, to: &Instance) -> Result<(), HandshakeRefusal> {
        probe(from.engine(), to.engine(), Purpose::Any)
    }

    /// The same for what the one wants of the other, which the ROLE of both endpoints has to allow.
    ///
    /// # Errors
    /// As [`Self::handshake`].
    pub fn handshake_for(
        &self,
        purpose: Purpose,
        from: &Instance,
        to: &Instance,
    ) -> Result<(), HandshakeRefusal> {
        probe(from.engine(), to.engine(), purpose)
    }

    /// Every running instance as SQL Browser lists it.
    pub fn browser_entries(&self) -> impl Fn() -> Vec<BrowserEntry> + Send + Sync + 'static {
        let network = Arc::downgrade(&self.network);
        move || {
            let all = network.upgrade().map(|n| n.all()).unwrap_or_default();
            let entry = |i: Arc<Engine>| {
                let (major, minor, build, _) = i.version().parts();
                BrowserEntry {
                    server_name: i.machine_name().to_owned(),
                    instance_name: i.instance_name().unwrap_or("MSSQLSERVER").to_owned(),
                    version: (major, minor, build),
                    tcp_port: i.port(),
                }
            };
            all.into_iter()
                .filter(|i| i.running.load(Ordering::Relaxed))
                .map(entry)
                .collect()
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Why an endpoint would not let another in.
pub type HandshakeRefusal = Refusal;
