//! Where a rule begins and ends: the last second of a certificate, the number from which names are left out.

use chrono::Duration;

use super::estate::{A, B, Estate, find, only, trust};
use super::made::{Made, between, made};
use super::world::{DBO, now};
use crate::domain::cure::{Cure, NewCertificate, OwnCertificate};
use crate::domain::finding::{Code, Severity};
use crate::domain::object_name::ObjectName;
use crate::domain::observation::*;
use crate::domain::trust::Admits;

/// What is made of a sound estate.
type Change = fn(&mut Estate);

/// HOST_B uses, and everybody holds, a certificate of these seconds from now.
fn using(from: i64, to: i64) -> Estate {
    let at = |seconds| now() + Duration::seconds(seconds);
    let mut estate = Estate::pair();
    let used = between("HOST_B", 20, at(from), at(to));
    estate.switch(B, &used);
    estate.upload_current(B, &used);
    estate.worlds[A].chain(["b", "b", "b"], &used);
    estate
}

#[test]
fn a_certificate_counts_from_its_first_second_to_its_last() {
    let day = Duration::days(1).num_seconds();
    let cases = [
        (-day, 0, Admits::Yes, None),
        (-day, -1, Admits::No, Some(Code::OwnCertificateExpired)),
        (0, 99 * day, Admits::Yes, None),
        (
            1,
            99 * day,
            Admits::No,
            Some(Code::OwnCertificateNotYetValid),
        ),
    ];
    for (from, to, verdict, code) in cases {
        let plan = using(from, to).plan_unread();
        assert_eq!(
            trust(&plan, A, "HOST_B").admits.verdict,
            verdict,
            "{from} to {to}"
        );
        let about_dates = [Code::OwnCertificateExpired, Code::OwnCertificateNotYetValid];
        let said: Vec<_> = about_dates
            .into_iter()
            .filter(|c| !find(&plan, *c).is_empty())
            .collect();
        assert_eq!(said, code.into_iter().collect::<Vec<_>>(), "{from} to {to}");
    }
}

#[test]
fn it_ends_soon_with_less_left_than_the_threshold_and_not_with_just_that() {
    let limit = Estate::pair().desired.thresholds.expires_soon.num_seconds();
    for (left, is_soon) in [(limit, false), (limit - 1, true)] {
        let said = find(
            &using(-9, left).plan_unread(),
            Code::OwnCertificateExpiresSoon,
        )
        .len();
        assert_eq!(said == 1, is_soon, "{left} s");
    }
}

#[test]
fn a_next_one_that_begins_this_second_has_begun() {
    for (from, is_told) in [(0, false), (1, true)] {
        let mut estate = Estate::pair();
        let begins = now() + Duration::seconds(from);
        estate.upload_next(
            B,
            &between("HOST_B", 20, begins, now() + Duration::days(99)),
        );
        let said = find(&estate.plan_unread(), Code::NextCertificateUnusable).len();
        assert_eq!(said == 1, is_told);
    }
}

#[test]
fn an_earlier_copy_lets_in_up_to_its_last_second() {
    for (seconds, word) in [(0, "still lets in"), (-1, "lets nobody in any more")] {
        let mut estate = Estate::pair();
        assert!(estate.configure().is_fulfilled());
        let renewed = made("HOST_B", 20, 360);
        estate.switch(B, &renewed);
        estate.upload_current(B, &renewed);
        assert!(estate.configure().is_fulfilled());
        let old = estate.worlds[A]
            .held
            .iter_mut()
            .find(|h| h.name == "HOST_B_cert");
        old.unwrap().made.not_after = now() + Duration::seconds(seconds);
        let said = only(
            &estate.plan_unread(),
            Code::SupersededCertificate,
            Severity::Info,
        );
        assert!(said.found.contains(word), "{}", said.found);
    }
}

fn mirrors(count: usize) -> Vec<MirroredDatabase> {
    let database = MirroredDatabase {
        name: "erp".to_owned(),
        role: DatabaseRole::Principal,
        state: None,
        safety: None,
        has_witness: false,
    };
    vec![database; count]
}

#[test]
fn twenty_databases_are_named_and_more_are_counted() {
    for (count, more) in [(20, None), (21, Some("1 further database"))] {
        let mut estate = Estate::pair();
        estate.worlds[A].base.databases = mirrors(count);
        let found = only(
            &estate.plan_unread(),
            Code::EndpointInUse,
            Severity::Warning,
        )
        .found;
        assert_eq!(found.matches("database erp").count(), 20);
        assert_eq!(found.contains("further"), more.is_some(), "{found}");
        assert!(more.is_none_or(|more| found.contains(more)), "{found}");
        assert!(!found.contains("with witness"), "{found}");
    }
}

/// The line on an endpoint tells its use: connections only where nothing more is known of them.
#[test]
fn an_endpoints_line_tells_who_is_on_it() {
    let line = |databases: usize, connections: usize| {
        let mut estate = Estate::pair();
        let connection = EndpointConnection {
            is_accept: false,
            is_logged_in: true,
            peer_certificate_id: None,
            principal_name: None,
            login_time: None,
        };
        let base = &mut estate.worlds[A].base;
        base.databases = mirrors(databases);
        base.connections = Some(vec![connection; connections]);
        estate.plan_unread().instances[A].endpoint.clone().unwrap()
    };
    let idle = "[Endpoint_Mirroring] STARTED :5022 AES";
    assert_eq!(line(0, 0), idle);
    assert_eq!(line(0, 2), format!("{idle}, in use: 2 connections"));
    let used = "in use: 2 databases (0 principal with witness)";
    assert_eq!(line(2, 3), format!("{idle}, {used}"));
}

