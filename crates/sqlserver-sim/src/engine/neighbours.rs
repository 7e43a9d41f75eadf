//! An instance among the others of its fleet: who listens where, which connections there are, who is principal.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Engine;
use super::lang::ast::EndpointState;
use super::net::reconnect;
use super::net::transport::MirrorRole;
use super::state::State;
use super::state::database::DatabaseState;
use super::state::endpoint::{Endpoint, Mirroring};

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
        let fleet = self.fleet.upgrade();
        let all = fleet.map(|f| f.instances()).unwrap_or_default();
        all.into_iter()
            .filter(|i| i.number != self.number)
            .collect()
    }

    /// The instance whose endpoint listens at an address; itself included.
    pub fn find_peer(&self, host: &str, port: u16) -> Option<Arc<Self>> {
        let all = self.fleet.upgrade()?.instances();
        let local = ["localhost", "127.0.0.1", "::1"].contains(&host.to_ascii_lowercase().as_str());
        all.into_iter().find(|i| {
            let named = local || i.spec.hosts().iter().any(|h| h.eq_ignore_ascii_case(host));
            let state = i.committed();
            named
                && i.listening(&state)
                    .is_some_and(|(e, _)| e.port == i32::from(port))
        })
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

    /// Cuts the connections that came in as a login.
    pub fn cut_connections_of(self: &Arc<Self>, login: &str) {
        let collation = self.committed().collation.clone();
        let peers: Vec<usize> = self
            .transport()
            .connections
            .iter()
            .filter(|c| {
                c.principal
                    .as_deref()
                    .is_some_and(|p| collation.same(p, login))
            })
            .map(|c| c.peer)
            .collect();
        for peer in peers {
            self.drop_connections_to(peer);
        }
        reconnect::heal(self);
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
