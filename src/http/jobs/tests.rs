//! Samples and tests of how jobs read as text.

use chrono::DateTime;
use uuid::Uuid;

use super::plain;
use crate::domain::action::Action;
use crate::domain::finding::{Code, Finding};
use crate::domain::job::{Accepted, Job, JobKind, JobOptions, JobState, Subject};
use crate::domain::name::{NamedRef, RegistrationName};
use crate::domain::object_name::ObjectName;
use crate::domain::plan::{InstancePlan, Plan, TrustPlan};
use crate::domain::trust::{Configured, Proof};

/// A dry run without a plan.
pub fn sample_job() -> Job {
    Job {
        id: Uuid::from_u128(1),
        kind: JobKind::ConfigureInbound,
        subject: Subject::Pair(NamedRef {
            id: Uuid::from_u128(2),
            name: RegistrationName::parse("erp").unwrap(),
        }),
        options: JobOptions {
            dry_run: true,
            ..JobOptions::default()
        },
        accepted: Accepted {
            revision: 1,
            operating_mode: None,
            members: Vec::new(),
        },
        state: JobState::Succeeded,
        failure: None,
        attempts: 1,
        next_attempt_at: None,
        last_problem: None,
        cancel_requested_at: None,
        plan: None,
        version: 1,
        created_at: DateTime::UNIX_EPOCH,
        started_at: None,
        finished_at: None,
        request_id: None,
    }
}

fn sample_plan() -> Plan {
    let trust = |peer: &str, configured, actions| TrustPlan {
        peer: peer.to_owned(),
        configured,
        proof: Proof::NeverDialled,
        admits: Default::default(),
        certificate: None,
        actions,
    };
    Plan {
        findings: vec![Finding {
            code: Code::NameTaken,
            severity: Code::NameTaken.usual_severity(),
            instance: "HOST_A".to_owned(),
            peer: Some("HOST_W".to_owned()),
            found: "login [HOST_W_login]\nof somebody else".to_owned(),
            wanted: "no such login".to_owned(),
            remedy: "rename it".to_owned(),
            remedy_tsql: Some("ALTER LOGIN [x] WITH NAME = [y];".to_owned()),
            cure: None,
        }],
        instances: vec![InstancePlan {
            instance: "HOST_A".to_owned(),
            server: Some("SQLA\\PROD, 16.0.4135".to_owned()),
            endpoint: Some("endpoint [E] STARTED :5022".to_owned()),
            used_by: None,
            trusts: vec![
                trust(
                    "HOST_B",
                    Configured::No,
                    vec![Action::CreateLogin {
                        login: ObjectName::parse("HOST_B_login").unwrap(),
                    }],
                ),
                trust("HOST_W", Configured::Conflict, Vec::new()),
                trust("HOST_X", Configured::Yes, Vec::new()),
            ],
        }],
        plan_hash: "7c1e".repeat(16),
    }
}

#[test]
fn a_dry_run_fits_on_one_screen() {
    let job = Job {
        plan: Some(sample_plan()),
        ..sample_job()
    };
    let text = plain::job(&job);
    let expected = "\
job 00000000-0000-0000-0000-000000000001   configure-inbound (dry run) on pair erp   succeeded
asked 1970-01-01 00:00:00Z   started -   finished -   attempts 1

pair erp   plan 7c1e7c1e7c1e   3 trusts: 1 configured, 1 to do, 1 conflict → nothing would be changed
on HOST_A  (SQLA\\PROD, 16.0.4135)  endpoint [E] STARTED :5022
  from HOST_B   create login [HOST_B_login]
  from HOST_W   conflict
  from HOST_X   configured; not proven: the peer has not dialled yet
conflicts
  name_taken HOST_A from HOST_W: login [HOST_W_login] of somebody else
    wanted: no such login
    remedy: rename it
not checked  TCP between the endpoints; FIPS mode; what DDL triggers would do

-- remedies on HOST_A, in master; read before running
-- name_taken
ALTER LOGIN [x] WITH NAME = [y];
GO
";
    assert_eq!(text, expected);
}
