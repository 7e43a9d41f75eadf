//! What a started fleet leaves for its clients: where everything is, and the certificates.

use std::path::Path;

use serde::Serialize;

use super::FleetFileError;
use crate::fleet::Fleet;

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
