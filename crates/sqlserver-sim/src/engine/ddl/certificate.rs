//! CREATE, ALTER, DROP and BACKUP CERTIFICATE.

use std::sync::Arc;

use super::Change;
use super::certificate_source::envelope;
use crate::engine::errors::{
    Outcome, Raise, bad_certificate_file, bad_owner, cannot, message, no_permission,
};
use crate::engine::lang::ast::{
    AlterCertificate, CertificateSource, CreateCertificate, PrivateKeySource,
};
use crate::engine::state::MASTER;
use crate::engine::state::asker::user_in;
use crate::engine::state::certificate::{Certificate, Facts, KeyProtection, PrivateKey};
use crate::engine::state::database::DBO;
use crate::engine::state::permission::Securable;
use crate::engine::state::version::Version;
use crate::engine::switches::{CertificatePermission, DropBoundCertificate};

impl Change<'_> {
    pub(super) fn create_certificate(&mut self, wanted: &CreateCertificate) -> Outcome<()> {
        let owner = self.certificate_owner(wanted.owner.as_deref())?;
        if !self.may(self.here(), "CREATE CERTIFICATE") {
            return Err(match self.env.instance.switches().certificate_permission {
                CertificatePermission::E262 => self.denied("CREATE CERTIFICATE"),
                CertificatePermission::E15247 => no_permission(),
            });
        }
        let (facts, private_key) = match &wanted.source {
            CertificateSource::Made {
                subject,
                start,
                expiry,
                password,
            } => self.made(
                wanted,
                subject,
                start.as_deref(),
                expiry.as_deref(),
                password.as_deref(),
            )?,
            CertificateSource::Assembly(name) => return Err(cannot("find", "assembly", name)),
            CertificateSource::File(path) => {
                let bytes = self
                    .env
                    .instance
                    .files()
                    .read(path)
                    .ok_or_else(bad_certificate_file)?;
                let facts = self.parsed(&bytes, true)?;
                let key = self.imported_key(wanted.private_key.as_ref(), &facts)?;
                (facts, key)
            }
            CertificateSource::Binary(bytes) => {
                if self.env.instance.version() < Version::V2012 {
                    return Err(crate::engine::errors::syntax("BINARY", false, 0));
                }
                let facts = self.parsed(bytes, false)?;
                let key = self.imported_key(wanted.private_key.as_ref(), &facts)?;
                (facts, key)
            }
        };
        self.not_there_yet(&wanted.name, &facts)?;
        self.validity_warnings(&facts);
        self.insert_certificate(wanted, owner, facts, private_key)
    }

    /// The owner: a user mapped to a Windows or SQL login, or the creator's user.
    fn certificate_owner(&self, name: Option<&str>) -> Outcome<i32> {
        let database = self.database()?;
        let own = user_in(self.env.state, self.env.facts.login, database).unwrap_or(DBO);
        let Some(name) = name else {
            return Ok(own);
        };
        let missing = || cannot("find", "user", name);
        let found = database
            .principal(name, &self.state.collation)
            .ok_or_else(missing)?;
        let securable = Securable::User(database.id, found.id);
        if found.kind == 'R' || found.kind == 'G' || found.kind == 'C' || found.kind == 'K' {
            return Err(bad_owner("certificate"));
        }
        let impersonates = found.id == own
            || !self.env.instance.switches().authorization_needs_impersonate
            || self.may(securable, "IMPERSONATE");
        if !impersonates {
            return Err(missing());
        }
        Ok(found.id)
    }

    /// One message for a taken name and for a certificate that is already there.
    fn not_there_yet(&self, name: &str, facts: &Facts) -> Outcome<()> {
        let refused = self.env.instance.switches().same_serial_refused;
        let database = self.database()?;
        let clash = |c: &Certificate| {
            c.facts.thumbprint == facts.thumbprint
                || refused
                    && c.facts.issuer_raw == facts.issuer_raw
                    && c.facts.serial == facts.serial
        };
        if database.certificate(name, &self.state.collation).is_some()
            || database.certificates.values().any(clash)
        {
            return Err(already_there(name));
        }
        Ok(())
    }

    fn validity_warnings(&mut self, facts: &Facts) {
        let instance = self.env.instance;
        let class = if instance.switches().validity_warnings_are_errors {
            16
        } else {
            10
        };
        let now = instance.now();
        let (number, why) = if facts.expiry < facts.start {
            (
                15213,
                "has an invalid validity period; its expiration date precedes its start date.",
            )
        } else if facts.expiry < now {
            (15214, "is expired.")
        } else if facts.start > now {
            (15215, "is not yet valid; its start date is in the future.")
        } else {
            return;
        };
        let text = format!("Warning: The certificate you created {why}");
        self.effects.messages.push(message(number, class, 1, text));
    }

    fn insert_certificate(
        &mut self,
        wanted: &CreateCertificate,
        owner: i32,
        facts: Facts,
        private_key: Option<PrivateKey>,
    ) -> Outcome<()> {
        self.certificates_changed();
        let database = self.database_mut()?;
        let id = database.next_certificate;
        database.next_certificate += 1;
        database.certificates.insert(
            id,
            Certificate {
                id,
                name: wanted.name.clone(),
                owner,
                facts: Arc::new(facts),
                private_key,
                active_for_dialog: true,
                last_key_backup: None,
            },
        );
        Ok(())
    }

    fn certificates_changed(&mut self) {
        if self.current() == MASTER && self.env.instance.switches().certificate_change_restarts {
            self.env.instance.log(11296, "spid9s", "Certificate change detected. Service Broker manager and transport will now restart.".to_owned());
            self.effects.restart_transport = true;
        }
    }

    /// The certificate, if the asker holds `permission` on it.
    fn held_certificate(&self, verb: &str, name: &str, permission: &str) -> Outcome<Certificate> {
        let missing = || cannot(verb, "certificate", name);
        let found = self
            .database()?
            .certificate(name, &self.state.collation)
            .ok_or_else(missing)?;
        if !self.may(Securable::Certificate(self.current(), found.id), permission) {
            return Err(missing());
        }
        Ok(found.clone())
    }

    pub(super) fn alter_certificate(&mut self, name: &str, what: &AlterCertificate) -> Outcome<()> {
        let mut certificate = self.held_certificate("alter", name, "ALTER")?;
        match what {
            AlterCertificate::RemovePrivateKey => certificate.private_key = None,
            AlterCertificate::ActiveForDialog(on) => certificate.active_for_dialog = *on,
            AlterCertificate::PrivateKey(source) => {
                certificate.private_key = self.altered_key(&certificate, source)?;
            }
        }
        self.database_mut()?
            .certificates
            .insert(certificate.id, certificate);
        Ok(())
    }

    fn altered_key(
        &self,
        certificate: &Certificate,
        source: &PrivateKeySource,
    ) -> Outcome<Option<PrivateKey>> {
        if source.file.is_some() || source.binary.is_some() {
            return self.imported_key(Some(source), &certificate.facts);
        }
        let Some(mut key) = certificate.private_key.clone() else {
            return Err(Raise::new(
                15246,
                16,
                format!(
                    "Cannot dump the private key of certificate '{}' because the private key cannot be found.",
                    certificate.name
                ),
            ));
        };
        if let KeyProtection::Password(old) = &key.protection
            && source.decryption.as_ref() != Some(old)
        {
            return Err(Raise::new(
                15465,
                16,
                "The private key password is invalid.",
            ));
        }
        key.protection = match &source.encryption {
            Some(text) => KeyProtection::Password(text.clone()),
            None => {
                self.master_key_is_open()?;
                KeyProtection::MasterKey
            }
        };
        Ok(Some(key))
    }

    pub(super) fn drop_certificate(&mut self, name: &str) -> Outcome<()> {
        let certificate = self.held_certificate("drop", name, "CONTROL")?;
        let in_master = self.current() == MASTER;
        let user = self.state.endpoints.values().find(|e| {
            in_master
                && e.mirroring
                    .as_ref()
                    .is_some_and(|m| m.certificate == certificate.id)
        });
        if user.is_some() {
            return Err(match self.env.instance.switches().drop_bound_certificate {
                DropBoundCertificate::E15352 => Raise::new(
                    15352,
                    16,
                    "The certificate cannot be dropped because one or more entities are either signed or encrypted using it.",
                ),
                DropBoundCertificate::E3716 => Raise::new(
                    3716,
                    16,
                    format!(
                        "The certificate '{name}' cannot be dropped because it is bound to one or more endpoint."
                    ),
                ),
                DropBoundCertificate::E15187 => Raise::new(
                    15187,
                    16,
                    "The certificate cannot be dropped because it is used by one or more endpoint(s).",
                ),
                DropBoundCertificate::E15559 => Raise::new(
                    15559,
                    16,
                    format!(
                        "Cannot drop certificate '{name}' because there is a endpoint mapped to it."
                    ),
                ),
            });
        }
        let sid = certificate.facts.sid().0;
        let mapped = self.state.principal_by_sid(&sid).is_some()
            || self.database()?.user_of_sid(&sid).is_some();
        if mapped {
            return Err(Raise::new(
                15559,
                16,
                format!("Cannot drop certificate '{name}' because there is a user mapped to it."),
            ));
        }
        self.certificates_changed();
        let database = self.database_mut()?;
        database.certificates.remove(&certificate.id);
        database
            .permissions
            .retain(|p| !(p.class == 25 && p.major == certificate.id));
        Ok(())
    }

    pub(super) fn backup_certificate(
        &mut self,
        name: &str,
        path: &str,
        private_key: Option<&(String, String)>,
    ) -> Outcome<()> {
        let missing = || cannot("find", "certificate", name);
        let found = self
            .database()?
            .certificate(name, &self.state.collation)
            .cloned()
            .ok_or_else(missing)?;
        let securable = Securable::Certificate(self.current(), found.id);
        if !self.asker().sees(securable) {
            return Err(missing());
        }
        let files = self.env.instance.files();
        let unwritable = |path: &str| {
            Raise::new(
                15240,
                16,
                format!(
                    "Cannot write into file '{path}'. Verify that you have write permissions, that the file path is valid, and that the file does not already exist."
                ),
            )
        };
        if let Some((file, password)) = private_key {
            let key = found
                .private_key
                .as_ref()
                .filter(|_| self.may(securable, "CONTROL"));
            let key = key.ok_or_else(|| Raise::new(15246, 16, format!("Cannot dump the private key of certificate '{name}' because the private key cannot be found.")))?;
            if files.get(path).is_some() || !files.write_new(file, &envelope(&key.pkcs8, password))
            {
                return Err(unwritable(file));
            }
            let now = self.env.instance.now();
            if let Some(stored) = self.database_mut()?.certificates.get_mut(&found.id) {
                stored.last_key_backup = Some(now);
            }
        }
        if !files.write_new(path, &found.facts.der) {
            return Err(unwritable(path));
        }
        Ok(())
    }
}

pub(super) fn already_there(name: &str) -> Raise {
    Raise::new(
        15232,
        16,
        format!(
            "A certificate with name '{name}' already exists or this certificate already has been added to the database."
        ),
    )
}
