//! Each way a look and a round can turn out, and what follows.

use uuid::Uuid;

use super::*;
use crate::domain::action::Action;
use crate::domain::finding::Severity;
use crate::domain::job::{Accepted, JobOptions, JobState, Subject};
use crate::domain::name::{NamedRef, RegistrationName};
use crate::domain::object_name::{ObjectName, SysName};
use crate::domain::plan::{InstancePlan, TrustPlan};
use crate::domain::trust::{Admission, AdmitReason, AdmitReasonKind, Proof};

fn job(kind: JobKind, dry_run: bool) -> Job {
    let name = RegistrationName::parse("erp").unwrap();
    Job {
        id: Uuid::nil(),
        kind,
        subject: Subject::Pair(NamedRef {
            id: Uuid::nil(),
            name,
        }),
        options: JobOptions {
            dry_run,
            ..JobOptions::default()
        },
        accepted: Accepted {
            revision: 1,
            operating_mode: None,
            members: Vec::new(),
        },
        state: JobState::Running,
        failure: None,
        attempts: 1,
        next_attempt_at: None,
        last_problem: None,
        cancel_requested_at: None,
        plan: None,
        version: 1,
        created_at: chrono::DateTime::UNIX_EPOCH,
        started_at: None,
        finished_at: None,
        request_id: None,
    }
}

fn configure_job() -> Job {
    job(JobKind::ConfigureInbound, false)
}

fn plan(configured: Configured, actions: Vec<Action>, findings: Vec<Finding>) -> Plan {
    Plan {
        findings,
        instances: vec![InstancePlan {
            instance: "HOST_A".into(),
            server: None,
            endpoint: None,
            trusts: vec![TrustPlan {
                peer: "HOST_B".into(),
                configured,
                proof: Proof::NeverDialled,
                admits: match configured {
                    Configured::Yes => Admission::of(Vec::new(), None),
                    _ => Admission::default(),
                },
                certificate: None,
                actions,
            }],
        }],
        plan_hash: String::new(),
    }
}

fn finding(code: Code, severity: Severity) -> Finding {
    Finding {
        code,
        severity,
        instance: "HOST_A".into(),
        peer: None,
        found: "found".into(),
        wanted: "wanted".into(),
        remedy: String::new(),
        remedy_tsql: None,
        cure: None,
    }
}

fn blocker(code: Code) -> Finding {
    finding(code, Severity::Blocker)
}

fn adopt() -> Vec<Action> {
    let name = SysName::observed("x").unwrap();
    vec![Action::Adopt {
        login: name.clone(),
        user: name.clone(),
        certificate: name,
    }]
}

fn create() -> Vec<Action> {
    vec![Action::CreateLogin {
        login: ObjectName::parse("HOST_B_login").unwrap(),
    }]
}

fn in_place() -> Plan {
    plan(Configured::Yes, adopt(), Vec::new())
}

fn to_do() -> Plan {
    plan(Configured::No, create(), Vec::new())
}

fn failure(class: FailureClass) -> (String, Failure) {
    let failure = Failure {
        class,
        detail: "HOST_A said no".into(),
        sql: None,
    };
    ("HOST_A".into(), failure)
}

fn applied(rounds: usize, classes: &[FailureClass]) -> SoFar {
    SoFar {
        rounds,
        apply_failures: classes.iter().map(|c| failure(*c)).collect(),
        unseen: Vec::new(),
    }
}

fn code_of_end(next: Next) -> (bool, FailureCode) {
    match next {
        Next::End(AttemptOutcome::Failed { code, .. }) => (false, code),
        Next::End(AttemptOutcome::RetryLater { code, .. }) => (true, code),
        other => panic!("{other:?}"),
    }
}

const DONE: Next = Next::End(AttemptOutcome::Succeeded);

