//! Starting a described fleet.

use super::{EncryptionWord, FleetFile, FleetFileError, InstanceEntry, MirrorCopy};
use crate::fleet::{Fleet, StartError};
use crate::handle::Instance;
use crate::protocol::Message;
use crate::server_api::Encryption;
use crate::spec::InstanceSpec;

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

fn shown(errors: &[Message]) -> String {
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
