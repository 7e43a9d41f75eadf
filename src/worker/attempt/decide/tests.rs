//! Each way a look and a round can turn out, and what follows.

mod partial;

use uuid::Uuid;

use super::super::refused::{ApplyFailure, Refused};
use super::*;
use crate::domain::action::{Action, ImportFrom};
use crate::domain::failure::{Failure, FailureClass, SqlError};
use crate::domain::finding::{Code, Severity};
use crate::domain::hash::{Sha256, Thumbprint};
use crate::domain::job::{Accepted, JobKind, JobOptions, JobState, Subject};
use crate::domain::name::{NamedRef, RegistrationName};
use crate::domain::object_name::{ObjectName, SysName};
use crate::domain::plan::{InstancePlan, TrustPlan};
use crate::domain::plan_hash::PlanHash;
use crate::domain::trust::{Admission, AdmitReason, AdmitReasonKind, Configured, Proof};

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
        attempts_begun: 1,
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
            used_by: None,
            trusts: vec![TrustPlan {
                left_out: Vec::new(),
                peer: "HOST_B".into(),
                configured,
                proof: Proof::NeverDialled,
                admits: match configured {
                    Configured::Yes => Admission::of(Vec::new(), None),
                    _ => Admission::default(),
                },
                certificate: None,
                next: None,
                actions,
            }],
        }],
        plan_hash: PlanHash::of(""),
        partial: false,
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
        cause: None,
    };
    ("HOST_A".into(), failure)
}

fn unapplied(class: FailureClass) -> ApplyFailure {
    let (instance, failure) = failure(class);
    ApplyFailure {
        instance,
        log_in: "mirrorgate".into(),
        failure,
        action: None,
    }
}

fn applied(rounds: usize, classes: &[FailureClass]) -> Progress {
    Progress {
        rounds,
        apply_failures: classes.iter().map(|c| unapplied(*c)).collect(),
        ..Progress::default()
    }
}

/// `instance` refused this action with this number.
fn refusal(instance: &str, action: Action, class: FailureClass, number: i32) -> ApplyFailure {
    let error = SqlError {
        number,
        class: 16,
        state: 1,
        message: "the server's words".into(),
        line: None,
    };
    ApplyFailure {
        instance: instance.into(),
        log_in: "mirrorgate".into(),
        failure: Failure {
            class,
            detail: format!("{instance} refused the batch"),
            sql: Some(error),
            cause: None,
        },
        action: Some(Refused {
            peer: "HOST_B".into(),
            action,
        }),
    }
}

fn exists(instance: &str, action: Action, number: i32) -> ApplyFailure {
    refusal(instance, action, FailureClass::AlreadyExists, number)
}

fn after_rounds(rounds: Vec<Vec<ApplyFailure>>) -> Progress {
    let mut progress = Progress::default();
    for failures in rounds {
        progress.note_round(failures);
    }
    progress
}

fn detail_of(next: Next) -> String {
    match next {
        Next::End(
            AttemptOutcome::Failed { detail, .. } | AttemptOutcome::RetryLater { detail, .. },
        ) => detail,
        other => panic!("{other:?}"),
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
        next(&configure_job(), &to_do(), &Progress::default()),
        Next::Apply
    );
    assert_eq!(
        next(&configure_job(), &in_place(), &Progress::default()),
        DONE
    );
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
        let progress = applied(1, &[class]);
        assert_eq!(next(&configure_job(), &to_do(), &progress), Next::Apply);
        assert_eq!(next(&configure_job(), &in_place(), &progress), DONE);
    }
    let third = next(
        &configure_job(),
        &to_do(),
        &applied(3, &[FailureClass::AlreadyExists]),
    );
    assert_eq!(code_of_end(third), (true, FailureCode::AttemptsExhausted));
}

