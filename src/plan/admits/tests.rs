//! One fact turned at a time: what the verdict makes of it.

use crate::domain::observation::{EndpointEncryption, EndpointRole, EndpointState, PrivateKey};
use crate::domain::rights::{PUBLIC, Right, RoleMember, SYSADMIN};
use crate::domain::trust::{Admission, AdmitReasonKind, Admits};
use crate::plan::tests::estate::{A, B, Estate, W, trust};
use crate::plan::tests::world::{DBO, World};

/// A trio in which every trust stands.
fn in_place() -> Estate {
    let mut estate = Estate::trio();
    assert!(estate.configure().is_fulfilled());
    estate
}

fn verdict(estate: &Estate) -> Admission {
    trust(&estate.plan(), A, "HOST_B").admits.clone()
}

fn after(change: impl FnOnce(&mut Estate)) -> Admission {
    let mut estate = in_place();
    change(&mut estate);
    verdict(&estate)
}

fn refuses(code: &str, change: impl FnOnce(&mut Estate)) {
    let said = after(change);
    assert_eq!(said.verdict, Admits::No, "{code}: {said:?}");
    assert!(said.reasons.iter().any(|r| r.code == code), "{said:?}");
    assert_eq!(said.lapses_at, None);
}

fn hangs_on(code: &str, change: impl FnOnce(&mut Estate)) {
    let said = after(change);
    assert!(said.hangs_on_unverified_points(), "{code}: {said:?}");
    assert!(said.reasons.iter().any(|r| r.code == code), "{said:?}");
}

fn admits(change: impl FnOnce(&mut Estate)) {
    let said = after(change);
    assert_eq!(said.verdict, Admits::Yes, "{said:?}");
}

/// The login that HOST_B's certificate leads to on HOST_A.
fn login_of_b(world: &World) -> i32 {
    let found = world
        .logins
        .iter()
        .find(|l| l.name.as_str() == "HOST_B_login");
    found.unwrap().principal_id
}

fn role(world: &mut World, members: &[i32]) -> i32 {
    let role = world.login("some_role", 'R');
    for member in members {
        world.members.push(RoleMember {
            role,
            member: *member,
            member_kind: Some('S'),
        });
    }
    role
}

#[test]
fn what_is_configured_and_fit_admits_until_the_first_certificate_ends() {
    let estate = in_place();
    let said = verdict(&estate);
    assert_eq!((said.verdict, said.reasons.len()), (Admits::Yes, 0));
    let ends = [estate.own(A).not_after, estate.own(B).not_after];
    assert_eq!(said.lapses_at, ends.into_iter().min());
}

#[test]
fn of_two_with_one_issuer_and_serial_nobody_knows_which_is_found() {
    hangs_on("issuer_serial_twin", |e| {
        e.worlds[A].certificate(
            "twin",
            DBO,
            &crate::plan::tests::made::made("HOST_B", 2, 299),
        );
    });
}

#[test]
fn a_deny_that_counts_wins_wherever_it_stands() {
    for right in [Right::Connect, Right::ControlEndpoint, Right::ControlServer] {
        refuses("connect_denied", |e| {
            let login = login_of_b(&e.worlds[A]);
            e.worlds[A].right(right, login, false);
        });
        refuses("connect_denied", |e| {
            e.worlds[A].right(right, PUBLIC, false)
        });
        refuses("connect_denied", |e| {
            let login = login_of_b(&e.worlds[A]);
            let inner = role(&mut e.worlds[A], &[login]);
            let outer = role(&mut e.worlds[A], &[inner]);
            e.worlds[A].right(right, outer, false);
        });
        admits(|e| {
            let stranger = e.worlds[A].login("stranger", 'S');
            let role = role(&mut e.worlds[A], &[stranger]);
            e.worlds[A].right(right, role, false);
        });
    }
}

#[test]
fn no_deny_stops_sysadmin_and_the_owner_of_a_denied_role_is_in_doubt() {
    admits(|e| {
        let login = login_of_b(&e.worlds[A]);
        e.worlds[A].right(Right::Connect, PUBLIC, false);
        e.worlds[A].members.push(RoleMember {
            role: SYSADMIN,
            member: login,
            member_kind: Some('S'),
        });
    });
    hangs_on("owner_denied", |e| {
        let login = login_of_b(&e.worlds[A]);
        e.worlds[A].right(Right::Connect, PUBLIC, false);
        e.worlds[A].endpoint().owner_principal_id = Some(login);
    });
}

