//! Weak certificates by the policy and the server's version; two of one issuer and serial.

use chrono::Duration;

use super::estate::{A, B, Estate, find, kinds, only, trust};
use super::made::{Made, made};
use super::world::now;
use crate::domain::certificate::{Certificate, WeaknessPolicy};
use crate::domain::finding::{Code, Severity};
use crate::domain::trust::Configured;

/// 1024 bits over SHA-1: what SQL Server 2012 and 2014 make.
fn of_2012() -> Made {
    let pem = include_str!("../../domain/certificate/fixtures/sha1.pem");
    let body: String = pem.lines().filter(|l| !l.contains("-----")).collect();
    let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap();
    let parsed = Certificate::from_der(&der).unwrap();
    Made {
        der,
        not_before: parsed.not_before,
        not_after: parsed.not_after,
    }
}

#[test]
fn an_own_certificate_is_weak_by_its_servers_version() {
    let mut estate = Estate::pair();
    let weak = of_2012();
    estate.switch(B, &weak);
    estate.upload_current(B, &weak);
    for (version, words) in [
        ("11.0.7001.0", ""),
        ("13.0.6435.1", "has a key of 1024 bits"),
        (
            "15.0.4355.3",
            "is signed over SHA-1 and has a key of 1024 bits",
        ),
    ] {
        estate.worlds[B].base.server.version = version.to_owned();
        let plan = estate.plan();
        if words.is_empty() {
            assert!(find(&plan, Code::WeakCertificate).is_empty(), "{version}");
            continue;
        }
        let finding = only(&plan, Code::WeakCertificate, Severity::Warning);
        assert_eq!(finding.instance, "HOST_B");
        assert!(finding.found.contains(words), "{}", finding.found);
    }
    estate.desired.thresholds.weak_certificates = WeaknessPolicy::Broken;
    assert!(find(&estate.plan(), Code::WeakCertificate).is_empty());
}

#[test]
fn a_weak_next_certificate_is_named_before_it_is_used() {
    let mut estate = Estate::pair();
    estate.upload_next(B, &of_2012());
    let finding = only(&estate.plan(), Code::WeakCertificate, Severity::Warning);
    assert!(
        finding.found.contains("uploaded as next"),
        "{}",
        finding.found
    );
}

#[test]
fn one_that_has_the_issuer_and_serial_of_another_there_is_not_imported() {
    let mut estate = Estate::pair();
    assert!(estate.configure().is_fulfilled());
    let twin = made("HOST_B", 2, 299);
    estate.switch(B, &twin);
    estate.upload_current(B, &twin);
    let plan = estate.plan();
    let finding = only(&plan, Code::IssuerSerialTaken, Severity::Blocker);
    assert_eq!(
        (finding.instance.as_str(), finding.peer.as_deref()),
        ("HOST_A", Some("HOST_B"))
    );
    assert!(finding.found.contains("[HOST_B_cert]"), "{}", finding.found);
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Conflict);
    assert!(kinds(trust(&plan, A, "HOST_B")).is_empty());
}

#[test]
fn a_next_one_of_the_same_issuer_and_serial_is_not_imported_either() {
    let mut estate = Estate::pair();
    assert!(estate.configure().is_fulfilled());
    estate.upload_next(B, &made("HOST_B", 2, 299));
    let plan = estate.plan();
    only(&plan, Code::IssuerSerialTaken, Severity::Blocker);
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Yes);
    assert!(!kinds(trust(&plan, A, "HOST_B")).contains(&"import_certificate"));
}

#[test]
fn two_peers_of_one_issuer_and_serial_are_not_put_side_by_side() {
    let mut estate = Estate::trio();
    let twin = made("HOST_B", 2, 299);
    estate.switch(super::estate::W, &twin);
    estate.upload_current(super::estate::W, &twin);
    let plan = estate.plan();
    let on_a: Vec<_> = find(&plan, Code::IssuerSerialTaken)
        .into_iter()
        .filter(|f| f.instance == "HOST_A")
        .filter_map(|f| f.peer.as_deref())
        .collect();
    assert_eq!(on_a, ["HOST_B", "HOST_W"]);
}

#[test]
fn two_that_are_there_side_by_side_are_a_warning() {
    let mut estate = Estate::pair();
    assert!(estate.configure().is_fulfilled());
    let owner = estate.worlds[A].held.last().unwrap().owner;
    estate.worlds[A].certificate("twin", owner, &made("HOST_B", 2, 299));
    let plan = estate.plan();
    let finding = only(&plan, Code::IssuerSerialTaken, Severity::Warning);
    assert!(finding.found.contains("[twin]"), "{}", finding.found);
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Yes);
}

#[test]
fn what_ends_today_does_not_end_in_0_days() {
    let mut estate = Estate::pair();
    let short = super::made::between(
        "HOST_B",
        30,
        now() - Duration::days(1),
        now() + Duration::hours(5),
    );
    estate.switch(B, &short);
    estate.upload_current(B, &short);
    let finding = only(
        &estate.plan(),
        Code::OwnCertificateExpiresSoon,
        Severity::Warning,
    );
    assert!(finding.found.ends_with("in 5 hours"), "{}", finding.found);
}