#[test]
fn the_same_statement_refused_the_same_way_twice_ends_with_its_number_object_and_advice() {
    let (user, login) = ("HOST_B_user", "HOST_B_login");
    let create_user = Action::CreateUser {
        user: ObjectName::parse(user).unwrap(),
        login: SysName::observed(login).unwrap(),
    };
    let import = Action::ImportCertificate {
        certificate: ObjectName::parse("HOST_B_cert").unwrap(),
        owner: SysName::observed(user).unwrap(),
        sha256: Sha256::of(b"x"),
        thumbprint: Thumbprint::of(b"x"),
        from: ImportFrom::Binary,
    };
    let table = [
        (
            create().remove(0),
            15025,
            "[HOST_B_login]",
            "sys.server_principals",
        ),
        (
            create_user.clone(),
            15023,
            "[HOST_B_user]",
            "sys.database_principals",
        ),
        (
            create_user.clone(),
            15063,
            "user of login [HOST_B_login]",
            "by the login's SID",
        ),
        (
            create_user,
            15278,
            "user of login [HOST_B_login]",
            "by the login's SID",
        ),
        (import, 15232, "under another name", "by thumbprint"),
    ];
    for (action, number, object, place) in table {
        let refused = || vec![exists("HOST_A", action.clone(), number)];
        let once = after_rounds(vec![refused()]);
        assert_eq!(
            next(&configure_job(), &to_do(), &once),
            Next::Apply,
            "{number}"
        );
        let twice = after_rounds(vec![refused(), refused()]);
        let end = next(&configure_job(), &to_do(), &twice);
        let detail = detail_of(end);
        for part in [
            &format!("HOST_A refused again to {} for HOST_B", action.describe()),
            &format!("error {number}"),
            "the server's words",
            object,
            place,
            "log-in [mirrorgate] does not see it",
        ] {
            assert!(detail.contains(part), "{number}: {part} is not in {detail}");
        }
        let end = next(&configure_job(), &to_do(), &twice);
        assert_eq!(
            code_of_end(end),
            (false, FailureCode::ActionRefused),
            "{number}"
        );
        // Whatever was refused in between.
        let thrice = after_rounds(vec![refused(), Vec::new(), refused()]);
        let end = next(&configure_job(), &to_do(), &thrice);
        assert_eq!(
            code_of_end(end),
            (false, FailureCode::ActionRefused),
            "{number}"
        );
        // In place all the same: then nobody cares who made it.
        assert_eq!(
            next(&configure_job(), &in_place(), &twice),
            DONE,
            "{number}"
        );
    }
}

#[test]
fn another_statement_or_another_refusal_is_another_race() {
    let login = create().remove(0);
    let other = Action::CreateLogin {
        login: ObjectName::parse("HOST_W_login").unwrap(),
    };
    for second in [
        exists("HOST_A", other, 15025),
        exists("HOST_A", login.clone(), 15023),
        exists("HOST_W", login.clone(), 15025),
    ] {
        let progress = after_rounds(vec![
            vec![exists("HOST_A", login.clone(), 15025)],
            vec![second],
        ]);
        assert_eq!(next(&configure_job(), &to_do(), &progress), Next::Apply);
    }
}

/// Only who says twice that something exists, which is looked for and not seen, hides it.
#[test]
fn what_is_denied_twice_is_not_called_hidden() {
    let login = create().remove(0);
    let denied = || {
        vec![refusal(
            "HOST_A",
            login.clone(),
            FailureClass::PermissionMissing,
            15247,
        )]
    };
    let progress = after_rounds(vec![denied(), denied()]);
    let detail = detail_of(next(&configure_job(), &to_do(), &progress));
    assert!(
        detail.contains("15247") && !detail.contains("does not see it"),
        "{detail}"
    );
}

#[test]
fn every_member_that_refuses_is_named() {
    let refused = |instance: &str, number| {
        refusal(instance, create().remove(0), FailureClass::Rejected, number)
    };
    let deadlock = refusal("HOST_W", create().remove(0), FailureClass::Transient, 1205);
    let failures = vec![
        deadlock.clone(),
        refused("HOST_A", 33064),
        refused("HOST_B", 15118),
    ];
    let detail = detail_of(next(
        &configure_job(),
        &to_do(),
        &after_rounds(vec![failures]),
    ));
    let at = |part: &str| {
        detail
            .find(part)
            .unwrap_or_else(|| panic!("{part}: {detail}"))
    };
    assert!(at("HOST_A") < at("33064") && at("33064") < at("HOST_B refused"));
    assert!(at("15118") < at("HOST_W") && at("HOST_W") < at("1205"));
    let lost = ApplyFailure {
        instance: "HOST_A".into(),
        ..unapplied(FailureClass::Unreachable)
    };
    let end = next(
        &configure_job(),
        &to_do(),
        &after_rounds(vec![vec![lost, deadlock]]),
    );
    assert!(
        matches!(
            &end,
            Next::End(AttemptOutcome::RetryLater { code: FailureCode::AttemptsExhausted, detail })
                if detail.contains("HOST_A") && detail.contains("1205")
        ),
        "{end:?}"
    );
}