#[test]
fn any_grant_that_covers_connect_lets_in() {
    refuses("connect_missing", |e| e.worlds[A].connect.clear());
    for right in [Right::Connect, Right::ControlEndpoint, Right::ControlServer] {
        admits(|e| {
            let world = &mut e.worlds[A];
            world.connect.clear();
            let login = login_of_b(world);
            let role = role(world, &[login]);
            world.right(right, role, true);
        });
    }
    admits(|e| {
        let world = &mut e.worlds[A];
        world.connect.clear();
        world.endpoint().owner_principal_id = Some(login_of_b(world));
    });
}

#[test]
fn a_login_kept_from_sql_server_is_in_doubt() {
    let change_login = |change: fn(&mut crate::domain::observation::Login)| {
        move |e: &mut Estate| {
            let logins = &mut e.worlds[A].logins;
            change(
                logins
                    .iter_mut()
                    .find(|l| l.name.as_str() == "HOST_B_login")
                    .unwrap(),
            );
        }
    };
    hangs_on(
        "login_barred_from_sql",
        change_login(|l| l.is_disabled = true),
    );
    hangs_on(
        "login_barred_from_sql",
        change_login(|l| l.connect_sql = false),
    );
    hangs_on("login_barred_from_sql", |e| {
        let login = login_of_b(&e.worlds[A]);
        e.worlds[A].right(Right::ConnectSql, login, false);
    });
}

#[test]
fn groups_of_a_windows_login_are_told_by_no_catalog() {
    let windows = |world: &mut World| {
        let login = world
            .logins
            .iter_mut()
            .find(|l| l.name.as_str() == "HOST_B_login")
            .unwrap();
        login.kind = 'U';
        login.principal_id
    };
    admits(|e| {
        windows(&mut e.worlds[A]);
    });
    for granted in [true, false] {
        hangs_on("windows_groups", |e| {
            let world = &mut e.worlds[A];
            windows(world);
            if granted {
                world.connect.clear();
            }
            let group = world.login("CORP\\mirrors", 'G');
            world.right(Right::Connect, group, granted);
        });
    }
    hangs_on("windows_groups", |e| {
        let world = &mut e.worlds[A];
        windows(world);
        world.connect.clear();
        let group = world.login("CORP\\dba", 'G');
        world.members.push(RoleMember {
            role: SYSADMIN,
            member: group,
            member_kind: Some('G'),
        });
    });
    refuses("connect_missing", |e| {
        windows(&mut e.worlds[A]);
        e.worlds[A].connect.clear();
    });
}

#[test]
fn either_endpoint_unfit_refuses() {
    for side in [A, B] {
        for state in [EndpointState::Stopped, EndpointState::Disabled] {
            refuses("endpoint_stopped", |e| {
                e.worlds[side].endpoint().state = state
            });
        }
        refuses("role_unfit", |e| {
            e.worlds[side].endpoint().role = EndpointRole::Witness
        });
        admits(|e| e.worlds[side].endpoint().role = EndpointRole::Partner);
        refuses("no_certificate_authentication", |e| {
            e.worlds[side].endpoint().accepts_certificates = false;
        });
        refuses("no_common_algorithm", |e| {
            e.worlds[side].endpoint().encryption = EndpointEncryption::from_code(0);
        });
        refuses("own_certificate_without_key", |e| {
            let own = e.worlds[side].endpoint().certificate.as_mut().unwrap();
            own.private_key = PrivateKey::Password;
        });
        refuses("own_certificate_missing", |e| {
            e.worlds[side].endpoint().certificate = None
        });
        refuses("no_master_key", |e| {
            e.worlds[side].base.master_key.exists = false
        });
        hangs_on("master_key_not_opened_by_server", |e| {
            e.worlds[side].base.master_key.opened_by_server = false;
        });
        refuses("no_endpoint", |e| e.worlds[side].base.endpoint = None);
    }
    let witness = trust(&in_place().plan(), W, "HOST_A").admits.verdict;
    assert_eq!(witness, Admits::Yes);
}

#[test]
fn dates_are_weighed_by_the_clock_of_whoever_looks_at_them() {
    let year = chrono::Duration::days(366);
    // HOST_A's clock alone is wrong: its own certificate and its copy of HOST_B's fail by it.
    refuses("certificate_expired", |e| {
        e.worlds[A].base.server.clock += year
    });
    refuses("certificate_not_yet_valid", |e| {
        e.worlds[A].base.server.clock -= year
    });
    refuses("certificate_expired", |e| {
        e.worlds[B].base.server.clock += year
    });
    refuses("certificate_not_yet_valid", |e| {
        e.worlds[B].base.server.clock -= year
    });
}

