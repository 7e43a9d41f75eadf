//! Fleets described in TOML: reading the description, starting it, and writing down where everything is.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::engine::state::version::{Edition, Platform, Version};
use crate::engine::switches::Unverified;
use crate::fleet::{Fleet, StartError};
use crate::handle::Instance;
use crate::server_api::Encryption;
use crate::spec::{InstanceSpec, TlsCertificate};

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

/// What `fleet.json` says of an instance.
#[derive(Debug, Clone, Serialize)]
pub struct Started {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub hosts: Vec<String>,
    /// `TCP://host:port`.
    pub endpoint: Option<String>,
    /// File name of the endpoint's certificate in the same directory.
    pub certificate: Option<String>,
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

/// Starts every instance and prepares it as described.
///
/// # Errors
/// The first thing that fails.
pub async fn start(file: &FleetFile, listen: &str) -> Result<Fleet, FleetFileError> {
    let fleet = Fleet::new()?;
    let mut entries = Vec::new();
    for entry in &file.instances {
        entries.extend(entry.counted()?);
    }
    for entry in &entries {
        let spec = InstanceSpec {
            shared_keys: file.shared_keys,
            ..entry.spec(listen)
        };
        let instance = fleet.start(spec).await?;
        entry
            .prepare(&instance)
            .await
            .map_err(|what| StartError::Prepare {
                instance: entry.name.clone(),
                what,
            })?;
    }
    // Copies only when every original is there.
    for entry in &entries {
        for copy in &entry.mirrors {
            let what = copy_database(&fleet, &entry.name, copy).await;
            what.map_err(|what| StartError::Prepare {
                instance: entry.name.clone(),
                what,
            })?;
        }
    }
    Ok(fleet)
}

async fn copy_database(fleet: &Fleet, to: &str, copy: &MirrorCopy) -> Result<(), String> {
    let (Some(here), Some(original)) = (fleet.instance(to), fleet.instance(&copy.of)) else {
        return Err(format!(
            "there is no instance {} to copy {} from",
            copy.of, copy.database
        ));
    };
    here.restore_copy(&original, &copy.database)
        .await
        .map_err(|e| shown(&e))
}

fn shown(errors: &[crate::protocol::Message]) -> String {
    let each: Vec<String> = errors
        .iter()
        .map(|m| format!("{} {}", m.number, m.text))
        .collect();
    each.join("; ")
}

impl InstanceEntry {
    /// One entry for each instance it describes.
    fn counted(&self) -> Result<Vec<Self>, FleetFileError> {
        let Some(count) = self.count else {
            return Ok(vec![self.clone()]);
        };
        if !self.name.contains("{n}") {
            let name = self.name.clone();
            return Err(FleetFileError::Count { name });
        }
        let one = |n: u16| {
            let numbered = |text: &String| text.replace("{n}", &n.to_string());
            Self {
                name: numbered(&self.name),
                hosts: self.hosts.iter().map(numbered).collect(),
                port: match self.port {
                    0 => 0,
                    first => first.saturating_add(n - 1),
                },
                count: None,
                ..self.clone()
            }
        };
        Ok((1..=count).map(one).collect())
    }

    fn spec(&self, listen: &str) -> InstanceSpec {
        let usual = InstanceSpec::default();
        InstanceSpec {
            name: self.name.clone(),
            instance_name: self.instance_name.clone(),
            hosts: self.hosts.clone(),
            listen: listen.to_owned(),
            port: self.port,
            version: self.version,
            edition: self.edition,
            platform: self.platform,
            collation: self.collation.clone().unwrap_or(usual.collation),
            encryption: match self.encryption {
                EncryptionWord::Optional => Encryption::Optional,
                EncryptionWord::Required => Encryption::Required,
                EncryptionWord::NotSupported => Encryption::NotSupported,
                EncryptionWord::Strict => Encryption::Strict,
            },
            tls: self.tls,
            key_bits: self.key_bits,
            sa_password: self.sa_password.clone(),
            unverified: self.unverified,
            ..usual
        }
    }

    async fn prepare(&self, instance: &Instance) -> Result<(), String> {
        for login in &self.logins {
            let (name, password) = (
                login.name.replace(']', "]]"),
                login.password.replace('\'', "''"),
            );
            let mut sql =
                format!("CREATE LOGIN [{name}] WITH PASSWORD = N'{password}', CHECK_POLICY = OFF;");
            if login.sysadmin {
                // In every version; ALTER SERVER ROLE is of 2012.
                sql.push_str(&format!(" EXEC sp_addsrvrolemember [{name}], N'sysadmin';"));
            }
            instance.exec(&sql).await.map_err(|e| shown(&e))?;
        }
        for database in &self.databases {
            instance
                .add_database(database)
                .await
                .map_err(|e| shown(&e))?;
        }
        if self.outbound {
            instance
                .prepare_outbound(&self.name, self.endpoint_port)
                .await
                .map_err(|e| shown(&e))?;
        }
        for sql in &self.run {
            instance.exec(sql).await.map_err(|e| shown(&e))?;
        }
        Ok(())
    }
}

/// Writes `ca.pem`, each endpoint's certificate as `{name}.cer` (DER) and `fleet.json` into a directory.
///
/// # Errors
/// When something cannot be written.
pub fn write_papers(
    fleet: &Fleet,
    listen: &str,
    directory: &Path,
) -> Result<Vec<Started>, FleetFileError> {
    let write = |name: &str, bytes: &[u8]| {
        let path = directory.join(name);
        std::fs::write(&path, bytes).map_err(|source| FleetFileError::Write {
            path: path.display().to_string(),
            source,
        })
    };
    std::fs::create_dir_all(directory).map_err(|source| FleetFileError::Write {
        path: directory.display().to_string(),
        source,
    })?;
    write("ca.pem", fleet.ca_pem().as_bytes())?;
    let mut list = Vec::new();
    for instance in fleet.instances() {
        let file = format!("{}.cer", instance.name());
        let der = instance.endpoint_certificate_der();
        if let Some(der) = &der {
            write(&file, der)?;
        }
        list.push(Started {
            name: instance.name().to_owned(),
            host: listen.to_owned(),
            port: instance.port(),
            hosts: instance.engine().spec.hosts(),
            endpoint: instance.endpoint_address(),
            certificate: der.map(|_| file),
        });
    }
    let json = serde_json::to_vec_pretty(&list).unwrap_or_default();
    write("fleet.json", &json)?;
    Ok(list)
}
