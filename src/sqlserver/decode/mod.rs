//! From the rows of an observe batch to an [`Observation`]: each row by the name of its set, in whatever order they
//! come.
//!
//! A set nobody knows, a column of another type, or an answer that is not complete is a protocol fault, never a panic
//! and never a guess. No judgement about what was observed.

pub(super) mod field;

mod endpoint;
mod names;
mod principal;
mod rights;
mod server;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use tiberius::Row;

use self::field::Unreadable;
use crate::domain::certificate::{Certificate, IssuerSerial};
use crate::domain::desired_state::PeerQuestion;
use crate::domain::hash::{Sha256, Thumbprint};
use crate::domain::observation::{
    Endpoint, EndpointConnection, HeldCertificate, MasterKey, MirroredDatabase, Observation,
    OwnLogin, PeerNames, Server,
};
use crate::domain::own_deny::OwnDeny;
use crate::domain::rights::Rights;
use crate::tsql::sets;

/// An observation coming in, row by row.
#[derive(Debug)]
pub(super) struct Incoming {
    server: Option<Server>,
    login: Option<OwnLogin>,
    endpoint: Option<Endpoint>,
    master_key: Option<MasterKey>,
    certificates: Vec<HeldCertificate>,
    encoded: HashMap<i32, Vec<u8>>,
    rights: Rights,
    names: Vec<PeerNames>,
    connections: Vec<EndpointConnection>,
    may_see_connections: bool,
    encrypted: Option<bool>,
    through_listener: bool,
    databases: Vec<MirroredDatabase>,
    availability_groups: Vec<String>,
    ddl_triggers: Vec<String>,
    own_denies: Vec<OwnDeny>,
    without_login: Vec<i32>,
    complete: bool,
}

impl Incoming {
    pub(super) fn new(questions: &[PeerQuestion]) -> Self {
        Self {
            server: None,
            login: None,
            endpoint: None,
            master_key: None,
            certificates: Vec::new(),
            encoded: HashMap::new(),
            rights: Rights::default(),
            names: names::unanswered(questions),
            connections: Vec::new(),
            may_see_connections: true,
            encrypted: None,
            through_listener: false,
            databases: Vec::new(),
            availability_groups: Vec::new(),
            ddl_triggers: Vec::new(),
            own_denies: Vec::new(),
            without_login: Vec::new(),
            complete: false,
        }
    }

    /// Takes in one row.
    pub(super) fn take(&mut self, row: &Row) -> Result<(), Unreadable> {
        match field::set_of(row) {
            sets::SERVER => self.server = Some(server::server(row)?),
            sets::LOGIN => self.login = Some(server::own_login(row)?),
            sets::OWN_DENY => self.own_denies.push(server::own_deny(row)?),
            sets::WITHOUT_LOGIN => {
                self.without_login
                    .push(field::need(row, sets::WITHOUT_LOGIN)?);
            }
            sets::ENDPOINT => self.endpoint = Some(endpoint::endpoint(row)?),
            sets::MASTER_KEY => self.master_key = Some(server::master_key(row)?),
            sets::CERTIFICATE => self.certificates.push(certificate(row)?),
            sets::ENCODED => self.take_encoded(row)?,
            sets::RIGHT => self.rights.rows.push(rights::right(row)?),
            sets::ROLE_MEMBER => self.rights.members.push(rights::role_member(row)?),
            set @ (sets::NAME_LOGIN
            | sets::NAME_LOGIN_USER
            | sets::NAME_USER
            | sets::NAME_CERTIFICATE) => names::answer(&mut self.names, set, row)?,
            sets::CONNECTION => self.connections.push(endpoint::connection(row)?),
            sets::CONNECTIONS_REFUSED => self.may_see_connections = false,
            sets::ENCRYPTED => self.encrypted = field::opt(row, sets::ENCRYPTED)?,
            sets::DATABASE => self.databases.push(endpoint::database(row)?),
            sets::WITNESSED => self.databases.push(endpoint::witnessed(row)?),
            sets::AVAILABILITY_GROUP => {
                self.availability_groups
                    .push(field::text(row, sets::AVAILABILITY_GROUP)?);
            }
            sets::LISTENER => self.through_listener = true,
            sets::TRIGGER => self.ddl_triggers.push(field::text(row, sets::TRIGGER)?),
            sets::END => self.complete = true,
            // Not permitted to see; absent is what it then stays.
            sets::ENCRYPTED_REFUSED | sets::GROUPS_REFUSED => {}
            other => {
                return Err(format!(
                    "the answer holds a result set nobody asked for, {:?}",
                    other.chars().take(40).collect::<String>()
                ));
            }
        }
        Ok(())
    }

