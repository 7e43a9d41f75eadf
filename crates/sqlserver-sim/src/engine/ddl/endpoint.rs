//! CREATE, ALTER and DROP ENDPOINT.

use super::Change;
use crate::engine::errors::{Outcome, Raise, cannot, no_permission};
use crate::engine::lang::ast::{
    Authentication, EncryptionDemand, EndpointEncryption, EndpointRole, EndpointSpec, EndpointState,
};
use crate::engine::state::MASTER;
use crate::engine::state::certificate::KeyProtection;
use crate::engine::state::endpoint::{Endpoint, FIRST_USER_ENDPOINT, Mirroring};
use crate::engine::state::permission::Securable;
use crate::engine::state::version::{Edition, Version};
use crate::engine::switches::DuplicateEndpoint;

impl Change<'_> {
    pub(super) fn create_endpoint(&mut self, spec: &EndpointSpec) -> Outcome<()> {
        self.needs(Securable::Server, &["CREATE ENDPOINT"])?;
        let owner = self.endpoint_owner(spec.owner.as_deref())?;
        let same_name = self.state.endpoint(&spec.name).is_some();
        if same_name
            && self.env.instance.switches().duplicate_endpoint_name == DuplicateEndpoint::E15530
        {
            return Err(Raise::new(
                15530,
                16,
                format!("The endpoint with name \"{}\" already exists.", spec.name),
            ));
        }
        if same_name || self.state.mirroring_endpoint().is_some() {
            return Err(Raise::new(
                7862,
                16,
                "An endpoint of the requested type already exists. Only one endpoint of this type is supported. Use ALTER ENDPOINT or DROP the existing endpoint and execute the CREATE ENDPOINT statement.",
            ));
        }
        let role = spec.role.unwrap_or(EndpointRole::All);
        self.edition_takes(role)?;
        let port = self.listener_port(&spec.name, spec.port.unwrap_or(0))?;
        let authentication = spec.authentication.clone().unwrap_or(Authentication {
            windows: Some("NEGOTIATE".to_owned()),
            certificate: None,
            certificate_first: false,
        });
        let mut mirroring = Mirroring {
            role,
            windows: None,
            certificate: 0,
            certificate_first: false,
            demand: EncryptionDemand::Required,
            algorithms: Vec::new(),
        };
        self.set_authentication(&mut mirroring, &authentication)?;
        let encryption = spec.encryption.clone().unwrap_or(EndpointEncryption {
            demand: EncryptionDemand::Required,
            algorithms: Vec::new(),
        });
        self.set_encryption(&mut mirroring, &encryption)?;
        let id = self.state.next_endpoint;
        self.state.next_endpoint += 1;
        self.state.endpoints.insert(
            id,
            Endpoint {
                id,
                name: spec.name.clone(),
                owner,
                protocol: 2,
                state: spec.state.unwrap_or(EndpointState::Stopped),
                is_admin: false,
                port,
                ip: spec.listener_ip.clone().filter(|ip| ip != "ALL"),
                mirroring: Some(mirroring),
            },
        );
        self.effects.restart_transport = true;
        Ok(())
    }

    fn endpoint_owner(&self, name: Option<&str>) -> Outcome<i32> {
        let own = self.env.facts.login;
        let Some(name) = name else {
            return Ok(own);
        };
        let missing = || cannot("find", "login", name);
        let found = self
            .state
            .principal(name)
            .filter(|p| p.is_login())
            .ok_or_else(missing)?;
        if found.id != own && !self.may(Securable::Login(found.id), "IMPERSONATE") {
            return Err(missing());
        }
        Ok(found.id)
    }

    fn edition_takes(&self, role: EndpointRole) -> Outcome<()> {
        if self.env.instance.edition() == Edition::Express && role != EndpointRole::Witness {
            return Err(Raise::new(
                7878,
                16,
                "This \"CREATE ENDPOINT\" statement is not supported on this edition of SQL Server.",
            ));
        }
        Ok(())
    }

    /// The port, within range. One that somebody has is taken all the same: the transport finds out when it wants to listen.
    fn listener_port(&self, name: &str, port: i64) -> Outcome<i32> {
        let most = if self.env.instance.switches().ports_to_65535 {
            65535
        } else {
            32767
        };
        let fits = i32::try_from(port).ok().filter(|p| (1..=most).contains(p));
        let port = fits.ok_or_else(|| {
            Raise::new(
                7810,
                15,
                format!(
                    "The value '{port}' is not within range for the 'LISTENER_PORT' parameter."
                ),
            )
        })?;
        let instance = self.env.instance;
        if instance.switches().taken_port_is_7890 && instance.endpoint_port_taken(port) {
            return Err(Raise::new(
                7890,
                16,
                format!(
                    "An error occurred while attempting to register the endpoint '{name}'. One or more of the ports specified in the CREATE ENDPOINT statement may be bound to another process. Attempt the statement again with a different port or use netstat to find the application currently using the port and resolve the conflict."
                ),
            ));
        }
        Ok(port)
    }

    fn set_authentication(
        &self,
        mirroring: &mut Mirroring,
        wanted: &Authentication,
    ) -> Outcome<()> {
        mirroring.windows.clone_from(&wanted.windows);
        mirroring.certificate_first = wanted.certificate_first;
        mirroring.certificate = match &wanted.certificate {
            Some(name) => self.endpoint_certificate(name)?,
            None => 0,
        };
        Ok(())
    }

    /// A certificate with its key under the master key, valid now.
    fn endpoint_certificate(&self, name: &str) -> Outcome<i32> {
        let master = self
            .state
            .databases
            .get(&MASTER)
            .ok_or_else(no_permission)?;
        let missing = || cannot("find", "certificate", name);
        let found = master
            .certificate(name, &self.state.collation)
            .ok_or_else(missing)?;
        if !self.asker().sees(Securable::Certificate(MASTER, found.id)) {
            return Err(missing());
        }
        let keyed = found
            .private_key
            .as_ref()
            .is_some_and(|k| k.protection == KeyProtection::MasterKey);
        if !(keyed && found.facts.valid_at(self.env.instance.now())) {
            return Err(Raise::new(
                28055,
                16,
                format!(
                    "The certificate '{name}' is not valid for endpoint authentication. The certificate must have a private key encrypted with the database master key and current UTC date has to be between the certificate start date and the certificate expiration date."
                ),
            ));
        }
        Ok(found.id)
    }

    fn set_encryption(
        &self,
        mirroring: &mut Mirroring,
        wanted: &EndpointEncryption,
    ) -> Outcome<()> {
        let version = self.env.instance.version();
        let usual = if version >= Version::V2016 {
            "AES"
        } else {
            "RC4"
        };
        let refused = version >= Version::V2025 && self.env.instance.switches().rc4_refused_in_2025;
        if refused && wanted.algorithms.iter().any(|a| a == "RC4") {
            return Err(Raise::new(
                28078,
                16,
                "The RC4 encryption algorithm is not supported.",
            ));
        }
        mirroring.demand = wanted.demand;
        mirroring.algorithms = match wanted.demand {
            EncryptionDemand::Disabled => Vec::new(),
            _ if wanted.algorithms.is_empty() => vec![usual.to_owned()],
            _ => wanted.algorithms.clone(),
        };
        Ok(())
    }

    pub(super) fn alter_endpoint(&mut self, spec: &EndpointSpec) -> Outcome<()> {
        let missing = || cannot("alter", "endpoint", &spec.name);
        let mut endpoint = self
            .state
            .endpoint(&spec.name)
            .cloned()
            .ok_or_else(missing)?;
        if !self.may(Securable::Endpoint(endpoint.id), "ALTER") {
            return Err(missing());
        }
        let transport = spec.port.is_some() || spec.listener_ip.is_some();
        let payload =
            spec.authentication.is_some() || spec.encryption.is_some() || spec.role.is_some();
        if !(transport || payload || spec.state.is_some()) {
            return Err(Raise::new(
                7863,
                16,
                "The endpoint was not changed. The ALTER ENDPOINT statement did not contain any values to modify or update.",
            ));
        }
        if let Some(state) = spec.state {
            endpoint.state = state;
        }
        if let Some(port) = spec.port {
            endpoint.port = self.listener_port(&spec.name, port)?;
        }
        if let Some(ip) = &spec.listener_ip {
            endpoint.ip = Some(ip.clone()).filter(|ip| ip != "ALL");
        }
        if payload {
            let Some(mut mirroring) = endpoint.mirroring.clone() else {
                return Err(Raise::new(
                    7860,
                    15,
                    "An endpoint's transport or content cannot be changed through the ALTER ENDPOINT statement. Use DROP ENDPOINT and execute the CREATE ENDPOINT statement to make these changes.",
                ));
            };
            if let Some(wanted) = &spec.authentication {
                self.set_authentication(&mut mirroring, wanted)?;
            }
            if let Some(wanted) = &spec.encryption {
                self.set_encryption(&mut mirroring, wanted)?;
            }
            if let Some(role) = spec.role {
                self.edition_takes(role)?;
                mirroring.role = role;
            }
            endpoint.mirroring = Some(mirroring);
        }
        self.effects.restart_transport = endpoint.mirroring.is_some();
        self.state.endpoints.insert(endpoint.id, endpoint);
        Ok(())
    }

    pub(super) fn drop_endpoint(&mut self, name: &str) -> Outcome<()> {
        let missing = || cannot("drop", "endpoint", name);
        let endpoint = self.state.endpoint(name).ok_or_else(missing)?;
        let (id, mirroring) = (endpoint.id, endpoint.mirroring.is_some());
        if !self.may(Securable::Endpoint(id), "CONTROL") {
            return Err(missing());
        }
        if id < FIRST_USER_ENDPOINT {
            return Err(Raise::new(
                7873,
                16,
                format!(
                    "The endpoint \"{name}\" is a built-in endpoint and cannot be dropped. Use the protocol configuration utilities to ADD or DROP Transact-SQL endpoints."
                ),
            ));
        }
        self.state.endpoints.remove(&id);
        self.state
            .permissions
            .retain(|p| !(p.class == 105 && p.major == id));
        self.effects.restart_transport = mirroring;
        Ok(())
    }
}
