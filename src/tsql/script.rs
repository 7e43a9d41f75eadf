//! A whole plan as T-SQL for people: what would run on each instance, to be read, kept, or run by hand.

use std::fmt::Write;

use super::action::{CertificateBytes, MissingBytes};
use super::apply;
use super::head::Head;
use super::quote::Comment;
use crate::domain::plan::{InstanceScript, Plan, ScriptStatement};

/// What the plan stands for on each instance, in the order of the members; an empty batch where nothing is to be done.
///
/// # Errors
/// When the bytes of a certificate to be imported are missing.
pub fn instance_scripts(
    head: Head<'_>,
    plan: &Plan,
    bytes: &CertificateBytes,
) -> Result<Vec<InstanceScript>, MissingBytes> {
    plan.instances
        .iter()
        .map(|instance| {
            let batch = apply::batch(head, instance, bytes)?;
            let (batch, steps) = batch.map_or_else(Default::default, |b| (b.text, b.steps));
            Ok(InstanceScript {
                instance: instance.instance.clone(),
                batch,
                statements: steps
                    .into_iter()
                    .map(|step| ScriptStatement {
                        peer: step.peer,
                        action: step.action.kind().to_owned(),
                        statement: step.statement,
                    })
                    .collect(),
            })
        })
        .collect()
}

/// All of them as one text: each under a remark that names its instance, with `GO` behind it.
///
/// The parts belong on different servers; no tool may run the whole on one.
#[must_use]
pub fn whole(scripts: &[InstanceScript]) -> String {
    let mut text = String::new();
    for script in scripts {
        let remark = if script.batch.is_empty() {
            format!("on {}: nothing to do", script.instance)
        } else {
            format!(
                "on {}, in master (with sqlcmd: -x, names may look like its variables)",
                script.instance
            )
        };
        let _ = writeln!(text, "{}", Comment::new(&remark));
        if !script.batch.is_empty() {
            let _ = writeln!(text, "{}GO", script.batch);
        }
        text.push('\n');
    }
    text
}