#[test]
fn every_member_that_was_not_seen_is_named_the_lasting_ones_first() {
    let unseen = |named: &[(&str, FailureClass)]| Progress {
        unseen: named
            .iter()
            .map(|(name, class)| {
                let (_, failure) = failure(*class);
                ((*name).to_owned(), failure)
            })
            .collect(),
        ..Progress::default()
    };
    let inspect = job(JobKind::Inspect, false);
    let nothing = plan(Configured::Unknown, Vec::new(), Vec::new());
    let mixed = unseen(&[
        ("P", FailureClass::Unreachable),
        ("Q", FailureClass::LoginRefused),
        ("R", FailureClass::TlsNotTrusted),
    ]);
    let end = next(&inspect, &nothing, &mixed);
    assert_eq!(
        detail_of(end),
        "Q: HOST_A said no; R: HOST_A said no; P: HOST_A said no"
    );
    let end = next(&inspect, &nothing, &mixed);
    assert_eq!(code_of_end(end), (false, FailureCode::PreflightFailed));
    let busy = unseen(&[
        ("P", FailureClass::Unreachable),
        ("Q", FailureClass::Transient),
    ]);
    let end = next(&inspect, &nothing, &busy);
    assert_eq!(code_of_end(end), (true, FailureCode::AttemptsExhausted));
}

#[test]
fn a_server_in_a_passing_state_is_looked_at_again() {
    let busy = Progress {
        unseen: vec![failure(FailureClass::Transient)],
        ..Progress::default()
    };
    let blocked = plan(
        Configured::Unknown,
        Vec::new(),
        vec![blocker(Code::ObservationFailed)],
    );
    for kind in [JobKind::ConfigureInbound, JobKind::VerifyInbound] {
        let end = next(&job(kind, false), &blocked, &busy);
        assert_eq!(code_of_end(end), (true, FailureCode::AttemptsExhausted));
    }
    let unreadable = Progress {
        unseen: vec![failure(FailureClass::Protocol)],
        ..Progress::default()
    };
    let end = next(&configure_job(), &blocked, &unreadable);
    assert_eq!(code_of_end(end), (false, FailureCode::PreflightFailed));
}

