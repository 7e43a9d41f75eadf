//! `partial`: what a blocker touches is left out, and nothing else.

use super::estate::{A, B, Estate, W, kinds, trust};
use super::made::made;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::finding::{Code, Severity};
use crate::domain::observation::*;
use crate::domain::plan::Plan;
use crate::domain::trust::Configured;

/// What is made of a sound estate.
type Change = fn(&mut Estate);

const HOSTS: [&str; 3] = ["HOST_A", "HOST_B", "HOST_W"];

fn trio(change: impl FnOnce(&mut Estate)) -> Estate {
    let mut estate = Estate::trio();
    estate.desired.partial = true;
    change(&mut estate);
    estate
}

/// Of each trust that is left out: who lets in, who is let in, and why.
fn left_out(plan: &Plan) -> Vec<(usize, usize, Vec<Code>)> {
    let position = |name: &str| HOSTS.iter().position(|host| *host == name).unwrap();
    let trusts = plan.instances.iter().flat_map(|instance| {
        let of = |t: &crate::domain::plan::TrustPlan| {
            let acceptor = position(&instance.instance);
            (acceptor, position(&t.peer), t.left_out.clone())
        };
        instance.trusts.iter().map(of).collect::<Vec<_>>()
    });
    trusts.filter(|(_, _, codes)| !codes.is_empty()).collect()
}

fn set_encryption(estate: &mut Estate, code: [u8; 3]) {
    for (world, code) in estate.worlds.iter_mut().zip(code) {
        world.endpoint().encryption = EndpointEncryption::from_code(code);
        world.endpoint().encryption_code = code;
    }
}

fn lose_own_key(estate: &mut Estate) {
    let used = estate.worlds[B].endpoint().certificate.as_mut().unwrap();
    used.private_key = PrivateKey::Password;
}

type Case = (Code, Change, &'static [(usize, usize)]);

/// A blocker, and the trusts it touches.
fn cases() -> Vec<Case> {
    let both = &[(A, B), (B, A), (B, W), (W, B)];
    let as_acceptor = &[(B, A), (B, W)];
    vec![
        // What stands in the way of one trust.
        (
            Code::NameTaken,
            |e| _ = e.worlds[A].login("HOST_B_login", 'G'),
            &[(A, B)],
        ),
        // What two members have not in common is as true of the one as of the other.
        (
            Code::NoCommonAlgorithm,
            |e| set_encryption(e, [1, 2, 5]),
            &[(A, B), (B, A)],
        ),
        // What is wrong with a member's endpoint: nobody is let in there, and it is let in nowhere.
        (
            Code::EndpointNotCertificate,
            |e| e.worlds[B].endpoint().accepts_certificates = false,
            both,
        ),
        (
            Code::VersionTooOld,
            |e| e.worlds[B].base.server.version = "10.50.6000.34".to_owned(),
            both,
        ),
        // What keeps mirrorgate from working there says nothing of the certificate, which goes to the others.
        (
            Code::PermissionMissing,
            |e| e.worlds[B].base.login.create_login = Some(false),
            as_acceptor,
        ),
        (
            Code::EndpointInUse,
            |e| {
                e.worlds[B].base.databases = vec![MirroredDatabase {
                    name: "erp".to_owned(),
                    role: DatabaseRole::Principal,
                    state: Some("SYNCHRONIZED".to_owned()),
                    safety: None,
                    has_witness: true,
                }];
            },
            as_acceptor,
        ),
        // Nobody has seen which certificate it uses.
        (
            Code::Unreachable,
            |e| {
                let failure = Failure {
                    class: FailureClass::Unreachable,
                    detail: "HOST_B said no".to_owned(),
                    sql: None,
                    cause: None,
                };
                e.failed.insert(B, failure);
            },
            both,
        ),
    ]
}

#[test]
fn what_a_blocker_touches_is_left_out_and_nothing_else() {
    for (code, change, touched) in cases() {
        let plan = trio(change).plan_unread();
        let wanted: Vec<_> = touched.iter().map(|(a, p)| (*a, *p, vec![code])).collect();
        assert_eq!(left_out(&plan), wanted, "{code:?}: {:#?}", plan.findings);
        assert!(plan.partial && !plan.is_blocked() && plan.has_blockers());
        let sound = Estate::trio().plan();
        for (acceptor, host) in HOSTS.iter().enumerate() {
            for peer in (0..HOSTS.len()).filter(|peer| *peer != acceptor) {
                let planned = trust(&plan, acceptor, HOSTS[peer]);
                if touched.contains(&(acceptor, peer)) {
                    assert!(kinds(planned).is_empty(), "{code:?}: {host} {peer}");
                } else {
                    let whole = trust(&sound, acceptor, HOSTS[peer]);
                    assert_eq!(planned.actions, whole.actions, "{code:?}: {host} {peer}");
                }
            }
        }
    }
}

#[test]
fn what_was_found_is_told_once_and_the_heaviest_first() {
    for (code, change, _) in cases() {
        let plan = trio(|e| {
            change(e);
            e.worlds[A].endpoint().state = EndpointState::Stopped;
        });
        let findings = plan.plan_unread().findings;
        assert_eq!(findings[0].severity, Severity::Blocker);
        assert!(findings.is_sorted_by_key(|f| f.severity));
        for (n, finding) in findings.iter().enumerate() {
            assert!(
                !findings[n + 1..].contains(finding),
                "{code:?}: {finding:#?}"
            );
        }
    }
}

#[test]
fn without_a_blocker_or_without_being_asked_for_the_plan_is_whole() {
    let whole = trio(|_| {}).plan();
    assert!(!whole.partial);
    assert_eq!(whole, Estate::trio().plan());
    for (code, change, _) in cases() {
        let mut estate = trio(change);
        let partial = estate.plan_unread();
        estate.desired.partial = false;
        let plan = estate.plan_unread();
        assert!(plan.is_blocked() && !plan.partial, "{code:?}");
        assert_eq!(left_out(&plan), []);
        assert_eq!(plan.instances.len(), partial.instances.len());
    }
}

#[test]
fn less_that_is_done_is_another_plan() {
    let mut estate = trio(|e| _ = e.worlds[A].login("HOST_B_login", 'G'));
    let both = |estate: &mut Estate| {
        estate.worlds[W].login("HOST_A_login", 'G');
        estate.plan_unread().plan_hash
    };
    assert_ne!(estate.plan_unread().plan_hash, both(&mut estate));
}

/// For the certificate's own sake only its import is left out: the rest is made, and waits for the next one.
#[test]
fn an_import_that_is_left_out_is_told_where_it_is_missing() {
    let mut estate = trio(|_| {});
    estate.worlds[A].chain(["b", "b", "b"], &made("HOST_B", 2, 300));
    assert_eq!(estate.worlds[A].held.last().unwrap().made, estate.own(B));
    lose_own_key(&mut estate);
    let plan = estate.plan_unread();
    assert_eq!(
        left_out(&plan),
        [(W, B, vec![Code::OwnCertificateWithoutKey])]
    );
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Yes);
    assert_eq!(
        kinds(trust(&plan, W, "HOST_B")),
        ["create_login", "create_user", "grant_connect"]
    );
    // Another blocker of the peer does not touch what is done elsewhere.
    estate.worlds[B].base.login.create_login = Some(false);
    let left: Vec<_> = left_out(&estate.plan_unread())
        .into_iter()
        .filter(|(a, ..)| *a == W)
        .collect();
    assert_eq!(left, [(W, B, vec![Code::OwnCertificateWithoutKey])]);
}
