//! Whether each address still leads to the server it led to, and to a server of its own.

use super::note::Report;
use super::scene::Scene;
use crate::domain::finding::Code;

/// What the default instance calls itself in places that want a name.
const DEFAULT_INSTANCE: &str = "mssqlserver";

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for (index, _, _) in scene.all_observed() {
        changed(scene, index, report);
        other_instance(scene, index, report);
        listener(scene, index, report);
        same_server(scene, index, report);
    }
}

fn changed(scene: &Scene<'_>, index: usize, report: &mut Report) {
    let (Some(pinned), Some(seen)) = (&scene.member(index).pinned_identity, scene.observed(index))
    else {
        return;
    };
    if !pinned.is_same_as(&seen.server.identity) {
        report.add(
            scene
                .note(Code::InstanceIdentityChanged, index)
                .found(format!("{} leads to {}", scene.member(index).address, seen.server.identity))
                .wanted(format!("{pinned}, as at the first observation"))
                .remedy("Find out whether an alias was moved or a listener failed over. If the new server is meant, ask for an inspect job with accept_identity."),
        );
    }
}

fn other_instance(scene: &Scene<'_>, index: usize, report: &mut Report) {
    let (Some(wanted), Some(seen)) = (
        &scene.member(index).address.instance_name,
        scene.observed(index),
    ) else {
        return;
    };
    let found = seen.server.identity.instance_name.as_deref();
    if found.unwrap_or(DEFAULT_INSTANCE).to_lowercase() != wanted.to_lowercase() {
        report.add(
            scene
                .note(Code::InstanceNameDiffers, index)
                .found(match found {
                    Some(name) => format!("{} is instance {name}", scene.member(index).address),
                    None => format!("{} is the default instance", scene.member(index).address),
                })
                .wanted(format!("instance {wanted}, as registered"))
                .remedy("Correct the port or the instance_name of the registration."),
        );
    }
}

fn listener(scene: &Scene<'_>, index: usize, report: &mut Report) {
    if scene
        .observed(index)
        .is_some_and(|seen| seen.server.through_listener)
    {
        report.add(
            scene
                .note(Code::ConnectedThroughListener, index)
                .found(format!("{} is an availability group listener", scene.member(index).address))
                .wanted("the address of one instance, which stays that instance's")
                .remedy("Register the instance by its own host and port: after a failover a listener leads elsewhere."),
        );
    }
}

fn same_server(scene: &Scene<'_>, index: usize, report: &mut Report) {
    let Some(seen) = scene.observed(index) else {
        return;
    };
    let twin = scene.all_observed().find(|(other, _, o)| {
        *other < index && o.server.identity.is_same_as(&seen.server.identity)
    });
    if let Some((other, _, _)) = twin {
        report.add(
            scene
                .note(Code::SameServerTwice, index)
                .peer(scene.name(other))
                .found(format!(
                    "{} and {} are both {}",
                    scene.name(other),
                    scene.name(index),
                    seen.server.identity
                ))
                .wanted("two different servers")
                .remedy("Correct the address of one of the two registrations."),
        );
    }
}
