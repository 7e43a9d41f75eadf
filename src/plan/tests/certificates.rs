//! Which certificate is required: pins, renewals, next ones, obtained ones, shared ones; and proof by it.

use chrono::Duration;

use super::estate::{A, B, Estate, W, find, kinds, only, trust};
use super::made::made;
use super::world::{DBO, now};
use crate::domain::action::Action;
use crate::domain::cure::Cure;
use crate::domain::finding::{Code, Severity};
use crate::domain::instance::{PathTemplate, Transport};
use crate::domain::observation::EndpointConnection;
use crate::domain::trust::{Configured, Proof};

fn configured_pair() -> Estate {
    let mut estate = Estate::pair();
    assert!(estate.configure().is_fulfilled());
    estate
}

#[test]
fn a_renewed_certificate_is_imported_beside_the_old_one() {
    let mut estate = configured_pair();
    let renewed = made("HOST_B", 20, 360);
    estate.switch(B, &renewed);
    estate.upload_current(B, &renewed);
    let plan = estate.plan();
    let on_a = trust(&plan, A, "HOST_B");
    assert_eq!(kinds(on_a), ["import_certificate"]);
    let Action::ImportCertificate {
        certificate, owner, ..
    } = &on_a.actions[0]
    else {
        panic!("{on_a:?}")
    };
    assert_eq!(
        certificate.as_str(),
        format!("HOST_B_cert_{}", renewed.thumbprint().short())
    );
    assert_eq!(owner.as_str(), "HOST_B_user");
    assert!(kinds(trust(&plan, B, "HOST_A")) == ["adopt"]);
    let after = estate.configure();
    assert!(after.is_fulfilled());
    let old = only(&after, Code::SupersededCertificate, Severity::Info);
    assert!(
        matches!(old.cure, Some(Cure::DropCertificate { certificate }) if certificate.as_str() == "HOST_B_cert")
    );
}

#[test]
fn a_renewed_certificate_goes_to_the_owner_of_an_earlier_one_whatever_the_names() {
    let mut estate = Estate::pair();
    let (a, old) = (estate.own(A), estate.own(B));
    estate.worlds[B].chain(["l", "u", "c"], &a);
    estate.worlds[A].chain(["svcB", "someone", "b cert"], &old);
    let renewed = made("HOST_B", 20, 360);
    estate.switch(B, &renewed);
    estate.upload_current(B, &renewed);
    let plan = estate.plan();
    let on_a = trust(&plan, A, "HOST_B");
    assert_eq!(kinds(on_a), ["import_certificate"]);
    assert!(
        matches!(&on_a.actions[0], Action::ImportCertificate { owner, certificate, .. }
        if owner.as_str() == "someone" && certificate.as_str() == "HOST_B_cert")
    );
    assert!(estate.configure().is_fulfilled());
}

#[test]
fn the_name_of_a_renewed_one_may_be_taken_too() {
    let mut estate = configured_pair();
    let renewed = made("HOST_B", 20, 360);
    estate.switch(B, &renewed);
    estate.upload_current(B, &renewed);
    let stranger = made("stranger", 21, 360);
    let name = format!("host_b_CERT_{}", renewed.thumbprint().short());
    estate.worlds[A].certificate(&name, DBO, &stranger);
    let plan = estate.plan();
    assert!(
        only(&plan, Code::NameTaken, Severity::Blocker)
            .found
            .contains(&name)
    );
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Conflict);
}

#[test]
fn a_pin_that_is_not_in_use_blocks_and_plans_nothing() {
    let mut estate = Estate::pair();
    let other = made("HOST_B", 20, 360);
    estate.upload_current(B, &other);
    let plan = estate.plan();
    let finding = only(&plan, Code::PinnedCertificateNotInUse, Severity::Blocker);
    assert_eq!(finding.instance, "HOST_B");
    assert!(
        finding
            .found
            .contains(&estate.own(B).thumbprint().to_string())
    );
    assert!(finding.wanted.contains(&other.thumbprint().to_string()));
    assert!(trust(&plan, A, "HOST_B").actions.is_empty());
    assert!(!trust(&plan, B, "HOST_A").actions.is_empty());
}

#[test]
fn the_next_certificate_is_distributed_beforehand_beside_the_one_in_use() {
    let mut estate = Estate::pair();
    let next = made("HOST_B", 20, 360);
    estate.upload_next(B, &next);
    let plan = estate.plan();
    let on_a = trust(&plan, A, "HOST_B");
    assert_eq!(
        kinds(on_a),
        [
            "create_login",
            "create_user",
            "import_certificate",
            "import_certificate",
            "grant_connect"
        ]
    );
    assert!(
        matches!(&on_a.actions[3], Action::ImportCertificate { certificate, owner, sha256, .. }
        if certificate.as_str() == format!("HOST_B_cert_{}", next.thumbprint().short())
            && owner.as_str() == "HOST_B_user" && *sha256 == next.sha256())
    );
    let after = estate.configure();
    assert!(after.is_fulfilled());
    assert!(find(&after, Code::SupersededCertificate).is_empty());
}

