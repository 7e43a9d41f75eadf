//! A trust's chain: made, completed, adopted, or in conflict.

use super::estate::{A, B, Estate, find, kinds, only, trust};
use super::world::{DBO, OWN_LOGIN, PUBLIC, World, name};
use crate::domain::action::{Action, ImportFrom};
use crate::domain::cure::{CertificatePart, ChainCure, Cure, LoginPart, UserPart};
use crate::domain::finding::{Code, Finding, Severity};
use crate::domain::instance::{PathTemplate, Transport};
use crate::domain::naming::Template;
use crate::domain::object_name::ObjectName;
use crate::domain::observation::EndpointConnection;
use crate::domain::plan::Plan;
use crate::domain::rights::{Right, RoleMember};
use crate::domain::trust::Configured;

const ALL: [&str; 4] = [
    "create_login",
    "create_user",
    "import_certificate",
    "grant_connect",
];

/// HOST_B's inbound side is done; what stands on HOST_A is the test's.
fn estate(on_a: impl FnOnce(&mut World, &super::made::Made)) -> Estate {
    let mut estate = Estate::pair();
    let (a, b) = (estate.own(A), estate.own(B));
    estate.worlds[B].chain(["HOST_A_login", "HOST_A_user", "HOST_A_cert"], &a);
    on_a(&mut estate.worlds[A], &b);
    estate
}

fn conflict(estate: &Estate, code: Code) -> crate::domain::finding::Finding {
    let plan = estate.plan();
    let on_a = trust(&plan, A, "HOST_B");
    assert_eq!(on_a.configured, Configured::Conflict);
    assert!(on_a.actions.is_empty());
    assert!(plan.is_blocked());
    let finding = only(&plan, code, Severity::Blocker);
    assert_eq!(
        (finding.instance.as_str(), finding.peer.as_deref()),
        ("HOST_A", Some("HOST_B"))
    );
    finding
}

fn made(chain: ChainCure) -> Option<Cure> {
    Some(Cure::MakeChain(Box::new(chain)))
}