fn prepared(estate: &Estate) -> (OwnCertificate, u16) {
    let found = only(&estate.plan_unread(), Code::NoEndpoint, Severity::Blocker);
    match found.cure {
        Some(Cure::PrepareOutbound {
            certificate, port, ..
        }) => (certificate, port),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_endpoint_gets_a_port_that_nobody_on_its_machine_uses() {
    let mut estate = Estate::pair();
    estate.worlds[B].base.endpoint = None;
    assert_eq!(prepared(&estate).1, 5022, "HOST_A is another machine");
    estate.worlds[B].base.server.identity.machine_name = "host_a".to_owned();
    assert_eq!(prepared(&estate).1, 5023, "HOST_A's endpoint has 5022");
    estate.desired.members[A].address.port = Some(5023);
    assert_eq!(prepared(&estate).1, 5024, "HOST_A's log-ins have 5023");
    estate.desired.members[B].expected_endpoint_port = Some(7022);
    assert_eq!(prepared(&estate).1, 7022, "as registered");
}

/// HOST_B has no endpoint; the certificate that one is to be given, of those that stand in its master.
fn for_a_new_endpoint(change: impl FnOnce(&mut Estate)) -> OwnCertificate {
    let mut estate = Estate::pair();
    estate.worlds[B].base.endpoint = None;
    change(&mut estate);
    prepared(&estate).0
}

fn add_own(estate: &mut Estate, name: &str, made: &Made) {
    estate.worlds[B].certificate(name, DBO, made);
    estate.worlds[B].held.last_mut().unwrap().has_private_key = true;
}

#[test]
fn a_new_endpoint_uses_a_certificate_that_is_its_own_by_key_registration_and_date() {
    let existing = |text: &str| OwnCertificate::Existing(super::world::name(text));
    assert_eq!(for_a_new_endpoint(|_| {}), existing("HOST_B_own_cert"));
    let longer = made("HOST_B", 21, 900);
    let pinned = for_a_new_endpoint(|e| {
        add_own(e, "longer", &longer);
        e.desired.members[B].known.push(longer.sha256());
    });
    assert_eq!(
        pinned,
        existing("HOST_B_own_cert"),
        "the pin before what lives longer"
    );
    let unpinned = for_a_new_endpoint(|e| {
        add_own(e, "longer", &longer);
        e.desired.members[B].known.push(longer.sha256());
        e.desired.members[B].current = None;
    });
    assert_eq!(unpinned, existing("longer"));
    let unfit: [(&str, Change); 4] = [
        ("unknown", |e| e.desired.members[B].known.clear()),
        ("without its key", |e| {
            e.worlds[B].held[0].has_private_key = false
        }),
        ("ended by its own clock", |e| {
            e.worlds[B].base.server.clock += Duration::days(301)
        }),
        ("to begin by a peer's clock", |e| {
            e.worlds[A].base.server.clock -= Duration::days(101)
        }),
    ];
    for (what, change) in unfit {
        let new = for_a_new_endpoint(change);
        assert!(matches!(new, OwnCertificate::New(_)), "{what}: {new:?}");
    }
}

#[test]
fn a_new_certificate_is_valid_by_everybodys_clock() {
    let days = |by: i64| -> NewCertificate {
        let made = for_a_new_endpoint(|e| {
            e.desired.members[B].known.clear();
            e.worlds[A].base.server.clock += Duration::days(by);
        });
        match made {
            OwnCertificate::New(new) => new,
            other @ OwnCertificate::Existing(_) => panic!("{other:?}"),
        }
    };
    let usual = days(0);
    assert_eq!((usual.days_before, usual.days_after), (1, 1825));
    let ahead = days(3);
    assert_eq!((ahead.days_before, ahead.days_after), (1, 1829));
    let behind = days(-3);
    assert_eq!((behind.days_before, behind.days_after), (5, 1825));
}

/// The subject of a certificate has 64 UTF-16 units at most, and no half of a character.
#[test]
fn a_long_name_is_cut_for_the_subject() {
    for (name, kept) in [("", 64), ("x", 64), ("\u{1f511}", 64)] {
        let name = format!("{}{name}", "x".repeat(64));
        assert_eq!(subject_for(&name).len(), kept, "{name}");
    }
    let wide = format!("{}\u{1f511}", "x".repeat(63));
    assert_eq!(subject_for(&wide), "x".repeat(63));
    let fits = format!("{}\u{1f511}", "x".repeat(62));
    assert_eq!(subject_for(&fits), fits);
}

fn subject_for(name: &str) -> String {
    let made = for_a_new_endpoint(|e| {
        e.desired.members[B].known.clear();
        e.desired.members[B].peer_name = ObjectName::parse(name).unwrap();
    });
    match made {
        OwnCertificate::New(new) => new.subject,
        other @ OwnCertificate::Existing(_) => panic!("{other:?}"),
    }
}

#[test]
fn an_own_certificate_of_another_algorithm_is_told_as_that() {
    let mut estate = Estate::pair();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    let elliptic = params.self_signed(&key).unwrap().der().to_vec();
    let used = estate.worlds[B].endpoint().certificate.as_mut().unwrap();
    used.der = Some(elliptic);
    let plan = estate.plan();
    let found = &only(&plan, Code::OwnCertificateUnusable, Severity::Blocker).found;
    assert!(!found.contains("cannot read its bytes"), "{found}");
}
