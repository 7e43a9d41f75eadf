//! The inbound chain of one trust: adopt it, complete it, make it, or say what stands in its way.
//!
//! Certificate → owner → login → CONNECT is followed by ids and SIDs; names decide only what a new object would be called.

use super::anchor::{self, Anchor};
use super::certificate_name::{self, Chosen, Occupied};
use super::note::Report;
use super::pin::Facts;
use super::trust::{Access, Trust};
use super::{conflict, peer_login, shared, two_instances};
use crate::domain::action::{Action, ImportFrom};
use crate::domain::finding::Severity;
use crate::domain::object_name::SysName;
use crate::domain::observation::{HeldCertificate, Login, MasterUser};
use crate::domain::trust::Configured;

/// What became of one trust.
pub(super) struct Chain {
    pub configured: Configured,
    pub actions: Vec<Action>,
}

impl Chain {
    fn stopped(configured: Configured) -> Self {
        Self {
            configured,
            actions: Vec::new(),
        }
    }
}

/// `others` are the required certificates of all members, by position.
pub(super) fn chain<'a>(
    trust: &Trust<'a>,
    others: &[Option<super::pin::Required>],
    report: &mut Report,
) -> Chain {
    let held = trust.held(&trust.required.certificate);
    let mut chain = match (shared::with(trust, others), held) {
        (Some(twin), _) => shared::chain(trust, held, &twin, report),
        (None, Some(held)) => held_chain(trust, held, report),
        (None, None) => missing_chain(trust, report),
    };
    if !trust.required.permitted || trust.seen.endpoint.is_none() {
        chain.actions.clear();
    }
    // Without a certificate to come, a chain for one that is not handed out is of no use.
    let imports = chain.actions.iter().any(Action::is_import);
    if held.is_none() && !imports && two_instances::keeps_out(trust) {
        chain.actions.clear();
    }
    if trust.seen.endpoint.is_none() && chain.configured == Configured::Yes {
        chain.configured = Configured::No;
    }
    chain
}

fn held_chain<'a>(trust: &Trust<'a>, held: &'a HeldCertificate, report: &mut Report) -> Chain {
    let Some((user, login)) = trust.proper_owner(held) else {
        return improperly_owned(trust, held, report);
    };
    let Some(grant) = grant_for(trust, login, Some(held), report) else {
        return Chain::stopped(Configured::Conflict);
    };
    let configured = if grant.is_some() {
        Configured::No
    } else {
        Configured::Yes
    };
    let mut actions = import_next(trust, &Anchor::existing(user, login), false, report);
    actions.extend(grant);
    peer_login::check(trust, login, Some(held), report);
    if let Some(note) = peer_login::key_held(trust, held) {
        report.add(note);
    }
    if actions.is_empty() {
        actions.push(adopt(held, user, &login.name));
    }
    Chain {
        configured,
        actions,
    }
}

/// An owner or a login that is not seen may yet be there, unless everything is seen.
fn improperly_owned<'a>(trust: &Trust<'a>, held: &HeldCertificate, report: &mut Report) -> Chain {
    let is_certain = match &held.owner {
        Some(owner) => owner.is_dbo() || owner.login.is_some(),
        None => false,
    };
    if !is_certain && !trust.sees_everything() {
        return Chain::stopped(Configured::Unknown);
    }
    report.add(conflict::improper_owner(trust, held));
    if let Some(Access::Denied(row)) = trust.public_denied() {
        report.add(conflict::denied(trust, &row));
    }
    Chain::stopped(Configured::Conflict)
}

/// What is left to do where the certificate in use is another member's too: its successor, for a chain of the peer's own.
pub(super) fn of_next<'a>(trust: &Trust<'a>, report: &mut Report) -> Chain {
    let is_due = |next: &Facts| trust.held(next).is_none();
    if !trust.required.next.as_ref().is_some_and(is_due) {
        return Chain::stopped(Configured::Conflict);
    }
    let Some(anchor) = anchor::find(trust, report) else {
        return Chain::stopped(Configured::Conflict);
    };
    let grant = match anchor.login_row {
        Some(login) => grant_for(trust, login, None, report),
        None => grant_to_new(trust, &anchor.login, report),
    };
    let next = import_next(trust, &anchor, false, report);
    let (Some(grant), false) = (grant, next.is_empty()) else {
        return Chain::stopped(Configured::Conflict);
    };
    let mut actions = anchor.create;
    actions.extend(next);
    actions.extend(grant);
    Chain {
        configured: Configured::Conflict,
        actions,
    }
}

