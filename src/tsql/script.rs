//! A whole plan as T-SQL for people: the same bodies that workers send, in a frame that can be run by hand.
//!
//! By hand means: on the right server or not at all, in `master` wherever it begins, never inside a transaction that
//! is somebody else's, with an error that `sqlcmd -b` sees, and with nothing in it that a tool reads as its own.

use std::fmt::Write as _;

use super::apply::ApplyBatch;
use super::batch_comment::BatchComment;
use super::body::{Body, opening};
use super::guard;
use super::quote::{Comment, Literal};
use crate::domain::finding::Finding;
use crate::domain::identity::ServerIdentity;
use crate::domain::plan::Plan;
use crate::domain::script::{ByHand, Frame, InstanceScript, Script, ScriptStatement};

/// What the plan stands for. In the order of the plan's instances, `servers` tells which server each was seen to be,
/// and `batches` are what [`super::apply::batches`] made of it.
#[must_use]
pub fn script(
    comment: BatchComment<'_>,
    plan: &Plan,
    servers: &[Option<&ServerIdentity>],
    batches: &[Option<ApplyBatch>],
) -> Script {
    let servers = servers.iter().copied().chain(std::iter::repeat(None));
    let instances = plan.instances.iter().zip(batches);
    let parts: Vec<InstanceScript> = instances
        .zip(servers.clone())
        .map(|((plan, batch), server)| part(comment, &plan.instance, server, batch.as_ref()))
        .collect();
    let seen: Vec<&ServerIdentity> = servers.take(parts.len()).flatten().collect();
    Script {
        head: blockers(plan),
        refusal: plan.is_blocked().then(guard::forbidden),
        parts,
        nowhere: guard::nowhere(&seen),
    }
}

fn part(
    comment: BatchComment<'_>,
    instance: &str,
    server: Option<&ServerIdentity>,
    batch: Option<&ApplyBatch>,
) -> InstanceScript {
    let body = batch.map(|batch| batch.body.clone()).unwrap_or_default();
    InstanceScript {
        instance: instance.to_owned(),
        wire: batch.map(|batch| batch.frame.clone()).unwrap_or_default(),
        by_hand: server.map(|server| by_hand(comment, instance, server, &body)),
        body: body.text,
        statements: body
            .steps
            .into_iter()
            .map(|step| ScriptStatement {
                peer: step.peer,
                action: step.action.kind().to_owned(),
                statement: step.statement,
            })
            .collect(),
    }
}

fn by_hand(comment: BatchComment<'_>, name: &str, server: &ServerIdentity, body: &Body) -> ByHand {
    let remark = comment.line(&format!("on {name}, server {}", server.server_name));
    let begin = |guard: Frame| Frame {
        before: format!("{remark}\n{}", guard.before),
        after: guard.after,
    };
    let frame = match body.steps.len() {
        0 => Frame {
            before: String::new(),
            after: print(&format!("nothing to change on {name}.")),
        },
        changes => Frame {
            before: guard::as_written(&body.text) + IN_MASTER + &opening(""),
            after: closing(name, changes),
        },
    };
    ByHand {
        unless_here: guard::unless_here(server),
        stop: begin(guard::stop(server)),
        skip: begin(guard::skip()),
        frame,
    }
}

/// What keeps the plan from being all there is to do, as remarks.
fn blockers(plan: &Plan) -> String {
    let mut text = String::new();
    for finding in plan.findings.iter().filter(|f| f.blocks()) {
        push_finding(&mut text, finding);
    }
    text
}

fn push_finding(text: &mut String, finding: &Finding) {
    let about = finding.peer.as_ref().map_or_else(
        || finding.instance.clone(),
        |peer| format!("{} from {peer}", finding.instance),
    );
    let code = finding.code.as_str();
    let mut line = |words: &str| {
        let _ = writeln!(text, "{}", Comment::new(words));
    };
    line(&format!("{code} on {about}: {}", finding.found));
    for (label, words) in [("wanted", &finding.wanted), ("remedy", &finding.remedy)] {
        if !words.is_empty() {
            line(&format!("    {label}: {words}"));
        }
    }
}

// BEGIN TRANSACTION begins two where IMPLICIT_TRANSACTIONS is on, and one COMMIT ends one.
const IN_MASTER: &str = "\
SET IMPLICIT_TRANSACTIONS OFF;
USE master;
";

fn closing(name: &str, changes: usize) -> String {
    let committed = print(&format!("committed on {name}; changes: {changes}."));
    // What a roll-back leaves behind is the server's matter; that nothing is left is not promised.
    let failed = print(&format!(
        "an error on {name}; its transaction is rolled back."
    ));
    format!(
        "    COMMIT TRANSACTION;\n    {committed}END TRY\nBEGIN CATCH\n    \
         IF XACT_STATE() <> 0 ROLLBACK TRANSACTION;\n    {failed}    ;THROW;\nEND CATCH;\n"
    )
}

fn print(words: &str) -> String {
    format!("PRINT {};\n", Literal::new(&format!("mirrorgate: {words}")))
}

#[cfg(test)]
mod tests;
