//! How a peer gets in: its certificate, the owner of that, its login and CONNECT, which are adopted, completed or made; or what
//! stands in their way.
//!
//! Certificate → owner → login → CONNECT is followed by ids and SIDs; names decide only what a new object would be called.

use super::certificate_name::{self, Chosen, Occupied};
use super::certificate_owner::{self, CertificateOwner};
use super::findings::Findings;
use super::pin::Facts;
use super::trust::{Access, Trust};
use super::{conflict, peer_login};
use crate::domain::action::{Action, ImportFrom};
use crate::domain::finding::Severity;
use crate::domain::object_name::SysName;
use crate::domain::observation::{HeldCertificate, Login, MasterUser};
use crate::domain::trust::Configured;

/// What became of one trust.
pub(super) struct InboundPath {
    pub configured: Configured,
    pub actions: Vec<Action>,
}

impl InboundPath {
    fn stopped(configured: Configured) -> Self {
        Self {
            configured,
            actions: Vec::new(),
        }
    }
}

pub(super) fn existing<'a>(
    trust: &Trust<'a>,
    held: &'a HeldCertificate,
    findings: &mut Findings,
) -> InboundPath {
    let Some((user, login)) = trust.proper_owner(held) else {
        return improperly_owned(trust, held, findings);
    };
    let Some(grant) = grant_for(trust, login, Some(held), findings) else {
        return InboundPath::stopped(Configured::Conflict);
    };
    let configured = if grant.is_some() {
        Configured::No
    } else {
        Configured::Yes
    };
    let mut actions = import_next(
        trust,
        &CertificateOwner::existing(user, login),
        false,
        findings,
    );
    actions.extend(grant);
    peer_login::check(trust, login, Some(held), findings);
    if let Some(finding) = peer_login::key_held(trust, held) {
        findings.add(finding);
    }
    if actions.is_empty() {
        actions.push(adopt(held, user, &login.name));
    }
    InboundPath {
        configured,
        actions,
    }
}

/// An owner or a login that is not seen may yet be there, unless everything is seen.
fn improperly_owned<'a>(
    trust: &Trust<'a>,
    held: &HeldCertificate,
    findings: &mut Findings,
) -> InboundPath {
    let is_certain = match &held.owner {
        Some(owner) => owner.is_dbo() || owner.login.is_some(),
        None => false,
    };
    if !is_certain && !trust.sees_everything() {
        return InboundPath::stopped(Configured::Unknown);
    }
    findings.add(conflict::improper_owner(trust, held));
    InboundPath::stopped(Configured::Conflict)
}

/// What is left to do where the certificate in use is another member's too: its successor, for an inbound path of the peer's own.
pub(super) fn of_next<'a>(trust: &Trust<'a>, findings: &mut Findings) -> InboundPath {
    let is_due = |next: &Facts| trust.held(next).is_none();
    if !trust.required.next.as_ref().is_some_and(is_due) {
        return InboundPath::stopped(Configured::Conflict);
    }
    let Some(owner) = certificate_owner::find(trust, findings) else {
        return InboundPath::stopped(Configured::Conflict);
    };
    let grant = match owner.login_row {
        Some(login) => grant_for(trust, login, None, findings),
        None => grant_to_new(trust, &owner.login, findings),
    };
    let next = import_next(trust, &owner, false, findings);
    let (Some(grant), false) = (grant, next.is_empty()) else {
        return InboundPath::stopped(Configured::Conflict);
    };
    let mut actions = owner.create;
    actions.extend(next);
    actions.extend(grant);
    InboundPath {
        configured: Configured::Conflict,
        actions,
    }
}

pub(super) fn missing<'a>(trust: &Trust<'a>, findings: &mut Findings) -> InboundPath {
    // A log-in that does not see all rows cannot tell "not there".
    let (missing, stopped) = if trust.sees_everything() {
        (Configured::No, Configured::Conflict)
    } else {
        (Configured::Unknown, Configured::Unknown)
    };
    let Some(owner) = certificate_owner::find(trust, findings) else {
        return InboundPath::stopped(stopped);
    };
    let grant = match owner.login_row {
        Some(login) => grant_for(trust, login, None, findings),
        None => grant_to_new(trust, &owner.login, findings),
    };
    let required = required_import(trust, &owner, findings);
    let takes_the_name = matches!(&required, Some(Some(name)) if name.is_the_wanted_one);
    let next = import_next(trust, &owner, takes_the_name, findings);
    let (Some(grant), Some(name)) = (grant, required) else {
        return InboundPath::stopped(stopped);
    };
    if let Some(login) = owner.login_row {
        peer_login::check(trust, login, None, findings);
    }
    let mut actions = owner.create;
    if let Some(name) = name {
        actions.push(import(
            trust,
            name.name,
            &owner.user,
            &trust.required.certificate,
        ));
    }
    actions.extend(next);
    actions.extend(grant);
    InboundPath {
        configured: missing,
        actions,
    }
}

/// `None`: a conflict, reported. `Some(None)`: the certificate is left out, and nothing else is.
fn required_import(
    trust: &Trust<'_>,
    owner: &CertificateOwner<'_>,
    findings: &mut Findings,
) -> Option<Option<Chosen>> {
    if trust.keeps_out_required() {
        return Some(None);
    }
    let occupied = Occupied {
        by_required: false,
        owner,
    };
    certificate_name::choose(trust, &trust.required.certificate, occupied)
        .map_err(|finding| findings.add(finding))
        .ok()
        .map(Some)
}

/// `None`: a conflict, reported. `Some(None)`: nothing to grant.
fn grant_for(
    trust: &Trust<'_>,
    login: &Login,
    held: Option<&HeldCertificate>,
    findings: &mut Findings,
) -> Option<Option<Action>> {
    if login.is_privileged {
        findings.add(conflict::privileged(trust, login, held));
    }
    match trust.access(login) {
        Access::Granted => Some(None),
        Access::OwnsEndpoint => {
            findings.add(conflict::owns_endpoint(trust, login));
            Some(None)
        }
        Access::Missing => Some(grant(trust, &login.name)),
        Access::CannotBeGranted { why } => {
            findings.add(conflict::cannot_be_granted(trust, login, why, held));
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
            findings.add(conflict::denied(trust, &row).severity(severity));
            is_in_place.then_some(None)
        }
    }
}

fn grant_to_new(
    trust: &Trust<'_>,
    login: &SysName,
    findings: &mut Findings,
) -> Option<Option<Action>> {
    if let Some(Access::Denied(row)) = trust.public_denied() {
        findings.add(conflict::denied(trust, &row));
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
    owner: &CertificateOwner<'_>,
    wanted_name_used: bool,
    findings: &mut Findings,
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
            findings.add(conflict::improper_owner(trust, held));
        }
        return Vec::new();
    }
    let occupied = Occupied {
        by_required: wanted_name_used,
        owner,
    };
    match certificate_name::choose(trust, &next, occupied) {
        Ok(name) => vec![import(trust, name.name, &owner.user, &next)],
        Err(finding) => {
            findings.add(finding);
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
    findings: &mut Findings,
) -> InboundPath {
    let mut actions = import_next(
        trust,
        &CertificateOwner::existing(user, login),
        false,
        findings,
    );
    if actions.is_empty() {
        actions.push(adopt(held, user, &login.name));
    }
    InboundPath {
        configured: Configured::Yes,
        actions,
    }
}
