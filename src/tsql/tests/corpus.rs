//! Every statement mirrorgate can emit, with hostile names, as files for `scripts/tsqlcheck` (Microsoft's own parsers).
//!
//! With `MIRRORGATE_TSQL_CORPUS=directory` the files are written there; the test itself holds that everything can be made.

use super::hostile;
use crate::domain::action::{Action, ImportFrom};
use crate::domain::cure::Cure;
use crate::domain::hash::{Sha256, Thumbprint};
use crate::domain::naming::WantedNames;
use crate::domain::object_name::{ObjectName, SysName};
use crate::domain::observation::EndpointRole;
use crate::domain::plan::{InstancePlan, Plan, TrustPlan};
use crate::domain::trust::{Configured, Proof};
use crate::domain::wish::PeerQuestion;
use crate::tsql::action::CertificateBytes;
use crate::tsql::head::Head;
use crate::tsql::{apply, cure, observe, script};

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
            peer: "HOST_B".to_owned(),
            configured: Configured::No,
            proof: Proof::NeverDialled,
            admits: Default::default(),
            certificate: None,
            actions,
        }],
    }
}

fn cures(name: &SysName) -> Vec<Cure> {
    let (a, b) = (name.clone(), name.clone());
    let mut cures = vec![
        Cure::GrantMasterPermission {
            permission: "CONTROL",
            login: a.clone(),
            user: None,
        },
        Cure::GrantMasterPermission {
            permission: "ALTER ANY USER",
            login: a.clone(),
            user: Some(b.clone()),
        },
        Cure::PrepareOutbound {
            certificate: a.clone(),
        },
        Cure::CreateMasterKey,
        Cure::LetServerOpenMasterKey,
        Cure::RenewOwnCertificate {
            endpoint: a.clone(),
            certificate: b.clone(),
        },
        Cure::UseCertificateAuthentication {
            endpoint: a.clone(),
            certificate: b.clone(),
            role: EndpointRole::Witness,
        },
        Cure::StartEndpoint {
            endpoint: a.clone(),
        },
        Cure::WidenEndpointRole {
            endpoint: a.clone(),
        },
        Cure::RequireAes {
            endpoint: a.clone(),
            role: EndpointRole::Partner,
        },
        Cure::GiveCertificateTo {
            certificate: a.clone(),
            user: b.clone(),
        },
        Cure::RelinkUser {
            user: a.clone(),
            login: b.clone(),
        },
        Cure::RevokeDeny {
            endpoint: a.clone(),
            login: b,
        },
        Cure::DropCertificate {
            certificate: a.clone(),
        },
    ];
    for permission in [
        "ALTER ANY LOGIN",
        "ALTER ANY ENDPOINT",
        "VIEW ANY DEFINITION",
        "VIEW SERVER STATE",
    ] {
        cures.push(Cure::GrantServerPermission {
            permission,
            login: a.clone(),
        });
    }
    cures
}

fn heads() -> [Head<'static>; 2] {
    [
        Head {
            job: uuid::Uuid::nil(),
            change_ref: None,
        },
        Head {
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
            for (h, head) in heads().into_iter().enumerate() {
                for (o, other) in hostile_sysnames().iter().enumerate().skip(n % 5).step_by(5) {
                    let plan = instance(actions(name, other, from.clone()));
                    let batch = apply::batch(head, &plan, &bytes).unwrap().unwrap();
                    files.push((format!("apply-{n}-{t}-{h}-{o}.sql"), batch.text));
                }
            }
        }
    }
    for (n, name) in hostile_sysnames().iter().enumerate() {
        for (c, cure) in cures(name).iter().enumerate() {
            files.push((format!("cure-{n}-{c}.sql"), cure::statement(cure)));
        }
    }
    let plan = Plan {
        findings: Vec::new(),
        instances: vec![
            instance(actions(
                &hostile::object_names()[0],
                &hostile_sysnames()[4],
                ImportFrom::Binary,
            )),
            instance(Vec::new()),
        ],
        plan_hash: String::new(),
    };
    let scripts = script::instance_scripts(heads()[1], &plan, &bytes).unwrap();
    files.push(("script.sql".to_owned(), script::whole(&scripts)));
    let asked: Vec<_> = hostile::object_names()
        .iter()
        .enumerate()
        .map(|(i, name)| question(i, name))
        .collect();
    for (h, head) in heads().into_iter().enumerate() {
        files.push((format!("observe-{h}.sql"), observe::observe(head, &asked)));
        files.push((format!("observe-none-{h}.sql"), observe::observe(head, &[])));
    }
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
    if let Ok(directory) = std::env::var("MIRRORGATE_TSQL_CORPUS") {
        std::fs::create_dir_all(&directory).unwrap();
        for (name, text) in files {
            std::fs::write(std::path::Path::new(&directory).join(name), text).unwrap();
        }
    }
}
