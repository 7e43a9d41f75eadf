//! One trust in a line of text.

use crate::domain::action::Action;
use crate::domain::hash::Thumbprint;
use crate::domain::object_name::SysName;
use crate::domain::plan::TrustPlan;
use crate::domain::trust::{Admission, Admits, Configured, InPlace, Proof};
use crate::http::text::moment;

/// What is there, what would be done, and what is known of it.
#[must_use]
pub fn line(trust: &TrustPlan) -> String {
    let certificate = trust.certificate.as_ref().map(|c| {
        let source = if c.pinned { "pinned" } else { "obtained" };
        format!(
            "SHA-1 {} {source}, expires {}",
            short(c.thumbprint),
            c.not_after.format("%Y-%m-%d")
        )
    });
    let mut parts: Vec<String> = match trust.configured {
        Configured::Yes => vec!["configured".to_owned()],
        Configured::No if trust.actions.is_empty() => vec!["not configured".to_owned()],
        Configured::No => Vec::new(),
        Configured::Conflict => vec!["conflict".to_owned()],
        Configured::Unknown => vec!["unknown".to_owned()],
    };
    if !trust.left_out.is_empty() {
        let codes: Vec<&str> = trust.left_out.iter().map(|code| code.as_str()).collect();
        parts.push(format!("left out: {}", codes.join(", ")));
    }
    parts.extend(adopted(trust));
    parts.extend(trust.actions.iter().map(brief));
    parts.extend(certificate);
    if trust.configured == Configured::Yes {
        parts.push(proof(trust.proof));
        parts.extend(admits(&trust.admits));
    }
    parts.extend(trust.next.map(|next| {
        match next.in_place {
            InPlace::Yes => "next in place",
            InPlace::No => "next not in place",
            InPlace::Unknown => "whether next is in place is unknown",
        }
        .to_owned()
    }));
    parts.join("; ")
}

/// What is there already and is built upon, where not all of it is: whoever approves a plan approves these too.
fn adopted(trust: &TrustPlan) -> Option<String> {
    let mut login = None;
    let mut user = None;
    let mut is_changing = false;
    for action in &trust.actions {
        match action {
            Action::Adopt { .. } => return None,
            Action::CreateLogin { .. } => return None,
            Action::CreateUser { login: of, .. } => login = Some(of),
            Action::ImportCertificate { owner, .. } => user = Some(owner),
            Action::GrantConnect { login: to, .. } => login = Some(to),
        }
        is_changing = true;
    }
    let creates = |user: &SysName| {
        trust.actions.iter().any(
            |action| matches!(action, Action::CreateUser { user: new, .. } if new.as_str() == user.as_str()),
        )
    };
    let certificate = trust.certificate.as_ref().and_then(|c| c.name.as_ref());
    let parts: Vec<String> = [
        login.map(|login| format!("login [{login}]")),
        user.filter(|user| !creates(user))
            .map(|user| format!("user [{user}]")),
        certificate.map(|certificate| format!("certificate [{certificate}]")),
    ]
    .into_iter()
    .flatten()
    .collect();
    (is_changing && !parts.is_empty()).then(|| format!("adopt {}", parts.join(", ")))
}

/// The action in as few words as a line has room for; the steps and the script tell all of it.
fn brief(action: &Action) -> String {
    match action {
        Action::Adopt {
            login,
            user,
            certificate,
        } => format!("login [{login}], user [{user}], certificate [{certificate}]"),
        Action::CreateUser { user, .. } => format!("create user [{user}]"),
        Action::ImportCertificate {
            certificate,
            thumbprint,
            ..
        } => format!("import {} as [{certificate}]", short(*thumbprint)),
        Action::GrantConnect { .. } => "grant CONNECT".to_owned(),
        Action::CreateLogin { .. } => action.describe(),
    }
}

/// `9FA2…1B21`: enough to compare by eye.
fn short(thumbprint: Thumbprint) -> String {
    let text = thumbprint.to_string();
    format!("{}…{}", &text[..4], &text[36..])
}

/// Says nothing where the peer would be let in.
fn admits(admits: &Admission) -> Option<String> {
    match admits.verdict {
        Admits::Yes => None,
        Admits::No => Some(format!("would be refused: {}", admits.describe())),
        Admits::Unknown if admits.reasons.is_empty() => None,
        Admits::Unknown => Some(format!("admits unknown: {}", admits.describe())),
    }
}

fn proof(proof: Proof) -> String {
    match proof {
        Proof::Proven { since: Some(at) } => format!("proven {}", moment(at)),
        Proof::Proven { since: None } => "proven".to_owned(),
        Proof::NeverDialled => "not proven: the peer has not dialled yet".to_owned(),
        Proof::NotPermittedToSee => "proof not permitted to see".to_owned(),
        Proof::Unknown => "proof unknown".to_owned(),
    }
}
