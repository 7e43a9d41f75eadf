//! Whether the log-in may do what the plan needs, and see what the plan was made from.

use super::context::Context;
use super::findings::Findings;
use crate::domain::action::Action;
use crate::domain::cure::Cure;
use crate::domain::finding::{Code, Severity};
use crate::domain::observation::OwnLogin;
use crate::domain::own_deny::{DeniedOn, OwnDeny};
use crate::domain::plan::TrustPlan;
use crate::domain::trust::Configured;

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
}

/// The rights that this plan needs.
pub(super) fn check(
    context: &Context<'_>,
    index: usize,
    trusts: &[TrustPlan],
    actions: &[Action],
    findings: &mut Findings,
) {
    // What is seen whole and in place needs no more; whatever else is said stands on rows that may be missing.
    let is_whole = |trust: &TrustPlan| trust.configured == Configured::Yes;
    let sees_endpoint = context
        .observed(index)
        .is_some_and(|s| s.endpoint.is_some());
    let changes = actions.iter().any(Action::changes_something);
    let unseen = if sees_endpoint && trusts.iter().all(is_whole) && !changes {
        Severity::Warning
    } else {
        Severity::Blocker
    };
    check_for(context, index, Work::of(actions), unseen, findings);
}

/// The rights that configuring a peer nobody has heard of would need; without an endpoint nothing can be granted on it.
pub(super) fn for_configuring(context: &Context<'_>, index: usize, findings: &mut Findings) {
    let has_endpoint = context
        .observed(index)
        .is_some_and(|s| s.endpoint.is_some());
    let work = Work {
        login: true,
        user: true,
        import: true,
        grant: has_endpoint,
    };
    check_for(context, index, work, Severity::Blocker, findings);
}

/// `unseen` is what it weighs that something may not be seen.
fn check_for(
    context: &Context<'_>,
    index: usize,
    work: Work,
    unseen: Severity,
    findings: &mut Findings,
) {
    let Some(seen) = context.observed(index) else {
        return;
    };
    if seen.login.is_sysadmin {
        return;
    }
    for needed in needed(&seen.login, work) {
        if needed.has != Some(true) {
            missing(context, index, &seen.login, &needed, findings);
        }
    }
    if !seen.login.sees_everything() {
        cannot_see(context, index, &seen.login, unseen, findings);
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

/// What makes up for a missing permission: a DENY against it taken away, or a GRANT. Never a GRANT against a DENY.
fn cure(permission: &'static str, at_server: bool, login: &OwnLogin) -> Cure {
    let denies = denies_against(permission, at_server, login);
    if !denies.is_empty() {
        Cure::RevokeOwnDenies { denies }
    } else if at_server {
        Cure::GrantServerPermission {
            permission,
            login: login.name.clone(),
        }
    } else {
        Cure::GrantMasterPermission {
            permission,
            login: login.name.clone(),
        }
    }
}

fn denies_against(permission: &str, at_server: bool, login: &OwnLogin) -> Vec<OwnDeny> {
    let stands_against = |deny: &&OwnDeny| {
        let denied = deny.permission.as_str();
        match deny.on {
            DeniedOn::Server => denied == "CONTROL SERVER" || at_server && denied == permission,
            DeniedOn::Master => {
                !at_server && (denied == permission || matches!(denied, "CONTROL" | "ALTER"))
            }
            DeniedOn::Endpoint(_) => permission == "ALTER ANY ENDPOINT" && denied == "CONTROL",
            DeniedOn::Login(_) | DeniedOn::User(_) | DeniedOn::Certificate(_) => false,
        }
    };
    login
        .denies
        .iter()
        .filter(stands_against)
        .cloned()
        .collect()
}

/// `VIEW DEFINITION on database master, to [role]`
fn describe_deny(deny: &OwnDeny) -> String {
    let on = match deny.on {
        DeniedOn::Server => "",
        DeniedOn::Master => " on database master",
        DeniedOn::Endpoint(_) => " on the endpoint",
        DeniedOn::Login(_) => " on a login or server role",
        DeniedOn::User(_) => " on a user or role in master",
        DeniedOn::Certificate(_) => " on a certificate in master",
    };
    let to = deny.grantee.as_ref().map_or_else(
        || format!("principal {}", deny.grantee_principal_id),
        |name| format!("[{name}]"),
    );
    format!("{}{on}, to {to}", deny.permission)
}

fn describe_all(denies: &[OwnDeny]) -> String {
    let words: Vec<String> = denies.iter().map(describe_deny).collect();
    words.join("; ")
}

fn missing(
    context: &Context<'_>,
    index: usize,
    login: &OwnLogin,
    needed: &Needed,
    findings: &mut Findings,
) {
    let place = if needed.at_server {
        "on the server"
    } else {
        "on database master"
    };
    let denies = denies_against(needed.permission, needed.at_server, login);
    let (severity, verb) = match needed.has {
        Some(_) => (Severity::Blocker, "lacks"),
        None => (Severity::Warning, "may lack"),
    };
    findings.add(
        context
            .finding(Code::PermissionMissing, index)
            .severity(severity)
            .found(if denies.is_empty() {
                format!(
                    "login [{}] {verb} {} {place}",
                    login.name, needed.permission
                )
            } else {
                format!(
                    "login [{}] lacks {} {place}, because of a DENY of {}",
                    login.name,
                    needed.permission,
                    describe_all(&denies)
                )
            })
            .wanted(format!(
                "{} {place}, needed by {}",
                needed.permission, needed.used_by
            ))
            .remedy(remedy(&denies))
            .cure(cure(needed.permission, needed.at_server, login)),
    );
}

fn remedy(denies: &[OwnDeny]) -> &'static str {
    if denies.is_empty() {
        "Grant it, or let a log-in with these rights be used."
    } else {
        "A GRANT does not help against a DENY: revoke the DENY from whom it is on, if whoever gave it agrees; or let another log-in be used."
    }
}

/// Rows that the log-in may not see are absent, not refused: a plan from such a reading could make what is there already.
fn cannot_see(
    context: &Context<'_>,
    index: usize,
    login: &OwnLogin,
    severity: Severity,
    findings: &mut Findings,
) {
    let denies: Vec<OwnDeny> = login.denies.iter().filter(|d| d.hides()).cloned().collect();
    let (permission, at_server) = if login.view_any_definition == Some(true) {
        ("VIEW DEFINITION", false)
    } else {
        ("VIEW ANY DEFINITION", true)
    };
    let place = if at_server {
        "on the server"
    } else {
        "on database master"
    };
    let found = if denies.is_empty() {
        format!("login [{}] has no {permission} {place}", login.name)
    } else {
        format!("login [{}] is denied {}", login.name, describe_all(&denies))
    };
    let cure = if denies.is_empty() {
        cure(permission, at_server, login)
    } else {
        Cure::RevokeOwnDenies {
            denies: denies.clone(),
        }
    };
    findings.add(
        context
            .finding(Code::PermissionMissing, index)
            .severity(severity)
            .found(format!(
                "{found}, so it cannot be told what is there: what it does not see may yet be"
            ))
            .wanted("to see every definition on the server, the endpoint's and master's too: VIEW ANY DEFINITION, and no DENY against it")
            .remedy(remedy(&denies))
            .cure(cure),
    );
}
