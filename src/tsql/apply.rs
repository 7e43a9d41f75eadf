//! The apply batch: a body in the frame that workers send. Sending it is `sqlserver`'s.
//!
//! What it answers with is in `sets`. Errors travel as data.

use super::action::{CertificateBytes, MissingBytes};
use super::batch_comment::BatchComment;
use super::body::{Body, body, opening};
use super::sets::{COMMITTED, FAILED};
use crate::domain::plan::{InstancePlan, Plan};
use crate::domain::script::Frame;

/// A batch ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyBatch {
    /// What is sent around the body.
    pub frame: Frame,
    pub body: Body,
}

impl ApplyBatch {
    /// The very text that runs.
    #[must_use]
    pub fn text(&self) -> String {
        self.frame.around(&self.body.text)
    }
}

/// The batches of a whole plan, in the order of its instances: these are sent, and shown in scripts.
///
/// # Errors
/// When the bytes of a certificate to be imported are missing.
pub fn batches(
    comment: BatchComment<'_>,
    plan: &Plan,
    bytes: &CertificateBytes,
) -> Result<Vec<Option<ApplyBatch>>, MissingBytes> {
    let instances = plan.instances.iter();
    instances.map(|plan| batch(comment, plan, bytes)).collect()
}

/// The batch for one instance; `None` when nothing there is to be changed.
///
/// # Errors
/// When the bytes of a certificate to be imported are missing.
pub fn batch(
    comment: BatchComment<'_>,
    plan: &InstancePlan,
    bytes: &CertificateBytes,
) -> Result<Option<ApplyBatch>, MissingBytes> {
    let body = body(plan, bytes)?;
    if body.steps.is_empty() {
        return Ok(None);
    }
    Ok(Some(ApplyBatch {
        frame: frame(comment, &plan.instance, body.steps.len()),
        body,
    }))
}

/// What is sent around a body of so many `changes`: it rolls back, and tells of errors in rows.
fn frame(comment: BatchComment<'_>, instance: &str, changes: usize) -> Frame {
    Frame {
        before: format!(
            "{}\nIF @@TRANCOUNT > 0 ROLLBACK;\n{}",
            comment.line(&format!("on {instance}")),
            opening(VARIABLES)
        ),
        after: closing(changes),
    }
}

const VARIABLES: &str = ", @n int, @sev int, @st int, @line int, @msg nvarchar(4000)";

fn closing(changes: usize) -> String {
    format!(
        "    COMMIT TRANSACTION;
    SELECT CAST({changes} AS int) AS {COMMITTED}, SYSUTCDATETIME() AS at;
END TRY
BEGIN CATCH
    SELECT @n = ERROR_NUMBER(), @sev = ERROR_SEVERITY(), @st = ERROR_STATE(), @line = ERROR_LINE(), @msg = ERROR_MESSAGE();
    IF XACT_STATE() <> 0 ROLLBACK TRANSACTION;
    SELECT CAST(@ordinal AS int) AS {FAILED}, CAST(@n AS int) AS number, CAST(@sev AS int) AS severity, CAST(@st AS int) AS state, CAST(@line AS int) AS line, @msg AS message, SYSUTCDATETIME() AS at;
END CATCH;
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::action::Action;
    use crate::domain::object_name::{ObjectName, SysName};
    use crate::domain::plan::TrustPlan;
    use crate::domain::trust::{Configured, Proof};

    fn trust(peer: &str, actions: Vec<Action>) -> TrustPlan {
        TrustPlan {
            left_out: Vec::new(),
            peer: peer.to_owned(),
            configured: Configured::No,
            proof: Proof::NeverDialled,
            admits: Default::default(),
            certificate: None,
            next: None,
            actions,
        }
    }

    fn plan(trusts: Vec<TrustPlan>) -> InstancePlan {
        InstancePlan {
            instance: "HOST_A".to_owned(),
            server: None,
            endpoint: None,
            used_by: None,
            trusts,
        }
    }

    fn login(name: &str) -> Action {
        Action::CreateLogin {
            login: ObjectName::parse(name).unwrap(),
        }
    }

    fn comment() -> BatchComment<'static> {
        BatchComment {
            job: uuid::Uuid::nil(),
            change_ref: Some("CHG\n1 */ DROP"),
        }
    }

    #[test]
    fn nothing_to_change_is_no_batch() {
        let name = SysName::observed("x").unwrap();
        let adopt = Action::Adopt {
            login: name.clone(),
            user: name.clone(),
            certificate: name,
        };
        let none = batch(
            comment(),
            &plan(vec![trust("B", vec![adopt])]),
            &CertificateBytes::new(),
        );
        assert_eq!(none, Ok(None));
    }

    #[test]
    fn ordinals_and_variables_run_on_over_all_peers() {
        let plan = plan(vec![
            trust("B", vec![login("b")]),
            trust("W", vec![login("w")]),
        ]);
        let batch = batch(comment(), &plan, &CertificateBytes::new())
            .unwrap()
            .unwrap();
        let told: Vec<_> = batch
            .body
            .steps
            .iter()
            .map(|s| (s.ordinal, s.peer.as_str()))
            .collect();
        assert_eq!(told, [(1, "B"), (2, "W")]);
        let text = batch.text();
        for part in [
            "@p1",
            "@p2",
            "CAST(2 AS int) AS mg_applied",
            "CAST(2 AS int) AS mg_committed",
        ] {
            assert!(text.contains(part), "{part}");
        }
        for step in &batch.body.steps {
            assert!(text.contains(&step.statement));
        }
    }

    #[test]
    fn the_first_line_names_job_and_change_and_stays_a_remark() {
        let plan = plan(vec![trust("B", vec![login("b")])]);
        let text = batch(comment(), &plan, &CertificateBytes::new())
            .unwrap()
            .unwrap()
            .text();
        let first = text.lines().next().unwrap();
        assert_eq!(
            first,
            "-- mirrorgate on HOST_A, job 00000000-0000-0000-0000-000000000000, change CHG 1 * / DROP"
        );
        assert_eq!(text.lines().nth(1), Some("IF @@TRANCOUNT > 0 ROLLBACK;"));
    }

    #[test]
    fn the_lock_comes_before_the_first_change_and_the_commit_after_the_last() {
        let plan = plan(vec![trust("B", vec![login("b")])]);
        let text = batch(comment(), &plan, &CertificateBytes::new())
            .unwrap()
            .unwrap()
            .text();
        let at = |part: &str| {
            text.find(part)
                .unwrap_or_else(|| panic!("{part} is missing"))
        };
        assert!(at("SET XACT_ABORT ON") < at("BEGIN TRANSACTION"));
        assert!(at("BEGIN TRANSACTION") < at("sp_getapplock"));
        assert!(at("sp_getapplock") < at("CREATE LOGIN"));
        assert!(at("CREATE LOGIN") < at("COMMIT TRANSACTION"));
        assert!(at("COMMIT TRANSACTION") < at("mg_committed"));
        assert!(at("ERROR_NUMBER()") < at("ROLLBACK TRANSACTION"));
    }
}