#[test]
fn the_end_by_a_deadline_says_what_is_missing_and_why() {
    let progress = after_rounds(vec![vec![exists("HOST_A", create().remove(0), 15025)]]);
    let AttemptOutcome::Failed { code, detail } =
        too_late("the deadline passed", &to_do(), &progress)
    else {
        panic!("it ends");
    };
    assert_eq!(code, FailureCode::DeadlineExceeded);
    for part in ["after 1 round still", "on HOST_A from HOST_B", "15025"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
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
    let unseen = Progress {
        unseen: vec![failure(FailureClass::Unreachable)],
        ..Progress::default()
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
        let end = next(&configure_job(), &plan, &Progress::default());
        assert_eq!(code_of_end(end), (false, expected), "{codes:?}");
    }
}

#[test]
fn a_block_is_told_by_finding_and_place() {
    let mut of_peer = blocker(Code::NameTaken);
    of_peer.peer = Some("HOST_B".into());
    let findings = vec![of_peer, blocker(Code::NoEndpoint)];
    let blocked = plan(Configured::No, create(), findings);
    assert_eq!(
        detail_of(next(&configure_job(), &blocked, &Progress::default())),
        "name_taken on HOST_A from HOST_B: found; no_endpoint on HOST_A: found"
    );
}

#[test]
fn a_name_that_leads_nowhere_is_asked_for_a_few_times_by_who_changes_something() {
    let (instance, mut unresolved) = failure(FailureClass::Unreachable);
    unresolved.cause = Some(Box::new(crate::domain::cause::Cause::NameUnresolved));
    let progress = Progress {
        unseen: vec![(instance, unresolved)],
        ..Progress::default()
    };
    let blocked = plan(Configured::No, create(), vec![blocker(Code::Unreachable)]);
    let tried_again = |kind, attempts| {
        let job = Job {
            attempts,
            ..job(kind, false)
        };
        code_of_end(next(&job, &blocked, &progress)).0
    };
    assert!(tried_again(JobKind::ConfigureInbound, 2));
    assert!(!tried_again(JobKind::ConfigureInbound, 3));
    assert!(tried_again(JobKind::VerifyInbound, 1));
    assert!(!tried_again(JobKind::Inspect, 1));
}

/// Another's blocker stops a partial job only once its own part is done.
#[test]
fn what_can_be_done_beside_a_blocker_is_done_first() {
    let mut beside = plan(Configured::No, create(), vec![blocker(Code::NameTaken)]);
    beside.partial = true;
    assert_eq!(
        next(&configure_job(), &beside, &Progress::default()),
        Next::Apply
    );
    beside.instances[0].trusts[0].actions.clear();
    let end = next(&configure_job(), &beside, &applied(1, &[]));
    assert_eq!(code_of_end(end), (false, FailureCode::Conflict));
    let nothing = plan(Configured::No, Vec::new(), Vec::new());
    let end = next(&configure_job(), &nothing, &applied(1, &[]));
    assert_eq!(code_of_end(end), (true, FailureCode::AttemptsExhausted));
}

#[test]
fn a_warning_stops_nothing() {
    let warned = plan(
        Configured::No,
        create(),
        vec![finding(Code::TlsUnverified, Severity::Warning)],
    );
    assert_eq!(
        next(&configure_job(), &warned, &Progress::default()),
        Next::Apply
    );
}

#[test]
fn looking_jobs_never_apply() {
    let verify = job(JobKind::VerifyInbound, false);
    assert_eq!(next(&verify, &in_place(), &Progress::default()), DONE);
    let missing = next(&verify, &to_do(), &Progress::default());
    assert_eq!(code_of_end(missing), (false, FailureCode::NotInPlace));
    let dry = job(JobKind::ConfigureInbound, true);
    assert_eq!(next(&dry, &to_do(), &Progress::default()), DONE);
    let conflict = plan(
        Configured::Conflict,
        Vec::new(),
        vec![blocker(Code::NameTaken)],
    );
    assert_eq!(next(&dry, &conflict, &Progress::default()), DONE);
}

#[test]
fn an_inspection_fails_only_for_what_it_could_not_see() {
    let inspect = job(JobKind::Inspect, false);
    let no_endpoint = plan(
        Configured::Unknown,
        Vec::new(),
        vec![blocker(Code::NoEndpoint)],
    );
    assert_eq!(next(&inspect, &no_endpoint, &Progress::default()), DONE);
    let moved = plan(
        Configured::Unknown,
        Vec::new(),
        vec![blocker(Code::InstanceIdentityChanged)],
    );
    let end = next(&inspect, &moved, &Progress::default());
    assert_eq!(code_of_end(end), (false, FailureCode::PreflightFailed));
    let refused = Progress {
        unseen: vec![failure(FailureClass::LoginRefused)],
        ..Progress::default()
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
        let next = next(&job(kind, false), &plan, &Progress::default());
        assert!(ends_not_admitted(&next), "{next:?}");
    }
    let dry = next(
        &job(JobKind::ConfigureInbound, true),
        &plan,
        &Progress::default(),
    );
    assert_eq!(dry, Next::End(AttemptOutcome::Succeeded));
}

#[test]
fn verification_takes_an_unverified_point_only_with_a_live_connection() {
    let verify = |plan: &Plan| {
        next(
            &job(JobKind::VerifyInbound, false),
            plan,
            &Progress::default(),
        )
    };
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
