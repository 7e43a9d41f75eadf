//! Every statement mirrorgate can emit, with hostile names, as files for `scripts/tsqlcheck` (Microsoft's own parsers).
//!
//! With `MIRRORGATE_TSQL_CORPUS=directory` the files are written there; the test itself holds that everything can be
//! made.

use super::hostile;
use crate::domain::action::{Action, ImportFrom};
use crate::domain::cure::{
    CertificatePart, ChainCure, Cure, LoginPart, NewCertificate, OwnCertificate, Payload, UserPart,
    Windows,
};
use crate::domain::desired_state::PeerQuestion;
use crate::domain::hash::{Sha256, Thumbprint};
use crate::domain::identity::ServerIdentity;
use crate::domain::naming::WantedNames;
use crate::domain::object_name::{ObjectName, SysName};
use crate::domain::observation::EndpointRole;
use crate::domain::own_deny::{DeniedOn, OwnDeny, PermissionName};
use crate::domain::plan::{InstancePlan, Plan, TrustPlan};
use crate::domain::plan_hash::PlanHash;
use crate::domain::script::file;
use crate::domain::trust::{Configured, Proof};
use crate::tsql::action::CertificateBytes;
use crate::tsql::batch_comment::BatchComment;
use crate::tsql::{apply, client_safe, cure, guard, observe, script};

const DER: &[u8] = &[0x30, 0x82, 0x03, 0xC9];

fn actions(name: &ObjectName, other: &SysName, from: ImportFrom) -> Vec<Action> {
    vec![
        Action::CreateLogin {
            login: name.clone(),
        },
        Action::CreateUser {
            user: name.clone(),
            login: other.clone(),
        },
        Action::ImportCertificate {
            certificate: name.clone(),
            owner: other.clone(),
            sha256: Sha256::of(DER),
            thumbprint: Thumbprint::of(DER),
            from,
        },
        Action::GrantConnect {
            endpoint: other.clone(),
            login: other.clone(),
        },
    ]
}

fn instance(actions: Vec<Action>) -> InstancePlan {
    InstancePlan {
        instance: "HOST_A".to_owned(),
        server: None,
        endpoint: None,
        used_by: None,
        trusts: vec![TrustPlan {
            left_out: Vec::new(),
            peer: "HOST_B".to_owned(),
            configured: Configured::No,
            proof: Proof::NeverDialled,
            admits: Default::default(),
            certificate: None,
            next: None,
            actions,
        }],
    }
}

fn deny(on: DeniedOn, grantee: Option<SysName>) -> OwnDeny {
    OwnDeny {
        permission: PermissionName::observed("VIEW DEFINITION").unwrap(),
        on,
        grantee_principal_id: 267,
        grantee,
    }
}

fn permission_cures(name: &SysName) -> Vec<Cure> {
    let mut cures = Vec::new();
    for permission in [
        "ALTER ANY LOGIN",
        "ALTER ANY ENDPOINT",
        "VIEW ANY DEFINITION",
        "VIEW SERVER STATE",
    ] {
        cures.push(Cure::GrantServerPermission {
            permission,
            login: name.clone(),
        });
    }
    for permission in ["CONTROL", "ALTER ANY USER", "VIEW DEFINITION"] {
        cures.push(Cure::GrantMasterPermission {
            permission,
            login: name.clone(),
        });
    }
    let places = [
        DeniedOn::Server,
        DeniedOn::Endpoint(65536),
        DeniedOn::Login(300),
        DeniedOn::User(5),
        DeniedOn::Certificate(256),
        DeniedOn::Master,
    ];
    for grantee in [None, Some(name.clone())] {
        cures.push(Cure::RevokeOwnDenies {
            denies: places.iter().map(|on| deny(*on, grantee.clone())).collect(),
        });
    }
    for (permission, endpoint) in [
        ("CONNECT", Some(name.clone())),
        ("CONTROL", Some(name.clone())),
        ("CONTROL SERVER", None),
    ] {
        cures.push(Cure::RevokeDeny {
            permission,
            endpoint,
            grantee: name.clone(),
        });
    }
    cures
}

