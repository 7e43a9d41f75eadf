//! Object names at registration: what a job would create must have a usable name that no other peer of the same
//! acceptor gets.

use crate::domain::name::RegistrationName;
use crate::domain::naming::Naming;
use crate::domain::object_name::ObjectName;
use crate::domain::peer_names::{self, Clash, RefusedPeerNames};
use crate::http::problem::{Fault, Problem, ProblemKind};
use crate::store::peers::Peer;

/// An instance that lets others in.
pub struct Acceptor<'a> {
    pub name: &'a RegistrationName,
    pub naming: &'a Naming,
}

/// Whom to blame for a name that cannot be used.
pub type Blame<'a> = &'a dyn Fn(&'static str, &ObjectName) -> String;

/// Checks the names of all `peers` on `acceptor`.
///
/// # Errors
/// `refused` for a name SQL Server would refuse; `name_clash` when two peers would share one without regard to case.
pub fn check(acceptor: &Acceptor<'_>, peers: &[Peer], blame: Blame<'_>) -> Result<(), Problem> {
    let names: Vec<&ObjectName> = peers.iter().map(|peer| &peer.peer_name).collect();
    peer_names::check(acceptor.naming, &names).map_err(|refused| match refused {
        RefusedPeerNames::Unusable { peer, why } => Problem::at(
            ProblemKind::Refused,
            blame(why.object, names[peer]),
            "unusable_name",
            format!("on {}, {why}: {}", acceptor.name, why.reason),
        ),
        RefusedPeerNames::Clash(clash) => {
            let pointer = blame(clash.object, names[clash.peers[1]]);
            let peers = clash.peers.map(|peer| &peers[peer].name);
            self::clash(acceptor, &clash, peers).fault(Fault::new(
                pointer,
                "name_clash",
                "see detail",
            ))
        }
    })
}

fn clash(acceptor: &Acceptor<'_>, clash: &Clash, [one, other]: [&RegistrationName; 2]) -> Problem {
    Problem::new(
        ProblemKind::NameClash,
        format!(
            "on {}, {one} and {other} would share the {} name {} (without regard to case); give one of them another peer_name",
            acceptor.name, clash.object, clash.name
        ),
    )
    .member("on", acceptor.name.to_string())
    .member("peers", vec![one.to_string(), other.to_string()])
}
