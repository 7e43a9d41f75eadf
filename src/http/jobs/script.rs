//! A job's T-SQL as a script that can be read, kept and run by hand. Only puts together what the worker stored.

use std::fmt::Write as _;

use crate::domain::job::{Job, Subject};
use crate::domain::plan::InstanceScript;
use crate::http::text::one_line;

/// One section per instance, each batch ended by `GO`.
#[must_use]
pub fn render(job: &Job, scripts: &[InstanceScript]) -> String {
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
        if plan.is_blocked() {
            out.push_str(
                "-- BLOCKED: findings forbid these changes; the job does not carry them out.\n",
            );
        }
    }
    if scripts.iter().all(|s| s.batch.trim().is_empty()) {
        out.push_str("-- There is nothing to change.\n");
    }
    for script in scripts.iter().filter(|s| !s.batch.trim().is_empty()) {
        let _ = write!(
            out,
            "\n-- ===== on {}: connect to this instance before running the batch =====\n{}\nGO\n",
            one_line(&script.instance),
            script.batch.trim_end()
        );
    }
    // As it is, to the byte: what is read here is what runs. Only the heads above are made safe for a terminal.
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::jobs::tests::sample_job;

    #[test]
    fn each_instance_has_its_section() {
        let scripts = [
            InstanceScript {
                instance: "HOST_A".to_owned(),
                batch: "SELECT 1;\n".to_owned(),
                statements: Vec::new(),
            },
            InstanceScript {
                instance: "HOST_B".to_owned(),
                batch: String::new(),
                statements: Vec::new(),
            },
        ];
        let text = render(&sample_job(), &scripts);
        assert!(
            text.contains("on HOST_A") && text.contains("SELECT 1;\nGO\n"),
            "{text}"
        );
        assert!(!text.contains("HOST_B"));
        assert!(render(&sample_job(), &[]).contains("nothing to change"));
    }
}
