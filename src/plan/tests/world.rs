//! A small model of one server: what the observe batch would say about it, and what the actions would do to it.
//!
//! Names compare without regard to case here, as on a server with the usual collation.

use chrono::{DateTime, Duration, TimeZone, Utc};

use crate::domain::action::Action;
use crate::domain::certificate::IssuerSerial;
use crate::domain::desired_state::PeerQuestion;
use crate::domain::hash::{Sha256, Thumbprint};
use crate::domain::identity::{MasterIdentity, ServerIdentity};
use crate::domain::object_name::SysName;
use crate::domain::observation::*;
use crate::domain::rights::{Grantee, Right, RightRow, Rights, RoleMember};

use super::made::Made;

pub fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 21, 40, 0).unwrap()
}

pub fn name(text: &str) -> SysName {
    SysName::observed(text).unwrap()
}

#[derive(Debug, Clone)]
pub struct User {
    pub id: i32,
    pub name: String,
    pub kind: char,
    pub without_login: bool,
    /// The login that has this user's SID.
    pub login: Option<i32>,
}

#[derive(Debug, Clone)]
pub struct Held {
    pub id: i32,
    pub name: String,
    pub owner: i32,
    pub made: Made,
    pub has_private_key: bool,
}

/// One server.
#[derive(Debug, Clone)]
pub struct World {
    /// Everything that does not depend on what is asked.
    pub base: Observation,
    pub logins: Vec<Login>,
    pub users: Vec<User>,
    pub held: Vec<Held>,
    pub connect: Vec<RightRow>,
    pub members: Vec<RoleMember>,
    next_id: i32,
}

pub const DBO: i32 = 1;
pub const SA: i32 = 1;
pub const PUBLIC: i32 = 2;
pub const OWN_LOGIN: i32 = 300;

impl World {
    /// An instance with its outbound half ready and nothing inbound.
    pub fn new(host: &str, own: &Made) -> Self {
        let mut world = Self {
            base: base(host, own),
            logins: Vec::new(),
            users: Vec::new(),
            held: Vec::new(),
            connect: Vec::new(),
            members: Vec::new(),
            next_id: 1000,
        };
        world.logins.push(login(SA, "sa", 'S'));
        world.logins.push(login(OWN_LOGIN, "mirrorgate", 'S'));
        world.users.push(User {
            id: DBO,
            name: "dbo".to_owned(),
            kind: 'S',
            without_login: false,
            login: Some(SA),
        });
        let id = world.certificate(&format!("{host}_own_cert"), DBO, own);
        world.held[0].has_private_key = true;
        if let Some(certificate) = &mut world.base.endpoint.as_mut().unwrap().certificate {
            certificate.certificate_id = id;
        }
        world
    }

    fn id(&mut self) -> i32 {
        self.next_id += 1;
        self.next_id
    }

    pub fn login(&mut self, text: &str, kind: char) -> i32 {
        let id = self.id();
        self.logins.push(login(id, text, kind));
        id
    }

    pub fn login_of(&mut self, principal_id: i32) -> &mut Login {
        let mut logins = self.logins.iter_mut();
        logins.find(|l| l.principal_id == principal_id).unwrap()
    }

    pub fn user(&mut self, text: &str, login: Option<i32>) -> i32 {
        let id = self.id();
        self.users.push(User {
            id,
            name: text.to_owned(),
            kind: 'S',
            without_login: false,
            login,
        });
        id
    }

    pub fn certificate(&mut self, text: &str, owner: i32, made: &Made) -> i32 {
        let id = self.id();
        self.held.push(Held {
            id,
            name: text.to_owned(),
            owner,
            made: made.clone(),
            has_private_key: false,
        });
        id
    }

    pub fn permit(&mut self, login: i32, granted: bool) {
        self.right(Right::Connect, login, granted);
    }

    pub fn right(&mut self, right: Right, principal_id: i32, granted: bool) {
        self.connect.push(RightRow {
            right,
            grantee: Grantee {
                principal_id,
                name: match principal_id {
                    PUBLIC => Some(name("public")),
                    id => self.login_row(id).map(|l| l.name),
                },
                kind: self.login_row(principal_id).map(|l| l.kind),
            },
            granted,
        });
    }

