//! Grammar of certificates and master keys. Names, passwords, paths and bytes are literals here, never variables.

use super::ast::{
    AlterCertificate, AlterMasterKey, CertificateSource, CreateCertificate, Ddl, PrivateKeySource,
};
use super::parser::Parser;
use crate::engine::errors::{Outcome, Raise};

impl Parser<'_> {
    pub(super) fn create_certificate(&mut self) -> Outcome<Ddl> {
        let mut certificate = CreateCertificate {
            name: self.name()?,
            ..CreateCertificate::default()
        };
        if self.accept("AUTHORIZATION") {
            certificate.owner = Some(self.name()?);
        }
        if self.accept("FROM") {
            self.certificate_origin(&mut certificate)?;
        } else {
            certificate.source = self.made_certificate()?;
        }
        if self.accept("ACTIVE") {
            self.dialog_activity()?;
        }
        Ok(Ddl::CreateCertificate(certificate))
    }

    fn dialog_activity(&mut self) -> Outcome<bool> {
        self.expect_all(&["FOR", "BEGIN_DIALOG"])?;
        self.expect_symbol("=")?;
        self.on_off()
    }

    fn certificate_origin(&mut self, certificate: &mut CreateCertificate) -> Outcome<()> {
        let binary = self.accept("BINARY");
        if binary {
            self.expect_symbol("=")?;
            certificate.source = CertificateSource::Binary(self.binary()?);
        } else if self.accept("ASSEMBLY") {
            certificate.source = CertificateSource::Assembly(self.name()?);
            return Ok(());
        } else {
            self.accept("EXECUTABLE");
            self.expect("FILE")?;
            certificate.source = CertificateSource::File(self.equals_text()?);
        }
        if self.accept_all(&["WITH", "PRIVATE", "KEY"]) {
            let key = self.private_key()?;
            if key.file.is_some() == binary {
                return Err(Raise::compile(
                    33069,
                    16,
                    "CREATE CERTIFICATE statement cannot mix file and binary modes. Rewrite the statement using only the FILE or the BINARY keyword.",
                )
                .at_line(self.line()));
            }
            certificate.private_key = Some(key);
        }
        Ok(())
    }

    fn private_key(&mut self) -> Outcome<PrivateKeySource> {
        let mut key = PrivateKeySource::default();
        self.expect_symbol("(")?;
        loop {
            match self.option_once(&[
                ("FILE", key.file.is_some()),
                ("BINARY", key.binary.is_some()),
                ("DECRYPTION", key.decryption.is_some()),
                ("ENCRYPTION", key.encryption.is_some()),
            ])? {
                "FILE" => key.file = Some(self.equals_text()?),
                "BINARY" => {
                    self.expect_symbol("=")?;
                    key.binary = Some(self.binary()?);
                }
                "DECRYPTION" => key.decryption = Some(self.by_password()?),
                _ => key.encryption = Some(self.by_password()?),
            }
            if !self.accept_symbol(",") {
                break;
            }
        }
        self.expect_symbol(")")?;
        Ok(key)
    }

    /// One of the options, in any order but none twice.
    fn option_once(&mut self, options: &[(&'static str, bool)]) -> Outcome<&'static str> {
        let open = options.iter().filter(|(_, given)| !given);
        let open: Vec<&'static str> = open.map(|(name, _)| *name).collect();
        self.expect_any(&open)
    }

    fn by_password(&mut self) -> Outcome<String> {
        self.expect_all(&["BY", "PASSWORD"])?;
        self.equals_text()
    }

    fn made_certificate(&mut self) -> Outcome<CertificateSource> {
        let password = if self.accept("ENCRYPTION") {
            Some(self.by_password()?)
        } else {
            None
        };
        self.expect("WITH")?;
        let (mut subject, mut start, mut expiry) = (None, None, None);
        loop {
            let option = self.option_once(&[
                ("SUBJECT", subject.is_some()),
                ("START_DATE", start.is_some()),
                ("EXPIRY_DATE", expiry.is_some()),
            ])?;
            let value = Some(self.equals_text()?);
            match option {
                "SUBJECT" => subject = value,
                "START_DATE" => start = value,
                _ => expiry = value,
            }
            if !self.accept_symbol(",") {
                break;
            }
        }
        let subject = subject.ok_or_else(|| self.wrong())?;
        Ok(CertificateSource::Made {
            subject,
            start,
            expiry,
            password,
        })
    }

    pub(super) fn alter_certificate(&mut self) -> Outcome<Ddl> {
        let name = self.name()?;
        let change = if self.accept_all(&["REMOVE", "PRIVATE", "KEY"]) {
            AlterCertificate::RemovePrivateKey
        } else {
            self.expect("WITH")?;
            if self.accept("ACTIVE") {
                AlterCertificate::ActiveForDialog(self.dialog_activity()?)
            } else {
                self.expect_all(&["PRIVATE", "KEY"])?;
                AlterCertificate::PrivateKey(self.private_key()?)
            }
        };
        Ok(Ddl::AlterCertificate(name, change))
    }

    pub(super) fn backup_certificate(&mut self) -> Outcome<Ddl> {
        let name = self.name()?;
        self.expect_all(&["TO", "FILE"])?;
        let path = self.equals_text()?;
        let mut private_key = None;
        if self.accept_all(&["WITH", "PRIVATE", "KEY"]) {
            let key = self.private_key()?;
            match (key.file, key.encryption) {
                (Some(file), Some(password)) => private_key = Some((file, password)),
                _ => return Err(self.wrong()),
            }
        }
        Ok(Ddl::BackupCertificate {
            name,
            path,
            private_key,
        })
    }

    pub(super) fn create_master_key(&mut self) -> Outcome<Ddl> {
        self.expect("KEY")?;
        let password = if self.accept("ENCRYPTION") {
            Some(self.by_password()?)
        } else {
            None
        };
        Ok(Ddl::CreateMasterKey(password))
    }

    pub(super) fn open_master_key(&mut self) -> Outcome<Ddl> {
        self.expect_all(&["MASTER", "KEY", "DECRYPTION"])?;
        Ok(Ddl::OpenMasterKey(self.by_password()?))
    }

    pub(super) fn alter_master_key(&mut self) -> Outcome<Ddl> {
        self.expect("KEY")?;
        self.accept("FORCE");
        if self.accept("REGENERATE") {
            self.expect_all(&["WITH", "ENCRYPTION"])?;
            return Ok(Ddl::AlterMasterKey(AlterMasterKey::Regenerate(
                self.by_password()?,
            )));
        }
        let add = self.expect_any(&["ADD", "DROP"])? == "ADD";
        self.expect_all(&["ENCRYPTION", "BY"])?;
        let change = match self.expect_any(&["SERVICE", "PASSWORD"])? {
            "SERVICE" => {
                self.expect_all(&["MASTER", "KEY"])?;
                AlterMasterKey::ServiceMasterKey { add }
            }
            _ => AlterMasterKey::Password {
                add,
                password: self.equals_text()?,
            },
        };
        Ok(Ddl::AlterMasterKey(change))
    }
}
