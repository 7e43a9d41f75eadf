//! What an instance said about itself in one observe batch: facts only, no judgement.
//!
//! Names in here are what the server's catalog showed. Which of them equal a *wanted* name is answered by the server
//! (`NameTaken`), with its collation; Rust never compares names.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::certificate::IssuerSerial;
use super::hash::{Sha256, Thumbprint};
use super::identity::{ServerIdentity, Start};
use super::object_name::SysName;
use super::own_deny::OwnDeny;
use super::rights::Rights;

/// One instance, as one batch saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    pub server: Server,
    pub login: OwnLogin,
    /// The one DATABASE_MIRRORING endpoint; absent also when this log-in may not see it.
    pub endpoint: Option<Endpoint>,
    pub master_key: MasterKey,
    /// The certificates of `master` other than SQL Server's own `##…`.
    pub certificates: Vec<HeldCertificate>,
    /// What bears on connecting to the endpoint.
    #[serde(default)]
    pub rights: Rights,
    /// What stands under the names that a peer's chain would be given.
    pub names: Vec<PeerNames>,
    /// Live endpoint connections; `None` when this log-in may not see them.
    pub connections: Option<Vec<EndpointConnection>>,
    /// Mirrored databases, both roles, and databases this instance is witness for.
    pub databases: Vec<MirroredDatabase>,
    pub availability_groups: Vec<String>,
    /// Names of enabled server and `master` DDL triggers.
    pub ddl_triggers: Vec<String>,
    /// mirrorgate's clock when the batch was answered.
    pub observed_at: DateTime<Utc>,
}

/// The first part of a version; 0 where there is none.
pub(super) fn major(version: &str) -> u32 {
    let first = version.split('.').next();
    first.and_then(|major| major.parse().ok()).unwrap_or(0)
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    pub identity: ServerIdentity,
    /// `ProductVersion`, as in `16.0.4135.4`.
    pub version: String,
    pub edition: String,
    /// `EngineEdition`: 2 Standard or Web, 3 Enterprise, 4 Express, 8 Managed Instance …
    pub engine_edition: i32,
    pub is_linux: bool,
    pub collation: String,
    /// The server's `SYSUTCDATETIME()`.
    pub clock: DateTime<Utc>,
    /// Whether this session's traffic is encrypted, as the server sees it; `None` when not permitted to see.
    pub encrypted: Option<bool>,
    /// The address was an availability group listener's.
    pub through_listener: bool,
    /// `None` in what an older version kept.
    #[serde(default)]
    pub start: Option<Start>,
}

impl Server {
    /// The first part of the version: 11 is 2012, 16 is 2022.
    #[must_use]
    pub fn major(&self) -> u32 {
        major(&self.version)
    }
}

/// Who mirrorgate is on this instance, and what it may do. `None` is HAS_PERMS_BY_NAME's NULL: unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnLogin {
    pub name: SysName,
    pub principal_id: i32,
    pub is_sysadmin: bool,
    /// ALTER ANY LOGIN, or from 2022 CREATE LOGIN.
    pub create_login: Option<bool>,
    /// ALTER ANY USER, or from 2022 CREATE USER, in `master`.
    pub create_user: Option<bool>,
    /// CREATE CERTIFICATE in `master`.
    pub create_certificate: Option<bool>,
    /// CONTROL on database `master`: what AUTHORIZATION another user takes.
    pub control_master: Option<bool>,
    /// CONTROL on the endpoint or ALTER ANY ENDPOINT.
    pub grant_on_endpoint: Option<bool>,
    /// VIEW ANY DEFINITION: without it, absent rows prove nothing.
    pub view_any_definition: Option<bool>,
    /// VIEW SERVER STATE: what proof of connections takes.
    pub view_server_state: Option<bool>,
    /// VIEW DEFINITION in `master`.
    #[serde(default)]
    pub view_master_definition: Option<bool>,
    /// The DENYs that hold for it, as far as it sees them.
    #[serde(default)]
    pub denies: Vec<OwnDeny>,
}