#[test]
fn the_next_certificate_is_added_to_a_chain_that_is_there() {
    let mut estate = configured_pair();
    estate.upload_next(B, &made("HOST_B", 20, 360));
    let plan = estate.plan();
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Yes);
    assert_eq!(kinds(trust(&plan, A, "HOST_B")), ["import_certificate"]);
    assert!(estate.configure().is_fulfilled());
}

#[test]
fn the_day_the_next_certificate_is_used_it_is_the_pin() {
    let mut estate = configured_pair();
    let next = made("HOST_B", 20, 360);
    estate.upload_next(B, &next);
    assert!(estate.configure().is_fulfilled());
    estate.switch(B, &next);
    let plan = estate.plan();
    assert!(plan.is_fulfilled(), "{plan:#?}");
    assert_eq!(
        only(&plan, Code::NextCertificateInUse, Severity::Info).instance,
        "HOST_B"
    );
    let on_a = trust(&plan, A, "HOST_B");
    assert_eq!(on_a.certificate.as_ref().unwrap().sha256, next.sha256());
    assert!(on_a.certificate.as_ref().unwrap().pinned);
    only(&plan, Code::SupersededCertificate, Severity::Info);
}

#[test]
fn an_expired_next_certificate_is_not_distributed() {
    let mut estate = configured_pair();
    estate.upload_next(B, &made("HOST_B", 20, -1));
    assert!(estate.plan().is_fulfilled());
}

#[test]
fn one_upload_for_both_purposes_is_imported_once() {
    let mut estate = Estate::pair();
    let own = estate.own(B);
    estate.upload_next(B, &own);
    let plan = estate.plan();
    assert_eq!(trust(&plan, A, "HOST_B").actions.len(), 4);
    assert!(estate.configure().is_fulfilled());
}

#[test]
fn a_next_certificate_of_dbo_is_a_conflict_before_it_is_used() {
    let mut estate = configured_pair();
    let next = made("HOST_B", 20, 360);
    estate.upload_next(B, &next);
    estate.worlds[A].certificate("early", DBO, &next);
    only(
        &estate.plan(),
        Code::CertificateOwnedByDbo,
        Severity::Blocker,
    );
}

#[test]
fn one_path_brings_one_certificate() {
    let mut estate = configured_pair();
    estate.upload_next(B, &made("HOST_B", 20, 360));
    estate.desired.members[A].transport = Transport::File {
        path: PathTemplate::parse("/certs/{peer}.cer").unwrap(),
    };
    assert!(estate.plan().is_fulfilled());
}

#[test]
fn without_an_upload_the_certificate_in_use_is_obtained() {
    let mut estate = Estate::pair();
    estate.desired.members[B].current = None;
    let plan = estate.plan();
    assert!(!plan.is_blocked());
    let certificate = trust(&plan, A, "HOST_B").certificate.clone().unwrap();
    assert!(!certificate.pinned);
    assert_eq!(certificate.sha256, estate.own(B).sha256());
    assert!(estate.configure().is_fulfilled());
}

#[test]
fn nothing_is_obtained_over_a_connection_that_is_not_verified() {
    let mut estate = Estate::pair();
    estate.desired.members[B].tls_verified = false;
    let plan = estate.plan();
    assert!(!plan.is_blocked(), "an upload needs no verified connection");
    assert_eq!(
        only(&plan, Code::TlsUnverified, Severity::Warning).instance,
        "HOST_B"
    );
    estate.desired.members[B].current = None;
    let plan = estate.plan();
    only(&plan, Code::CertificateSourceUntrusted, Severity::Blocker);
    assert!(trust(&plan, A, "HOST_B").actions.is_empty());
}

#[test]
fn bytes_that_cannot_be_read_can_be_pinned_but_not_obtained() {
    let mut estate = Estate::pair();
    estate.worlds[B]
        .endpoint()
        .certificate
        .as_mut()
        .unwrap()
        .der = None;
    assert!(!estate.plan().is_blocked());
    estate.desired.members[B].current = None;
    let plan = estate.plan();
    only(&plan, Code::OwnCertificateUnusable, Severity::Blocker);
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Unknown);
}

