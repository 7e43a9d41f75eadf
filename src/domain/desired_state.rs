//! What an attempt wants: members, what is registered about each, and which trusts. The input of `plan`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::certificate::{Certificate, WeaknessPolicy};
use super::estate::Estate;
use super::hash::Sha256;
use super::identity::ServerIdentity;
use super::instance::{Address, Transport};
use super::name::RegistrationName;
use super::naming::{Naming, WantedNames};
use super::object_name::ObjectName;
use super::pair::{OperatingMode, Role};

/// What one attempt is to bring about.
#[derive(Debug, Clone)]
pub struct DesiredState {
    pub members: Vec<Member>,
    /// Ordered pairs of positions in `members`.
    pub trusts: Vec<DesiredTrust>,
    pub operating_mode: Option<OperatingMode>,
    pub if_endpoint_in_use: IfEndpointInUse,
    /// What a blocker touches is left out; without it a blocker anywhere forbids everything.
    pub partial: bool,
    /// Limits that findings are weighed by.
    pub thresholds: Thresholds,
    /// For an inspection, which plans no trusts: the registrations that name its one member. `None` for all other jobs.
    pub inspection: Option<Vec<Use>>,
    /// What all registrations know, the members' own included.
    pub estate: Estate,
}

/// One registration that names an instance, and what it makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Use {
    /// The pair's name.
    #[schema(example = "erp")]
    pub pair: String,
    pub role: Role,
    /// Who is to be let in there.
    pub lets_in: Vec<String>,
    /// Where it is to be let in.
    pub let_in_by: Vec<String>,
}

/// One member, with what the registrations say.
#[derive(Debug, Clone)]
pub struct Member {
    pub instance_id: Uuid,
    pub name: RegistrationName,
    pub role: Role,
    pub address: Address,
    pub peer_name: ObjectName,
    pub naming: Naming,
    pub transport: Transport,
    /// The connection to it is verified TLS.
    pub tls_verified: bool,
    pub pinned_identity: Option<ServerIdentity>,
    /// The last certificate uploaded as `current`: the pin.
    pub current: Option<Certificate>,
    /// The last certificate uploaded as `next`.
    pub next: Option<Certificate>,
    /// Every certificate this instance was ever known to have, the two above included.
    pub known: Vec<Sha256>,
    /// What its endpoint's ROLE must cover, by all registered pairs.
    pub needed_roles: NeededRoles,
    /// Endpoint port known from elsewhere, when a registration says one.
    pub expected_endpoint_port: Option<u16>,
}

/// Roles an instance plays over all registered pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NeededRoles {
    pub partner: bool,
    pub witness: bool,
}

/// On `acceptor`, from `peer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredTrust {
    pub acceptor: usize,
    pub peer: usize,
}

/// What to do when an import is planned on an endpoint in use.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum IfEndpointInUse {
    /// Block when a database there is principal with a witness: a reconnect could become a failover.
    #[default]
    Refuse,
    Proceed,
}

/// Limits that findings are weighed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// An own certificate with less left is `own_certificate_expires_soon`.
    pub expires_soon: chrono::Duration,
    /// More between two clocks is `clock_skew`.
    pub clock_skew: chrono::Duration,
    /// What makes an own certificate a `weak_certificate`.
    pub weak_certificates: WeaknessPolicy,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            expires_soon: chrono::Duration::days(90),
            clock_skew: chrono::Duration::seconds(60),
            weak_certificates: WeaknessPolicy::default(),
        }
    }
}

impl DesiredState {
    /// A trust in both directions between every two members.
    #[must_use]
    pub fn full_mesh(members: usize) -> Vec<DesiredTrust> {
        (0..members)
            .flat_map(|acceptor| {
                (0..members)
                    .filter(move |peer| *peer != acceptor)
                    .map(move |peer| DesiredTrust { acceptor, peer })
            })
            .collect()
    }

    /// The peers that `acceptor` shall let in, in order.
    pub fn peers_of(&self, acceptor: usize) -> impl Iterator<Item = usize> {
        self.trusts
            .iter()
            .filter(move |t| t.acceptor == acceptor)
            .map(|t| t.peer)
    }
}

/// What the observe batch asks about one peer: names, and the name a renewed certificate would get where it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerQuestion {
    /// Position of the peer among the members.
    pub peer: usize,
    pub names: WantedNames,
    pub renewed_certificate: Option<ObjectName>,
}
