//! What frames the rules: questions, the plan's hash, subsets, the bytes of what is imported.

use std::collections::BTreeMap;

use chrono::Duration;

use super::estate::{A, B, Estate};
use super::made::made;
use super::world::now;
use crate::domain::hash::Thumbprint;
use crate::plan::{certificate_bytes, is_subset, plan, questions};

#[test]
fn every_peer_is_asked_about_with_the_name_a_newcomer_would_get() {
    let mut estate = Estate::trio();
    let asked = questions(&estate.desired, A, &BTreeMap::new()).unwrap();
    assert_eq!(asked.iter().map(|q| q.peer).collect::<Vec<_>>(), [1, 2]);
    let renewed = |estate: &Estate, learned: &BTreeMap<usize, Thumbprint>| {
        let asked = questions(&estate.desired, A, learned).unwrap();
        asked[0]
            .renewed_certificate
            .as_ref()
            .map(ToString::to_string)
    };
    let named = |t: Thumbprint| Some(format!("HOST_B_cert_{}", t.short()));
    let nothing = BTreeMap::new();
    assert_eq!(
        renewed(&estate, &nothing),
        named(estate.own(B).thumbprint())
    );
    let learned = BTreeMap::from([(B, Thumbprint::of(b"learned"))]);
    assert_eq!(renewed(&estate, &learned), named(learned[&B]));
    estate.desired.members[B].current = None;
    assert_eq!(renewed(&estate, &nothing), None);
    let next = made("HOST_B", 20, 360);
    estate.upload_next(B, &next);
    assert_eq!(renewed(&estate, &learned), named(next.thumbprint()));
}

#[test]
fn the_same_world_has_the_same_hash_whatever_the_time() {
    let estate = Estate::trio();
    let first = estate.plan();
    let later = plan(&estate.desired, &estate.seen(), now() + Duration::hours(5));
    assert_eq!(first.plan_hash, later.plan_hash);
}

#[test]
fn what_would_be_done_otherwise_has_another_hash() {
    let hash = |change: fn(&mut Estate)| {
        let mut estate = Estate::pair();
        change(&mut estate);
        estate.plan().plan_hash
    };
    let changes: [fn(&mut Estate); 7] = [
        |_| {},
        |e| e.worlds[A].base.server.identity.server_name.push('X'),
        |e| e.worlds[A].endpoint().name = super::world::name("Hadr_endpoint"),
        |e| {
            e.desired.members[A].naming.login =
                crate::domain::naming::Template::parse("{peer}").unwrap()
        },
        |e| {
            e.worlds[A].login("HOST_B_login", 'S');
        },
        |e| {
            let other = made("HOST_B", 9, 200);
            e.switch(B, &other);
            e.upload_current(B, &other);
        },
        |e| e.desired.members.swap(A, B),
    ];
    let hashes: Vec<_> = changes.map(hash).into_iter().collect();
    let distinct: std::collections::HashSet<_> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

#[test]
fn less_than_was_approved_is_a_subset_and_more_is_not() {
    let mut estate = Estate::pair();
    let approved = estate.plan();
    let first = approved
        .changes()
        .next()
        .map(|(i, _, a)| (i, a.clone()))
        .unwrap();
    estate.worlds[first.0].apply(&first.1, &estate.known);
    let rest = estate.plan();
    assert!(rest.changes().count() < approved.changes().count());
    assert!(is_subset(&rest, &approved));
    assert!(!is_subset(&approved, &rest));
    assert!(is_subset(&approved, &approved));
    let mut elsewhere = approved.clone();
    elsewhere.instances.swap(A, B);
    assert!(is_subset(&elsewhere, &approved), "by name, not by position");
    elsewhere.instances[0].instance = "HOST_X".to_owned();
    assert!(!is_subset(&elsewhere, &approved));
    let mut for_another = approved.clone();
    for_another.instances[A].trusts[0].peer = "HOST_X".to_owned();
    assert!(!is_subset(&for_another, &approved));
}

#[test]
fn the_bytes_of_every_import_are_at_hand() {
    let mut estate = Estate::pair();
    estate.desired.members[B].current = None;
    estate.upload_next(A, &made("HOST_A", 20, 360));
    let bytes = certificate_bytes(&estate.desired, &estate.seen());
    let comment = crate::tsql::batch_comment::BatchComment {
        job: uuid::Uuid::nil(),
        change_ref: None,
    };
    let mut plan = estate.plan();
    let batches = crate::tsql::apply::batches(comment, &plan, &bytes).unwrap();
    let script = crate::tsql::script::script(comment, &plan, &[], &batches);
    assert_eq!(script.parts[A].statements.len(), 4);
    assert_eq!(script.parts[B].statements.len(), 5);
    crate::tsql::cure::fill_in(&mut plan);
    assert!(
        plan.findings
            .iter()
            .all(|f| f.remedy_tsql.is_some() == f.cure.is_some())
    );
}
