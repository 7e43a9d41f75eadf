//! From the certificate's owner to a login, and whether that login may connect to the endpoint: by its *effective* rights.

use std::collections::BTreeSet;

use super::reasons::Reasons;
use super::{End, sees_everything};
use crate::domain::observation::{HeldCertificate, Login};
use crate::domain::rights::{PUBLIC, Right, RightRow, SYSADMIN};
use crate::plan::trust::SA;

pub(super) fn check(on: &End<'_>, held: &HeldCertificate, reasons: &mut Reasons) {
    let sees = sees_everything(on.seen);
    let Some(owner) = &held.owner else {
        reasons.not_seen(
            "owner_not_seen",
            format!(
                "the owner of certificate [{}] on {} is not seen",
                held.name, on.name
            ),
        );
        return;
    };
    let Some(login) = &owner.login else {
        reasons.refuses(
            sees,
            "owner_without_login",
            format!(
                "user [{}] on {}, who owns the certificate [{}], has no login",
                owner.name, on.name, held.name
            ),
        );
        return;
    };
    if !matches!(login.kind, 'S' | 'U') {
        reasons.unverified(
            "login_of_another_kind",
            format!(
                "[{}] on {} is neither a SQL nor a Windows login",
                login.name, on.name
            ),
        );
    }
    may_log_in(on, login, reasons);
    // What dbo owns lets its holder in as sysadmin, whatever is denied to whom.
    if !owner.is_dbo() {
        may_connect(on, login, reasons);
    }
}

/// Whether a disabled login passes at an endpoint is not verified; a live connection shows it.
fn may_log_in(on: &End<'_>, login: &Login, reasons: &mut Reasons) {
    let denied = matching(on, login, |row| {
        row.right == Right::ConnectSql && !row.granted
    });
    let why = if login.is_disabled {
        "is disabled".to_owned()
    } else if let Some(row) = denied.first()
        && !is_sysadmin(on, login)
    {
        format!("is denied CONNECT SQL (to {})", row.grantee)
    } else if login.kind == 'S' && !login.connect_sql && !is_sysadmin(on, login) {
        "has no CONNECT SQL".to_owned()
    } else {
        return;
    };
    reasons.unverified(
        "login_barred_from_sql",
        format!(
            "login [{}] on {} {why}, and whether such a login passes at an endpoint is not verified",
            login.name, on.name
        ),
    );
}

fn may_connect(on: &End<'_>, login: &Login, reasons: &mut Reasons) {
    if is_sysadmin(on, login) {
        return;
    }
    let owns = on
        .endpoint
        .owner_principal_id
        .is_some_and(|owner| identities(on, login).contains(&owner));
    let denied = matching(on, login, |row| row.right.covers_connect() && !row.granted);
    if let Some(row) = denied.first() {
        let detail = format!(
            "{} on {} is denied to {}",
            said(row.right),
            on.name,
            row.grantee
        );
        if owns {
            reasons.unverified(
                "owner_denied",
                format!(
                    "{detail}, and [{}] owns the endpoint: which of the two counts is not verified",
                    login.name
                ),
            );
        } else {
            reasons.refuses(true, "connect_denied", detail);
        }
        return;
    }
    let is_windows = matches!(login.kind, 'U' | 'E');
    if is_windows && let Some(what) = of_groups(on, false) {
        reasons.unverified("windows_groups", in_doubt(&what, login));
        return;
    }
    let granted = matching(on, login, |row| row.right.covers_connect() && row.granted);
    if owns || !granted.is_empty() {
        return;
    }
    if is_windows && let Some(what) = of_groups(on, true) {
        reasons.unverified("windows_groups", in_doubt(&what, login));
        return;
    }
    reasons.refuses(
        sees_everything(on.seen),
        "connect_missing",
        format!(
            "login [{}] on {} has no CONNECT on endpoint [{}]",
            login.name, on.name, on.endpoint.name
        ),
    );
}

fn in_doubt(what: &str, login: &Login) -> String {
    format!(
        "{what}, and no catalog tells whether [{}] is in it",
        login.name
    )
}

fn is_sysadmin(on: &End<'_>, login: &Login) -> bool {
    login.principal_id == SA || login.is_sysadmin || identities(on, login).contains(&SYSADMIN)
}

/// The login, `public`, and every server role it is in, directly or through another.
pub(in crate::plan) fn identities_of(
    rights: &crate::domain::rights::Rights,
    login: i32,
) -> BTreeSet<i32> {
    let mut found = BTreeSet::from([login, PUBLIC]);
    loop {
        let more: Vec<i32> = rights
            .members
            .iter()
            .filter(|m| found.contains(&m.member) && !found.contains(&m.role))
            .map(|m| m.role)
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

fn identities(on: &End<'_>, login: &Login) -> BTreeSet<i32> {
    identities_of(&on.seen.rights, login.principal_id)
}

fn matching<'a>(
    on: &End<'a>,
    login: &Login,
    wanted: impl Fn(&RightRow) -> bool,
) -> Vec<&'a RightRow> {
    let who = identities(on, login);
    on.seen
        .rights
        .rows
        .iter()
        .filter(|row| who.contains(&row.grantee.principal_id) && wanted(row))
        .collect()
}

/// What a Windows or Entra group has, or is denied: itself, or through a role it is in. In words.
fn of_groups(on: &End<'_>, granted: bool) -> Option<String> {
    let rights = &on.seen.rights;
    let of_rows = rights
        .rows
        .iter()
        .map(|row| (row.grantee.principal_id, row.grantee.kind));
    let of_members = rights.members.iter().map(|m| (m.member, m.member_kind));
    of_rows
        .chain(of_members)
        .filter(|(_, kind)| matches!(kind, Some('G' | 'X')))
        .find_map(|(group, _)| group_right(on, group, granted))
}

fn group_right(on: &End<'_>, group: i32, granted: bool) -> Option<String> {
    let rights = &on.seen.rights;
    let mut who = identities_of(rights, group);
    who.remove(&PUBLIC);
    if granted && who.contains(&SYSADMIN) {
        return Some(format!("a Windows group on {} is in sysadmin", on.name));
    }
    let row = rights.rows.iter().find(|row| {
        row.right.covers_connect()
            && row.granted == granted
            && who.contains(&row.grantee.principal_id)
    })?;
    let whose = if row.grantee.principal_id == group {
        "a Windows group"
    } else {
        "a role that a Windows group is in"
    };
    Some(format!(
        "{} on {} is {} {}, {whose}",
        said(row.right),
        on.name,
        if granted { "granted to" } else { "denied to" },
        row.grantee
    ))
}

fn said(right: Right) -> &'static str {
    match right {
        Right::Connect => "CONNECT on the endpoint",
        Right::ControlEndpoint => "CONTROL on the endpoint",
        Right::ControlServer => "CONTROL SERVER",
        Right::ConnectSql => "CONNECT SQL",
    }
}
