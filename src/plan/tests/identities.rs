//! Which server it is: what an ordinary life changes and what it does not; one server twice, and copies that both run.

use chrono::{DateTime, Duration, Utc};

use super::estate::{A, B, Estate, find, only};
use super::made::made;
use super::world::now;
use crate::domain::estate::Standing;
use crate::domain::finding::{Code, Severity};
use crate::domain::identity::{ServerIdentity, Start};

/// HOST_B's address leads to what `change` makes of the server pinned.
fn trips(change: fn(&mut ServerIdentity)) -> bool {
    let mut estate = Estate::pair();
    let seen = &mut estate.worlds[B].base.server.identity;
    let pinned = seen.clone();
    change(seen);
    estate.desired.members[B].pinned_identity = Some(pinned);
    !find(&estate.plan(), Code::InstanceIdentityChanged).is_empty()
}

fn key(identity: &mut ServerIdentity) -> &mut crate::domain::identity::MasterIdentity {
    identity.master.as_mut().unwrap()
}

/// As a machine or a container is named.
fn name(identity: &mut ServerIdentity, name: &str) {
    identity.server_name = name.to_owned();
    identity.machine_name = name.to_owned();
}

#[test]
fn an_ordinary_life_does_not_trip() {
    assert!(
        !trips(|_| {}),
        "restart, patch, failover, upgrade, certificate rotation: not in it"
    );
    assert!(!trips(|i| name(i, "host_b")), "case");
    assert!(
        !trips(|i| key(i).key_guid = "made anew".to_owned()),
        "the key regenerated"
    );
    assert!(!trips(|i| key(i).key_created += Duration::days(1)));
    assert!(!trips(|i| i.master = None), "the log-in no longer sees it");
}

#[test]
fn another_server_trips() {
    assert!(
        trips(|i| name(i, "HOST_B_COPY")),
        "a renamed copy of the machine"
    );
    assert!(trips(|i| i.instance_name = Some("OTHER".to_owned())));
    assert!(
        trips(|i| {
            key(i).key_guid = "another".to_owned();
            key(i).key_created -= Duration::days(300);
        }),
        "master restored from elsewhere"
    );
}

#[test]
fn a_container_made_again_on_its_volume_is_known_by_its_master() {
    let trips = |change: fn(&mut ServerIdentity)| {
        let mut estate = Estate::pair();
        let seen = &mut estate.worlds[B].base.server.identity;
        name(seen, "5d8a6f0c3b1e");
        let pinned = seen.clone();
        name(seen, "aa01bb02cc03");
        change(seen);
        estate.desired.members[B].pinned_identity = Some(pinned);
        !find(&estate.plan(), Code::InstanceIdentityChanged).is_empty()
    };
    assert!(!trips(|_| {}));
    assert!(trips(|i| i.master = None), "nothing tells which it is");
    assert!(trips(|i| name(i, "HOST_B")), "it has a name now");
    assert!(trips(|i| {
        key(i).key_guid = "another".to_owned();
        key(i).key_created -= Duration::days(300);
    }));
}

fn start(at: DateTime<Utc>) -> Option<Start> {
    let mark = at.naive_utc();
    Some(Start { mark, at })
}

/// HOST_B is also registered as PROD_B, last seen an hour ago; the two starts, in hours before now.
fn registered_twice(own: i64, others: i64) -> Estate {
    let mut estate = Estate::pair();
    estate.elsewhere("PROD_B", &made("PROD_B", 30, 300), Standing::Used);
    let hours = |n| now() - Duration::hours(n);
    let server = &mut estate.worlds[B].base.server;
    server.start = start(hours(own));
    estate.others[0].identity = Some(server.identity.clone());
    estate.others[0].started = start(hours(others)).map(|start| (start, hours(1)));
    estate
}

#[test]
fn one_server_under_two_names_is_found_and_whoever_came_first_goes_on() {
    let mut estate = registered_twice(5, 5);
    let found = only(
        &estate.plan(),
        Code::ServerRegisteredTwice,
        Severity::Warning,
    );
    assert_eq!(
        (found.instance.as_str(), found.peer.as_deref()),
        ("HOST_B", Some("PROD_B"))
    );
    estate.others[0].id = uuid::Uuid::nil();
    only(
        &estate.plan(),
        Code::ServerRegisteredTwice,
        Severity::Blocker,
    );
    // Restarted since the other was looked at: it may be that one.
    let estate = registered_twice(0, 5);
    only(
        &estate.plan(),
        Code::ServerRegisteredTwice,
        Severity::Warning,
    );
}

#[test]
fn two_that_both_run_and_started_apart_are_copies_and_both_are_blocked() {
    let estate = registered_twice(3, 5);
    let found = only(
        &estate.plan(),
        Code::ServerRegisteredTwice,
        Severity::Blocker,
    );
    assert!(found.found.contains("both run"), "{found:#?}");
}

#[test]
fn copies_that_are_members_together_are_both_blocked() {
    let mut estate = Estate::pair();
    let identity = estate.worlds[A].base.server.identity.clone();
    estate.worlds[B].base.server.identity = identity;
    estate.worlds[A].base.server.start = start(now() - Duration::hours(3));
    estate.worlds[B].base.server.start = start(now() - Duration::hours(5));
    let plan = estate.plan();
    let blocked: Vec<_> = find(&plan, Code::ServerRegisteredTwice)
        .into_iter()
        .map(|f| (f.instance.as_str(), f.severity))
        .collect();
    assert_eq!(
        blocked,
        [("HOST_A", Severity::Blocker), ("HOST_B", Severity::Blocker)]
    );
    assert!(find(&plan, Code::SameServerTwice).is_empty());
    estate.worlds[B].base.server.start = estate.worlds[A].base.server.start;
    only(&estate.plan(), Code::SameServerTwice, Severity::Blocker);
}

#[test]
fn machines_from_one_template_are_servers_of_their_own() {
    let mut estate = Estate::pair();
    let master = estate.worlds[A].base.server.identity.master.clone();
    estate.worlds[B].base.server.identity.master = master;
    assert_eq!(estate.plan().findings, []);
}
