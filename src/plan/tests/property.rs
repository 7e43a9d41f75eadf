//! Whatever stands on the servers: what is planned can be carried out, leaves nothing to do, and touches nothing that was there.

use proptest::prelude::*;

use super::estate::{A, B, Estate};
use super::made::made;
use super::world::{DBO, OWN_LOGIN, PUBLIC, World};

/// One thing that may already stand on an acceptor.
#[derive(Debug, Clone, Copy)]
enum Thing {
    WantedLogin(char),
    OtherLogin,
    WantedUser,
    OtherUser,
    UserOf(usize),
    WantedUserOf(usize),
    Certificate {
        which: usize,
        name: usize,
        owner: usize,
    },
    Permit {
        login: usize,
        granted: bool,
    },
    PublicGrant,
    EndpointOwner(usize),
    UserOfOwnLogin,
}

fn thing() -> impl Strategy<Value = Thing> {
    let n = 0..6usize;
    prop_oneof![
        prop::sample::select(vec!['S', 'S', 'S', 'U', 'G']).prop_map(Thing::WantedLogin),
        Just(Thing::OtherLogin),
        Just(Thing::WantedUser),
        Just(Thing::OtherUser),
        n.clone().prop_map(Thing::UserOf),
        n.clone().prop_map(Thing::WantedUserOf),
        (0..4usize, 0..4usize, n.clone()).prop_map(|(which, name, owner)| Thing::Certificate {
            which,
            name,
            owner
        }),
        (n.clone(), prop::bool::weighted(0.9))
            .prop_map(|(login, granted)| Thing::Permit { login, granted }),
        Just(Thing::PublicGrant),
        n.prop_map(Thing::EndpointOwner),
        Just(Thing::UserOfOwnLogin),
    ]
}

/// Adds it where a server would let it be added.
fn add(world: &mut World, thing: Thing, peer: &str, certificates: &[super::made::Made]) {
    let wanted = |what: &str| format!("{peer}_{what}");
    let has_user = |w: &World, login: i32| w.users.iter().any(|u| u.login == Some(login));
    let names_user = |w: &World, name: &str| w.users.iter().any(|u| u.name == name);
    let login = |w: &World, i: usize| w.logins.get(i + 2).map(|l| l.principal_id);
    match thing {
        Thing::WantedLogin(kind) => {
            if !world
                .logins
                .iter()
                .any(|l| l.name.as_str() == wanted("login"))
            {
                world.login(&wanted("login"), kind);
            }
        }
        Thing::OtherLogin => {
            let name = format!("login{}", world.logins.len());
            world.login(&name, 'S');
        }
        Thing::WantedUser if !names_user(world, &wanted("user")) => {
            world.user(&wanted("user"), None);
        }
        Thing::OtherUser => {
            let name = format!("user{}", world.users.len());
            world.user(&name, None);
        }
        Thing::UserOf(i) | Thing::WantedUserOf(i) => {
            let name = if matches!(thing, Thing::UserOf(_)) {
                format!("user{}", world.users.len())
            } else {
                wanted("user")
            };
            if let Some(login) = login(world, i)
                && !has_user(world, login)
                && !names_user(world, &name)
            {
                world.user(&name, Some(login));
            }
        }
        Thing::Certificate { which, name, owner } => {
            let made = &certificates[which];
            let name = match name {
                0 => wanted("cert"),
                1 => format!("{}_{}", wanted("cert"), made.thumbprint().short()),
                n => format!("cert{n}{which}"),
            };
            let taken = world.held.iter().any(|h| h.name == name || h.made == *made);
            let owner = world.users.get(owner).map_or(DBO, |u| u.id);
            if !taken {
                world.certificate(&name, owner, made);
            }
        }
        Thing::Permit { login: i, granted } => {
            if let Some(login) = login(world, i)
                && !world
                    .connect
                    .iter()
                    .any(|c| c.grantee.principal_id == login)
            {
                world.permit(login, granted);
            }
        }
        Thing::PublicGrant => world.permit(PUBLIC, true),
        Thing::EndpointOwner(i) => {
            let owner = login(world, i);
            if owner.is_some() {
                world.endpoint().owner_principal_id = owner;
            }
        }
        Thing::UserOfOwnLogin if !has_user(world, OWN_LOGIN) => {
            world.user("mg", Some(OWN_LOGIN));
        }
        Thing::WantedUser | Thing::UserOfOwnLogin => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::domain::cases(600), ..ProptestConfig::default() })]

    #[test]
    fn a_plan_carried_out_leaves_nothing_to_do(
        on_a in prop::collection::vec(thing(), 0..10),
        on_b in prop::collection::vec(thing(), 0..10),
        with_next in any::<bool>(),
        stranger_is_known in any::<bool>(),
    ) {
        let mut estate = Estate::pair();
        let next = made("HOST_B", 50, 360);
        let old = made("HOST_B", 51, 10);
        let stranger = made("stranger", 52, 10);
        estate.desired.members[B].known.push(old.sha256());
        if stranger_is_known {
            estate.desired.members[B].known.push(stranger.sha256());
        }
        if with_next {
            estate.upload_next(B, &next);
        }
        let (a, b) = (estate.own(A), estate.own(B));
        for thing in on_a {
            add(&mut estate.worlds[A], thing, "HOST_B", &[b.clone(), next.clone(), old.clone(), stranger.clone()]);
        }
        for thing in on_b {
            add(&mut estate.worlds[B], thing, "HOST_A", &[a.clone(), stranger.clone(), old.clone(), next.clone()]);
        }
        let plan = estate.plan_unread();
        if !plan.is_blocked() {
            estate.carry_out(&plan);
            let after = estate.plan_unread();
            prop_assert!(after.is_fulfilled(), "{plan:#?}\n{after:#?}");
            for trust in after.instances.iter().flat_map(|i| &i.trusts) {
                prop_assert_eq!(trust.configured, crate::domain::trust::Configured::Yes);
            }
            prop_assert!(crate::plan::is_subset(&after, &plan));
        }
    }
}
