//! What a script holds whatever the names in it are.

use super::*;
use crate::domain::action::Action;
use crate::domain::finding::{Code, Severity};
use crate::domain::object_name::{ObjectName, SysName};
use crate::domain::plan::InstancePlan;
use crate::domain::plan::TrustPlan;
use crate::domain::plan_hash::PlanHash;
use crate::domain::trust::{Configured, Proof};
use crate::tsql::action::CertificateBytes;
use crate::tsql::apply;
use crate::tsql::tests::hostile;

fn server(name: &str) -> ServerIdentity {
    ServerIdentity {
        server_name: name.to_owned(),
        machine_name: name.to_owned(),
        instance_name: None,
        master: None,
    }
}

fn plan(actions: Vec<Action>) -> Plan {
    let trust = TrustPlan {
        left_out: Vec::new(),
        next: None,
        peer: "HOST_B".to_owned(),
        configured: Configured::No,
        proof: Proof::NeverDialled,
        admits: Default::default(),
        certificate: None,
        actions,
    };
    Plan {
        partial: false,
        findings: Vec::new(),
        instances: vec![InstancePlan {
            instance: "HOST_A".to_owned(),
            server: None,
            endpoint: None,
            used_by: None,
            trusts: vec![trust],
        }],
        plan_hash: PlanHash::of(""),
    }
}

fn create(user: &str, login: &SysName) -> Action {
    Action::CreateUser {
        user: ObjectName::parse(user).unwrap(),
        login: login.clone(),
    }
}

fn written(plan: &Plan, server: &ServerIdentity) -> Script {
    let comment = BatchComment {
        job: uuid::Uuid::nil(),
        change_ref: Some("$(CHG)"),
    };
    let batches = apply::batches(comment, plan, &CertificateBytes::new()).unwrap();
    script(comment, plan, &[Some(server)], &batches)
}

#[test]
fn whatever_the_names_are_no_tool_finds_anything_of_its_own() {
    for name in hostile::names() {
        let login = SysName::observed(&name).unwrap();
        let script = written(&plan(vec![create("u", &login)]), &server(&name));
        let mut texts = script.batches();
        texts.extend(script.parts[0].alone());
        for text in texts {
            assert!(!text.contains("$("), "{text}");
            for line in text.lines() {
                let first = line.trim_start().to_uppercase();
                assert!(
                    !["GO", ":", "!!", "EXIT", "QUIT", "RESET", "ED "]
                        .iter()
                        .any(|own| first.starts_with(own)),
                    "{text}"
                );
            }
            assert!(
                text.chars()
                    .all(|c| c == '\n' || !crate::tsql::quote::breaks_a_line(c)),
                "{text:?}"
            );
        }
    }
}

#[test]
fn a_worker_and_a_person_run_the_same_body() {
    let login = SysName::observed("a\r\nGO\r\nb").unwrap();
    let plan = plan(vec![create("$(x)", &login)]);
    let script = written(&plan, &server("A"));
    let comment = BatchComment {
        job: uuid::Uuid::nil(),
        change_ref: Some("$(CHG)"),
    };
    let sent = apply::batch(comment, &plan.instances[0], &CertificateBytes::new());
    let sent = sent.unwrap().unwrap().text();
    let part = &script.parts[0];
    assert_eq!(part.batch().unwrap(), sent);
    assert!(part.alone().unwrap().contains(&part.body));
    assert!(script.batches()[0].contains(&part.body));
}

#[test]
fn what_could_be_misread_is_compared_with_its_bytes() {
    let login = SysName::observed("Zoë").unwrap();
    let script = written(&plan(vec![create("u", &login)]), &server("A"));
    let text = script.parts[0].alone().unwrap();
    assert!(
        text.contains("IF CAST(N'ë' AS varbinary(8000)) <> 0xEB00\n"),
        "{text}"
    );
    let login = SysName::observed("Zoe").unwrap();
    let script = written(&plan(vec![create("u", &login)]), &server("A"));
    assert!(script.parts[0].alone().unwrap().is_ascii());
}

#[test]
fn blockers_stand_in_the_head_and_nothing_else_runs() {
    let mut blocked = plan(vec![create("u", &SysName::observed("l").unwrap())]);
    blocked.findings.push(Finding {
        code: Code::NoEndpoint,
        severity: Severity::Blocker,
        instance: "HOST_A".to_owned(),
        peer: None,
        found: "none\nDROP LOGIN [sa]".to_owned(),
        wanted: String::new(),
        remedy: "make one".to_owned(),
        remedy_tsql: None,
        cure: None,
    });
    let script = written(&blocked, &server("A"));
    assert_eq!(
        script.head,
        "-- no_endpoint on HOST_A: none DROP LOGIN [sa]\n--     remedy: make one\n"
    );
    assert!(script.refusal.unwrap().contains(";THROW 50006, "));
}
