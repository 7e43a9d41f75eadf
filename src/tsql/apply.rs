//! The apply batch: a body in the frame that workers send. Sending it is `sqlserver`'s.
//!
//! The reader tells result sets apart by the name of their first column:
//! `mg_applied` (after each action), `mg_committed` (once, last), `mg_failed` (once, in place of it). Errors travel as data.

use super::action::{CertificateBytes, MissingBytes};
use super::body::{Body, body};
use super::head::Head;
use crate::domain::plan::{InstancePlan, Plan};
use crate::domain::script::Frame;

pub use super::action::FILE_MISMATCH;

/// Thrown when another session holds the lock of mirrorgate on that instance for too long: nothing was changed.
pub const LOCK_NOT_GRANTED: i32 = 50002;

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
    head: Head<'_>,
    plan: &Plan,
    bytes: &CertificateBytes,
) -> Result<Vec<Option<ApplyBatch>>, MissingBytes> {
    let instances = plan.instances.iter();
    instances.map(|plan| batch(head, plan, bytes)).collect()
}

/// The batch for one instance; `None` when nothing there is to be changed.
///
/// # Errors
/// When the bytes of a certificate to be imported are missing.
pub fn batch(
    head: Head<'_>,
    plan: &InstancePlan,
    bytes: &CertificateBytes,
) -> Result<Option<ApplyBatch>, MissingBytes> {
    let body = body(plan, bytes)?;
    if body.steps.is_empty() {
        return Ok(None);
    }
    Ok(Some(ApplyBatch {
        frame: frame(head, &plan.instance, body.steps.len()),
        body,
    }))
}

/// What is sent around a body of so many `changes`: it rolls back, and tells of errors in rows.
fn frame(head: Head<'_>, instance: &str, changes: usize) -> Frame {
    Frame {
        before: head.line(&format!("on {instance}")) + OPENING,
        after: format!(
            "    COMMIT TRANSACTION;\n    SELECT CAST({changes} AS int) AS mg_committed, SYSUTCDATETIME() AS at;\n{CLOSING}"
        ),
    }
}

// SQL Server serialises nothing of this by itself; the application lock keeps two control planes from meeting half-way.
// It ends with the transaction, so that a lost session leaves nothing behind.
const OPENING: &str = "
IF @@TRANCOUNT > 0 ROLLBACK;
SET NOCOUNT ON;
SET XACT_ABORT ON;
SET LOCK_TIMEOUT 5000;
DECLARE @ordinal int = 0, @lock int, @n int, @sev int, @st int, @line int, @msg nvarchar(4000);
BEGIN TRY
    BEGIN TRANSACTION;
    EXEC @lock = sp_getapplock @Resource = N'mirrorgate', @LockMode = N'Exclusive', @LockOwner = N'Transaction', @LockTimeout = 5000;
    IF @lock < 0
    BEGIN
        ;THROW 50002, N'another session holds the application lock mirrorgate on this instance', 1;
    END;
";

const CLOSING: &str = "\
END TRY
BEGIN CATCH
    SELECT @n = ERROR_NUMBER(), @sev = ERROR_SEVERITY(), @st = ERROR_STATE(), @line = ERROR_LINE(), @msg = ERROR_MESSAGE();
    IF XACT_STATE() <> 0 ROLLBACK TRANSACTION;
    SELECT CAST(@ordinal AS int) AS mg_failed, CAST(@n AS int) AS number, CAST(@sev AS int) AS severity, CAST(@st AS int) AS state, CAST(@line AS int) AS line, @msg AS message, SYSUTCDATETIME() AS at;
END CATCH;
";

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

    fn head() -> Head<'static> {
        Head {
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
            head(),
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
        let batch = batch(head(), &plan, &CertificateBytes::new())
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
        let text = batch(head(), &plan, &CertificateBytes::new())
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
        let text = batch(head(), &plan, &CertificateBytes::new())
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