fn missing_chain<'a>(trust: &Trust<'a>, report: &mut Report) -> Chain {
    // A log-in that does not see all rows cannot tell "not there".
    let (missing, stopped) = if trust.sees_everything() {
        (Configured::No, Configured::Conflict)
    } else {
        (Configured::Unknown, Configured::Unknown)
    };
    let Some(anchor) = anchor::find(trust, report) else {
        return Chain::stopped(stopped);
    };
    let grant = match anchor.login_row {
        Some(login) => grant_for(trust, login, None, report),
        None => grant_to_new(trust, &anchor.login, report),
    };
    let required = required_import(trust, &anchor, report);
    let takes_the_name = matches!(&required, Some(Some(name)) if name.is_the_wanted_one);
    let next = import_next(trust, &anchor, takes_the_name, report);
    let (Some(grant), Some(name)) = (grant, required) else {
        return Chain::stopped(stopped);
    };
    if let Some(login) = anchor.login_row {
        peer_login::check(trust, login, None, report);
    }
    let mut actions = anchor.create;
    if let Some(name) = name {
        actions.push(import(
            trust,
            name.name,
            &anchor.user,
            &trust.required.certificate,
        ));
    }
    actions.extend(next);
    actions.extend(grant);
    Chain {
        configured: missing,
        actions,
    }
}

/// `None`: a conflict, reported. `Some(None)`: the certificate is left out, and nothing else is.
fn required_import(
    trust: &Trust<'_>,
    anchor: &Anchor<'_>,
    report: &mut Report,
) -> Option<Option<Chosen>> {
    if trust.keeps_out_required() {
        return Some(None);
    }
    let occupied = Occupied {
        by_required: false,
        anchor,
    };
    certificate_name::choose(trust, &trust.required.certificate, occupied)
        .map_err(|note| report.add(note))
        .ok()
        .map(Some)
}

/// `None`: a conflict, reported. `Some(None)`: nothing to grant.
fn grant_for(
    trust: &Trust<'_>,
    login: &Login,
    held: Option<&HeldCertificate>,
    report: &mut Report,
) -> Option<Option<Action>> {
    if login.is_privileged {
        report.add(conflict::privileged(trust, login, held));
    }
    match trust.access(login) {
        Access::Granted => Some(None),
        Access::OwnsEndpoint => {
            report.add(conflict::owns_endpoint(trust, login));
            Some(None)
        }
        Access::Missing => Some(grant(trust, &login.name)),
        Access::CannotBeGranted { why } => {
            report.add(conflict::cannot_be_granted(trust, login, why, held));
            None
        }
        Access::Denied(row) => {
            let is_in_place = held.is_some()
                && trust.is_granted_beside(&row, login)
                && trust
                    .required
                    .next
                    .is_none_or(|next| trust.held(&next).is_some());
            let severity = if is_in_place {
                Severity::Warning
            } else {
                Severity::Blocker
            };
            report.add(conflict::denied(trust, &row).severity(severity));
            is_in_place.then_some(None)
        }
    }
}

fn grant_to_new(trust: &Trust<'_>, login: &SysName, report: &mut Report) -> Option<Option<Action>> {
    if let Some(Access::Denied(row)) = trust.public_denied() {
        report.add(conflict::denied(trust, &row));
        return None;
    }
    Some(grant(trust, login))
}

fn grant(trust: &Trust<'_>, login: &SysName) -> Option<Action> {
    let endpoint = trust.seen.endpoint.as_ref()?;
    Some(Action::GrantConnect {
        endpoint: endpoint.name.clone(),
        login: login.clone(),
    })
}

/// The peer's next certificate is brought in beside the one it uses, for the same owner.
fn import_next(
    trust: &Trust<'_>,
    anchor: &Anchor<'_>,
    wanted_name_used: bool,
    report: &mut Report,
) -> Vec<Action> {
    let Some(next) = trust.required.next else {
        return Vec::new();
    };
    // One path leads to one file, and that is the certificate in use.
    if matches!(trust.import_from(), ImportFrom::File { .. }) {
        return Vec::new();
    }
    if let Some(held) = trust.held(&next) {
        if trust.proper_owner(held).is_none() {
            report.add(conflict::improper_owner(trust, held));
        }
        return Vec::new();
    }
    let occupied = Occupied {
        by_required: wanted_name_used,
        anchor,
    };
    match certificate_name::choose(trust, &next, occupied) {
        Ok(name) => vec![import(trust, name.name, &anchor.user, &next)],
        Err(note) => {
            report.add(note);
            Vec::new()
        }
    }
}

fn import(
    trust: &Trust<'_>,
    certificate: crate::domain::object_name::ObjectName,
    owner: &SysName,
    facts: &Facts,
) -> Action {
    Action::ImportCertificate {
        certificate,
        owner: owner.clone(),
        sha256: facts.sha256,
        thumbprint: facts.thumbprint,
        from: trust.import_from(),
    }
}

pub(super) fn adopt(held: &HeldCertificate, user: &MasterUser, login: &SysName) -> Action {
    Action::Adopt {
        login: login.clone(),
        user: user.name.clone(),
        certificate: held.name.clone(),
    }
}

/// For the rule of shared certificates, which decides by itself what counts as working.
pub(super) fn in_place(
    trust: &Trust<'_>,
    held: &HeldCertificate,
    (user, login): (&MasterUser, &Login),
    report: &mut Report,
) -> Chain {
    let mut actions = import_next(trust, &Anchor::existing(user, login), false, report);
    if actions.is_empty() {
        actions.push(adopt(held, user, &login.name));
    }
    Chain {
        configured: Configured::Yes,
        actions,
    }
}