impl OwnLogin {
    /// Absent rows prove something only for a log-in that sees all of them.
    #[must_use]
    pub fn sees_everything(&self) -> bool {
        self.is_sysadmin
            || (self.view_any_definition == Some(true)
                && self.view_master_definition != Some(false)
                && !self.denies.iter().any(OwnDeny::hides))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    pub endpoint_id: i32,
    pub name: SysName,
    pub state: EndpointState,
    pub role: EndpointRole,
    /// `connection_auth_desc` takes a certificate: 4 to 10.
    pub accepts_certificates: bool,
    /// `connection_auth_desc` as shown.
    pub authentication: String,
    pub encryption: EndpointEncryption,
    /// `encryption_algorithm` itself: what a statement has to repeat.
    #[serde(default)]
    pub encryption_code: u8,
    pub port: Option<i32>,
    pub owner_principal_id: Option<i32>,
    pub certificate: Option<EndpointCertificate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    Started,
    Stopped,
    Disabled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointRole {
    None,
    Partner,
    Witness,
    All,
}

/// What `encryption_algorithm` (0–8) means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointEncryption {
    /// Unencrypted connections are accepted: DISABLED or SUPPORTED.
    pub allows_none: bool,
    pub aes: bool,
    pub rc4: bool,
}

impl EndpointEncryption {
    /// Reads `sys.database_mirroring_endpoints.encryption_algorithm`.
    #[must_use]
    pub fn from_code(code: u8) -> Self {
        Self {
            allows_none: matches!(code, 0 | 3 | 4 | 7 | 8),
            rc4: matches!(code, 1 | 3 | 5..=8),
            aes: matches!(code, 2 | 4..=8),
        }
    }

    /// Whether two endpoints find something both accept.
    #[must_use]
    pub fn agrees_with(self, other: Self) -> bool {
        (self.allows_none && other.allows_none)
            || (self.aes && other.aes)
            || (self.rc4 && other.rc4)
    }
}

/// The certificate the endpoint uses for its own outbound side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointCertificate {
    pub certificate_id: i32,
    pub name: SysName,
    pub thumbprint: Thumbprint,
    /// The DER bytes; `None` before 2012 or when this log-in may not see them.
    #[serde(with = "optional_hex")]
    pub der: Option<Vec<u8>>,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
    pub private_key: PrivateKey,
}

impl EndpointCertificate {
    #[must_use]
    pub fn sha256(&self) -> Option<Sha256> {
        self.der.as_deref().map(Sha256::of)
    }
}

/// `pvt_key_encryption_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivateKey {
    /// NA: the public half only.
    None,
    /// MK: what an endpoint needs.
    MasterKey,
    /// PW
    Password,
    /// SK
    ServiceMasterKey,
}

/// The database master key of `master`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterKey {
    /// `##MS_DatabaseMasterKey##` is visible, or the server says it encrypts one.
    pub exists: bool,
    /// `is_master_key_encrypted_by_server`: opened by itself after a restart.
    pub opened_by_server: bool,
}

/// A certificate in `master` with the chain from its owner to a login.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldCertificate {
    pub certificate_id: i32,
    pub name: SysName,
    pub thumbprint: Thumbprint,
    /// `None` before 2012 or when this log-in may not see the bytes.
    pub sha256: Option<Sha256>,
    /// By what the handshake looks a peer's certificate up; `None` like the hash above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_serial: Option<IssuerSerial>,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
    pub has_private_key: bool,
    /// Its private key is under the master key: what an endpoint needs.
    #[serde(default)]
    pub key_under_master_key: bool,
    pub owner: Option<MasterUser>,
}

impl HeldCertificate {
    /// Of one issuer and serial, by which a handshake looks it up, and of other bytes.
    #[must_use]
    pub fn is_twin_of(&self, other: &Self) -> bool {
        self.issuer_serial.is_some()
            && self.issuer_serial == other.issuer_serial
            && self.sha256 != other.sha256
    }
}

/// A principal of `master`, with the login its SID leads to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MasterUser {
    pub principal_id: i32,
    pub name: SysName,
    /// `type`: S, U, G, R, A, C, K, E, X.
    pub kind: char,
    /// Made WITHOUT LOGIN (or for a certificate or key): no login ever had its SID, and none can be given to it.
    #[serde(default)]
    pub without_login: bool,
    #[serde(default, with = "optional_hex")]
    pub sid: Option<Vec<u8>>,
    /// When it was made or last changed; `None` in what an older version kept.
    #[serde(default)]
    pub changed_at: Option<DateTime<Utc>>,
    pub login: Option<Login>,
}

