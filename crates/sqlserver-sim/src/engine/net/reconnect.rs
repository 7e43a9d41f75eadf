//! Reconnecting: what a restarted transport, a changed certificate or a stopped instance does to mirroring sessions.

use std::sync::Arc;

use super::handshake::{Purpose, dial};
use super::partner::parse_address;
use super::transport::{Mirror, MirrorRole, MirrorState};
use crate::engine::Engine;

/// A transport was stopped, started or changed: its connections are cut, then every session dials anew.
pub fn restart(here: &Arc<Engine>) {
    here.log(
        9691,
        "spid9s",
        "The Database Mirroring endpoint has stopped listening for connections.".to_owned(),
    );
    let peers: Vec<usize> = here
        .transport()
        .connections
        .iter()
        .map(|c| c.peer)
        .collect();
    for peer in peers {
        here.drop_connections_to(peer);
    }
    here.bind_endpoint();
    heal(here);
}

/// Cuts the connections that came in as a login, and tries every session anew.
pub fn cut_login(here: &Arc<Engine>, login: &str) {
    let collation = here.committed().collation.clone();
    let as_login = |principal: &str| collation.same(principal, login);
    let peers: Vec<usize> = here
        .transport()
        .connections
        .iter()
        .filter(|c| c.principal.as_deref().is_some_and(as_login))
        .map(|c| c.peer)
        .collect();
    for peer in peers {
        here.drop_connections_to(peer);
    }
    heal(here);
}

/// Tries every session this instance takes part in that is not fully connected.
pub fn heal(here: &Arc<Engine>) {
    let mut all = here.peers();
    all.push(Arc::clone(here));
    for side in &all {
        let sessions: Vec<(i32, Mirror)> = side
            .transport()
            .mirrors
            .iter()
            .filter(|(_, m)| m.role == MirrorRole::Principal)
            .map(|(id, m)| (*id, m.clone()))
            .collect();
        for (id, mirror) in sessions {
            heal_session(here, side, id, &mirror);
        }
    }
}

fn heal_session(changed: &Arc<Engine>, principal: &Arc<Engine>, id: i32, mirror: &Mirror) {
    let peer = |address: &str| parse_address(address).and_then(|(h, p)| principal.find_peer(&h, p));
    let Some(name) = principal
        .committed()
        .databases
        .get(&id)
        .map(|d| d.name.clone())
    else {
        return;
    };
    let holders: Vec<Arc<Engine>> = principal
        .peers()
        .into_iter()
        .chain([Arc::clone(principal)])
        .filter(|side| side.transport().knows_session(mirror.guid))
        .collect();
    if !holders.iter().any(|h| h.number == changed.number) {
        return;
    }
    let partner = peer(&mirror.partner);
    let together = partner.as_ref().is_some_and(|p| {
        dial(principal, p, Purpose::Partner).is_ok() & dial(p, principal, Purpose::Partner).is_ok()
    });
    let address = mirror.witness.as_deref().unwrap_or_default();
    let witnessed = peer(address).is_some_and(|w| {
        let with_mirror = partner.as_ref().is_some_and(|p| {
            dial(p, &w, Purpose::ToWitness).is_ok() & dial(&w, p, Purpose::AsWitness).is_ok()
        });
        with_mirror
            & dial(principal, &w, Purpose::ToWitness).is_ok()
            & dial(&w, principal, Purpose::AsWitness).is_ok()
    });
    for side in holders {
        let id = side.database_id(&name);
        if let Some(own) = side
            .transport()
            .mirrors
            .get_mut(&id)
            .filter(|m| m.guid == mirror.guid)
        {
            own.state = match (own.state, together) {
                (MirrorState::Suspended, true) => MirrorState::Suspended,
                (_, true) => MirrorState::Synchronized,
                (_, false) => MirrorState::Disconnected,
            };
            own.witness_connected = own.witness.is_some() && witnessed;
        }
    }
}

/// Heals only when some session of the fleet is disconnected, so that ordinary changes write nothing to the logs.
pub fn heal_if_broken(here: &Arc<Engine>) {
    let mut all = here.peers();
    all.push(Arc::clone(here));
    let broken = all.iter().any(|side| {
        side.transport().mirrors.values().any(|m| {
            m.role == MirrorRole::Principal
                && (m.state == MirrorState::Disconnected
                    || m.witness.is_some() && !m.witness_connected)
        })
    });
    if broken {
        heal(here);
    }
}