#[test]
fn a_certificate_shared_with_the_acceptor_blocks_unless_it_works() {
    let mut estate = configured_pair();
    let shared = estate.own(A);
    estate.switch_to_shared(B, &shared);
    let plan = estate.plan();
    let all = find(&plan, Code::SharedEndpointCertificate);
    assert!(
        all.iter()
            .any(|f| f.instance == "HOST_A" && f.severity == Severity::Blocker)
    );
    assert!(find(&plan, Code::CertificateOwnedByDbo).is_empty());
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Conflict);
    // The peer is logged in by it right now: that changes nothing, the certificate is dbo's.
    let id = estate.worlds[A].held[0].id;
    estate.worlds[A].base.connections = Some(vec![connection(id)]);
    let live = estate.plan();
    assert_eq!(live.findings, plan.findings);
    let on_a = trust(&live, A, "HOST_B");
    assert_eq!(on_a.configured, Configured::Conflict);
    assert_eq!(
        on_a.proof,
        Proof::Unknown,
        "either of the two may be in by it"
    );
    // Owned by a user whose login is let in, it works.
    let login = estate.worlds[A].login("shared", 'S');
    let user = estate.worlds[A].user("shared", Some(login));
    estate.worlds[A].permit(login, true);
    estate.worlds[A].held[0].owner = user;
    let plan = estate.plan();
    let all = find(&plan, Code::SharedEndpointCertificate);
    let on_a = all.into_iter().find(|f| f.instance == "HOST_A").unwrap();
    assert_eq!(on_a.severity, Severity::Warning);
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Yes);
}

#[test]
fn a_shared_certificate_does_not_stop_what_ends_the_sharing() {
    let mut estate = configured_pair();
    let shared = estate.own(A);
    estate.switch_to_shared(B, &shared);
    let next = made("HOST_B", 20, 360);
    estate.upload_next(B, &next);
    let plan = estate.plan();
    assert!(!plan.is_blocked(), "{:#?}", plan.findings);
    assert_eq!(
        kinds(trust(&plan, A, "HOST_B")),
        ["import_certificate"],
        "under the user of its earlier one"
    );
    estate.carry_out(&plan);
    estate.switch(B, &next);
    let after = estate.plan();
    assert!(find(&after, Code::SharedEndpointCertificate).is_empty());
    assert_eq!(trust(&after, A, "HOST_B").configured, Configured::Yes);
}

#[test]
fn a_certificate_shared_by_two_peers_is_held_once() {
    let mut estate = Estate::trio();
    let shared = estate.own(B);
    estate.switch_to_shared(W, &shared);
    let plan = estate.plan();
    let on_a: Vec<_> = find(&plan, Code::SharedEndpointCertificate)
        .into_iter()
        .filter(|f| f.instance == "HOST_A")
        .collect();
    assert_eq!(on_a.len(), 2);
    assert!(on_a.iter().all(|f| f.severity == Severity::Blocker));
    assert!(trust(&plan, A, "HOST_B").actions.is_empty());
    estate.worlds[A].chain(["l", "u", "c"], &shared);
    let plan = estate.plan();
    assert!(
        find(&plan, Code::SharedEndpointCertificate)
            .iter()
            .filter(|f| f.instance == "HOST_A")
            .all(|f| f.severity == Severity::Warning)
    );
    assert_eq!(trust(&plan, A, "HOST_W").configured, Configured::Yes);
}

#[test]
fn an_own_certificate_in_the_peers_hands_is_not_superseded() {
    let mut estate = configured_pair();
    let user = estate.worlds[A].users.last().unwrap().id;
    let own = made("other", 30, 100);
    estate.desired.members[B].known.push(own.sha256());
    estate.worlds[A].certificate("with key", user, &own);
    only(&estate.plan(), Code::SupersededCertificate, Severity::Info);
    estate.worlds[A].held.last_mut().unwrap().has_private_key = true;
    assert!(find(&estate.plan(), Code::SupersededCertificate).is_empty());
}

fn connection(id: i32) -> EndpointConnection {
    EndpointConnection {
        is_accept: true,
        is_logged_in: true,
        peer_certificate_id: Some(id),
        principal_name: None,
        login_time: Some(now() - Duration::hours(1)),
    }
}

#[test]
fn proof_is_an_accepted_connection_logged_in_by_that_certificate() {
    let mut estate = configured_pair();
    let id = estate.worlds[A].held.last().unwrap().id;
    let proof = |estate: &Estate| trust(&estate.plan(), A, "HOST_B").proof;
    assert_eq!(proof(&estate), Proof::NeverDialled);
    let spoilt: [fn(&mut EndpointConnection); 3] = [
        |c| c.is_accept = false,
        |c| c.is_logged_in = false,
        |c| c.peer_certificate_id = Some(-1),
    ];
    for spoil in spoilt {
        let mut other = connection(id);
        spoil(&mut other);
        estate.worlds[A].base.connections = Some(vec![other]);
        assert_eq!(proof(&estate), Proof::NeverDialled);
    }
    estate.worlds[A].base.connections = Some(vec![connection(id)]);
    assert_eq!(
        proof(&estate),
        Proof::Proven {
            since: Some(now() - Duration::hours(1))
        }
    );
    estate.worlds[A].base.connections = None;
    assert_eq!(proof(&estate), Proof::NotPermittedToSee);
}

impl Estate {
    /// The member's endpoint uses another member's certificate and key, uploaded as its own.
    fn switch_to_shared(&mut self, member: usize, shared: &super::made::Made) {
        let world = &mut self.worlds[member];
        world.held.retain(|h| h.made != *shared);
        self.switch(member, shared);
        self.upload_current(member, shared);
    }
}
