//! Whether the log-in may do what the plan needs, and see what the plan was made from.

use super::note::Report;
use super::scene::Scene;
use crate::domain::action::Action;
use crate::domain::cure::Cure;
use crate::domain::finding::{Code, Severity};
use crate::domain::observation::OwnLogin;

/// A permission, and what of a plan needs it.
struct Needed {
    permission: &'static str,
    at_server: bool,
    has: Option<bool>,
    used_by: &'static str,
}

pub(super) fn check(scene: &Scene<'_>, index: usize, actions: &[Action], report: &mut Report) {
    let Some(seen) = scene.observed(index) else {
        return;
    };
    if seen.login.is_sysadmin {
        return;
    }
    for needed in needed(&seen.login, actions) {
        if needed.has != Some(true) {
            missing(scene, index, &seen.login, &needed, report);
        }
    }
    if seen.login.view_any_definition != Some(true) {
        cannot_see(scene, index, &seen.login, actions, report);
    }
}

fn needed(login: &OwnLogin, actions: &[Action]) -> Vec<Needed> {
    let any = |wanted: fn(&Action) -> bool| actions.iter().any(wanted);
    let all = [
        (
            any(|a| matches!(a, Action::CreateLogin { .. })),
            Needed {
                permission: "ALTER ANY LOGIN",
                at_server: true,
                has: login.create_login,
                used_by: "CREATE LOGIN",
            },
        ),
        (
            any(|a| matches!(a, Action::CreateUser { .. })),
            Needed {
                permission: "ALTER ANY USER",
                at_server: false,
                has: login.create_user,
                used_by: "CREATE USER",
            },
        ),
        (
            any(|a| matches!(a, Action::ImportCertificate { .. })),
            Needed {
                permission: "CONTROL",
                at_server: false,
                has: login.control_master,
                used_by: "CREATE CERTIFICATE … AUTHORIZATION",
            },
        ),
        (
            any(|a| matches!(a, Action::GrantConnect { .. })),
            Needed {
                permission: "ALTER ANY ENDPOINT",
                at_server: true,
                has: login.grant_on_endpoint,
                used_by: "GRANT CONNECT ON ENDPOINT",
            },
        ),
    ];
    all.into_iter()
        .filter_map(|(is_needed, needed)| is_needed.then_some(needed))
        .collect()
}

fn cure(permission: &'static str, at_server: bool, login: &OwnLogin) -> Cure {
    if at_server {
        Cure::GrantServerPermission {
            permission,
            login: login.name.clone(),
        }
    } else {
        Cure::GrantMasterPermission {
            permission,
            login: login.name.clone(),
            user: None,
        }
    }
}

fn missing(
    scene: &Scene<'_>,
    index: usize,
    login: &OwnLogin,
    needed: &Needed,
    report: &mut Report,
) {
    let place = if needed.at_server {
        "on the server"
    } else {
        "on database master"
    };
    let (severity, verb) = match needed.has {
        Some(_) => (Severity::Blocker, "lacks"),
        None => (Severity::Warning, "may lack"),
    };
    report.add(
        scene
            .note(Code::PermissionMissing, index)
            .severity(severity)
            .found(format!(
                "login [{}] {verb} {} {place}",
                login.name, needed.permission
            ))
            .wanted(format!(
                "{} {place}, needed by {}",
                needed.permission, needed.used_by
            ))
            .remedy("Grant it, or let a log-in with these rights be used.")
            .cure(cure(needed.permission, needed.at_server, login)),
    );
}

/// Rows that the log-in may not see are absent, not refused: a plan from such a reading could make what is there already.
fn cannot_see(
    scene: &Scene<'_>,
    index: usize,
    login: &OwnLogin,
    actions: &[Action],
    report: &mut Report,
) {
    let creates = actions.iter().any(Action::changes_something);
    report.add(
        scene
            .note(Code::PermissionMissing, index)
            .severity(if creates {
                Severity::Blocker
            } else {
                Severity::Warning
            })
            .found(format!(
                "login [{}] has no VIEW ANY DEFINITION, so what it does not see may yet be there",
                login.name
            ))
            .wanted("VIEW ANY DEFINITION on the server, needed by every reading of the catalog")
            .remedy("Grant it, or let a log-in with these rights be used.")
            .cure(cure("VIEW ANY DEFINITION", true, login)),
    );
}
