//! What is remembered of the last look at an instance. It is no ground for changes: those start from a look of their own.

use serde::{Deserialize, Serialize};

use super::certificate::IssuerSerial;
use super::hash::{Sha256, Thumbprint};
use super::identity::Start;
use super::object_name::SysName;
use super::observation::{Endpoint, Observation, Server, major};

/// What is remembered of the last look: what is shown, and what is asked about over all registrations. The rest tells of its moment
/// only, or is looked up again before anything is done with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    pub server: RememberedServer,
    pub endpoint: Option<Endpoint>,
    pub certificates: Vec<RememberedCertificate>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RememberedServer {
    pub version: String,
    pub edition: String,
    pub is_linux: bool,
    /// `None` in what an older version kept.
    #[serde(default)]
    pub start: Option<Start>,
}

/// A certificate that the server held in `master`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RememberedCertificate {
    pub name: SysName,
    pub thumbprint: Thumbprint,
    #[serde(default)]
    pub sha256: Option<Sha256>,
    #[serde(default)]
    pub issuer_serial: Option<IssuerSerial>,
}

impl Memory {
    #[must_use]
    pub fn of(seen: &Observation) -> Self {
        let Server {
            version,
            edition,
            is_linux,
            start,
            ..
        } = seen.server.clone();
        let certificates = seen.certificates.iter().map(|held| RememberedCertificate {
            name: held.name.clone(),
            thumbprint: held.thumbprint,
            sha256: held.sha256,
            issuer_serial: held.issuer_serial,
        });
        Self {
            server: RememberedServer {
                version,
                edition,
                is_linux,
                start,
            },
            endpoint: seen.endpoint.clone(),
            certificates: certificates.collect(),
        }
    }

    /// The first part of the version: 11 is 2012, 16 is 2022.
    #[must_use]
    pub fn major(&self) -> u32 {
        major(&self.server.version)
    }
}
