//! What an endpoint's ROLE must cover, and what is said of clocks: tables.

use chrono::Duration;

use super::estate::{A, B, Estate, W, find};
use super::world::now;
use crate::domain::desired_state::NeededRoles;
use crate::domain::finding::Code;
use crate::domain::observation::EndpointRole;
use crate::domain::pair::Role;

fn is_insufficient(role: EndpointRole, own: Role, registered: NeededRoles) -> bool {
    let mut estate = Estate::trio();
    estate.desired.members[W].role = own;
    estate.desired.members[W].needed_roles = registered;
    estate.worlds[W].endpoint().role = role;
    !find(&estate.plan(), Code::EndpointRoleInsufficient).is_empty()
}

#[test]
fn an_endpoints_role_covers_what_this_job_and_all_registrations_need() {
    use EndpointRole::{All, None, Partner, Witness};
    for own in [Role::Partner, Role::Witness] {
        for (partner, witness) in [(false, false), (true, false), (false, true), (true, true)] {
            let registered = NeededRoles { partner, witness };
            let partner = partner || own == Role::Partner;
            let witness = witness || own == Role::Witness;
            for (role, covers) in [
                (None, [false, false]),
                (Partner, [true, false]),
                (Witness, [false, true]),
                (All, [true, true]),
            ] {
                let is_enough = (!partner || covers[0]) && (!witness || covers[1]);
                assert_eq!(
                    is_insufficient(role, own, registered),
                    !is_enough,
                    "{role:?} as {own:?}, registered as {registered:?}"
                );
            }
        }
    }
}

/// What is said of the clocks of HOST_A and HOST_B, so many seconds ahead of mirrorgate's.
fn skews(a: i64, b: i64) -> Vec<(String, Option<String>, String)> {
    let mut estate = Estate::pair();
    estate.worlds[A].base.server.clock = now() + Duration::seconds(a);
    estate.worlds[B].base.server.clock = now() + Duration::seconds(b);
    let plan = estate.plan();
    let found = find(&plan, Code::ClockSkew);
    found
        .iter()
        .map(|f| (f.instance.clone(), f.peer.clone(), f.found.clone()))
        .collect()
}

#[test]
fn a_skew_is_told_with_its_direction_and_by_whose_clock() {
    let of = |instance: &str, peer: Option<&str>, found: &str| {
        let found = format!("its clock is {found}");
        vec![(instance.to_owned(), peer.map(str::to_owned), found)]
    };
    let mine = |instance, found| of(instance, None, found);
    for within in [(0, 0), (60, 60), (-60, 0), (30, -30)] {
        assert_eq!(skews(within.0, within.1), [], "{within:?}");
    }
    assert_eq!(
        skews(61, 0),
        mine("HOST_A", "61 s ahead of mirrorgate's clock")
    );
    assert_eq!(
        skews(0, -61),
        mine("HOST_B", "61 s behind mirrorgate's clock")
    );
    let by_a = |found| of("HOST_B", Some("HOST_A"), found);
    assert_eq!(skews(-40, 40), by_a("80 s ahead of HOST_A's clock"));
    assert_eq!(skews(40, -40), by_a("80 s behind HOST_A's clock"));
    assert_eq!(
        skews(61, -40),
        mine("HOST_A", "61 s ahead of mirrorgate's clock"),
        "one far off is not compared with the others"
    );
}
