//! Fleets described in TOML: the description. `start` starts it, `papers` writes down where everything is.

mod papers;
mod start;

use std::path::Path;

use serde::Deserialize;

use crate::engine::state::version::{Edition, Platform, Version};
use crate::engine::switches::Unverified;
use crate::fleet::StartError;
use crate::spec::TlsCertificate;

pub use papers::{Started, write_papers};
pub use start::start;

/// A whole fleet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetFile {
    /// Engine-made keys come from a few that all instances share: hundreds of instances start in seconds.
    #[serde(default)]
    pub shared_keys: bool,
    #[serde(rename = "instance")]
    pub instances: Vec<InstanceEntry>,
}

/// One instance of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceEntry {
    /// With `count`, `{n}` in it is the number of the instance.
    pub name: String,
    /// This many instances of this description; each has `{n}` in `name` and `hosts` replaced by 1, 2, …, and the next port.
    #[serde(default)]
    pub count: Option<u16>,
    #[serde(default)]
    pub instance_name: Option<String>,
    /// Names its endpoint is reached by; default: `name`.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// TDS port; 0 takes a free one.
    #[serde(default)]
    pub port: u16,
    #[serde(default = "default_endpoint_port")]
    pub endpoint_port: u16,
    #[serde(default)]
    pub version: Version,
    #[serde(default)]
    pub edition: Edition,
    #[serde(default)]
    pub platform: Platform,
    #[serde(default)]
    pub collation: Option<String>,
    pub sa_password: String,
    /// Make the master key, the certificate and the endpoint.
    #[serde(default)]
    pub outbound: bool,
    /// User databases to create.
    #[serde(default)]
    pub databases: Vec<String>,
    /// Databases to have in RESTORING, as copies of another instance's: `{ of = "HOST_A", database = "sales" }`.
    #[serde(default)]
    pub mirrors: Vec<MirrorCopy>,
    #[serde(default)]
    pub logins: Vec<LoginEntry>,
    /// Extra T-SQL, one batch each.
    #[serde(default)]
    pub run: Vec<String>,
    #[serde(default)]
    pub tls: TlsCertificate,
    #[serde(default)]
    pub encryption: EncryptionWord,
    #[serde(default)]
    pub key_bits: Option<u16>,
    #[serde(default)]
    pub unverified: Unverified,
}

fn default_endpoint_port() -> u16 {
    7024
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MirrorCopy {
    pub of: String,
    pub database: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginEntry {
    pub name: String,
    pub password: String,
    #[serde(default)]
    pub sysadmin: bool,
}

/// `encryption` as the file spells it.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncryptionWord {
    #[default]
    Optional,
    Required,
    NotSupported,
    Strict,
}

/// Why a fleet file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FleetFileError {
    #[error("cannot read {path}")]
    Read {
        path: String,
        source: std::io::Error,
    },
    #[error("{path} is no fleet description")]
    Parse {
        path: String,
        source: Box<toml::de::Error>,
    },
    #[error("{name} has count and needs {{n}} in its name")]
    Count { name: String },
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("cannot write {path}")]
    Write {
        path: String,
        source: std::io::Error,
    },
}

/// Reads a description.
///
/// # Errors
/// When the file cannot be read or understood.
pub fn read(path: &Path) -> Result<FleetFile, FleetFileError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| FleetFileError::Read {
        path: shown.clone(),
        source,
    })?;
    parse(&text, &shown)
}

/// Reads a description from its text; `origin` names it in errors.
///
/// # Errors
/// When it cannot be understood.
pub fn parse(text: &str, origin: &str) -> Result<FleetFile, FleetFileError> {
    toml::from_str(text).map_err(|source| FleetFileError::Parse {
        path: origin.to_owned(),
        source: Box::new(source),
    })
}
