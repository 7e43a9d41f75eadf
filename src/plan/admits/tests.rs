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
