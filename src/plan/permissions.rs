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

/// What is to be done, as far as rights are concerned.
#[derive(Debug, Clone, Copy)]
struct Work {
    login: bool,
    user: bool,
    import: bool,
    grant: bool,
}

impl Work {
    fn of(actions: &[Action]) -> Self {
        let any = |wanted: fn(&Action) -> bool| actions.iter().any(wanted);
        Self {
            login: any(|a| matches!(a, Action::CreateLogin { .. })),
            user: any(|a| matches!(a, Action::CreateUser { .. })),
            import: any(|a| matches!(a, Action::ImportCertificate { .. })),
            grant: any(|a| matches!(a, Action::GrantConnect { .. })),
        }
    }

    fn is_any(self) -> bool {
        self.login || self.user || self.import || self.grant
    }
}

/// The rights that this plan needs.
pub(super) fn check(scene: &Scene<'_>, index: usize, actions: &[Action], report: &mut Report) {
    check_for(scene, index, Work::of(actions), report);
}

/// The rights that configuring a peer nobody has heard of would need; without an endpoint nothing can be granted on it.
pub(super) fn for_configuring(scene: &Scene<'_>, index: usize, report: &mut Report) {
    let has_endpoint = scene.observed(index).is_some_and(|s| s.endpoint.is_some());
    let work = Work {
        login: true,
        user: true,
        import: true,
        grant: has_endpoint,
    };
    check_for(scene, index, work, report);
}

fn check_for(scene: &Scene<'_>, index: usize, work: Work, report: &mut Report) {
    let Some(seen) = scene.observed(index) else {
        return;
    };
    if seen.login.is_sysadmin {
        return;
    }
    for needed in needed(&seen.login, work) {
        if needed.has != Some(true) {
            missing(scene, index, &seen.login, &needed, report);
        }
    }
    if seen.login.view_any_definition != Some(true) {
        cannot_see(scene, index, &seen.login, work, report);
    }
}

fn needed(login: &OwnLogin, work: Work) -> Vec<Needed> {
    let all = [
        (
            work.login,
            Needed {
                permission: "ALTER ANY LOGIN",
                at_server: true,
                has: login.create_login,
                used_by: "CREATE LOGIN",
            },
        ),
        (
            work.user,
            Needed {
                permission: "ALTER ANY USER",
                at_server: false,
                has: login.create_user,
                used_by: "CREATE USER",
            },
        ),
        (
            work.import,
            Needed {
                permission: "CONTROL",
                at_server: false,
                has: login.control_master,
                used_by: "CREATE CERTIFICATE … AUTHORIZATION",
            },
        ),
        (
            work.grant,
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
fn cannot_see(scene: &Scene<'_>, index: usize, login: &OwnLogin, work: Work, report: &mut Report) {
    report.add(
        scene
            .note(Code::PermissionMissing, index)
            .severity(if work.is_any() {
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
