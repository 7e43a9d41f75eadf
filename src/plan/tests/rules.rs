//! Rules at the edge of others: what is known by a thumbprint only, whose a certificate is, what may be proposed as a cure.

use super::estate::{A, B, Estate, W, find, only, trust};
use super::made::made;
use super::world::{DBO, PUBLIC, SA, name, now};
use crate::domain::cure::{CertificatePart, Cure};
use crate::domain::estate::{KnownCertificate, Mark, Standing};
use crate::domain::finding::{Code, Finding, Severity};
use crate::domain::hash::Thumbprint;
use crate::domain::observation::*;
use crate::domain::own_deny::{DeniedOn, OwnDeny, PermissionName};
use crate::domain::plan::Plan;
use crate::domain::trust::Configured;
use crate::plan::{ObservedMember, plan};

fn configured_pair() -> Estate {
    let mut estate = Estate::pair();
    assert!(estate.configure().is_fulfilled());
    estate
}

/// The plan where one member shows something else than its world would.
fn shown(estate: &Estate, member: usize, change: impl FnOnce(&mut Observation)) -> Plan {
    let mut seen = estate.seen();
    let ObservedMember::Answered(observation) = &mut seen[member] else {
        panic!("not observed");
    };
    change(observation);
    plan(&estate.desired(), &seen, now())
}

fn hide_bytes(seen: &mut Observation) {
    for held in &mut seen.certificates {
        held.sha256 = None;
    }
}

#[test]
fn something_left_to_do_or_in_the_way_is_not_fulfilled() {
    let mut estate = Estate::pair();
    assert!(!estate.plan().is_fulfilled() && estate.plan().has_changes());
    let done = estate.configure();
    assert!(done.is_fulfilled() && !done.has_changes());
    estate.worlds[B].endpoint().accepts_certificates = false;
    let blocked = estate.plan();
    assert!(!blocked.is_fulfilled() && !blocked.has_changes());
}

#[test]
fn a_pin_is_weighed_only_where_somebody_lets_its_owner_in() {
    for (let_in, told) in [(A, 0), (B, 1)] {
        let mut estate = Estate::pair();
        estate.desired.trusts.retain(|trust| trust.peer == let_in);
        estate.switch(B, &made("HOST_B", 20, 360));
        let said = find(&estate.plan_unread(), Code::PinnedCertificateNotInUse).len();
        assert_eq!(said, told, "{let_in}");
    }
}

#[test]
fn what_is_held_is_known_by_its_thumbprint_where_bytes_are_not_shown() {
    let estate = configured_pair();
    let plan = shown(&estate, A, hide_bytes);
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Yes);
    let plan = shown(&estate, A, |seen| {
        hide_bytes(seen);
        seen.certificates
            .iter_mut()
            .for_each(|held| held.thumbprint = Thumbprint::of(b"other"));
    });
    assert_eq!(
        trust(&plan, A, "HOST_B").configured,
        Configured::Conflict,
        "its name is another's"
    );
}

#[test]
fn sharing_with_the_acceptor_is_known_by_the_thumbprint_where_bytes_are_not_shown() {
    let hide = |seen: &mut Observation| {
        let used = seen
            .endpoint
            .as_mut()
            .unwrap()
            .certificate
            .as_mut()
            .unwrap();
        used.der = None;
    };
    let mut estate = Estate::pair();
    assert!(find(&shown(&estate, A, hide), Code::SharedEndpointCertificate).is_empty());
    let own = estate.own(A);
    estate.switch(B, &own);
    estate.upload_current(B, &own);
    let plan = shown(&estate, A, hide);
    let on_a = find(&plan, Code::SharedEndpointCertificate);
    assert!(on_a.iter().any(|f| f.instance == "HOST_A"), "{on_a:#?}");
}

#[test]
fn what_another_peer_is_to_be_let_in_by_next_is_not_put_beside_either() {
    let mut estate = Estate::trio();
    estate.upload_next(W, &made("HOST_B", 2, 299));
    let plan = estate.plan_unread();
    let on_a: Vec<_> = find(&plan, Code::IssuerSerialTaken)
        .into_iter()
        .filter(|f| f.instance == "HOST_A")
        .filter_map(|f| f.peer.as_deref())
        .collect();
    assert_eq!(on_a, ["HOST_B", "HOST_W"]);
}

/// Its own two of one issuer and serial: the one in use is not what is in the way.
#[test]
fn of_a_peers_own_two_the_next_one_is_the_one_too_many() {
    let mut estate = Estate::pair();
    let next = made("HOST_B", 2, 299);
    estate.upload_next(B, &next);
    let said = only(
        &estate.plan_unread(),
        Code::IssuerSerialTaken,
        Severity::Blocker,
    );
    let imported = format!(
        "the certificate to be imported (SHA-1 {})",
        next.thumbprint()
    );
    assert!(said.found.starts_with(&imported), "{}", said.found);
}