fn parts(finding: &Finding) -> (LoginPart, UserPart, CertificatePart) {
    match &finding.cure {
        Some(Cure::MakeChain(chain)) => (
            chain.login.clone(),
            chain.user.clone(),
            chain.certificate.clone(),
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn from_nothing_everything_is_made_in_order() {
    let mut estate = Estate::trio();
    let plan = estate.plan();
    for acceptor in 0..3 {
        for trust in &plan.instances[acceptor].trusts {
            assert_eq!(kinds(trust), ALL);
            assert_eq!(trust.configured, Configured::No);
        }
    }
    assert_eq!(plan.changes().count(), 24);
    let after = estate.configure();
    assert!(after.is_fulfilled(), "{after:#?}");
    assert!(
        after
            .instances
            .iter()
            .flat_map(|i| &i.trusts)
            .all(|t| t.configured == Configured::Yes)
    );
    assert_eq!(kinds(trust(&after, A, "HOST_B")), ["adopt"]);
}

#[test]
fn names_come_from_the_acceptors_templates_and_the_peers_name() {
    let mut estate = Estate::pair();
    estate.desired.members[A].naming.login = Template::parse("mirror {peer}").unwrap();
    let plan = estate.plan();
    assert_eq!(
        trust(&plan, A, "HOST_B").actions[0],
        Action::CreateLogin {
            login: ObjectName::parse("mirror HOST_B").unwrap()
        }
    );
    assert_eq!(
        trust(&plan, B, "HOST_A").actions[0],
        Action::CreateLogin {
            login: ObjectName::parse("HOST_A_login").unwrap()
        }
    );
}

#[test]
fn a_whole_chain_is_adopted_whatever_its_names() {
    let estate = estate(|a, b| {
        a.chain(["svcB", "someone", "W_cert2"], b);
    });
    let plan = estate.plan();
    assert!(plan.is_fulfilled());
    assert_eq!(
        trust(&plan, A, "HOST_B").actions,
        [Action::Adopt {
            login: name("svcB"),
            user: name("someone"),
            certificate: name("W_cert2"),
        }]
    );
    let certificate = trust(&plan, A, "HOST_B").certificate.clone().unwrap();
    assert_eq!(certificate.name.as_deref(), Some("W_cert2"));
    assert!(certificate.pinned);
}

#[test]
fn a_missing_grant_alone_is_made_for_the_owners_login() {
    let mut estate = estate(|a, b| {
        a.chain(["svcB", "someone", "c"], b);
        a.connect.clear();
    });
    let plan = estate.plan();
    assert_eq!(
        trust(&plan, A, "HOST_B").actions,
        [Action::GrantConnect {
            endpoint: name("Endpoint_Mirroring"),
            login: name("svcB"),
        }]
    );
    assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::No);
    assert!(estate.configure().is_fulfilled());
}

#[test]
fn a_login_without_a_user_is_completed() {
    let mut estate = estate(|a, _| {
        a.login("host_b_LOGIN", 'S');
    });
    let plan = estate.plan();
    let on_a = trust(&plan, A, "HOST_B");
    assert_eq!(kinds(on_a), ALL[1..]);
    assert!(
        matches!(&on_a.actions[0], Action::CreateUser { login, .. } if login.as_str() == "host_b_LOGIN")
    );
    assert!(estate.configure().is_fulfilled());
}

#[test]
fn a_logins_user_is_adopted_by_sid_whatever_its_name() {
    let mut estate = estate(|a, _| {
        let login = a.login("HOST_B_login", 'U');
        a.user("svc user", Some(login));
        a.permit(login, true);
    });
    let plan = estate.plan();
    let on_a = trust(&plan, A, "HOST_B");
    assert_eq!(kinds(on_a), ["import_certificate"]);
    assert!(
        matches!(&on_a.actions[0], Action::ImportCertificate { owner, .. } if owner.as_str() == "svc user")
    );
    assert!(estate.configure().is_fulfilled());
}

#[test]
fn a_certificate_of_dbo_is_never_taken_for_a_chain() {
    let mut estate = estate(|a, b| {
        a.certificate("HOST_B_cert", DBO, b);
    });
    let given = |login, user| {
        made(ChainCure {
            login,
            user,
            endpoint: Some(name("Endpoint_Mirroring")),
            certificate: CertificatePart::Give {
                certificate: name("HOST_B_cert"),
                from: name("dbo"),
            },
        })
    };
    let new = |text| ObjectName::parse(text).unwrap();
    assert_eq!(
        conflict(&estate, Code::CertificateOwnedByDbo).cure,
        given(
            LoginPart::New(new("HOST_B_login")),
            UserPart::New(new("HOST_B_user"))
        )
    );
    let login = estate.worlds[A].login("HOST_B_login", 'S');
    estate.worlds[A].user("HOST_B_user", Some(login));
    assert_eq!(
        conflict(&estate, Code::CertificateOwnedByDbo).cure,
        given(
            LoginPart::Existing(name("HOST_B_login")),
            UserPart::Existing(name("HOST_B_user"))
        )
    );
    estate.worlds[A].logins.last_mut().unwrap().is_privileged = true;
    assert_eq!(
        conflict(&estate, Code::CertificateOwnedByDbo).cure,
        given(
            LoginPart::New(new("HOST_B_login")),
            UserPart::New(new("HOST_B_user"))
        ),
        "not to somebody who could do more"
    );
}

#[test]
fn a_login_that_is_dbo_owns_no_peers_certificate() {
    let estate = estate(|a, _| {
        let login = a.login("HOST_B_login", 'S');
        a.users[0].login = Some(login);
    });
    conflict(&estate, Code::CertificateOwnedByDbo);
}

#[test]
fn an_owner_without_a_login_is_orphaned() {
    let mut estate = estate(|a, b| {
        let user = a.user("HOST_B_user", None);
        a.certificate("HOST_B_cert", user, b);
    });
    assert!(matches!(
        parts(&conflict(&estate, Code::UserOrphaned)),
        (
            LoginPart::WithSid { .. },
            UserPart::Existing(_),
            CertificatePart::None
        )
    ));
    estate.worlds[A].login("HOST_B_login", 'S');
    assert_eq!(
        conflict(&estate, Code::UserOrphaned).cure,
        Some(Cure::RelinkUser {
            user: name("HOST_B_user"),
            login: name("HOST_B_login"),
        })
    );
    estate.worlds[A].users.last_mut().unwrap().without_login = true;
    assert!(
        matches!(
            parts(&conflict(&estate, Code::UserOrphaned)),
            (
                LoginPart::Existing(_),
                UserPart::New(_),
                CertificatePart::Give { .. }
            )
        ),
        "who was made without a login can have none"
    );
}

#[test]
fn what_is_in_use_here_is_never_given_away() {
    let mut estate = estate(|a, b| {
        a.certificate("HOST_B_cert", DBO, b);
        a.held.last_mut().unwrap().has_private_key = true;
    });
    let finding = conflict(&estate, Code::CertificateOwnedByDbo);
    assert_eq!(finding.cure, None);
    assert!(finding.remedy.contains("private key"), "{}", finding.remedy);
    estate.worlds[A].held.last_mut().unwrap().has_private_key = false;
    estate.worlds[A].permit(PUBLIC, false);
    let plan = estate.plan();
    assert_eq!(
        only(&plan, Code::CertificateOwnedByDbo, Severity::Blocker).cure,
        None,
        "public's DENY would keep the peer out"
    );
    only(&plan, Code::ConnectDenied, Severity::Blocker);
}

#[test]
fn an_owner_whose_login_cannot_log_in_is_a_conflict() {
    for kind in ['G', 'R', 'C', 'K'] {
        let estate = estate(|a, b| {
            let login = a.login("group", kind);
            let user = a.user("u", Some(login));
            a.certificate("c", user, b);
            a.permit(login, true);
        });
        conflict(&estate, Code::UserOrphaned);
    }
}

#[test]
fn an_orphan_under_the_wanted_name_is_a_conflict() {
    let mut estate = estate(|a, _| {
        a.user("HOST_B_user", None);
    });
    assert!(matches!(
        parts(&conflict(&estate, Code::UserOrphaned)),
        (
            LoginPart::WithSid { .. },
            UserPart::Existing(_),
            CertificatePart::None
        )
    ));
    estate.worlds[A].login("HOST_B_login", 'S');
    assert!(matches!(
        conflict(&estate, Code::UserOrphaned).cure,
        Some(Cure::RelinkUser { .. })
    ));
    estate.worlds[A].users.last_mut().unwrap().without_login = true;
    assert!(matches!(
        parts(&conflict(&estate, Code::UserOrphaned)),
        (
            LoginPart::Existing(_),
            UserPart::New(_),
            CertificatePart::None
        )
    ));
}

#[test]
fn a_wanted_user_name_that_is_somebody_elses_is_taken() {
    for login_is_there in [false, true] {
        let estate = estate(|a, _| {
            let other = a.login("other", 'S');
            a.user("HOST_B_user", Some(other));
            if login_is_there {
                a.login("HOST_B_login", 'S');
            }
        });
        assert!(conflict(&estate, Code::NameTaken).found.contains("[other]"));
    }
}

#[test]
fn a_role_under_the_wanted_user_name_is_taken_not_orphaned() {
    let estate = estate(|a, _| {
        a.user("HOST_B_user", None);
        a.users.last_mut().unwrap().kind = 'R';
    });
    conflict(&estate, Code::NameTaken);
}

#[test]
fn a_wanted_login_name_of_another_kind_is_taken() {
    for kind in ['G', 'R', 'C', 'K'] {
        let estate = estate(|a, _| {
            a.login("HOST_B_login", kind);
        });
        conflict(&estate, Code::NameTaken);
    }
}

#[test]
fn a_certificate_name_of_another_owner_is_taken() {
    let stranger = super::made::made("stranger", 77, 50);
    for owner_is_dbo in [true, false] {
        let estate = estate(|a, _| {
            let login = a.login("other", 'S');
            let user = a.user("other", Some(login));
            a.certificate(
                "HOST_B_cert",
                if owner_is_dbo { DBO } else { user },
                &stranger,
            );
        });
        assert!(
            conflict(&estate, Code::NameTaken)
                .found
                .contains("HOST_B_cert")
        );
    }
}

#[test]
fn a_deny_is_not_overruled() {
    let mut estate = estate(|a, b| {
        let login = a.chain(["HOST_B_login", "HOST_B_user", "HOST_B_cert"], b);
        a.permit(login, false);
    });
    assert_eq!(
        conflict(&estate, Code::ConnectDenied).cure,
        Some(Cure::RevokeDeny {
            permission: "CONNECT",
            endpoint: Some(name("Endpoint_Mirroring")),
            grantee: name("HOST_B_login"),
        })
    );
    estate.worlds[A].held.pop();
    conflict(&estate, Code::ConnectDenied);
}

#[test]
fn a_deny_to_public_holds_for_everybody() {
    let done = estate(|a, b| {
        a.chain(["HOST_B_login", "HOST_B_user", "HOST_B_cert"], b);
        a.permit(PUBLIC, false);
    });
    conflict(&done, Code::ConnectDenied);
    let fresh = estate(|a, _| a.permit(PUBLIC, false));
    assert!(
        conflict(&fresh, Code::ConnectDenied)
            .found
            .contains("[public]")
    );
}

/// The way out is a login that is new, which public's DENY would keep out: none is proposed until that is revoked.
#[test]
fn a_deny_to_public_is_told_with_whatever_wants_a_login_of_its_own() {
    type Change = fn(&mut World);
    let cases: [(Code, Change); 3] = [
        (Code::PeerLoginPrivileged, |a| {
            let login = a.login("HOST_B_login", 'S');
            a.login_of(login).is_privileged = true;
        }),
        (Code::NameTaken, |a| _ = a.login("HOST_B_login", 'G')),
        (Code::CertificateOwnedByDbo, |a| {
            let login = a.login("HOST_B_login", 'S');
            a.users[0].login = Some(login);
        }),
    ];
    for (code, change) in cases {
        let mut estate = estate(|a, _| change(a));
        let alone = estate.plan_unread();
        let has = |plan: &Plan, code| plan.findings.iter().any(|f| f.code == code);
        let cure = |plan: &Plan| {
            let mut found = plan.findings.iter().filter(|f| f.code == code);
            found.next().unwrap().cure.is_some()
        };
        assert!(
            cure(&alone) && !has(&alone, Code::ConnectDenied),
            "{code:?}"
        );
        estate.worlds[A].permit(PUBLIC, false);
        let denied = estate.plan_unread();
        assert!(
            !cure(&denied) && has(&denied, Code::ConnectDenied),
            "{code:?}"
        );
    }
}

#[test]
fn a_grant_to_public_is_no_explicit_grant() {
    let estate = estate(|a, b| {
        a.chain(["HOST_B_login", "HOST_B_user", "HOST_B_cert"], b);
        a.connect.clear();
        a.permit(PUBLIC, true);
    });
    assert_eq!(kinds(trust(&estate.plan(), A, "HOST_B")), ["grant_connect"]);
}

#[test]
fn the_endpoints_owner_needs_no_grant_and_gets_a_word() {
    let estate = estate(|a, b| {
        let login = a.chain(["HOST_B_login", "HOST_B_user", "HOST_B_cert"], b);
        a.connect.clear();
        a.endpoint().owner_principal_id = Some(login);
    });
    let plan = estate.plan();
    assert!(plan.is_fulfilled());
    only(&plan, Code::LoginOwnsEndpoint, Severity::Warning);
}

#[test]
fn nobody_can_grant_to_himself() {
    let estate = estate(|a, b| {
        let user = a.user("mg", Some(OWN_LOGIN));
        a.certificate("c", user, b);
    });
    assert!(
        conflict(&estate, Code::NameTaken)
            .found
            .contains("[mirrorgate]")
    );
}

#[test]
fn an_own_login_that_has_the_grant_already_needs_none() {
    let estate = estate(|a, b| {
        let user = a.user("mg", Some(OWN_LOGIN));
        a.certificate("c", user, b);
        a.permit(OWN_LOGIN, true);
    });
    assert!(estate.plan().is_fulfilled());
}

#[test]
fn a_privileged_peer_login_is_named() {
    let mut estate = estate(|a, b| {
        a.chain(["HOST_B_login", "HOST_B_user", "HOST_B_cert"], b);
    });
    assert!(find(&estate.plan(), Code::PeerLoginPrivileged).is_empty());
    estate.worlds[A].logins.last_mut().unwrap().is_privileged = true;
    only(&estate.plan(), Code::PeerLoginPrivileged, Severity::Warning);
    estate.worlds[A].held.pop();
    let finding = conflict(&estate, Code::PeerLoginPrivileged);
    assert!(matches!(
        parts(&finding),
        (
            LoginPart::New(_),
            UserPart::New(_),
            CertificatePart::Import { .. }
        )
    ));
}

#[test]
fn no_new_chain_is_built_on_the_endpoints_owner() {
    let estate = estate(|a, _| {
        let login = a.login("HOST_B_login", 'S');
        a.endpoint().owner_principal_id = Some(login);
    });
    assert_eq!(
        conflict(&estate, Code::NameTaken).cure,
        Some(Cure::GiveEndpointAway {
            endpoint: name("Endpoint_Mirroring"),
            login: name("HOST_B_login"),
        })
    );
}

#[test]
fn a_deny_to_a_role_or_of_what_covers_connect_counts_and_is_named() {
    for right in [Right::Connect, Right::ControlEndpoint, Right::ControlServer] {
        let estate = estate(|a, b| {
            let login = a.chain(["HOST_B_login", "HOST_B_user", "HOST_B_cert"], b);
            let role = a.login("quarantine", 'R');
            a.members.push(RoleMember {
                role,
                member: login,
                member_kind: Some('S'),
            });
            a.right(right, role, false);
        });
        // All is in place, and lets nobody in: said, and not a blocker until something is to be changed.
        let plan = estate.plan();
        assert_eq!(trust(&plan, A, "HOST_B").configured, Configured::Yes);
        only(&plan, Code::ConnectDenied, Severity::Warning);
        let mut estate = estate;
        estate.worlds[A].connect.retain(|row| !row.granted);
        assert!(matches!(
            conflict(&estate, Code::ConnectDenied).cure,
            Some(Cure::RevokeDeny { grantee, endpoint, .. })
                if grantee.as_str() == "quarantine" && endpoint.is_none() == (right == Right::ControlServer)
        ));
    }
}

#[test]
fn a_login_that_may_not_log_in_is_named_with_what_undoes_it() {
    type Spoil = fn(&mut World, i32);
    let spoilt: [(Spoil, &str); 3] = [
        (
            |a, login| a.login_of(login).is_disabled = true,
            "EnableLogin",
        ),
        (
            |a, login| a.right(Right::ConnectSql, login, false),
            "RevokeDeny",
        ),
        (
            |a, login| a.login_of(login).connect_sql = false,
            "GrantServerPermission",
        ),
    ];
    for (spoil, cure) in spoilt {
        let estate = estate(|a, b| {
            let login = a.chain(["HOST_B_login", "HOST_B_user", "HOST_B_cert"], b);
            spoil(a, login);
        });
        let plan = estate.plan();
        let finding = only(&plan, Code::PeerLoginDisabled, Severity::Warning);
        let shown = format!("{:?}", finding.cure);
        assert!(shown.contains(cure), "{shown}");
    }
}

#[test]
fn a_grant_lost_while_the_peer_is_connected_is_urgent() {
    let with = |connected: bool| {
        estate(|a, b| {
            a.chain(["HOST_B_login", "HOST_B_user", "HOST_B_cert"], b);
            a.connect.clear();
            let id = a.held.last().unwrap().id;
            a.base.connections = Some(if connected {
                vec![EndpointConnection {
                    is_accept: true,
                    is_logged_in: true,
                    peer_certificate_id: Some(id),
                    principal_name: None,
                    login_time: None,
                }]
            } else {
                Vec::new()
            });
        })
    };
    let plan = with(true).plan();
    let finding = only(&plan, Code::ConnectLostWhileConnected, Severity::Warning);
    assert!(matches!(finding.cure, Some(Cure::GrantConnect { .. })));
    assert!(find(&with(false).plan(), Code::ConnectLostWhileConnected).is_empty());
}

#[test]
fn a_peers_private_key_is_named() {
    let with = |has_private_key| {
        estate(|a, b| {
            a.chain(["HOST_B_login", "HOST_B_user", "HOST_B_cert"], b);
            a.held.last_mut().unwrap().has_private_key = has_private_key;
        })
    };
    only(
        &with(true).plan(),
        Code::PeerPrivateKeyHeld,
        Severity::Warning,
    );
    assert!(find(&with(false).plan(), Code::PeerPrivateKeyHeld).is_empty());
}

#[test]
fn the_file_transport_names_the_path_the_acceptor_sees() {
    let mut estate = Estate::pair();
    estate.desired.members[A].transport = Transport::File {
        path: PathTemplate::parse(r"C:\certs\{peer}.cer").unwrap(),
    };
    let plan = estate.plan();
    let from = |acceptor, peer| match &trust(&plan, acceptor, peer).actions[2] {
        Action::ImportCertificate { from, .. } => from.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        from(A, "HOST_B"),
        ImportFrom::File {
            path: r"C:\certs\HOST_B.cer".to_owned()
        }
    );
    assert_eq!(from(B, "HOST_A"), ImportFrom::Binary);
}

#[test]
fn without_an_answer_about_the_names_nothing_is_made() {
    let estate = Estate::pair();
    let mut seen = estate.seen();
    if let crate::plan::ObservedMember::Answered(o) = &mut seen[A] {
        o.names.clear();
    }
    let plan = crate::plan::plan(&estate.desired, &seen, super::world::now());
    assert!(trust(&plan, A, "HOST_B").actions.is_empty());
    only(&plan, Code::ObservationFailed, Severity::Blocker);
}

#[test]
fn hostile_names_are_carried_through_unchanged() {
    for peer_name in crate::tsql::tests::hostile::object_names() {
        let mut estate = Estate::pair();
        if peer_name.as_str().encode_utf16().count() > 100 {
            continue;
        }
        estate.desired.members[B].peer_name = peer_name.clone();
        let plan = estate.plan();
        assert!(matches!(
            &trust(&plan, A, "HOST_B").actions[1],
            Action::CreateUser { user, login }
                if user.as_str() == format!("{peer_name}_user") && login.as_str() == format!("{peer_name}_login")
        ));
        assert!(estate.configure().is_fulfilled(), "{peer_name:?}");
    }
}