#[test]
fn what_is_to_do_is_done_and_what_is_in_place_is_left() {
    assert_eq!(
        next(&configure_job(), &to_do(), &SoFar::default()),
        Next::Apply
    );
    assert_eq!(next(&configure_job(), &in_place(), &SoFar::default()), DONE);
    assert_eq!(next(&configure_job(), &in_place(), &applied(1, &[])), DONE);
}

#[test]
fn success_needs_every_trust_configured_not_merely_nothing_to_do() {
    for configured in [Configured::No, Configured::Unknown, Configured::Conflict] {
        let plan = plan(configured, Vec::new(), Vec::new());
        assert_ne!(next(&configure_job(), &plan, &applied(1, &[])), DONE);
    }
}

#[test]
fn a_lost_race_or_a_lost_answer_is_settled_by_another_look() {
    for class in [FailureClass::AlreadyExists, FailureClass::OutcomeUnknown] {
        let so_far = applied(1, &[class]);
        assert_eq!(next(&configure_job(), &to_do(), &so_far), Next::Apply);
        assert_eq!(next(&configure_job(), &in_place(), &so_far), DONE);
    }
    let third = next(
        &configure_job(),
        &to_do(),
        &applied(3, &[FailureClass::AlreadyExists]),
    );
    assert_eq!(code_of_end(third), (true, FailureCode::AttemptsExhausted));
}

#[test]
fn what_the_server_refuses_is_not_tried_again() {
    let table = [
        (FailureClass::PermissionMissing, FailureCode::ActionRefused),
        (FailureClass::FileUnusable, FailureCode::ActionRefused),
        (FailureClass::Rejected, FailureCode::ActionRefused),
        (FailureClass::FileMismatch, FailureCode::Conflict),
        (FailureClass::LoginRefused, FailureCode::LoginRefused),
    ];
    for (class, code) in table {
        let end = next(&configure_job(), &to_do(), &applied(1, &[class]));
        assert_eq!(code_of_end(end), (false, code), "{class:?}");
    }
}

#[test]
fn what_may_pass_waits_for_another_attempt() {
    let table = [
        (FailureClass::Transient, FailureCode::AttemptsExhausted),
        (FailureClass::Unreachable, FailureCode::Unreachable),
    ];
    for (class, code) in table {
        let end = next(&configure_job(), &to_do(), &applied(1, &[class]));
        assert_eq!(code_of_end(end), (true, code), "{class:?}");
    }
}

#[test]
fn a_blocker_stops_everything_and_is_retried_only_if_all_of_them_may_pass() {
    let unseen = SoFar {
        unseen: vec![failure(FailureClass::Unreachable)],
        ..SoFar::default()
    };
    let passing = plan(Configured::No, create(), vec![blocker(Code::Unreachable)]);
    let end = next(&configure_job(), &passing, &unseen);
    assert_eq!(code_of_end(end), (true, FailureCode::Unreachable));
    let mixed = plan(
        Configured::No,
        create(),
        vec![blocker(Code::Unreachable), blocker(Code::NoEndpoint)],
    );
    let mut elsewhere = mixed.clone();
    elsewhere.findings[1].instance = "HOST_B".into();
    let end = next(&configure_job(), &elsewhere, &unseen);
    assert_eq!(code_of_end(end), (false, FailureCode::PreflightFailed));
}

#[test]
fn the_code_of_a_block_names_its_kind() {
    let table = [
        (
            vec![Code::NameTaken, Code::NoEndpoint],
            FailureCode::Conflict,
        ),
        (vec![Code::LoginRefused], FailureCode::LoginRefused),
        (vec![Code::TlsNotTrusted], FailureCode::TlsNotTrusted),
        (
            vec![Code::TlsNotTrusted, Code::NoEndpoint],
            FailureCode::PreflightFailed,
        ),
    ];
    for (codes, expected) in table {
        let findings = codes.iter().map(|c| blocker(*c)).collect();
        let plan = plan(Configured::No, create(), findings);
        let end = next(&configure_job(), &plan, &SoFar::default());
        assert_eq!(code_of_end(end), (false, expected), "{codes:?}");
    }
}

