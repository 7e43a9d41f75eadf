//! Instances as they come in, and the rules each obeys by itself.

use serde::Deserialize;

use crate::domain::ca_bundle;
use crate::domain::hash::Sha256;
use crate::domain::instance::{
    Address, DEFAULT_PORT, ExpectedEndpoint, InstanceSpec, PathTemplate, Tls, Transport,
    Verification, is_host, is_instance_name, is_number,
};
use crate::domain::name::{NamedRef, RegistrationName};
use crate::domain::naming::{Naming, Template};
use crate::domain::object_name::ObjectName;
use crate::domain::registration::{Labels, Wanted};
use crate::http::problem::{Faults, Problem, ProblemKind};
use crate::http::v1::labels;
use crate::store::instances::Instance;

/// The code of a name that SQL Server would refuse.
const UNUSABLE: &str = "unusable_name";

/// An instance as it is declared.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutInstance {
    spec: InstanceInput,
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    labels: Labels,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct InstanceInput {
    /// A host name or an IP address, without a port.
    #[schema(example = "host-a.corp.example")]
    host: String,
    /// Dialled when given. With neither port nor instance_name: 1433.
    #[schema(minimum = 1, maximum = 65535)]
    #[serde(default)]
    port: Option<u16>,
    /// With a port: checked after log-in. Alone: resolved by SQL Server Browser.
    #[serde(default)]
    instance_name: Option<String>,
    /// The name of a credential whose hosts cover `host`.
    #[schema(example = "prod-sql")]
    credential: String,
    /// What others call it in object names; unique without regard to case. Default: the registration's name.
    #[serde(default)]
    #[schema(example = "HOST_A")]
    peer_name: Option<String>,
    #[serde(default)]
    naming: Option<NamingInput>,
    #[serde(default)]
    tls: Option<TlsInput>,
    /// How peers' certificates reach this instance; default `binary`.
    #[serde(default)]
    transport: Option<TransportInput>,
    /// What its mirroring endpoint should be like; default: whatever it is.
    #[serde(default)]
    endpoint: Option<EndpointInput>,
}

/// What is compared with the endpoint that is found; a difference is a finding, and nothing is changed by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointInput {
    /// The port it listens on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 65535, example = 5022)]
    port: Option<u16>,
}

impl EndpointInput {
    /// As it was declared; none where nothing was.
    #[must_use]
    pub fn shown(expected: &ExpectedEndpoint) -> Option<Self> {
        let port = expected.port?;
        Some(Self { port: Some(port) })
    }
}

/// How objects are called that mirrorgate creates on this instance for a peer; `{peer}` stands for its peer name.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NamingInput {
    #[serde(default)]
    #[schema(default = "{peer}_login")]
    login: Option<String>,
    #[serde(default)]
    #[schema(default = "{peer}_user")]
    user: Option<String>,
    #[serde(default)]
    #[schema(default = "{peer}_cert")]
    certificate: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TlsInput {
    #[serde(default)]
    mode: TlsMode,
    /// CA certificates in PEM to verify the server's by, in place of those the operating system trusts.
    #[serde(default)]
    ca_pem: Option<String>,
    /// The name to expect in the server's certificate when it is not the host.
    #[serde(default)]
    server_name: Option<String>,
    /// With mode `pinned`: the SHA-256 of the server's TLS certificate (over its DER), hexadecimal, with or without colons.
    #[serde(default)]
    #[schema(example = "9f2c4e0a1b7d83c6a5f0e1d2c3b4a59687786950413223140516f7e8d9cabbac")]
    sha256: Option<String>,
}

/// How the connection is protected.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// TLS, the server's certificate verified.
    #[default]
    Required,
    /// TDS 8.0: TLS before anything else, verified. SQL Server 2022 and later.
    Strict,
    /// TLS with the server certificate of this `sha256` and no other, which proves to have its key; its issuer, names and dates do
    /// not count. For servers whose certificate no CA has signed.
    Pinned,
    /// Encrypted, not verified: anyone on the path can read the log-in's password.
    TrustServerCertificate,
    /// Not encrypted.
    Off,
}

