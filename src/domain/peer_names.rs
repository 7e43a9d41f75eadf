//! The names that an acceptor's templates give its peers: each usable, and no two alike.
//!
//! Only mirrorgate's own names are compared here. Whether a name is taken on a server is the server's to say.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::naming::{Naming, UnusableName};
use super::object_name::ObjectName;

/// Why an acceptor's templates do not serve its peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusedPeerNames {
    /// SQL Server would refuse it.
    Unusable { peer: usize, why: UnusableName },
    /// Two peers would share it, without regard to case.
    Clash(Clash),
}

/// Two peers, by their position, of which one acceptor could not have both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// `login`, `user` or `certificate`.
    pub object: &'static str,
    pub name: ObjectName,
    pub peers: [usize; 2],
}

/// Renders the names of all `peers`, who are given by what others call them.
///
/// # Errors
/// The first name that cannot be used, or that an earlier peer has.
pub fn check(naming: &Naming, peers: &[&ObjectName]) -> Result<(), RefusedPeerNames> {
    let mut taken: HashMap<(&'static str, String), usize> = HashMap::new();
    for (peer, peer_name) in peers.iter().enumerate() {
        let names = naming
            .render(peer_name)
            .map_err(|why| RefusedPeerNames::Unusable { peer, why })?;
        for (object, name) in [
            ("login", names.login),
            ("user", names.user),
            ("certificate", names.certificate),
        ] {
            match taken.entry((object, fold(name.as_str()))) {
                Entry::Vacant(free) => {
                    free.insert(peer);
                }
                Entry::Occupied(other) => {
                    let peers = [*other.get(), peer];
                    return Err(RefusedPeerNames::Clash(Clash {
                        object,
                        name,
                        peers,
                    }));
                }
            }
        }
    }
    Ok(())
}

/// What a case-insensitive collation would hold for equal, on the safe side: more is folded than most collations fold.
fn fold(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::naming::Template;

    #[test]
    fn case_folds_beyond_ascii() {
        assert_eq!(fold("HOST_\u{17f}"), fold("host_S"));
        assert_eq!(fold("\u{3c3}"), fold("\u{3c2}"));
        assert_ne!(fold("host_a"), fold("host_b"));
    }

    #[test]
    fn the_first_name_that_two_share_or_none_can_have_is_told() {
        let names = ["host_a", "HOST_B", "Host_A"].map(|n| ObjectName::parse(n).unwrap());
        let peers: Vec<&ObjectName> = names.iter().collect();
        assert_eq!(check(&Naming::default(), &peers[..2]), Ok(()));
        let Err(RefusedPeerNames::Clash(clash)) = check(&Naming::default(), &peers) else {
            panic!("no clash");
        };
        assert_eq!(
            (clash.object, clash.name.as_str(), clash.peers),
            ("login", "Host_A_login", [0, 2])
        );
        let naming = Naming {
            user: Template::parse(&format!("{{peer}}{}", "x".repeat(125))).unwrap(),
            ..Naming::default()
        };
        let refused = check(&naming, &peers[1..2]);
        assert!(
            matches!(&refused, Err(RefusedPeerNames::Unusable { peer: 0, why }) if why.object == "user"),
            "{refused:?}"
        );
    }

    #[test]
    fn a_login_and_a_user_may_be_called_alike() {
        let same = Template::parse("{peer}").unwrap();
        let naming = Naming {
            login: same.clone(),
            user: same.clone(),
            certificate: same,
        };
        let peer = ObjectName::parse("HOST_B").unwrap();
        assert_eq!(check(&naming, &[&peer]), Ok(()));
    }
}
