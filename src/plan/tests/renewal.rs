//! Which step of a renewal is due, and who would lose by the switch.

use chrono::Duration;

use super::estate::{A, B, Estate, only};
use super::made::{Made, between, made};
use super::world::{DBO, now};
use crate::domain::cure::Cure;
use crate::domain::finding::{Code, Finding, Severity};
use crate::domain::rights::Right;

/// What is made of a sound estate.
type Change = fn(&mut Estate);

/// HOST_B's certificate ends in 20 days; its next one is there with its key, and uploaded.
fn ending(next: &Made) -> Estate {
    let mut estate = Estate::pair();
    let used = made("HOST_B", 60, 20);
    estate.switch(B, &used);
    estate.upload_current(B, &used);
    estate.upload_next(B, next);
    estate.worlds[B].certificate("next", DBO, next);
    estate.worlds[B].held.last_mut().unwrap().has_private_key = true;
    let plan = estate.plan_unread();
    assert!(!plan.is_blocked(), "{:#?}", plan.findings);
    estate.carry_out(&plan);
    estate
}

fn sound_next() -> Made {
    made("HOST_B", 61, 900)
}

fn due(estate: &Estate) -> Finding {
    only(
        &estate.plan_unread(),
        Code::OwnCertificateExpiresSoon,
        Severity::Warning,
    )
}

fn switches(estate: &Estate) -> bool {
    matches!(due(estate).cure, Some(Cure::UseOwnCertificate { .. }))
}

fn makes_anew(estate: &Estate) -> bool {
    let due = due(estate);
    let is_first = due.remedy.starts_with("Make a new own certificate");
    is_first && matches!(due.cure, Some(Cure::MakeOwnCertificate(_)))
}

/// The login that HOST_B is let in as on HOST_A.
fn login_of_b(estate: &Estate) -> i32 {
    let mut logins = estate.worlds[A].logins.iter();
    let login = logins.find(|l| l.name.as_str() == "HOST_B_login");
    login.unwrap().principal_id
}

#[test]
fn a_next_one_that_is_not_valid_by_everybodys_clock_is_made_anew() {
    assert!(switches(&ending(&sound_next())));
    let begins_later = between(
        "HOST_B",
        61,
        now() + Duration::days(5),
        now() + Duration::days(900),
    );
    assert!(makes_anew(&ending(&begins_later)));
    let mut estate = ending(&between(
        "HOST_B",
        61,
        now() - Duration::days(3),
        now() + Duration::days(900),
    ));
    assert!(switches(&estate));
    estate.worlds[A].base.server.clock -= Duration::days(4);
    assert!(makes_anew(&estate), "to begin by HOST_A's clock");
}

#[test]
fn one_that_is_in_use_already_is_no_successor() {
    let mut estate = Estate::pair();
    let used = made("HOST_B", 60, 20);
    estate.switch(B, &used);
    estate.upload_next(B, &used);
    assert!(makes_anew(&estate));
    let plan = estate.plan_unread();
    estate.carry_out(&plan);
    assert!(makes_anew(&estate), "when it is let in everywhere, too");
}

#[test]
fn the_switch_waits_for_every_acceptor_to_let_the_next_one_in() {
    let cases: [(&str, Change, bool); 6] = [
        ("as configured", |_| {}, true),
        ("no CONNECT", |e| e.worlds[A].connect.clear(), false),
        (
            "a DENY alone",
            |e| {
                let login = login_of_b(e);
                e.worlds[A].connect.clear();
                e.worlds[A].right(Right::Connect, login, false);
            },
            false,
        ),
        (
            "another's CONNECT",
            |e| {
                e.worlds[A].connect.clear();
                let other = e.worlds[A].login("other", 'S');
                e.worlds[A].permit(other, true);
            },
            false,
        ),
        (
            "the endpoint's owner",
            |e| {
                e.worlds[A].connect.clear();
                e.worlds[A].endpoint().owner_principal_id = Some(login_of_b(e));
            },
            true,
        ),
        (
            "dbo's",
            |e| {
                let next = sound_next();
                let mut held = e.worlds[A].held.iter_mut();
                held.find(|h| h.made == next).unwrap().owner = DBO;
            },
            false,
        ),
    ];
    for (what, change, is_due) in cases {
        let mut estate = ending(&sound_next());
        change(&mut estate);
        assert_eq!(switches(&estate), is_due, "{what}");
        let waits = due(&estate)
            .remedy
            .contains("hands the next certificate to HOST_A");
        assert_eq!(waits, !is_due, "{what}");
    }
}

#[test]
fn only_strangers_who_are_let_in_now_hold_the_switch_up() {
    type Change = fn(&mut Estate, &Made);
    let cases: [(&str, Change, bool); 7] = [
        (
            "a stranger",
            |e, x| _ = e.worlds[B].chain(["x", "x", "x"], x),
            true,
        ),
        (
            "an own one",
            |e, x| {
                e.worlds[B].chain(["x", "x", "x"], x);
                e.worlds[B].held.last_mut().unwrap().has_private_key = true;
            },
            false,
        ),
        (
            "one that has ended",
            |e, x| {
                e.worlds[B].chain(["x", "x", "x"], x);
                e.worlds[B].held.last_mut().unwrap().made.not_after = now() - Duration::seconds(1);
            },
            false,
        ),
        (
            "one in its last second",
            |e, x| {
                e.worlds[B].chain(["x", "x", "x"], x);
                e.worlds[B].held.last_mut().unwrap().made.not_after = now();
            },
            true,
        ),
        (
            "one of an owner without a login",
            |e, x| {
                let user = e.worlds[B].user("x", None);
                e.worlds[B].certificate("x", user, x);
            },
            false,
        ),
        (
            "an earlier one of a member",
            |e, x| {
                e.worlds[B].chain(["x", "x", "x"], x);
                e.desired.members[A].known.push(x.sha256());
            },
            false,
        ),
        (
            "what a member uses and nobody uploaded",
            |e, _| e.desired.members[A].known.clear(),
            false,
        ),
    ];
    for (what, change, holds_up) in cases {
        let mut estate = ending(&sound_next());
        change(&mut estate, &made("stranger", 62, 900));
        assert_eq!(switches(&estate), !holds_up, "{what}: {:#?}", due(&estate));
    }
}