#[test]
fn rc4_alone_in_common_is_in_doubt_from_2025_on() {
    let rc4 = |version: &'static str| {
        move |e: &mut Estate| {
            for side in [A, B] {
                e.worlds[side].endpoint().encryption = EndpointEncryption::from_code(1);
            }
            e.worlds[A].base.server.version = version.to_owned();
        }
    };
    admits(rc4("16.0.1.1"));
    hangs_on("rc4_in_doubt", rc4("17.0.1.1"));
}

#[test]
fn the_copy_and_its_owner_decide() {
    refuses("certificate_not_held", |e| {
        let b = e.own(B);
        e.worlds[A].held.retain(|h| h.made != b);
    });
    refuses("owner_without_login", |e| {
        let login = login_of_b(&e.worlds[A]);
        let user = e.worlds[A]
            .users
            .iter_mut()
            .find(|u| u.login == Some(login))
            .unwrap();
        user.login = None;
    });
    // It works, and that is what is asked here; that it should not stand so is a conflict.
    admits(|e| {
        let b = e.own(B);
        e.worlds[A]
            .held
            .iter_mut()
            .find(|h| h.made == b)
            .unwrap()
            .owner = DBO;
    });
}

#[test]
fn who_does_not_see_everything_knows_neither_way() {
    let blind = |e: &mut Estate| {
        e.worlds[A].base.login.view_any_definition = Some(false);
        e.worlds[A].connect.clear();
    };
    let said = after(blind);
    assert_eq!(said.verdict, Admits::Unknown);
    assert!(
        said.reasons
            .iter()
            .all(|r| r.kind == AdmitReasonKind::NotSeen),
        "{said:?}"
    );
    assert!(!said.hangs_on_unverified_points());
}

#[test]
fn a_member_that_was_not_looked_at_is_no_yes() {
    let said = after(|e| {
        let failure = crate::domain::failure::Failure {
            class: crate::domain::failure::FailureClass::Unreachable,
            detail: "HOST_B said no".to_owned(),
            sql: None,
            cause: None,
        };
        e.failed.insert(B, failure);
    });
    assert_eq!(said.verdict, Admits::Unknown);
    assert_eq!(said.reasons[0].code, "not_observed");
    assert_eq!(said.reasons[0].kind, AdmitReasonKind::NotSeen);
    assert!(!said.hangs_on_unverified_points());
}

/// Two that would each rather encrypt, and have no algorithm in common, may yet connect without.
#[test]
fn doing_without_encryption_is_in_doubt_where_both_would_rather_have_it() {
    let codes = |a: u8, b: u8| {
        move |e: &mut Estate| {
            e.worlds[A].endpoint().encryption = EndpointEncryption::from_code(a);
            e.worlds[B].endpoint().encryption = EndpointEncryption::from_code(b);
        }
    };
    let (none, rc4, aes, none_rc4, none_aes, all) = (0, 1, 2, 3, 4, 7);
    let hangs = [(none_aes, none_rc4), (none_rc4, none_aes)];
    for (a, b) in hangs {
        let said = unread_after(codes(a, b));
        assert!(said.hangs_on_unverified_points(), "{a} {b}: {said:?}");
        assert_eq!(said.reasons[0].code, "encryption_in_doubt");
    }
    let connect = [
        (none, none),
        (none, none_aes),
        (none_rc4, none),
        (none_aes, none_aes),
        (none_rc4, none_rc4),
        (all, none_aes),
        (all, none_rc4),
        (rc4, all),
        (aes, none_aes),
    ];
    for (a, b) in connect {
        assert_eq!(unread_after(codes(a, b)).verdict, Admits::Yes, "{a} {b}");
    }
    // Where there is more than RC4 in common, the newest version is in no doubt.
    for (a, b) in [(aes, aes), (all, all), (none_rc4, none_rc4), (none, all)] {
        let said = unread_after(|e| {
            codes(a, b)(e);
            e.worlds[A].base.server.version = "17.0.1.1".to_owned();
        });
        assert_eq!(said.verdict, Admits::Yes, "{a} {b}: {said:?}");
    }
}

/// Of a world whose texts are variants of texts that stand in the file.
fn unread_after(change: impl FnOnce(&mut Estate)) -> Admission {
    let mut estate = in_place();
    change(&mut estate);
    trust(&estate.plan_unread(), A, "HOST_B").admits.clone()
}