impl MasterUser {
    /// Principal 1 of every database.
    #[must_use]
    pub fn is_dbo(&self) -> bool {
        self.principal_id == 1
    }
}

/// A server principal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Login {
    pub principal_id: i32,
    pub name: SysName,
    /// `type`: S SQL login, U Windows login, G Windows group, R role, C and K mapped to a certificate or key.
    pub kind: char,
    pub is_disabled: bool,
    /// Member of sysadmin or holder of CONTROL SERVER.
    pub is_privileged: bool,
    /// Member of sysadmin, through a Windows group too.
    #[serde(default)]
    pub is_sysadmin: bool,
    /// Holds CONNECT SQL by a grant of its own, as every login does that nobody took it from.
    #[serde(default)]
    pub connect_sql: bool,
    /// When it was made or last changed (its password, state or name); `None` in what an older version kept.
    #[serde(default)]
    pub changed_at: Option<DateTime<Utc>>,
}

impl Login {
    /// A SQL or a Windows login: what may stand at the end of a chain.
    #[must_use]
    pub fn can_be_peer(&self) -> bool {
        matches!(self.kind, 'S' | 'U')
    }
}

/// What stands under the wanted names of one peer. Compared by the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeerNames {
    /// Position of the peer in the question asked.
    pub peer: usize,
    /// The server principal of the wanted login name.
    pub login: Option<Login>,
    /// The `master` user whose SID is that login's, whatever its name.
    pub login_user: Option<MasterUser>,
    /// The `master` principal of the wanted user name.
    pub user: Option<MasterUser>,
    /// `certificate_id` of the certificate of the wanted name.
    pub certificate_id: Option<i32>,
    /// `certificate_id` of the certificate of the name a renewed one would get.
    pub renewed_certificate_id: Option<i32>,
}

/// A row of `sys.dm_db_mirroring_connections`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointConnection {
    /// The peer dialled in.
    pub is_accept: bool,
    /// `login_state` 12 (ONLINE) or `state` 4 (LOGGED_IN).
    pub is_logged_in: bool,
    pub peer_certificate_id: Option<i32>,
    pub principal_name: Option<String>,
    pub login_time: Option<DateTime<Utc>>,
}

impl EndpointConnection {
    /// Somebody dialled in and is logged in by this certificate.
    #[must_use]
    pub fn is_log_in_by(&self, certificate_id: i32) -> bool {
        self.is_accept && self.is_logged_in && self.peer_certificate_id == Some(certificate_id)
    }
}

/// A database whose mirroring uses the endpoint now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirroredDatabase {
    pub name: String,
    pub role: DatabaseRole,
    /// `mirroring_state_desc`
    pub state: Option<String>,
    /// `mirroring_safety_level_desc`
    pub safety: Option<String>,
    pub has_witness: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseRole {
    Principal,
    Mirror,
    /// This instance is the witness of that database's session.
    Witness,
}

mod optional_hex {
    //! Bytes as hexadecimal in JSON.
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => to.serialize_some(&hex::encode(bytes)),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        Option::<String>::deserialize(from)?
            .map(|text| hex::decode(text).map_err(serde::de::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_as_hexadecimal_and_read_back_or_refused() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Kept {
            #[serde(default, with = "optional_hex")]
            bytes: Option<Vec<u8>>,
        }
        let read = serde_json::from_str::<Kept>;
        for (bytes, json) in [
            (Some(vec![0x30, 0xab, 0]), r#"{"bytes":"30ab00"}"#),
            (Some(vec![]), r#"{"bytes":""}"#),
            (None, r#"{"bytes":null}"#),
        ] {
            let kept = Kept { bytes };
            assert_eq!(serde_json::to_string(&kept).unwrap(), json);
            assert_eq!(read(json).unwrap(), kept);
        }
        assert_eq!(read("{}").unwrap(), Kept { bytes: None });
        for bad in [r#"{"bytes":"3"}"#, r#"{"bytes":"zz"}"#, r#"{"bytes":[1]}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
