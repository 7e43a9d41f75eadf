//! Object names at registration: what a job would create must have a usable name that no other peer of the same
//! acceptor gets.
//!
//! Only mirrorgate's own names are compared here. Whether a name is taken on a server is the server's to say.

use crate::domain::name::RegistrationName;
use crate::domain::naming::Naming;
use crate::domain::object_name::ObjectName;
use crate::http::problem::{Fault, Problem, ProblemKind};
use crate::store::instances::Instance;

/// An instance that lets others in.
pub struct Acceptor<'a> {
    pub name: &'a RegistrationName,
    pub naming: &'a Naming,
}

/// Whom to blame for a name that cannot be used.
pub type Blame<'a> = &'a dyn Fn(&'static str, &ObjectName) -> String;

/// Renders the names of all `peers` on `acceptor`.
///
/// # Errors
/// `refused` for a name SQL Server would refuse; `name_clash` when two peers would share one without regard to case.
pub fn check(
    acceptor: &Acceptor<'_>,
    peers: &[&Instance],
    blame: Blame<'_>,
) -> Result<(), Problem> {
    let mut taken: Vec<(&'static str, String, &Instance)> = Vec::new();
    for peer in peers {
        let peer_name = &peer.spec.peer_name;
        let names = acceptor.naming.render(peer_name).map_err(|unusable| {
            let detail = format!("on {}, {unusable}: {}", acceptor.name, unusable.reason);
            Problem::at(
                ProblemKind::Refused,
                blame(unusable.object, peer_name),
                "unusable_name",
                detail,
            )
        })?;
        for (object, name) in [
            ("login", names.login),
            ("user", names.user),
            ("certificate", names.certificate),
        ] {
            let folded = fold(name.as_str());
            if let Some((_, _, other)) = taken.iter().find(|(o, n, _)| *o == object && *n == folded)
            {
                return Err(
                    clash(acceptor, object, &name, [other, peer]).fault(Fault::new(
                        blame(object, peer_name),
                        "name_clash",
                        "see detail",
                    )),
                );
            }
            taken.push((object, folded, peer));
        }
    }
    Ok(())
}

fn clash(
    acceptor: &Acceptor<'_>,
    object: &'static str,
    name: &ObjectName,
    [one, other]: [&Instance; 2],
) -> Problem {
    Problem::new(
        ProblemKind::NameClash,
        format!(
            "on {}, {} and {} would share the {object} name {name} (without regard to case); give one of them another peer_name",
            acceptor.name, one.name, other.name
        ),
    )
    .member("on", acceptor.name.to_string())
    .member("peers", vec![one.name.to_string(), other.name.to_string()])
}

/// What a case-insensitive collation would hold for equal, on the safe side: more is folded than most collations fold.
fn fold(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn case_folds_beyond_ascii() {
        assert_eq!(fold("HOST_\u{17f}"), fold("host_S"));
        assert_eq!(fold("\u{3c3}"), fold("\u{3c2}"));
        assert_ne!(fold("host_a"), fold("host_b"));
    }
}
