//! What other registrations know counts: certificates of two instances, what proves whom, what is old, what is not given away.

use chrono::{DateTime, Duration, Utc};

use super::estate::{A, B, Estate, find, kinds, only, trust};
use super::made::made;
use super::world::{DBO, now};
use crate::domain::cure::Cure;
use crate::domain::estate::Standing;
use crate::domain::finding::{Code, Severity};
use crate::domain::observation::EndpointConnection;
use crate::domain::trust::{Configured, Proof};

fn configured_pair() -> Estate {
    let mut estate = Estate::pair();
    assert!(estate.configure().is_fulfilled());
    estate
}

fn connected(estate: &mut Estate, at: DateTime<Utc>) {
    let id = estate.worlds[A].held.last().unwrap().id;
    estate.worlds[A].base.connections = Some(vec![EndpointConnection {
        is_accept: true,
        is_logged_in: true,
        peer_certificate_id: Some(id),
        principal_name: None,
        login_time: Some(at),
    }]);
}

fn proof(estate: &Estate) -> Proof {
    trust(&estate.plan(), A, "HOST_B").proof
}

#[test]
fn what_another_instance_uses_too_is_not_imported_and_nothing_else_is_kept_out() {
    let mut estate = Estate::pair();
    let own = estate.own(B);
    estate.elsewhere("PROD_B", &own, Standing::Used);
    let plan = estate.plan();
    let found = only(&plan, Code::CertificateOfTwoInstances, Severity::Blocker);
    assert!(found.found.contains("PROD_B uses it, too"), "{found:#?}");
    assert!(
        trust(&plan, A, "HOST_B").actions.is_empty(),
        "no new chain for it"
    );
    assert!(!plan.is_blocked() && plan.has_blockers());
    assert!(!trust(&plan, B, "HOST_A").actions.is_empty());
}

#[test]
fn what_would_end_it_is_handed_out() {
    let mut estate = Estate::pair();
    let own = estate.own(B);
    estate.elsewhere("PROD_B", &own, Standing::Used);
    let next = made("HOST_B", 20, 360);
    estate.upload_next(B, &next);
    let plan = estate.configure();
    let on_a = trust(&plan, A, "HOST_B");
    assert_eq!(kinds(on_a), [] as [&str; 0]);
    let imported: Vec<_> = estate.worlds[A].held.iter().map(|h| &h.made).collect();
    assert!(imported.contains(&&next) && !imported.contains(&&own));
    estate.switch(B, &next);
    let after = estate.plan();
    assert!(find(&after, Code::CertificateOfTwoInstances).is_empty());
    assert_eq!(trust(&after, A, "HOST_B").configured, Configured::Yes);
}

#[test]
fn where_it_is_in_place_it_is_a_warning() {
    let mut estate = configured_pair();
    let own = estate.own(B);
    estate.elsewhere("PROD_B", &own, Standing::Used);
    let plan = estate.plan();
    only(&plan, Code::CertificateOfTwoInstances, Severity::Warning);
    assert!(plan.is_fulfilled());
    let next = made("HOST_B", 20, 360);
    estate.upload_next(B, &next);
    assert_eq!(
        kinds(trust(&estate.plan(), A, "HOST_B")),
        ["import_certificate"]
    );
}

#[test]
fn a_claim_nobody_has_seen_to_be_true_counts_until_another_is_seen_in_use() {
    let mut estate = Estate::pair();
    let own = estate.own(B);
    estate.elsewhere("PROD_B", &own, Standing::Current);
    only(
        &estate.plan(),
        Code::CertificateOfTwoInstances,
        Severity::Blocker,
    );
    let other = made("PROD_B", 30, 100);
    estate.elsewhere("PROD_C", &other, Standing::Used);
    let used = estate.others[1].certificates.clone();
    estate.others[0].certificates.extend(used);
    let plan = estate.plan();
    assert!(find(&plan, Code::CertificateOfTwoInstances).is_empty());
    assert!(!trust(&plan, A, "HOST_B").actions.is_empty());
}

#[test]
fn to_be_somebodys_next_one_is_no_use_of_it() {
    let mut estate = Estate::pair();
    let own = estate.own(B);
    estate.elsewhere("PROD_B", &own, Standing::Next);
    assert!(find(&estate.plan(), Code::CertificateOfTwoInstances).is_empty());
}

#[test]
fn what_another_has_used_before_is_told_and_not_kept_out() {
    let mut estate = Estate::pair();
    let own = estate.own(B);
    estate.elsewhere("PROD_B", &own, Standing::Earlier);
    let plan = estate.plan();
    let found = only(&plan, Code::CertificateOfTwoInstances, Severity::Warning);
    assert!(
        found.found.contains("PROD_B has used it before"),
        "{found:#?}"
    );
    assert!(estate.configure().is_fulfilled());
}

#[test]
fn a_certificate_of_two_proves_neither() {
    let mut estate = configured_pair();
    connected(&mut estate, now() - Duration::hours(1));
    assert!(matches!(proof(&estate), Proof::Proven { .. }));
    let own = estate.own(B);
    for standing in [Standing::Used, Standing::Earlier, Standing::Current] {
        estate.others.clear();
        estate.elsewhere("PROD_B", &own, standing);
        assert_eq!(proof(&estate), Proof::Unknown, "{standing:?}");
    }
    estate.others.clear();
    estate.elsewhere("PROD_B", &own, Standing::Next);
    assert!(matches!(proof(&estate), Proof::Proven { .. }));
}