/// How a peer's certificate reaches this instance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TransportInput {
    /// In the batch, as a binary literal.
    Binary,
    /// From a file as this instance sees it, with `{peer}` in its path. mirrorgate copies no files.
    File {
        #[schema(example = "C:\\certs\\{peer}.cer")]
        path: String,
    },
}

/// A declaration that obeys the rules it can obey by itself.
pub struct WantedInstance {
    labels: Labels,
    pub address: Address,
    /// The credential's name, yet to be found.
    pub credential: String,
    /// Absent: the registration's name.
    peer_name: Option<ObjectName>,
    naming: Naming,
    tls: Tls,
    transport: Transport,
    endpoint: ExpectedEndpoint,
}

impl PutInstance {
    /// Checks every rule; `name` is what the peer name defaults to.
    ///
    /// # Errors
    /// `refused`, with every rule that is broken.
    pub fn check(self, name: &RegistrationName) -> Result<WantedInstance, Problem> {
        let mut faults = labels::faults(&self.labels);
        let spec = self.spec;
        let address = address(&spec, &mut faults);
        let peer_name = ObjectName::parse(spec.peer_name.as_deref().unwrap_or(name.as_str()));
        let peer_name = faults.read("/spec/peer_name", UNUSABLE, peer_name);
        let naming = naming(spec.naming.unwrap_or_default(), &mut faults);
        let tls = tls(spec.tls.unwrap_or_default(), &mut faults);
        let transport = transport(spec.transport, &mut faults);
        let endpoint = spec.endpoint.unwrap_or_default();
        port(endpoint.port, "/spec/endpoint/port", &mut faults);
        faults.refuse()?;
        Ok(WantedInstance {
            labels: self.labels,
            address,
            peer_name: peer_name.filter(|_| spec.peer_name.is_some()),
            credential: spec.credential,
            naming,
            tls,
            transport: transport.unwrap_or_default(),
            endpoint: ExpectedEndpoint {
                port: endpoint.port,
            },
        })
    }
}

impl WantedInstance {
    /// Whether names would change that this instance gives, or is given.
    pub fn renames(&self, current: &Instance) -> bool {
        self.peer_name(&current.name) != current.spec.peer_name.as_str()
            || self.naming != current.spec.naming
    }

    /// What it shall be called by others, the registration having this name.
    pub fn peer_name<'a>(&'a self, name: &'a RegistrationName) -> &'a str {
        let given = self.peer_name.as_ref();
        given.map_or(name.as_str(), ObjectName::as_str)
    }

    /// The declaration with what it refers to: the credential, and the registration's name as it is spelt.
    ///
    /// # Errors
    /// `refused` when the name is no peer name; [`PutInstance::check`] has seen to that.
    pub fn complete(
        self,
        name: &RegistrationName,
        credential: NamedRef,
    ) -> Result<Wanted<InstanceSpec>, Problem> {
        let peer_name = match self.peer_name {
            Some(given) => given,
            None => ObjectName::parse(name.as_str()).map_err(|e| {
                Problem::at(
                    ProblemKind::Refused,
                    "/spec/peer_name",
                    UNUSABLE,
                    e.to_string(),
                )
            })?,
        };
        let spec = InstanceSpec {
            address: self.address,
            credential,
            peer_name,
            naming: self.naming,
            tls: self.tls,
            transport: self.transport,
            endpoint: self.endpoint,
        };
        Ok(Wanted::new(spec, self.labels))
    }
}

fn port(given: Option<u16>, pointer: &'static str, faults: &mut Faults) {
    if given == Some(0) {
        faults.add(pointer, "invalid_port", "wanted is a port from 1 to 65535");
    }
}