#[test]
fn a_warning_stops_nothing() {
    let warned = plan(
        Configured::No,
        create(),
        vec![finding(Code::TlsUnverified, Severity::Warning)],
    );
    assert_eq!(
        next(&configure_job(), &warned, &SoFar::default()),
        Next::Apply
    );
}

#[test]
fn looking_jobs_never_apply() {
    let verify = job(JobKind::VerifyInbound, false);
    assert_eq!(next(&verify, &in_place(), &SoFar::default()), DONE);
    let missing = next(&verify, &to_do(), &SoFar::default());
    assert_eq!(code_of_end(missing), (false, FailureCode::NotInPlace));
    let dry = job(JobKind::ConfigureInbound, true);
    assert_eq!(next(&dry, &to_do(), &SoFar::default()), DONE);
    let conflict = plan(
        Configured::Conflict,
        Vec::new(),
        vec![blocker(Code::NameTaken)],
    );
    assert_eq!(next(&dry, &conflict, &SoFar::default()), DONE);
}

#[test]
fn an_inspection_fails_only_for_what_it_could_not_see() {
    let inspect = job(JobKind::Inspect, false);
    let no_endpoint = plan(
        Configured::Unknown,
        Vec::new(),
        vec![blocker(Code::NoEndpoint)],
    );
    assert_eq!(next(&inspect, &no_endpoint, &SoFar::default()), DONE);
    let moved = plan(
        Configured::Unknown,
        Vec::new(),
        vec![blocker(Code::InstanceIdentityChanged)],
    );
    let end = next(&inspect, &moved, &SoFar::default());
    assert_eq!(code_of_end(end), (false, FailureCode::PreflightFailed));
    let refused = SoFar {
        unseen: vec![failure(FailureClass::LoginRefused)],
        ..SoFar::default()
    };
    let end = next(&inspect, &no_endpoint, &refused);
    assert_eq!(code_of_end(end), (false, FailureCode::LoginRefused));
}

fn with_reason(kind: AdmitReasonKind, proof: Proof) -> Plan {
    let mut plan = in_place();
    let reason = AdmitReason {
        code: "a_point".into(),
        kind,
        detail: "the point".into(),
    };
    let trust = &mut plan.instances[0].trusts[0];
    trust.admits = Admission::of(vec![reason], None);
    trust.proof = proof;
    plan
}

fn ends_not_admitted(next: &Next) -> bool {
    matches!(
        next,
        Next::End(AttemptOutcome::Failed { code: FailureCode::NotAdmitted, detail })
            if detail.contains("the point")
    )
}

#[test]
fn what_is_in_place_and_would_be_refused_is_no_success_and_not_retried() {
    let plan = with_reason(AdmitReasonKind::Refuses, Proof::Proven { since: None });
    for kind in [JobKind::ConfigureInbound, JobKind::VerifyInbound] {
        let next = next(&job(kind, false), &plan, &SoFar::default());
        assert!(ends_not_admitted(&next), "{next:?}");
    }
    let dry = next(
        &job(JobKind::ConfigureInbound, true),
        &plan,
        &SoFar::default(),
    );
    assert_eq!(dry, Next::End(AttemptOutcome::Succeeded));
}

#[test]
fn verification_takes_an_unverified_point_only_with_a_live_connection() {
    let verify = |plan: &Plan| next(&job(JobKind::VerifyInbound, false), plan, &SoFar::default());
    let proven = Proof::Proven { since: None };
    let unverified = with_reason(AdmitReasonKind::Unverified, proven);
    assert_eq!(verify(&unverified), Next::End(AttemptOutcome::Succeeded));
    for plan in [
        with_reason(AdmitReasonKind::Unverified, Proof::NeverDialled),
        with_reason(AdmitReasonKind::NotSeen, proven),
    ] {
        let next = verify(&plan);
        assert!(ends_not_admitted(&next), "{next:?}");
    }
}
