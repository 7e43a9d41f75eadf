//! Where a certificate and its key come from: made here, read from a file, given as bytes.

use std::sync::Arc;

use chrono::{Months, NaiveDateTime};

use super::certificate::already_there;
use super::{Change, password};
use crate::engine::errors::{Outcome, Raise, bad_certificate_data, bad_certificate_file};
use crate::engine::eval::dates;
use crate::engine::lang::ast::{CreateCertificate, PrivateKeySource};
use crate::engine::state::certificate::{self, BadCertificate, Facts, KeyProtection, PrivateKey};
use crate::engine::state::issue::{self, Style};
use crate::engine::state::version::{Platform, Version};
use crate::engine::switches::BadDer;

/// Begins a simulated private key file: not Microsoft's PVK format, and guarding nothing.
const ENVELOPE: &[u8] = b"SIMPVK1\0";

impl Change<'_> {
    pub(super) fn made(
        &self,
        wanted: &CreateCertificate,
        subject: &str,
        start: Option<&str>,
        expiry: Option<&str>,
        key_password: Option<&str>,
    ) -> Outcome<(Facts, Option<PrivateKey>)> {
        let instance = self.env.instance;
        self.subject_fits(subject)?;
        let (start, expiry) = self.validity(start, expiry)?;
        let protection = match key_password {
            Some(text) => {
                self.key_password_fits(text)?;
                KeyProtection::Password(text.to_owned())
            }
            None => {
                self.master_key_is_open()?;
                KeyProtection::MasterKey
            }
        };
        if self
            .database()?
            .certificate(&wanted.name, &self.state.collation)
            .is_some()
        {
            return Err(already_there(&wanted.name));
        }
        let failed = |_| {
            Raise::new(
                15468,
                16,
                "An error occurred during the generation of the certificate.",
            )
        };
        let key = instance.new_key().map_err(failed)?;
        let style = Style {
            linux: instance.platform() == Platform::Linux,
            sha1: instance.version().signs_with_sha1(),
        };
        let facts = issue::make(subject, start, expiry, &key, style).map_err(failed)?;
        let private_key = PrivateKey {
            pkcs8: Arc::new(key.serialize_der()),
            protection,
        };
        Ok((facts, Some(private_key)))
    }

    fn subject_fits(&self, subject: &str) -> Outcome<()> {
        let longest = if self.env.instance.platform() == Platform::Linux {
            64
        } else {
            4000
        };
        let length = subject.encode_utf16().count();
        if length == 0 || length > longest {
            return Err(Raise::new(
                15212,
                16,
                format!(
                    "Invalid certificate subject. The certificate subject must have between 1 and {longest} characters."
                ),
            ));
        }
        Ok(())
    }

    /// From now, for a year, where nothing else is said.
    fn validity(
        &self,
        start: Option<&str>,
        expiry: Option<&str>,
    ) -> Outcome<(NaiveDateTime, NaiveDateTime)> {
        let instance = self.env.instance;
        let date = |text: Option<&str>| match text {
            Some(text) => dates::parse(text).map(Some).ok_or_else(|| {
                Raise::new(
                    241,
                    16,
                    "Conversion failed when converting date and/or time from character string.",
                )
            }),
            None => Ok(None),
        };
        let start = date(start)?.unwrap_or_else(|| instance.now());
        let year_later = start.checked_add_months(Months::new(12)).unwrap_or(start);
        let mut expiry = date(expiry)?.unwrap_or(year_later);
        if expiry < start && instance.version() <= Version::V2008R2 {
            expiry = year_later;
        }
        Ok((start, expiry))
    }

    fn key_password_fits(&self, text: &str) -> Outcome<()> {
        let instance = self.env.instance;
        match instance.password_policy() {
            Some(rules) => password::check(rules, instance.platform(), "", text),
            None => Ok(()),
        }
    }

    /// 15581 unless the service master key or the session opens the database master key.
    pub(super) fn master_key_is_open(&self) -> Outcome<()> {
        let database = self.database()?;
        let opened = self.env.facts.open_master_keys.contains(&database.id);
        match &database.master_key {
            Some(key) if key.by_service_key || opened => Ok(()),
            _ => Err(Raise::new(15581, 16, "Please create a master key in the database or open the master key in the session before performing this operation.").with_state(3)),
        }
    }

    pub(super) fn parsed(&self, bytes: &[u8], from_file: bool) -> Outcome<Facts> {
        let switches = self.env.instance.switches();
        certificate::parse(bytes).map_err(|bad| match (bad, switches.bad_der) {
            _ if from_file && switches.bad_file_is_15208 => bad_certificate_file(),
            (BadCertificate::Key, BadDer::E15297) => {
                Raise::new(15464, 16, "Unsupported private key format or key length.")
            }
            (_, BadDer::E15297) => bad_certificate_data(),
            (_, BadDer::E15208) => bad_certificate_file(),
            (_, BadDer::E15468) => Raise::new(
                15468,
                16,
                "An error occurred during the generation of the certificate.",
            ),
        })
    }

    pub(super) fn imported_key(
        &self,
        source: Option<&PrivateKeySource>,
        facts: &Facts,
    ) -> Outcome<Option<PrivateKey>> {
        let Some(source) = source else {
            return Ok(None);
        };
        let bytes = match (&source.file, &source.binary) {
            (Some(path), _) => self
                .env
                .instance
                .files()
                .read(path)
                .ok_or_else(bad_certificate_file)?,
            (None, Some(bytes)) => bytes.clone(),
            (None, None) => return Err(bad_certificate_data()),
        };
        let wrong = || Raise::new(15465, 16, "The private key password is invalid.");
        let password = source.decryption.as_deref().ok_or_else(wrong)?;
        let pkcs8 = open_envelope(&bytes, password).ok_or_else(|| {
            if bytes.starts_with(ENVELOPE) {
                wrong()
            } else {
                bad_certificate_data()
            }
        })?;
        let protection = match &source.encryption {
            Some(text) => KeyProtection::Password(text.clone()),
            None => {
                self.master_key_is_open()?;
                KeyProtection::MasterKey
            }
        };
        let key = PrivateKey {
            pkcs8: Arc::new(pkcs8),
            protection,
        };
        if !key.matches(facts) {
            return Err(Raise::new(
                15474,
                16,
                "Invalid private key. The private key does not match the public key of the certificate.",
            ));
        }
        Ok(Some(key))
    }
}

pub(super) fn envelope(pkcs8: &[u8], password: &str) -> Vec<u8> {
    [ENVELOPE, &certificate::sha1(password.as_bytes()), pkcs8].concat()
}

fn open_envelope(bytes: &[u8], password: &str) -> Option<Vec<u8>> {
    let body = bytes.strip_prefix(ENVELOPE)?;
    let (digest, pkcs8) = body.split_at_checked(20)?;
    (digest == certificate::sha1(password.as_bytes())).then(|| pkcs8.to_vec())
}
