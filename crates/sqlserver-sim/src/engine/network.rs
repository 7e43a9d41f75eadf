//! The network that the instances of a fleet share: who listens where, which connections there are, who is principal.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use super::Engine;
use super::lang::ast::EndpointState;
use super::net::transport::MirrorRole;
use super::state::State;
use super::state::database::DatabaseState;
use super::state::endpoint::{Endpoint, Mirroring};
use crate::server_api::TlsIdentity;
use crate::spec::InstanceSpec;
use crate::tls::Authority;

/// All instances of a fleet, in the order they were started in.
pub struct Network {
    /// Signs the certificates they show to TDS clients.
    pub(crate) authority: Authority,
    engines: RwLock<Vec<Arc<Engine>>>,
}

impl Network {
    pub fn new(authority: Authority) -> Self {
        Self {
            authority,
            engines: RwLock::default(),
        }
    }

    pub fn all(&self) -> Vec<Arc<Engine>> {
        let engines = self.engines.read();
        engines.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The instance whose endpoint listens at an address.
    pub fn at(&self, host: &str, port: u16) -> Option<Arc<Engine>> {
        let local = ["localhost", "127.0.0.1", "::1"].contains(&host.to_ascii_lowercase().as_str());
        self.all().into_iter().find(|i| {
            let named = local || i.spec.hosts().iter().any(|h| h.eq_ignore_ascii_case(host));
            let state = i.committed();
            named
                && i.listening(&state)
                    .is_some_and(|(e, _)| e.port == i32::from(port))
        })
    }

    /// Adds a freshly installed instance; `None` when there is one of that name.
    pub fn install(
        self: &Arc<Self>,
        spec: InstanceSpec,
        tls: Arc<TlsIdentity>,
    ) -> Option<Arc<Engine>> {
        let engines = self.engines.write();
        let mut engines = engines.unwrap_or_else(PoisonError::into_inner);
        let same = |i: &Arc<Engine>| {
            i.spec.name.eq_ignore_ascii_case(&spec.name)
                && i.spec.instance_name == spec.instance_name
        };
        if engines.iter().any(same) {
            return None;
        }
        let engine = Arc::new(Engine::new(engines.len(), spec, Arc::downgrade(self), tls));
        engines.push(Arc::clone(&engine));
        Some(engine)
    }
}

impl Engine {
    /// The mirroring endpoint, if anything listens at all.
    pub fn listening<'a>(&self, state: &'a State) -> Option<(&'a Endpoint, &'a Mirroring)> {
        let running = self.running.load(Ordering::Relaxed);
        if !running || self.faults().handshake_off() || self.unbound.load(Ordering::Relaxed) {
            return None;
        }
        let endpoint = state.mirroring_endpoint()?;
        let mirroring = endpoint.mirroring.as_ref()?;
        (endpoint.state != EndpointState::Disabled).then_some((endpoint, mirroring))
    }

    /// All other instances of the fleet.
    pub fn peers(&self) -> Vec<Arc<Self>> {
        let network = self.network.upgrade();
        let all = network.map(|n| n.all()).unwrap_or_default();
        all.into_iter()
            .filter(|i| i.number != self.number)
            .collect()
    }

    /// The instance whose endpoint listens at an address; itself included.
    pub fn find_peer(&self, host: &str, port: u16) -> Option<Arc<Self>> {
        self.network.upgrade()?.at(host, port)
    }

    /// Whether something on this machine has the port: an instance's TDS listener, its own too, or another's endpoint.
    pub fn endpoint_port_taken(&self, port: i32) -> bool {
        let tds = |i: &Self| i.running.load(Ordering::Relaxed) && i32::from(i.port()) == port;
        let same_machine =
            |i: &Arc<Self>| i.machine_name().eq_ignore_ascii_case(self.machine_name());
        let others = |i: &Arc<Self>| {
            let state = i.committed();
            tds(i) || i.listening(&state).is_some_and(|(e, _)| e.port == port)
        };
        tds(self) || self.peers().iter().filter(|i| same_machine(i)).any(others)
    }

    /// The endpoint wants its port; whether it gets it is in the log, and in whether it listens.
    pub fn bind_endpoint(&self) {
        let state = self.committed();
        let wanted = state.mirroring_endpoint();
        let wanted = wanted.filter(|e| e.state != EndpointState::Disabled);
        let taken = wanted.filter(|e| self.endpoint_port_taken(e.port));
        self.unbound.store(taken.is_some(), Ordering::Relaxed);
        if let Some(port) = taken.map(|e| e.port) {
            self.log(26023, "Server", format!("Server TCP provider failed to listen on [ 'any' <ipv4> {port}]. Tcp port is already in use."));
            self.log(9692, "spid9s", format!("The Database Mirroring endpoint cannot listen on port {port} because it is in use by another process."));
        } else if wanted.is_some_and(|e| e.state == EndpointState::Started) {
            self.log(
                9690,
                "spid9s",
                "The Database Mirroring endpoint is now listening for connections.".to_owned(),
            );
        }
    }

    pub fn database_id(&self, name: &str) -> i32 {
        self.committed().database(name).map_or(0, |d| d.id)
    }

    /// Where the partner of a mirrored database is.
    pub fn partner_address(&self, database: &str) -> Option<String> {
        let id = self.database_id(database);
        self.transport().mirrors.get(&id).map(|m| m.partner.clone())
    }

    /// Cuts all connections with a peer, at both ends.
    pub fn drop_connections_to(&self, peer: usize) {
        let mut streams = Vec::new();
        self.transport().connections.retain(|c| {
            let gone = c.peer == peer;
            if gone {
                streams.push(c.stream);
            }
            !gone
        });
        for other in self.peers().iter().filter(|p| p.number == peer) {
            other
                .transport()
                .connections
                .retain(|c| !streams.contains(&c.stream));
        }
    }

    /// Principal and mirror change places.
    pub fn swap_roles(&self, partner: &Self, database: &str) {
        for (side, role, state) in [
            (self, MirrorRole::Mirror, DatabaseState::Restoring),
            (partner, MirrorRole::Principal, DatabaseState::Online),
        ] {
            let mut changed = (*side.committed()).clone();
            let id = side.database_id(database);
            if let Some(own) = changed.databases.get_mut(&id) {
                own.state = state;
            }
            side.publish(Arc::new(changed));
            if let Some(mirror) = side.transport().mirrors.get_mut(&id) {
                mirror.role = role;
                mirror.role_sequence += 1;
            }
            side.log(
                1480,
                "spid9s",
                format!("The database mirroring session for database '{database}' changed roles."),
            );
        }
    }
}