#[test]
fn no_deny_keeps_a_sysadmins_login_out() {
    for is_sa in [true, false] {
        let mut estate = Estate::pair();
        let own = estate.own(B);
        let world = &mut estate.worlds[A];
        let login = if is_sa { SA } else { world.login("b", 'S') };
        world.login_of(login).is_sysadmin = !is_sa;
        let user = world.user("b", Some(login));
        world.certificate("b", user, &own);
        world.permit(login, true);
        world.permit(PUBLIC, false);
        let plan = estate.plan_unread();
        assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Yes);
        assert!(find(&plan, Code::ConnectDenied).is_empty());
    }
}

/// A name of HOST_B's on HOST_A is taken by a certificate that is somebody's.
fn taken(change: impl FnOnce(&mut Estate)) -> Finding {
    let mut estate = Estate::pair();
    let stranger = made("stranger", 77, 50);
    estate.worlds[A].certificate("HOST_B_cert", DBO, &stranger);
    change(&mut estate);
    only(&estate.plan(), Code::NameTaken, Severity::Blocker)
}

#[test]
fn of_a_certificate_in_the_way_it_is_told_whose_it_is() {
    let stranger = made("stranger", 77, 50);
    assert!(
        taken(|_| {})
            .found
            .contains("[HOST_B_cert], owned by [dbo]")
    );
    for standing in [
        Standing::Used,
        Standing::Current,
        Standing::Next,
        Standing::Earlier,
    ] {
        let said = taken(|e| e.elsewhere("HOST_C", &stranger, standing));
        assert!(
            said.found.contains("it is one of HOST_C, owned by [dbo]"),
            "{}",
            said.found
        );
    }
    let said = taken(|e| e.worlds[A].held.last_mut().unwrap().has_private_key = true);
    assert!(
        said.found.contains("an own certificate of this instance"),
        "{}",
        said.found
    );
    let said = taken(|e| {
        let id = e.worlds[A].held.last().unwrap().id;
        e.worlds[A]
            .endpoint()
            .certificate
            .as_mut()
            .unwrap()
            .certificate_id = id;
    });
    assert!(
        said.found.contains("the one this instance's endpoint uses"),
        "{}",
        said.found
    );
}

/// HOST_B's next one is what HOST_A's own endpoint uses, though its key is not seen there.
#[test]
fn what_an_endpoint_uses_is_never_given_away() {
    let mut estate = configured_pair();
    let own = estate.own(A);
    estate.upload_next(B, &own);
    let mut held = estate.worlds[A].held.iter_mut();
    held.find(|h| h.made == own).unwrap().has_private_key = false;
    estate.desired.members[A].current = None;
    estate.desired.members[A].known.clear();
    let said = only(
        &estate.plan_unread(),
        Code::CertificateOwnedByDbo,
        Severity::Blocker,
    );
    assert_eq!(said.cure, None);
    assert!(
        said.remedy.contains("this instance's endpoint uses"),
        "{}",
        said.remedy
    );
}

