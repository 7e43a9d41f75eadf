//! A job's T-SQL as a script that can be read, kept and run by hand. Only puts together what the worker stored.

use std::fmt::Write as _;

use crate::domain::job::{Job, Subject};
use crate::domain::name::RegistrationName;
use crate::domain::script::{Script, file};
use crate::http::extract::{Pairs, ReadParameters};
use crate::http::problem::{Problem, ProblemKind};

/// Which part is asked for.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ScriptParameters {
    /// Only this member's part, as one batch that fails on any other server. Without it all parts in one file, each of which
    /// runs on its own server only; the file fails where none of them did.
    #[param(value_type = Option<String>, example = "HOST_A")]
    instance: Option<RegistrationName>,
}

impl ReadParameters for ScriptParameters {
    fn read(pairs: &mut Pairs) -> Self {
        let name = |text: &str| RegistrationName::parse(text).ok();
        Self {
            instance: pairs.parse("instance", "an instance's name", name),
        }
    }
}

/// The script, each batch ended by `GO`.
///
/// # Errors
/// `not_found`: the job has no such member, or nobody has seen which server it is.
pub fn render(job: &Job, script: &Script, asked: &ScriptParameters) -> Result<String, Problem> {
    let batches = match (&asked.instance, &script.refusal) {
        (None, Some(refusal)) => vec![refusal.clone()],
        (None, None) => all(job, script)?,
        (Some(name), refusal) => vec![one(job, script, name.as_str(), refusal.as_deref())?],
    };
    Ok(head(job, script) + &file(&batches))
}

fn head(job: &Job, script: &Script) -> String {
    let on = match &job.subject {
        Subject::Pair(named) => format!("pair {}", named.name),
        Subject::Instance(named) => format!("instance {}", named.name),
    };
    let mut out = format!(
        "-- mirrorgate job {}: {} on {on}\n",
        job.id,
        job.kind.as_str()
    );
    if let Some(plan) = &job.plan {
        let _ = writeln!(out, "-- plan {}", plan.plan_hash);
    }
    if script.refusal.is_some() {
        out.push_str("-- BLOCKED, nothing is to be run. What forbids it:\n");
    } else if script.parts.iter().all(|part| part.body.is_empty()) {
        out.push_str("-- There is nothing to change.\n");
    } else {
        out.push_str(
            "-- Fails, and changes nothing, on any other server. Leaves the session in master, with XACT_ABORT and NOCOUNT on and\n\
             -- LOCK_TIMEOUT 5000. With sqlcmd: -b, so that an error ends it with a status other than 0.\n",
        );
    }
    out.push_str(&script.head);
    out
}

fn all(job: &Job, script: &Script) -> Result<Vec<String>, Problem> {
    if script.parts.iter().all(|part| part.by_hand.is_none()) {
        return Err(unseen(job, "any of its members"));
    }
    Ok(script.batches())
}

fn one(job: &Job, script: &Script, name: &str, refusal: Option<&str>) -> Result<String, Problem> {
    let part = script.part(name).ok_or_else(|| {
        Problem::new(
            ProblemKind::NotFound,
            format!("job {} is not on {name}", job.id),
        )
    })?;
    match refusal {
        Some(refusal) => Ok(refusal.to_owned()),
        None => part.alone().ok_or_else(|| unseen(job, name)),
    }
}

fn unseen(job: &Job, whom: &str) -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        format!(
            "job {} has not seen which server is {whom}, so there is no script that could keep to it; ask for a new dry run",
            job.id
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::script::{ByHand, Frame, InstanceScript};
    use crate::http::v1::jobs::tests::sample_job;

    fn part(name: &str, seen: bool) -> InstanceScript {
        let frame = |after: &str| Frame {
            before: String::new(),
            after: after.to_owned(),
        };
        InstanceScript {
            instance: name.to_owned(),
            body: "body;\n".to_owned(),
            wire: Frame::default(),
            by_hand: seen.then(|| ByHand {
                unless_here: format!("unless {name} "),
                stop: frame("stop;\n"),
                skip: frame("skip;\n"),
                frame: Frame::default(),
            }),
            statements: Vec::new(),
        }
    }

    fn asked(name: &str) -> ScriptParameters {
        ScriptParameters {
            instance: RegistrationName::parse(name).ok(),
        }
    }

    #[test]
    fn one_part_or_all_of_them() {
        let script = Script {
            parts: vec![
                part("HOST_A", true),
                part("HOST_B", true),
                part("HOST_C", false),
            ],
            ..Script::default()
        };
        let job = sample_job();
        let one = render(&job, &script, &asked("host_b")).unwrap();
        assert!(
            one.ends_with("\n\nunless HOST_B stop;\nbody;\nGO\n"),
            "{one}"
        );
        assert!(!one.contains("unless HOST_A"), "{one}");
        let all = render(&job, &script, &asked("")).unwrap();
        assert!(
            all.contains("\nunless HOST_A skip;\nbody;\nGO\n\nunless HOST_B skip;\nbody;\nGO\n"),
            "{all}"
        );
        for unknown in ["HOST_C", "HOST_D"] {
            assert!(render(&job, &script, &asked(unknown)).is_err(), "{unknown}");
        }
    }

    #[test]
    fn what_is_forbidden_is_not_there_to_be_run() {
        let script = Script {
            head: "-- no_endpoint\n".to_owned(),
            refusal: Some("refuse;\n".to_owned()),
            parts: vec![part("HOST_A", true)],
            ..Script::default()
        };
        for asked in [asked(""), asked("HOST_A")] {
            let text = render(&sample_job(), &script, &asked).unwrap();
            assert!(text.ends_with("-- no_endpoint\n\nrefuse;\nGO\n"), "{text}");
            assert!(!text.contains("body;"), "{text}");
        }
    }
}
