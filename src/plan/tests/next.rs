//! The next certificate: whether it can be used, and where it is in place.

use chrono::Duration;

use super::estate::{A, B, Estate, find, kinds, only, trust};
use super::made::{between, made};
use super::world::{DBO, now};
use crate::domain::certificate::Certificate;
use crate::domain::finding::{Code, Severity};
use crate::domain::trust::InPlace;

fn configured_pair() -> Estate {
    let mut estate = Estate::pair();
    assert!(estate.configure().is_fulfilled());
    estate
}

fn in_place(estate: &Estate) -> Option<InPlace> {
    trust(&estate.plan(), A, "HOST_B")
        .next
        .map(|next| next.in_place)
}

#[test]
fn it_is_in_place_where_its_owners_login_may_connect() {
    let mut estate = configured_pair();
    assert_eq!(in_place(&estate), None, "none is uploaded");
    let next = made("HOST_B", 20, 360);
    estate.upload_next(B, &next);
    assert_eq!(in_place(&estate), Some(InPlace::No));
    estate.worlds[A].base.login.view_any_definition = Some(false);
    assert_eq!(in_place(&estate), Some(InPlace::Unknown));
    estate.worlds[A].base.login.view_any_definition = Some(true);
    assert!(estate.configure().is_fulfilled());
    assert_eq!(in_place(&estate), Some(InPlace::Yes));
    estate.switch(B, &next);
    assert_eq!(in_place(&estate), Some(InPlace::Yes), "in use by now");
    let login = estate.worlds[A].logins.last().unwrap().principal_id;
    estate.worlds[A]
        .connect
        .retain(|row| row.grantee.principal_id != login);
    assert_eq!(in_place(&estate), Some(InPlace::No), "nobody may connect");
}

#[test]
fn what_is_dbos_or_has_a_twin_is_not_simply_in_place() {
    let mut estate = configured_pair();
    let next = made("HOST_B", 20, 360);
    estate.upload_next(B, &next);
    estate.worlds[A].certificate("early", DBO, &next);
    assert_eq!(in_place(&estate), Some(InPlace::No));
    let user = estate.worlds[A].users.last().unwrap().id;
    estate.worlds[A].held.last_mut().unwrap().owner = user;
    assert_eq!(in_place(&estate), Some(InPlace::Yes));
    estate.worlds[A].certificate("twin", DBO, &made("HOST_B", 20, 350));
    assert_eq!(in_place(&estate), Some(InPlace::Unknown));
}

#[test]
fn one_that_has_ended_by_anybodys_clock_is_not_handed_out_and_is_told() {
    let mut estate = configured_pair();
    estate.upload_next(B, &made("HOST_B", 20, 1));
    assert!(find(&estate.plan(), Code::NextCertificateUnusable).is_empty());
    estate.worlds[A].base.server.clock = now() + Duration::days(2);
    let plan = estate.plan();
    let found = only(&plan, Code::NextCertificateUnusable, Severity::Warning);
    assert!(found.found.contains("HOST_A's clock"), "{found:#?}");
    assert_eq!(kinds(trust(&plan, A, "HOST_B")), ["adopt"]);
}

#[test]
fn one_that_begins_later_is_handed_out_and_told() {
    let mut estate = configured_pair();
    let (begin, end) = (now() + Duration::days(3), now() + Duration::days(300));
    estate.upload_next(B, &between("HOST_B", 20, begin, end));
    let plan = estate.plan();
    let found = only(&plan, Code::NextCertificateUnusable, Severity::Warning);
    assert!(found.found.contains("begins"), "{found:#?}");
    assert_eq!(kinds(trust(&plan, A, "HOST_B")), ["import_certificate"]);
}

#[test]
fn a_damaged_one_is_not_handed_out_and_is_told() {
    let mut estate = configured_pair();
    let next = made("HOST_B", 20, 360);
    estate.upload_next(B, &next);
    let mut der = next.der.clone();
    let last = der.len() - 1;
    der[last] ^= 1;
    estate.desired.members[B].next = Some(Certificate::from_der(&der).unwrap());
    let plan = estate.plan();
    let found = only(&plan, Code::NextCertificateUnusable, Severity::Warning);
    assert!(found.found.contains("damaged"), "{found:#?}");
    assert_eq!(kinds(trust(&plan, A, "HOST_B")), ["adopt"]);
}

#[test]
fn it_counts_as_the_peers_only_when_its_endpoint_uses_it() {
    let required = |estate: &Estate| {
        let plan = estate.plan();
        let trust = trust(&plan, A, "HOST_B");
        let certificate = trust.certificate.as_ref().unwrap();
        (certificate.sha256, certificate.pinned)
    };
    let codes = |estate: &Estate| {
        let plan = estate.plan();
        plan.findings.iter().map(|f| f.code).collect::<Vec<_>>()
    };
    let (mut estate, next) = (Estate::pair(), made("HOST_B", 20, 360));
    estate.upload_next(B, &next);
    let used = estate.own(B).sha256();
    assert_eq!(required(&estate), (used, true), "the pin");
    estate.desired.members[B].current = None;
    assert_eq!(required(&estate), (used, false), "obtained");
    assert_eq!(codes(&estate), []);
    estate.upload_current(B, &made("HOST_B", 21, 360));
    assert_eq!(required(&estate), (used, false), "neither is used");
    assert_eq!(codes(&estate), [Code::PinnedCertificateNotInUse]);
    estate.switch(B, &next);
    assert_eq!(
        required(&estate),
        (next.sha256(), true),
        "it is the pin now"
    );
    assert_eq!(codes(&estate), [Code::NextCertificateInUse]);
}
