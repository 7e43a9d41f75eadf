//! What the installer leaves in master besides the well-known principals: the `##MS_…##` certificates, their logins and users.
//!
//! The certificates are the same bytes on every instance, as those that sign what Microsoft ships are.

use std::sync::{Arc, OnceLock};

use chrono::NaiveDateTime;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::certificate::{Certificate, Facts, parse};
use super::database::{DBO, Database};
use super::permission::Permission;
use super::principal::DatabasePrincipal;

const PEM: &[u8] = include_bytes!("ms_certificates.pem");

/// `certificate_id` and name, in the order of the file.
const CERTIFICATES: [(i32, &str); 6] = [
    (101, "##MS_SQLResourceSigningCertificate##"),
    (102, "##MS_SQLReplicationSigningCertificate##"),
    (103, "##MS_SQLAuthenticatorCertificate##"),
    (105, "##MS_PolicySigningCertificate##"),
    (106, "##MS_SmoExtendedSigningCertificate##"),
    (107, "##MS_AgentSigningCertificate##"),
];

/// The user of the agent's certificate, and that of the login policies run as.
const USERS: [(i32, &str, char); 2] = [
    (5, "##MS_PolicyEventProcessingLogin##", 'S'),
    (6, "##MS_AgentSigningCertificate##", 'C'),
];

fn facts() -> &'static [Arc<Facts>] {
    static READ: OnceLock<Vec<Arc<Facts>>> = OnceLock::new();
    READ.get_or_init(|| {
        CertificateDer::pem_slice_iter(PEM)
            .filter_map(|der| parse(&der.ok()?).ok().map(Arc::new))
            .collect()
    })
}

/// Certificate-mapped logins: id, name, SID.
pub fn logins() -> impl Iterator<Item = (i32, &'static str, Vec<u8>)> {
    CERTIFICATES
        .iter()
        .zip(facts())
        .map(|((id, name), facts)| (*id, *name, facts.sid().0))
}

/// Puts certificates and users into master; `sid_of` gives the SID of a login by its name.
pub fn furnish(
    master: &mut Database,
    now: NaiveDateTime,
    sid_of: impl Fn(&str) -> Option<Vec<u8>>,
) {
    for ((id, name), facts) in CERTIFICATES.iter().zip(facts()) {
        let certificate = Certificate {
            id: *id,
            name: (*name).to_owned(),
            owner: DBO,
            facts: Arc::clone(facts),
            private_key: None,
            active_for_dialog: false,
            last_key_backup: None,
        };
        master.certificates.insert(*id, certificate);
    }
    for (id, name, kind) in USERS {
        let user = DatabasePrincipal {
            id,
            name: name.to_owned(),
            sid: sid_of(name),
            kind,
            default_schema: (kind == 'S').then(|| "dbo".to_owned()),
            created: now,
            modified: now,
            owner: None,
            fixed_role: false,
            authentication: i32::from(kind == 'S'),
        };
        master.principals.insert(id, user);
        master.permissions.push(Permission {
            class: 0,
            major: 0,
            grantee: id,
            grantor: DBO,
            name: "CONNECT".to_owned(),
            state: 'G',
        });
    }
    master.next_principal = 7;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_certificate_of_the_file_is_read() {
        assert_eq!(facts().len(), CERTIFICATES.len());
        for ((_, name), facts) in CERTIFICATES.iter().zip(facts()) {
            let common_name = name.trim_matches('#');
            assert_eq!(facts.subject, common_name);
        }
    }
}
