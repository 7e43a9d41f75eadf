//! Instances as they are shown: the spec with its defaults written out, and what was last seen.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::wire::{EndpointInput, TlsMode, TransportInput};
use crate::domain::hash::Sha256;
use crate::domain::identity::ServerIdentity;
use crate::domain::instance::{Tls, Transport, Verification};
use crate::domain::memory::Memory;
use crate::domain::observation::{EndpointRole, EndpointState};
use crate::domain::trust::InPlace;
use crate::http::problem::Problem;
use crate::http::text::{Lines, Tabular, maybe_moment, moment, word};
use crate::http::v1::labels;
use crate::http::v1::registration::{Screen, registration_view};
use crate::http::v1::trusts::{self, TrustStatuses, TrustView, summary};
use crate::store::Conn;
use crate::store::instance_status::{self, InstanceStatus};
use crate::store::instances::Instance;
use crate::store::peers;

registration_view! {
    InstanceView(InstanceOutput, InstanceStatusView),
    example "HOST_A", revision "Counts changes of spec and labels."
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct InstanceOutput {
    host: String,
    #[schema(required)]
    port: Option<u16>,
    #[schema(required)]
    instance_name: Option<String>,
    credential: String,
    peer_name: String,
    naming: NamingOutput,
    tls: TlsOutput,
    transport: TransportInput,
    /// What its mirroring endpoint should be like, where something is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<EndpointInput>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct NamingOutput {
    #[schema(example = "{peer}_login")]
    login: String,
    #[schema(example = "{peer}_user")]
    user: String,
    #[schema(example = "{peer}_cert")]
    certificate: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TlsOutput {
    mode: TlsMode,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_pem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    sha256: Option<Sha256>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct InstanceStatusView {
    /// The server the address led to at first; a change blocks until an inspection accepts it.
    #[schema(required)]
    identity: Option<ServerIdentity>,
    #[schema(required)]
    observed_at: Option<DateTime<Utc>>,
    #[schema(required)]
    server: Option<ServerView>,
    #[schema(required)]
    endpoint: Option<EndpointView>,
    /// A log-in the instance refused; that credential revision rests.
    #[schema(required)]
    refused_login: Option<RefusedLoginView>,
    certificates: PinsView,
    /// What this instance lets in, by all registered pairs.
    trusts: Vec<TrustView>,
    /// Where this instance's next certificate is in place, by all registered pairs; empty where none is uploaded.
    next_on: Vec<NextOnView>,
}

/// One who is to let this instance in by its next certificate.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct NextOnView {
    #[schema(example = "HOST_B")]
    on: String,
    in_place: InPlace,
    /// When a job last looked.
    #[schema(required)]
    checked_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ServerView {
    #[schema(example = "16.0.4135.4")]
    version: String,
    edition: String,
    is_linux: bool,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct EndpointView {
    name: String,
    #[schema(value_type = String, example = "started")]
    state: EndpointState,
    #[schema(value_type = String, example = "all")]
    role: EndpointRole,
    #[schema(required)]
    port: Option<i32>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RefusedLoginView {
    credential_revision: i64,
    /// SQL Server's error number.
    #[schema(example = 18456)]
    number: i32,
    at: DateTime<Utc>,
}

/// SHA-256 of the certificates that count.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PinsView {
    /// The pin: the last certificate uploaded as `current`.
    #[schema(required)]
    current: Option<String>,
    /// The last certificate uploaded as `next`.
    #[schema(required)]
    next: Option<String>,
}

impl InstanceView {
    /// Gathers what is shown of several, with what they have in common read once.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn load(conn: &mut Conn, shown: &[Instance]) -> Result<Vec<Self>, Problem> {
        let ids: Vec<Uuid> = shown.iter().map(|i| i.id).collect();
        let mut statuses = instance_status::statuses(conn, &ids).await?;
        let peers = peers::among(conn, &ids).await?;
        let between = peers
            .iter()
            .flat_map(|(id, peers)| peers.iter().flat_map(|peer| [(*id, *peer), (*peer, *id)]));
        let instances = ids.iter().copied().collect();
        let trusts = TrustStatuses::load(conn, instances, between.collect()).await?;
        let view = |instance: &Instance| {
            let status = statuses.remove(&instance.id).unwrap_or_default();
            let peers = peers.get(&instance.id).map_or(&[][..], Vec::as_slice);
            Self::of(instance, status, &trusts.by_name(peers), &trusts)
        };
        Ok(shown.iter().map(view).collect())
    }

    fn of(
        instance: &Instance,
        status: InstanceStatus,
        peers: &[Uuid],
        known: &TrustStatuses,
    ) -> Self {
        let trusts = peers
            .iter()
            .filter_map(|peer| known.view(instance.id, *peer))
            .collect();
        let next_on = peers
            .iter()
            .filter_map(|peer| known.view(*peer, instance.id))
            .filter_map(|trust| {
                Some(NextOnView {
                    on: trust.on,
                    in_place: trust.next?.in_place,
                    checked_at: trust.checked_at,
                })
            })
            .collect();
        let (current, next) = known.pins(instance.id);
        let status = InstanceStatusView {
            next_on,
            ..InstanceStatusView::of(status, PinsView { current, next }, trusts)
        };
        Self::around(instance, InstanceOutput::of(instance), status)
    }

    fn address(&self) -> String {
        match (&self.spec.instance_name, self.spec.port) {
            (Some(name), None) => format!("{}\\{name}", self.spec.host),
            (Some(name), Some(port)) => format!("{}\\{name}:{port}", self.spec.host),
            (None, port) => format!("{}:{}", self.spec.host, port.unwrap_or_default()),
        }
    }
}

impl Screen for InstanceView {
    fn plain(&self) -> String {
        let status = &self.status;
        let mut lines = Lines::default();
        lines.line("instance", &self.name);
        lines.line("peer name", &self.spec.peer_name);
        lines.line("address", self.address());
        lines.line("credential", &self.spec.credential);
        lines.line("tls", self.spec.tls.line());
        lines.line("labels", labels::cell(&self.labels));
        lines.line("revision", self.revision.to_string());
        let identity = status.identity.as_ref().map(|i| i.server_name.as_str());
        lines.line("server", identity.unwrap_or_default());
        lines.line("observed", maybe_moment(status.observed_at));
        if let Some(server) = &status.server {
            let system = if server.is_linux { "Linux" } else { "Windows" };
            lines.line(
                "version",
                format!("{}, {}, {system}", server.version, server.edition),
            );
        }
        if let Some(endpoint) = &status.endpoint {
            let port = endpoint.port.map_or(String::new(), |p| format!(" :{p}"));
            let (state, role) = (word(&endpoint.state), word(&endpoint.role));
            lines.line(
                "endpoint",
                format!("{} {state}{port}, role {role}", endpoint.name),
            );
        }
        if let Some(refused) = &status.refused_login {
            let at = moment(refused.at);
            let (number, revision) = (refused.number, refused.credential_revision);
            lines.line(
                "refused",
                format!("log-in with credential revision {revision} refused ({number}) at {at}; it rests"),
            );
        }
        let pins = &status.certificates;
        lines.line("current", pins.current.as_deref().unwrap_or_default());
        lines.line("next", pins.next.as_deref().unwrap_or_default());
        for next in &status.next_on {
            let (place, looked) = (next.in_place.as_str(), maybe_moment(next.checked_at));
            lines.line("next in place", format!("on {}: {place} {looked}", next.on));
        }
        lines.render() + "\n" + &trusts::columns(&status.trusts)
    }
}

impl Tabular for InstanceView {
    const COLUMNS: &'static [&'static str] = &[
        "NAME",
        "PEER NAME",
        "ADDRESS",
        "CREDENTIAL",
        "VERSION",
        "LETS IN",
        "OBSERVED",
        "LABELS",
    ];

    fn cells(&self) -> Vec<String> {
        let server = self.status.server.as_ref();
        vec![
            self.name.clone(),
            self.spec.peer_name.clone(),
            self.address(),
            self.spec.credential.clone(),
            server.map(|s| s.version.clone()).unwrap_or_default(),
            summary(&self.status.trusts),
            maybe_moment(self.status.observed_at),
            labels::cell(&self.labels),
        ]
    }
}

impl TlsOutput {
    fn of(tls: &Tls) -> Self {
        let (mode, verification) = match tls {
            Tls::Required(v) => (TlsMode::Required, Some(v.clone())),
            Tls::Strict(v) => (TlsMode::Strict, Some(v.clone())),
            Tls::Pinned { .. } => (TlsMode::Pinned, None),
            Tls::TrustServerCertificate => (TlsMode::TrustServerCertificate, None),
            Tls::Off => (TlsMode::Off, None),
        };
        let Verification {
            ca_pem,
            server_name,
        } = verification.unwrap_or_default();
        let sha256 = match tls {
            Tls::Pinned { sha256 } => Some(*sha256),
            _ => None,
        };
        Self {
            mode,
            ca_pem,
            server_name,
            sha256,
        }
    }

    /// `pinned sha256 …` where there is more than a mode to show.
    fn line(&self) -> String {
        match self.sha256 {
            Some(sha256) => format!("{} sha256 {sha256}", word(&self.mode)),
            None => word(&self.mode),
        }
    }
}

impl InstanceOutput {
    fn of(instance: &Instance) -> Self {
        let spec = &instance.spec;
        Self {
            host: spec.address.host.clone(),
            port: spec.address.port,
            instance_name: spec.address.instance_name.clone(),
            credential: spec.credential.name.to_string(),
            peer_name: spec.peer_name.to_string(),
            naming: NamingOutput {
                login: spec.naming.login.as_str().to_owned(),
                user: spec.naming.user.as_str().to_owned(),
                certificate: spec.naming.certificate.as_str().to_owned(),
            },
            tls: TlsOutput::of(&spec.tls),
            transport: match &spec.transport {
                Transport::Binary => TransportInput::Binary,
                Transport::File { path } => TransportInput::File {
                    path: path.as_str().to_owned(),
                },
            },
            endpoint: EndpointInput::shown(&spec.endpoint),
        }
    }
}

impl InstanceStatusView {
    fn of(status: InstanceStatus, certificates: PinsView, trusts: Vec<TrustView>) -> Self {
        let seen: Option<&Memory> = status.observation.as_ref();
        Self {
            server: seen.map(|o| ServerView {
                version: o.server.version.clone(),
                edition: o.server.edition.clone(),
                is_linux: o.server.is_linux,
            }),
            endpoint: seen
                .and_then(|o| o.endpoint.as_ref())
                .map(|e| EndpointView {
                    name: e.name.to_string(),
                    state: e.state,
                    role: e.role,
                    port: e.port,
                }),
            refused_login: status.refused_login.as_ref().map(|r| RefusedLoginView {
                credential_revision: r.credential_revision,
                number: r.number,
                at: r.at,
            }),
            identity: status.identity,
            observed_at: status.observed_at,
            certificates,
            trusts,
            next_on: Vec::new(),
        }
    }
}

pub fn example() -> serde_json::Value {
    serde_json::json!({
        "name": "HOST_A", "labels": {"env": "prod"}, "revision": 1,
        "created_at": "2026-11-22T20:11:00Z", "updated_at": "2026-11-22T20:11:00Z",
        "spec": {
            "host": "host-a.corp.example", "port": 1433, "instance_name": null, "credential": "prod-sql", "peer_name": "HOST_A",
            "naming": {"login": "{peer}_login", "user": "{peer}_user", "certificate": "{peer}_cert"},
            "tls": {"mode": "required"}, "transport": "binary"
        },
        "status": {
            "identity": {"server_name": "SQLA\\PROD", "machine_name": "SQLA", "instance_name": "PROD"},
            "observed_at": "2026-11-22T20:12:00Z",
            "server": {"version": "16.0.4135.4", "edition": "Standard Edition (64-bit)", "is_linux": false},
            "endpoint": {"name": "Endpoint_Mirroring", "state": "started", "role": "all", "port": 5022},
            "refused_login": null,
            "certificates": {"current": null, "next": null},
            "trusts": [], "next_on": []
        }
    })
}
