//! Samples and tests of how jobs read as text.

use chrono::DateTime;
use uuid::Uuid;

use super::text;
use crate::domain::action::Action;
use crate::domain::finding::{Code, Finding};
use crate::domain::hash::{Sha256, Thumbprint};
use crate::domain::job::{Accepted, FailureCode, Job, JobKind, JobOptions, JobState, Subject};
use crate::domain::name::{NamedRef, RegistrationName};
use crate::domain::object_name::{ObjectName, SysName};
use crate::domain::plan::{InstancePlan, Plan, TrustCertificate, TrustPlan};
use crate::domain::plan_hash::PlanHash;
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
        attempts_begun: 1,
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
        left_out: Vec::new(),
        peer: peer.to_owned(),
        configured,
        proof: Proof::NeverDialled,
        admits: Default::default(),
        certificate: None,
        next: None,
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
        plan_hash: PlanHash::parse(&"7c1e".repeat(16)).unwrap(),
        partial: false,
    }
}

#[test]
fn a_dry_run_fits_on_one_screen() {
    let job = Job {
        plan: Some(sample_plan()),
        ..sample_job()
    };
    let text = text::job(&job);
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

fn succeeded(plan: Plan) -> Job {
    Job {
        plan: Some(plan),
        options: JobOptions::default(),
        ..sample_job()
    }
}

/// Only what was to do, and nothing in its way.
fn to_do() -> Plan {
    let mut plan = sample_plan();
    plan.findings.clear();
    plan.instances[0].trusts.truncate(1);
    plan
}

#[test]
fn a_job_that_set_all_up_does_not_say_that_it_is_still_to_do() {
    let done = text::job(&succeeded(to_do()));
    assert!(
        done.contains("1 trusts: all configured, 1 of them by this job\n"),
        "{done}"
    );
    let failed = text::job(&Job {
        state: JobState::Failed,
        failure: Some((FailureCode::Unreachable, "HOST_A: gone".to_owned())),
        ..succeeded(to_do())
    });
    assert!(
        failed.contains("when planned 0 configured, 1 to do\n"),
        "{failed}"
    );
}

#[test]
fn attempts_and_steps_are_counted_alike() {
    let text = text::job(&Job {
        attempts: 1,
        attempts_begun: 2,
        ..sample_job()
    });
    assert!(
        text.contains("attempts 1 (begun 2, handed back 1)\n"),
        "{text}"
    );
}

#[test]
fn a_code_is_said_once() {
    assert_eq!(
        text::failure("login_refused", "login_refused on HOST_A: 18456"),
        "login_refused on HOST_A: 18456"
    );
    assert_eq!(
        text::failure("conflict", "name_taken on HOST_A"),
        "conflict: name_taken on HOST_A"
    );
    assert_eq!(
        text::failure("partial", "partially done"),
        "partial: partially done"
    );
}

#[test]
fn what_is_adopted_is_named_in_a_dry_run() {
    let observed = |text| SysName::observed(text).unwrap();
    let mut plan = to_do();
    let trust = &mut plan.instances[0].trusts[0];
    trust.actions = vec![
        Action::CreateUser {
            user: ObjectName::parse("HOST_B_user").unwrap(),
            login: observed("svcB\u{200b}"),
        },
        Action::GrantConnect {
            endpoint: observed("E"),
            login: observed("svcB\u{200b}"),
        },
    ];
    let line = |plan: &Plan| text::job(&succeeded(plan.clone()));
    assert!(
        line(&plan)
            .contains("adopt login [svcB\\u{200b}]; create user [HOST_B_user]; grant CONNECT"),
        "{}",
        line(&plan)
    );
    let trust = &mut plan.instances[0].trusts[0];
    trust.actions.remove(0);
    trust.certificate = Some(TrustCertificate {
        sha256: Sha256::of(b""),
        thumbprint: Thumbprint::of(b""),
        not_after: DateTime::UNIX_EPOCH,
        pinned: true,
        name: Some("b cert".to_owned()),
    });
    assert!(
        line(&plan).contains("adopt login [svcB\\u{200b}], certificate [b cert]; grant CONNECT"),
        "{}",
        line(&plan)
    );
}

#[test]
fn a_remedy_that_cannot_be_shown_as_it_is_says_so() {
    let mut plan = sample_plan();
    plan.findings[0].remedy_tsql = Some("DROP CERTIFICATE [x\u{feff}];".to_owned());
    let text = text::job(&succeeded(plan));
    assert!(text.contains("DROP CERTIFICATE [x\\u{feff}];"), "{text}");
    assert!(text.contains("take it from remedy_tsql"), "{text}");
}