    /// A whole chain; the login's id.
    pub fn chain(&mut self, names: [&str; 3], made: &Made) -> i32 {
        let login = self.login(names[0], 'S');
        let user = self.user(names[1], Some(login));
        self.certificate(names[2], user, made);
        self.permit(login, true);
        login
    }

    pub fn endpoint(&mut self) -> &mut Endpoint {
        self.base.endpoint.as_mut().unwrap()
    }

    fn login_row(&self, id: i32) -> Option<Login> {
        self.logins.iter().find(|l| l.principal_id == id).cloned()
    }

    fn user_row(&self, id: i32) -> Option<MasterUser> {
        let user = self.users.iter().find(|u| u.id == id)?;
        Some(MasterUser {
            principal_id: user.id,
            name: name(&user.name),
            kind: user.kind,
            without_login: user.without_login,
            sid: Some(
                [0_u8; 12]
                    .iter()
                    .copied()
                    .chain(user.id.to_be_bytes())
                    .collect(),
            ),
            changed_at: Some(now() - Duration::days(10)),
            login: user.login.and_then(|l| self.login_row(l)),
        })
    }

    fn certificate_named(&self, text: &str) -> Option<i32> {
        self.held.iter().find(|h| same(&h.name, text)).map(|h| h.id)
    }

    fn answer(&self, question: &PeerQuestion) -> PeerNames {
        let wanted = &question.names;
        let login = self
            .logins
            .iter()
            .find(|l| same(l.name.as_str(), wanted.login.as_str()));
        let user_of = |id: i32| {
            self.users
                .iter()
                .find(|u| u.login == Some(id))
                .map(|u| u.id)
        };
        let user = self
            .users
            .iter()
            .find(|u| same(&u.name, wanted.user.as_str()));
        PeerNames {
            peer: question.peer,
            login: login.cloned(),
            login_user: login.and_then(|l| self.user_row(user_of(l.principal_id)?)),
            user: user.and_then(|u| self.user_row(u.id)),
            certificate_id: self.certificate_named(wanted.certificate.as_str()),
            renewed_certificate_id: question
                .renewed_certificate
                .as_ref()
                .and_then(|n| self.certificate_named(n.as_str())),
        }
    }

    pub fn observe(&self, questions: &[PeerQuestion]) -> Observation {
        let mut seen = self.base.clone();
        seen.certificates = self
            .held
            .iter()
            .map(|held| HeldCertificate {
                certificate_id: held.id,
                name: name(&held.name),
                thumbprint: held.made.thumbprint(),
                sha256: Some(held.made.sha256()),
                issuer_serial: IssuerSerial::of(&held.made.der),
                not_before: held.made.not_before,
                not_after: held.made.not_after,
                has_private_key: held.has_private_key,
                key_under_master_key: held.has_private_key,
                owner: self.user_row(held.owner),
            })
            .collect();
        seen.rights.rows.clone_from(&self.connect);
        seen.rights.members.clone_from(&self.members);
        seen.names = questions.iter().map(|q| self.answer(q)).collect();
        seen
    }