/// What is proposed where a Windows group has the peer's login name: which certificate it brings in.
fn proposed(change: impl FnOnce(&mut Estate)) -> Option<Vec<u8>> {
    let mut estate = Estate::pair();
    estate.worlds[A].login("HOST_B_login", 'G');
    change(&mut estate);
    match only(&estate.plan_unread(), Code::NameTaken, Severity::Blocker).cure {
        Some(Cure::MakeChain(chain)) => match chain.certificate {
            CertificatePart::Import { der, .. } => Some(der),
            other => panic!("{other:?}"),
        },
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_cure_brings_in_what_the_plan_would_not() {
    let der = Estate::pair().own(B).der;
    assert_ne!(der, Estate::pair().own(A).der);
    assert_eq!(proposed(|_| {}), Some(Estate::pair().own(B).der));
    let obtained = proposed(|e| e.desired.members[B].current = None);
    assert!(obtained.is_some(), "in use, and read from its endpoint");
    let lost_key = |e: &mut Estate| {
        let used = e.worlds[B].endpoint().certificate.as_mut().unwrap();
        used.private_key = PrivateKey::Password;
    };
    assert_eq!(proposed(lost_key), None, "it would let nobody in");
    assert_eq!(proposed(|e| e.worlds[A].permit(PUBLIC, false)), None);
    let unverified = proposed(|e| {
        e.desired.members[B].current = None;
        e.desired.members[B].tls_verified = false;
    });
    assert_eq!(unverified, None, "nobody vouches for it");
}

/// The bad one in use says nothing of the next one.
#[test]
fn the_next_certificate_has_a_cure_though_the_one_in_use_has_none() {
    let mut estate = configured_pair();
    let next = made("HOST_B", 20, 360);
    estate.upload_next(B, &next);
    let used = estate.worlds[B].endpoint().certificate.as_mut().unwrap();
    used.private_key = PrivateKey::Password;
    let taken = format!("HOST_B_cert_{}", next.thumbprint().short());
    estate.worlds[A].certificate(&taken, DBO, &made("stranger", 77, 50));
    let said = only(&estate.plan_unread(), Code::NameTaken, Severity::Blocker);
    match said.cure {
        Some(Cure::MakeChain(chain)) => {
            assert!(
                matches!(chain.certificate, CertificatePart::Import { der, .. } if der == next.der)
            );
        }
        other => panic!("{other:?}"),
    }
}

/// Who does not see all is sure of a bad owner only where the owner is seen to be bad.
#[test]
fn a_bad_owner_that_is_seen_is_told_by_whoever_sees_it() {
    let blind = |owner_login: Option<char>, owner_is_dbo: bool| {
        let mut estate = Estate::pair();
        let own = estate.own(B);
        let world = &mut estate.worlds[A];
        world.base.login.view_any_definition = Some(false);
        let login = owner_login.map(|kind| world.login("x", kind));
        let owner = if owner_is_dbo {
            DBO
        } else {
            world.user("x", login)
        };
        world.certificate("b", owner, &own);
        if owner_is_dbo {
            world.users[0].login = None;
        }
        trust(&estate.plan_unread(), A, "HOST_B").configured
    };
    assert_eq!(
        blind(None, true),
        Configured::Conflict,
        "dbo, whose login is not seen"
    );
    assert_eq!(blind(Some('G'), false), Configured::Conflict, "a group");
    assert_eq!(
        blind(None, false),
        Configured::Unknown,
        "a login may yet be there"
    );
}

type Deny = (&'static str, DeniedOn);

fn denies_revoked(lacks: fn(&mut OwnLogin), denies: &[Deny]) -> Vec<Deny> {
    let mut estate = Estate::pair();
    let login = &mut estate.worlds[A].base.login;
    lacks(login);
    let rows = denies.iter().map(|(permission, on)| OwnDeny {
        permission: PermissionName::observed(permission).unwrap(),
        on: *on,
        grantee_principal_id: 500,
        grantee: Some(name("auditors")),
    });
    login.denies = rows.collect();
    let plan = estate.plan_unread();
    let all = find(&plan, Code::PermissionMissing);
    let said = all.iter().find(|f| f.wanted.contains("needed by")).unwrap();
    match &said.cure {
        Some(Cure::RevokeOwnDenies { denies: revoked }) => denies
            .iter()
            .filter(|(permission, on)| {
                revoked
                    .iter()
                    .any(|d| d.permission.as_str() == *permission && d.on == *on)
            })
            .copied()
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_missing_permission_is_put_down_to_the_denies_that_stand_against_it() {
    use DeniedOn::{Certificate, Endpoint, Login, Master, Server, User};
    let all: Vec<Deny> = [
        Server,
        Master,
        Endpoint(65536),
        Login(5),
        User(5),
        Certificate(5),
    ]
    .into_iter()
    .flat_map(|on| {
        let permissions = [
            "CONTROL SERVER",
            "CONTROL",
            "ALTER",
            "CONNECT",
            "ALTER ANY LOGIN",
            "ALTER ANY USER",
            "ALTER ANY ENDPOINT",
        ];
        permissions.map(|permission| (permission, on))
    })
    .collect();
    type Change = fn(&mut OwnLogin);
    let cases: [(Change, &[Deny]); 3] = [
        (
            |l| l.create_login = Some(false),
            &[("CONTROL SERVER", Server), ("ALTER ANY LOGIN", Server)],
        ),
        (
            |l| l.create_user = Some(false),
            &[
                ("CONTROL SERVER", Server),
                ("CONTROL", Master),
                ("ALTER", Master),
                ("ALTER ANY USER", Master),
            ],
        ),
        (
            |l| l.grant_on_endpoint = Some(false),
            &[
                ("CONTROL SERVER", Server),
                ("ALTER ANY ENDPOINT", Server),
                ("CONTROL", Endpoint(65536)),
            ],
        ),
    ];
    for (lacks, wanted) in cases {
        assert_eq!(denies_revoked(lacks, &all), wanted);
    }
}

#[test]
fn what_a_member_was_last_seen_to_use_is_earlier_once_it_shows_another() {
    let estate = Estate::trio();
    let of_w = estate.own(W);
    let mut desired = estate.desired();
    desired.estate.instances[B]
        .certificates
        .push(KnownCertificate {
            mark: Mark {
                sha256: Some(of_w.sha256()),
                thumbprint: Some(of_w.thumbprint()),
            },
            standing: Standing::Used,
        });
    let plan = plan(&desired, &estate.seen(), now());
    let all = find(&plan, Code::CertificateOfTwoInstances);
    let on_a = all.iter().find(|f| f.instance == "HOST_A").unwrap();
    assert_eq!(on_a.severity, Severity::Warning);
    assert!(
        on_a.found.contains("HOST_B has used it before"),
        "{}",
        on_a.found
    );
}
