//! What an instance is told to be.

use chrono::TimeDelta;

use crate::engine::PasswordPolicy;
use crate::engine::state::version::{Edition, Platform, Version};
use crate::engine::switches::Unverified;
use crate::server_api::Encryption;

/// The certificate an instance shows to TDS clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsCertificate {
    /// Signed by the fleet's CA, for `localhost`, the instance's hosts and 127.0.0.1.
    #[default]
    FleetCa,
    /// What SQL Server makes for itself at start: `CN=SSL_Self_Signed_Fallback`, verifiable by nobody, another one after each
    /// restart. On Linux version 1 with a negative serial.
    SelfSignedFallback,
    /// Made by an administrator: self-signed, with names.
    SelfMade,
    /// Made by an administrator with `openssl req -x509`: self-signed, no names, marked as an authority.
    Authority,
    /// Made by an administrator on Linux: X.509 version 1, a negative serial, no names.
    VersionOne,
    /// A `VersionOne` that was copied from elsewhere: the server has another key than the one in it.
    Impostor,
    /// Signed by another CA than the fleet's.
    OtherCa,
    /// Signed by another CA that has the name of the fleet's.
    NamesakeCa,
    /// Signed by the fleet's CA, without any subject alternative name.
    NoNames,
    /// Signed by the fleet's CA, for `elsewhere.example`.
    OtherName,
    /// Signed by the fleet's CA, for the year 2001.
    Expired,
    /// Signed by the fleet's CA, for the year 2048.
    NotYetValid,
}

/// Description of one instance. `InstanceSpec::named("HOST_A")` is a default one.
#[derive(Debug, Clone)]
pub struct InstanceSpec {
    /// Machine name unless `hosts` says otherwise; unique in a fleet together with `instance_name`.
    pub name: String,
    /// `None` is the default instance.
    pub instance_name: Option<String>,
    /// Names under which other instances reach this one's endpoint; the first is the machine name. Empty: `name`.
    pub hosts: Vec<String>,
    /// Address to listen on for TDS.
    pub listen: String,
    /// TDS port; 0 takes a free one.
    pub port: u16,
    pub version: Version,
    pub edition: Edition,
    pub platform: Platform,
    pub collation: String,
    /// `None`: any password will do.
    pub password_policy: Option<PasswordPolicy>,
    /// Wrong passwords until a login with CHECK_POLICY is locked out; `None` never.
    pub lockout_after: Option<u32>,
    /// Windows authentication only: no SQL log-in succeeds.
    pub windows_only: bool,
    /// `SERVERPROPERTY('IsHadrEnabled')`.
    pub hadr_enabled: bool,
    pub encryption: Encryption,
    pub tls: TlsCertificate,
    pub attention_in_one_message: bool,
    /// How far the instance's clock is from the machine's.
    pub clock_offset: TimeDelta,
    /// Bits of engine-made RSA keys; `None`: the version's (2048, 3072 since 2022).
    pub key_bits: Option<u16>,
    /// Engine-made keys come from a few that all such instances of the process share, so that large fleets start fast.
    pub shared_keys: bool,
    pub sa_password: String,
    pub unverified: Unverified,
}

impl Default for InstanceSpec {
    fn default() -> Self {
        Self {
            name: "SQLSIM".to_owned(),
            instance_name: None,
            hosts: Vec::new(),
            listen: "127.0.0.1".to_owned(),
            port: 0,
            version: Version::default(),
            edition: Edition::default(),
            platform: Platform::default(),
            collation: "SQL_Latin1_General_CP1_CI_AS".to_owned(),
            password_policy: Some(PasswordPolicy::default()),
            lockout_after: None,
            windows_only: false,
            hadr_enabled: false,
            encryption: Encryption::default(),
            tls: TlsCertificate::default(),
            attention_in_one_message: false,
            clock_offset: TimeDelta::zero(),
            key_bits: None,
            shared_keys: false,
            sa_password: "Passw0rd!sim".to_owned(),
            unverified: Unverified::default(),
        }
    }
}

impl InstanceSpec {
    /// A default instance of this machine name.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The names its endpoint is reached by.
    pub fn hosts(&self) -> Vec<String> {
        if self.hosts.is_empty() {
            vec![self.name.clone()]
        } else {
            self.hosts.clone()
        }
    }

    pub fn machine_name(&self) -> &str {
        self.hosts
            .first()
            .map_or(self.name.as_str(), |h| h.split('.').next().unwrap_or(h))
    }
}
