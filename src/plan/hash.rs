//! The name of a plan: a hash over identities, actions, object names and certificate hashes. No times, no secrets.

use std::fmt::Write;

use super::context::Context;
use crate::domain::action::{Action, ImportFrom};
use crate::domain::plan::InstancePlan;
use crate::domain::plan_hash::PlanHash;

/// The same world gives the same hash; members in another order give another.
pub(super) fn plan_hash(context: &Context<'_>, instances: &[InstancePlan]) -> PlanHash {
    let mut text = String::from("mirrorgate plan 1\n");
    for (index, instance) in instances.iter().enumerate() {
        let identity = context.observed(index).map(|seen| &seen.server.identity);
        line(
            &mut text,
            "instance",
            &[
                &instance.instance,
                identity.map_or("", |i| i.server_name.as_str()),
                identity.map_or("", |i| i.machine_name.as_str()),
                identity
                    .and_then(|i| i.instance_name.as_deref())
                    .unwrap_or(""),
            ],
        );
        for trust in &instance.trusts {
            let certificate = trust.certificate.as_ref().map(|c| c.sha256.to_string());
            line(
                &mut text,
                "trust",
                &[&trust.peer, certificate.as_deref().unwrap_or("")],
            );
            for code in &trust.left_out {
                line(&mut text, "left_out", &[code.as_str()]);
            }
            for action in &trust.actions {
                push_action(&mut text, action);
            }
        }
    }
    PlanHash::of(&text)
}

fn push_action(text: &mut String, action: &Action) {
    let kind = action.kind();
    match action {
        Action::Adopt {
            login,
            user,
            certificate,
        } => line(
            text,
            kind,
            &[login.as_str(), user.as_str(), certificate.as_str()],
        ),
        Action::CreateLogin { login } => line(text, kind, &[login.as_str()]),
        Action::CreateUser { user, login } => line(text, kind, &[user.as_str(), login.as_str()]),
        Action::ImportCertificate {
            certificate,
            owner,
            sha256,
            thumbprint: _,
            from,
        } => {
            let from = match from {
                ImportFrom::Binary => "",
                ImportFrom::File { path } => path,
            };
            let sha256 = sha256.to_string();
            line(
                text,
                kind,
                &[certificate.as_str(), owner.as_str(), &sha256, from],
            );
        }
        Action::GrantConnect { endpoint, login } => {
            line(text, kind, &[endpoint.as_str(), login.as_str()]);
        }
    }
}

/// Every field with its length before it, so that no name can pass for two.
fn line(text: &mut String, kind: &str, fields: &[&str]) {
    text.push_str(kind);
    for field in fields {
        let _ = write!(text, " {}:{field}", field.len());
    }
    text.push('\n');
}