fn chain_cures(name: &SysName, new: &ObjectName) -> Vec<Cure> {
    let logins = [
        LoginPart::Existing(name.clone()),
        LoginPart::New(new.clone()),
        LoginPart::WithSid {
            name: new.clone(),
            sid: vec![0xAB; 16],
        },
    ];
    let users = [UserPart::Existing(name.clone()), UserPart::New(new.clone())];
    let certificates = [
        CertificatePart::None,
        CertificatePart::Give {
            certificate: name.clone(),
            from: name.clone(),
        },
        CertificatePart::Import {
            name: new.clone(),
            der: DER.to_vec(),
        },
    ];
    let mut cures = Vec::new();
    for login in &logins {
        for user in &users {
            for certificate in &certificates {
                for endpoint in [None, Some(name.clone())] {
                    cures.push(Cure::MakeChain(Box::new(ChainCure {
                        login: login.clone(),
                        user: user.clone(),
                        endpoint,
                        certificate: certificate.clone(),
                    })));
                }
            }
        }
    }
    cures
}

fn endpoint_cures(name: &SysName, new: &ObjectName) -> Vec<Cure> {
    let own = [
        OwnCertificate::Existing(name.clone()),
        OwnCertificate::New(NewCertificate {
            name: new.clone(),
            subject: new.to_string(),
            days_before: 1,
            days_after: 1825,
        }),
    ];
    let mut cures = Vec::new();
    for (n, windows) in [
        None,
        Some(("NTLM", true)),
        Some(("KERBEROS", false)),
        Some(("NEGOTIATE", true)),
    ]
    .into_iter()
    .enumerate()
    {
        let endpoint = Payload {
            endpoint: name.clone(),
            windows: windows.map(|(kind, first)| Windows { kind, first }),
            encryption_code: u8::try_from(n).unwrap() * 2,
            role: EndpointRole::Witness,
        };
        cures.push(Cure::UseOwnCertificate {
            endpoint: endpoint.clone(),
            used: name.clone(),
            certificate: name.clone(),
        });
        for certificate in own.clone() {
            cures.push(Cure::UseCertificateAuthentication {
                endpoint: endpoint.clone(),
                certificate,
            });
        }
    }
    for certificate in own {
        let role = EndpointRole::All;
        cures.push(Cure::PrepareOutbound {
            certificate: certificate.clone(),
            port: 5022,
            role,
        });
        if let OwnCertificate::New(new) = certificate {
            cures.push(Cure::MakeOwnCertificate(new));
        }
    }
    for code in 0..=8 {
        let role = EndpointRole::Partner;
        cures.push(Cure::SetEncryption {
            endpoint: name.clone(),
            code,
            role,
        });
    }
    cures
}

fn cures(name: &SysName) -> Vec<Cure> {
    let (a, b) = (name.clone(), name.clone());
    let new = ObjectName::parse(name.as_str()).unwrap_or(ObjectName::parse("HOST_B").unwrap());
    let mut cures = vec![
        Cure::CreateMasterKey,
        Cure::StartEndpoint {
            endpoint: a.clone(),
        },
        Cure::WidenEndpointRole {
            endpoint: a.clone(),
        },
        Cure::RelinkUser {
            user: a.clone(),
            login: b.clone(),
        },
        Cure::EnableLogin { login: a.clone() },
        Cure::GrantConnect {
            endpoint: a.clone(),
            login: b.clone(),
        },
        Cure::GiveEndpointAway {
            endpoint: a.clone(),
            login: b,
        },
        Cure::DropCertificate { certificate: a },
    ];
    cures.extend(permission_cures(name));
    cures.extend(chain_cures(name, &new));
    cures.extend(endpoint_cures(name, &new));
    cures
}

fn comments() -> [BatchComment<'static>; 2] {
    [
        BatchComment {
            job: uuid::Uuid::nil(),
            change_ref: None,
        },
        BatchComment {
            job: uuid::Uuid::max(),
            change_ref: Some("CHG */ x\nGO\nDROP LOGIN [sa] /* 'y"),
        },
    ]
}