#[test]
fn a_connection_proves_only_the_state_it_logged_in_under() {
    let mut estate = configured_pair();
    connected(&mut estate, now() - Duration::days(11));
    assert_eq!(
        proof(&estate),
        Proof::Unknown,
        "login and user came after it"
    );
    connected(&mut estate, now() - Duration::hours(2));
    assert!(matches!(proof(&estate), Proof::Proven { .. }));
    let id = |estate: &Estate, member: usize| estate.desired.members[member].instance_id;
    let (a, b) = (id(&estate, A), id(&estate, B));
    let hour_ago = now() - Duration::hours(1);
    estate.desired.estate.note_otherwise(a, b, hour_ago);
    assert_eq!(
        proof(&estate),
        Proof::Unknown,
        "an hour ago it was not in place"
    );
    // The acceptor's clock is two hours behind; by it the connection is younger than that.
    estate.worlds[A].base.server.clock = now() - Duration::hours(2);
    assert!(matches!(proof(&estate), Proof::Proven { .. }));
}

#[test]
fn the_newest_connection_counts() {
    let mut estate = configured_pair();
    connected(&mut estate, now() - Duration::days(11));
    let mut all = estate.worlds[A].base.connections.clone().unwrap();
    all.push(EndpointConnection {
        login_time: Some(now()),
        ..all[0].clone()
    });
    estate.worlds[A].base.connections = Some(all);
    assert_eq!(proof(&estate), Proof::Proven { since: Some(now()) });
}

/// HOST_A holds HOST_B's earlier certificate beside the one in use.
fn renewed() -> (Estate, super::made::Made) {
    let mut estate = configured_pair();
    let old = estate.own(B);
    let renewed = made("HOST_B", 20, 360);
    estate.switch(B, &renewed);
    estate.upload_current(B, &renewed);
    assert!(estate.configure().is_fulfilled());
    (estate, old)
}

#[test]
fn an_earlier_one_is_superseded_where_nobody_needs_it() {
    let (mut estate, old) = renewed();
    let is_named = |estate: &Estate| !find(&estate.plan(), Code::SupersededCertificate).is_empty();
    assert!(is_named(&estate));
    for standing in [Standing::Used, Standing::Current, Standing::Next] {
        estate.others.clear();
        estate.elsewhere("HOST_C", &old, standing);
        assert!(!is_named(&estate), "{standing:?} of another registration");
    }
    estate.others.clear();
    let held = estate.worlds[A].held.iter_mut().find(|h| h.made == old);
    let id = held.unwrap().id;
    connected(&mut estate, now());
    estate.worlds[A].base.connections.as_mut().unwrap()[0].peer_certificate_id = Some(id);
    assert!(!is_named(&estate), "somebody is logged in by it");
    estate.worlds[A].base.connections = None;
    assert!(!is_named(&estate), "nobody can tell who is logged in by it");
}

#[test]
fn another_certificate_of_the_same_user_is_no_earlier_one() {
    let mut estate = configured_pair();
    let user = estate.worlds[A].users.last().unwrap().id;
    estate.worlds[A].certificate("shared login", user, &made("HOST_C", 30, 100));
    assert!(find(&estate.plan(), Code::SupersededCertificate).is_empty());
}

#[test]
fn nothing_is_old_before_what_is_in_use_is_there() {
    let mut estate = configured_pair();
    let renewed = made("HOST_B", 20, 360);
    estate.switch(B, &renewed);
    estate.upload_current(B, &renewed);
    assert!(find(&estate.plan(), Code::SupersededCertificate).is_empty());
}

#[test]
fn an_expired_copy_lets_nobody_in() {
    let (mut estate, _) = renewed();
    estate.worlds[A].held.iter_mut().for_each(|held| {
        if held.name == "HOST_B_cert" {
            held.made.not_after = now() - Duration::days(1);
        }
    });
    let found = only(&estate.plan(), Code::SupersededCertificate, Severity::Info);
    assert!(
        found.found.contains("lets nobody in any more"),
        "{found:#?}"
    );
}

#[test]
fn what_another_registration_needs_is_not_given_away() {
    let mut estate = Estate::pair();
    let own = estate.own(B);
    estate.worlds[A].certificate("b", DBO, &own);
    let cure = |estate: &Estate| {
        only(
            &estate.plan(),
            Code::CertificateOwnedByDbo,
            Severity::Blocker,
        )
        .cure
    };
    assert!(matches!(cure(&estate), Some(Cure::MakeChain(_))));
    estate.elsewhere("HOST_C", &own, Standing::Used);
    assert_eq!(cure(&estate), None);
    let found = only(
        &estate.plan(),
        Code::CertificateOwnedByDbo,
        Severity::Blocker,
    );
    assert!(found.remedy.contains("HOST_C"), "{found:#?}");
}

#[test]
fn a_certificate_once_taken_for_the_peers_leads_to_nobody_elses_user() {
    let mut estate = Estate::pair();
    let others = made("HOST_C", 30, 300);
    estate.worlds[A].chain(["c_login", "c_user", "c_cert"], &others);
    // Uploaded for HOST_B by mistake, and corrected since.
    estate.desired.members[B].known.push(others.sha256());
    estate.elsewhere("HOST_C", &others, Standing::Used);
    assert_eq!(
        kinds(trust(&estate.plan(), A, "HOST_B")),
        [
            "create_login",
            "create_user",
            "import_certificate",
            "grant_connect"
        ]
    );
}