    /// What SQL Server would do, with its refusals as panics.
    pub fn apply(&mut self, action: &Action, known: &[Made]) {
        match action {
            Action::Adopt { .. } => {}
            Action::CreateLogin { login } => {
                assert!(
                    !self
                        .logins
                        .iter()
                        .any(|l| same(l.name.as_str(), login.as_str())),
                    "15025"
                );
                self.login(login.as_str(), 'S');
            }
            Action::CreateUser { user, login } => {
                assert!(
                    !self.users.iter().any(|u| same(&u.name, user.as_str())),
                    "15023"
                );
                let login = self.find_login(login);
                assert!(!self.users.iter().any(|u| u.login == Some(login)), "15063");
                self.user(user.as_str(), Some(login));
            }
            Action::ImportCertificate {
                certificate,
                owner,
                sha256,
                ..
            } => {
                assert!(
                    self.certificate_named(certificate.as_str()).is_none(),
                    "15232 name"
                );
                assert!(
                    !self.held.iter().any(|h| h.made.sha256() == *sha256),
                    "15232 bytes"
                );
                let owner = self
                    .users
                    .iter()
                    .find(|u| same(&u.name, owner.as_str()))
                    .expect("15151")
                    .id;
                let made = known
                    .iter()
                    .find(|m| m.sha256() == *sha256)
                    .expect("bytes")
                    .clone();
                self.certificate(certificate.as_str(), owner, &made);
            }
            Action::GrantConnect { endpoint, login } => {
                assert_eq!(endpoint, &self.base.endpoint.as_ref().expect("15151").name);
                let login = self.find_login(login);
                assert!(login != SA && login != OWN_LOGIN, "4624");
                assert_ne!(
                    self.base.endpoint.as_ref().unwrap().owner_principal_id,
                    Some(login),
                    "4624"
                );
                self.permit(login, true);
            }
        }
    }

    fn find_login(&self, text: &SysName) -> i32 {
        self.logins
            .iter()
            .find(|l| same(l.name.as_str(), text.as_str()))
            .expect("15151")
            .principal_id
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

fn login(id: i32, text: &str, kind: char) -> Login {
    Login {
        principal_id: id,
        name: name(text),
        kind,
        is_disabled: false,
        is_privileged: false,
        is_sysadmin: false,
        connect_sql: true,
        changed_at: Some(now() - Duration::days(10)),
    }
}

fn base(host: &str, own: &Made) -> Observation {
    Observation {
        server: Server {
            identity: ServerIdentity {
                server_name: host.to_owned(),
                machine_name: host.to_owned(),
                instance_name: None,
                master: Some(MasterIdentity {
                    key_guid: format!("key of {host}"),
                    key_created: now().naive_utc()
                        + Duration::milliseconds(host.bytes().map(i64::from).sum()),
                }),
            },
            version: "16.0.4135.4".to_owned(),
            edition: "Standard Edition (64-bit)".to_owned(),
            engine_edition: 2,
            is_linux: false,
            collation: "SQL_Latin1_General_CP1_CI_AS".to_owned(),
            clock: now(),
            encrypted: Some(true),
            through_listener: false,
            start: None,
        },
        login: OwnLogin {
            name: name("mirrorgate"),
            principal_id: OWN_LOGIN,
            is_sysadmin: false,
            create_login: Some(true),
            create_user: Some(true),
            create_certificate: Some(true),
            control_master: Some(true),
            grant_on_endpoint: Some(true),
            view_any_definition: Some(true),
            view_server_state: Some(true),
            view_master_definition: Some(true),
            denies: Vec::new(),
        },
        endpoint: Some(Endpoint {
            endpoint_id: 65536,
            name: name("Endpoint_Mirroring"),
            state: EndpointState::Started,
            role: EndpointRole::All,
            accepts_certificates: true,
            authentication: "CERTIFICATE".to_owned(),
            encryption: EndpointEncryption::from_code(2),
            encryption_code: 2,
            port: Some(5022),
            owner_principal_id: Some(SA),
            certificate: Some(EndpointCertificate {
                certificate_id: 0,
                name: name(&format!("{host}_own_cert")),
                thumbprint: Thumbprint::of(&own.der),
                der: Some(own.der.clone()),
                not_before: own.not_before,
                not_after: own.not_after,
                private_key: PrivateKey::MasterKey,
            }),
        }),
        master_key: MasterKey {
            exists: true,
            opened_by_server: true,
        },
        certificates: Vec::new(),
        rights: Rights::default(),
        names: Vec::new(),
        connections: Some(Vec::new()),
        databases: Vec::new(),
        availability_groups: Vec::new(),
        ddl_triggers: Vec::new(),
        observed_at: now() - Duration::zero(),
    }
}

impl Made {
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(&self.der)
    }

    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of(&self.der)
    }
}