fn question(peer: usize, name: &ObjectName) -> PeerQuestion {
    PeerQuestion {
        peer,
        names: WantedNames {
            login: name.clone(),
            user: name.clone(),
            certificate: name.clone(),
        },
        renewed_certificate: name.with_suffix("_01234567").ok(),
    }
}

/// File name and text.
fn corpus() -> Vec<(String, String)> {
    let bytes = CertificateBytes::from([(Sha256::of(DER), DER.to_vec())]);
    let mut files = Vec::new();
    let transports = |name: &ObjectName| {
        [
            ImportFrom::Binary,
            ImportFrom::File {
                path: format!(r"C:\certs\{name}.cer"),
            },
        ]
    };
    for (n, name) in hostile::object_names().iter().enumerate() {
        for (t, from) in transports(name).into_iter().enumerate() {
            for (h, comment) in comments().into_iter().enumerate() {
                for (o, other) in hostile_sysnames().iter().enumerate().skip(n % 5).step_by(5) {
                    let plan = instance(actions(name, other, from.clone()));
                    let batch = apply::batch(comment, &plan, &bytes).unwrap().unwrap();
                    files.push((format!("apply-{n}-{t}-{h}-{o}.sql"), batch.text()));
                }
            }
        }
    }
    for (n, name) in hostile_sysnames().iter().enumerate() {
        for (c, cure) in cures(name).iter().enumerate() {
            files.push((format!("cure-{n}-{c}.sql"), cure::statement(cure)));
        }
    }
    files.extend(scripts(&bytes));
    let asked: Vec<_> = hostile::object_names()
        .iter()
        .enumerate()
        .map(|(i, name)| question(i, name))
        .collect();
    for (h, comment) in comments().into_iter().enumerate() {
        files.push((
            format!("observe-{h}.sql"),
            observe::observe(comment, &asked),
        ));
        files.push((
            format!("observe-none-{h}.sql"),
            observe::observe(comment, &[]),
        ));
    }
    files
}

/// Every script people can get: for one server, for all in one file, and for a plan that is forbidden.
fn scripts(bytes: &CertificateBytes) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (n, name) in hostile_sysnames().iter().enumerate() {
        let new = ObjectName::parse(name.as_str()).unwrap_or(ObjectName::parse("HOST_B").unwrap());
        let plan = Plan {
            partial: false,
            findings: Vec::new(),
            instances: vec![
                instance(actions(&new, name, ImportFrom::Binary)),
                instance(Vec::new()),
            ],
            plan_hash: PlanHash::of(""),
        };
        let server = ServerIdentity {
            server_name: name.to_string(),
            machine_name: name.to_string(),
            instance_name: None,
            master: None,
        };
        let servers = [Some(&server), Some(&server)];
        let comment = comments()[n % 2];
        let batches = apply::batches(comment, &plan, bytes).unwrap();
        let script = script::script(comment, &plan, &servers, &batches);
        for (p, part) in script.parts.iter().enumerate() {
            files.push((format!("alone-{n}-{p}.sql"), part.alone().unwrap()));
        }
        files.push((format!("whole-{n}.sql"), file(&script.batches())));
    }
    files.push(("forbidden.sql".to_owned(), guard::forbidden()));
    files
}

fn hostile_sysnames() -> Vec<SysName> {
    hostile::names()
        .iter()
        .map(|name| SysName::observed(name).unwrap())
        .collect()
}

#[test]
fn every_statement_can_be_made() {
    let files = corpus();
    assert!(files.iter().all(|(_, text)| !text.trim().is_empty()));
    // What people run holds nothing of their tools', a file's own GO aside.
    let for_people = files.iter().filter(|(name, _)| {
        !name.starts_with("observe") && !name.starts_with("apply") && !name.starts_with("whole")
    });
    for (name, text) in for_people {
        assert_eq!(client_safe::whole(text.clone()), *text, "{name}");
    }
    if let Ok(directory) = std::env::var("MIRRORGATE_TSQL_CORPUS") {
        std::fs::create_dir_all(&directory).unwrap();
        for (name, text) in files {
            std::fs::write(std::path::Path::new(&directory).join(name), text).unwrap();
        }
    }
}