fn address(spec: &InstanceInput, faults: &mut Faults) -> Address {
    if !is_host(&spec.host) || is_number(&spec.host) {
        faults.add(
            "/spec/host",
            "invalid_host",
            "wanted is a host name or an IP address (as 10.0.0.1, not as a number), without scheme, port or instance",
        );
    }
    port(spec.port, "/spec/port", faults);
    if let Some(name) = &spec.instance_name
        && !is_instance_name(name)
    {
        faults.add(
            "/spec/instance_name",
            "invalid_instance_name",
            "wanted are 1 to 16 letters, digits, '_', '$' or '#', the first a letter or '_'",
        );
    }
    Address {
        host: spec.host.clone(),
        // Written out, so that a declaration with the default and one without it are the same.
        port: match (spec.port, &spec.instance_name) {
            (None, None) => Some(DEFAULT_PORT),
            (port, _) => port,
        },
        instance_name: spec.instance_name.clone(),
    }
}

fn naming(input: NamingInput, faults: &mut Faults) -> Naming {
    let mut naming = Naming::default();
    let NamingInput {
        login,
        user,
        certificate,
    } = input;
    for (text, member, template) in [
        (login, "login", &mut naming.login),
        (user, "user", &mut naming.user),
        (certificate, "certificate", &mut naming.certificate),
    ] {
        if let Some(text) = text {
            let pointer = format!("/spec/naming/{member}");
            let parsed = faults.read(pointer, "invalid_template", Template::parse(&text));
            *template = parsed.unwrap_or_else(|| template.clone());
        }
    }
    // Tried out with a harmless peer: what a template itself makes unusable shows now, not with the first pair.
    if let Ok(sample) = ObjectName::parse("peer_x")
        && let Err(unusable) = naming.render(&sample)
    {
        let pointer = format!("/spec/naming/{}", unusable.object);
        faults.add(pointer, UNUSABLE, unusable.reason);
    }
    naming
}

fn tls(input: TlsInput, faults: &mut Faults) -> Tls {
    let given = input.ca_pem.is_some() || input.server_name.is_some();
    if given && !matches!(input.mode, TlsMode::Required | TlsMode::Strict) {
        faults.add(
            "/spec/tls/mode",
            "not_verified",
            "ca_pem and server_name are for verification by a CA, and this mode does none",
        );
    }
    if let Some(pem) = &input.ca_pem {
        faults.read("/spec/tls/ca_pem", "invalid_ca_pem", ca_bundle::check(pem));
    }
    if let Some(name) = &input.server_name
        && !is_host(name)
    {
        faults.add(
            "/spec/tls/server_name",
            "invalid_host",
            "wanted is the host name that stands in the server's certificate",
        );
    }
    let pin = pin(&input, faults);
    let verification = Verification {
        ca_pem: input.ca_pem,
        server_name: input.server_name,
    };
    match input.mode {
        TlsMode::Required => Tls::Required(verification),
        TlsMode::Strict => Tls::Strict(verification),
        // Without one there is a fault already.
        TlsMode::Pinned => pin.map_or_else(Tls::default, |sha256| Tls::Pinned { sha256 }),
        TlsMode::TrustServerCertificate => Tls::TrustServerCertificate,
        TlsMode::Off => Tls::Off,
    }
}

fn pin(input: &TlsInput, faults: &mut Faults) -> Option<Sha256> {
    let text = match (&input.sha256, input.mode) {
        (None, TlsMode::Pinned) => {
            let wanted = "wanted is the SHA-256 of the server's TLS certificate";
            faults.add("/spec/tls/sha256", "required", wanted);
            return None;
        }
        (None, _) => return None,
        (Some(text), TlsMode::Pinned) => text.replace(':', ""),
        (Some(_), _) => {
            let only = "sha256 is for mode pinned alone";
            faults.add("/spec/tls/sha256", "not_pinned", only);
            return None;
        }
    };
    faults.read("/spec/tls/sha256", "invalid_sha256", Sha256::parse(&text))
}

/// `None` with its fault.
fn transport(input: Option<TransportInput>, faults: &mut Faults) -> Option<Transport> {
    match input {
        None | Some(TransportInput::Binary) => Some(Transport::Binary),
        Some(TransportInput::File { path }) => {
            let path = PathTemplate::parse(&path);
            let path = faults.read("/spec/transport/file/path", "invalid_path", path)?;
            Some(Transport::File { path })
        }
    }
}