#[test]
fn a_copy_is_known_by_its_thumbprint_where_bytes_are_not_shown() {
    use crate::plan::tests::world::now;
    use crate::plan::{ObservedMember, plan};
    let estate = in_place();
    let other = crate::domain::hash::Thumbprint::of(b"another");
    for (hidden_on, thumbprint, wanted) in [
        (A, None, Admits::Yes),
        (B, None, Admits::Yes),
        (A, Some(other), Admits::No),
        (B, Some(other), Admits::No),
    ] {
        let mut seen = estate.seen();
        let ObservedMember::Answered(shown) = &mut seen[hidden_on] else {
            panic!("not observed");
        };
        if hidden_on == A {
            for held in &mut shown.certificates {
                held.sha256 = None;
                held.thumbprint = thumbprint.unwrap_or(held.thumbprint);
            }
        } else {
            let used = shown
                .endpoint
                .as_mut()
                .unwrap()
                .certificate
                .as_mut()
                .unwrap();
            used.der = None;
            used.thumbprint = thumbprint.unwrap_or(used.thumbprint);
        }
        let plan = plan(&estate.desired(), &seen, now());
        let said = &trust(&plan, A, "HOST_B").admits;
        assert_eq!(said.verdict, wanted, "hidden on {hidden_on}: {said:?}");
    }
    // Where both show the bytes, the thumbprint says nothing.
    let mut seen = estate.seen();
    if let ObservedMember::Answered(shown) = &mut seen[B] {
        let used = shown
            .endpoint
            .as_mut()
            .unwrap()
            .certificate
            .as_mut()
            .unwrap();
        used.thumbprint = other;
    }
    let plan = plan(&estate.desired(), &seen, now());
    assert_eq!(trust(&plan, A, "HOST_B").admits.verdict, Admits::Yes);
}

#[test]
fn to_be_let_in_to_the_server_is_not_to_be_let_in_to_the_endpoint() {
    refuses("connect_missing", |e| {
        let world = &mut e.worlds[A];
        let login = login_of_b(world);
        world.connect.clear();
        world.right(Right::ConnectSql, login, true);
    });
}

#[test]
fn a_windows_group_matters_to_windows_logins_and_by_what_it_has() {
    let group = |world: &mut World, role: i32| {
        let group = world.login("CORP\\dba", 'G');
        world.members.push(RoleMember {
            role,
            member: group,
            member_kind: Some('G'),
        });
        group
    };
    let windows = |world: &mut World| {
        let id = login_of_b(world);
        world.login_of(id).kind = 'U';
    };
    // Membership in sysadmin lets in and keeps nobody out.
    admits(|e| {
        windows(&mut e.worlds[A]);
        group(&mut e.worlds[A], SYSADMIN);
    });
    // A group with no part in sysadmin gives nothing.
    refuses("connect_missing", |e| {
        let world = &mut e.worlds[A];
        windows(world);
        world.connect.clear();
        let harmless = world.login("some_role", 'R');
        group(world, harmless);
    });
    // Nor does a group that may do something else.
    refuses("connect_missing", |e| {
        let world = &mut e.worlds[A];
        windows(world);
        world.connect.clear();
        let group = world.login("CORP\\mirrors", 'G');
        world.right(Right::ConnectSql, group, true);
    });
    // A SQL login is in no group of Windows.
    admits(|e| {
        let group = group(&mut e.worlds[A], SYSADMIN);
        e.worlds[A].right(Right::Connect, group, false);
    });
}

#[test]
fn a_sysadmin_is_let_in_whatever_is_denied() {
    admits(|e| {
        let login = login_of_b(&e.worlds[A]);
        let login = e.worlds[A].login_of(login);
        login.is_sysadmin = true;
        e.worlds[A].right(Right::Connect, PUBLIC, false);
    });
    let said = unread_after(|e| {
        let user = e.worlds[A].users.len() - 2;
        e.worlds[A].users[user].login = Some(crate::plan::tests::world::SA);
        e.worlds[A].right(Right::Connect, PUBLIC, false);
        let owner = e.worlds[A].users[user].id;
        let b = e.own(B);
        let mut held = e.worlds[A].held.iter_mut();
        held.find(|h| h.made == b).unwrap().owner = owner;
    });
    assert_eq!(said.verdict, Admits::Yes, "{said:?}");
}