    fn take_encoded(&mut self, row: &Row) -> Result<(), Unreadable> {
        let id = field::need(row, sets::ENCODED)?;
        if let Some(der) = field::opt::<&[u8]>(row, "der")? {
            self.encoded.insert(id, der.to_vec());
        }
        Ok(())
    }

    fn note_users_without_login(&mut self) {
        let owners = self.certificates.iter_mut().map(|held| &mut held.owner);
        let asked = self
            .names
            .iter_mut()
            .flat_map(|names| [&mut names.user, &mut names.login_user]);
        for user in owners.chain(asked).flatten() {
            user.without_login = self.without_login.contains(&user.principal_id);
        }
    }

    /// Puts the parts together, once the answer is read to its end.
    pub(super) fn finish(mut self, observed_at: DateTime<Utc>) -> Result<Observation, Unreadable> {
        if !self.complete {
            return Err("the answer ends before its end".to_owned());
        }
        self.note_users_without_login();
        let missing = |set: &str| format!("the answer lacks the set {set}");
        let mut server = self.server.ok_or_else(|| missing(sets::SERVER))?;
        server.encrypted = self.encrypted;
        server.through_listener = self.through_listener;
        if let Some(start) = &mut server.start {
            start.at += observed_at - server.clock;
        }
        let mut login = self.login.ok_or_else(|| missing(sets::LOGIN))?;
        login.denies = self.own_denies;
        // Where the bytes are there, what is shown is what they say: a hostile server may claim another thumbprint.
        for held in &mut self.certificates {
            if let Some(der) = self.encoded.get(&held.certificate_id) {
                held.sha256 = Some(Sha256::of(der));
                held.thumbprint = Thumbprint::of(der);
                held.issuer_serial = IssuerSerial::of(der);
            }
        }
        if let Some(own) = self.endpoint.as_mut().and_then(|e| e.certificate.as_mut()) {
            own.der = self.encoded.remove(&own.certificate_id);
            if let Some(der) = &own.der {
                own.thumbprint = Thumbprint::of(der);
                if let Ok(parsed) = Certificate::from_der(der) {
                    (own.not_before, own.not_after) = (parsed.not_before, parsed.not_after);
                }
            }
        }
        Ok(Observation {
            server,
            login,
            endpoint: self.endpoint,
            master_key: self.master_key.ok_or_else(|| missing(sets::MASTER_KEY))?,
            certificates: self.certificates,
            rights: self.rights,
            names: self.names,
            connections: self.may_see_connections.then_some(self.connections),
            databases: self.databases,
            availability_groups: self.availability_groups,
            ddl_triggers: self.ddl_triggers,
            observed_at,
        })
    }
}

fn certificate(row: &Row) -> Result<HeldCertificate, Unreadable> {
    Ok(HeldCertificate {
        certificate_id: field::need(row, sets::CERTIFICATE)?,
        name: field::name(row, "name")?,
        thumbprint: field::thumbprint(row, "thumbprint")?,
        // Its bytes come in a set of their own.
        sha256: None,
        issuer_serial: None,
        not_before: field::time(row, "start_date")?,
        not_after: field::time(row, "expiry_date")?,
        has_private_key: field::need(row, "has_private_key")?,
        key_under_master_key: field::need(row, "key_under_master_key")?,
        owner: principal::user(row)?,
    })
}

#[cfg(test)]
mod tests;
