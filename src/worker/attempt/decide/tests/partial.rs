//! What follows for a job that leaves something out.

use super::*;
use crate::worker::attempt::decide::configure::MOST_ROUNDS;

/// On HOST_A the trust from HOST_B, with these actions; the one from HOST_W is left out.
fn partly(configured: Configured, actions: Vec<Action>) -> Plan {
    let mut plan = plan(configured, actions, vec![blocker(Code::NameTaken)]);
    let mut left_out = plan.instances[0].trusts[0].clone();
    left_out.peer = "HOST_W".into();
    left_out.left_out = vec![Code::NameTaken];
    left_out.configured = Configured::Conflict;
    left_out.actions.clear();
    plan.instances[0].trusts.push(left_out);
    plan.partial = true;
    plan
}

fn unseen(instance: &str, class: FailureClass) -> Progress {
    let (_, failure) = failure(class);
    Progress {
        unseen: vec![(instance.to_owned(), failure)],
        ..Progress::default()
    }
}

#[test]
fn the_rest_is_done_and_the_job_ends_partial_with_what_it_left_out() {
    let job = configure_job();
    let to_do = partly(Configured::No, create());
    assert_eq!(next(&job, &to_do, &Progress::default()), Next::Apply);
    assert_eq!(
        next(&job, &to_do, &applied(MOST_ROUNDS - 1, &[])),
        Next::Apply
    );
    let done = next(&job, &partly(Configured::Yes, adopt()), &applied(1, &[]));
    assert_eq!(
        done,
        Next::End(failed(
            FailureCode::Partial,
            "left out: on HOST_A from HOST_W (name_taken)".to_owned()
        ))
    );
}

#[test]
fn what_was_not_asked_to_be_partial_is_blocked() {
    let mut whole = partly(Configured::No, create());
    whole.partial = false;
    let end = next(&configure_job(), &whole, &Progress::default());
    assert_eq!(code_of_end(end), (false, FailureCode::Conflict));
    let mut nothing_left_out = partly(Configured::Yes, adopt());
    nothing_left_out.instances[0].trusts.pop();
    nothing_left_out.findings.clear();
    let end = next(&configure_job(), &nothing_left_out, &Progress::default());
    assert_eq!(end, Next::End(AttemptOutcome::Succeeded));
}

#[test]
fn with_everything_left_out_it_ends_as_what_stands_in_the_way() {
    let mut plan = partly(Configured::Conflict, Vec::new());
    plan.instances[0].trusts.remove(0);
    let end = next(&configure_job(), &plan, &Progress::default());
    assert_eq!(code_of_end(end), (false, FailureCode::Conflict));
}

#[test]
fn another_attempt_is_due_only_for_what_may_pass() {
    let job = configure_job();
    let done = partly(Configured::Yes, adopt());
    let end = |progress: &Progress| code_of_end(next(&job, &done, progress));
    let (later, for_good) = ((true, FailureCode::Partial), (false, FailureCode::Partial));
    assert_eq!(end(&unseen("HOST_W", FailureClass::Unreachable)), later);
    assert_eq!(end(&unseen("HOST_A", FailureClass::Unreachable)), later);
    assert_eq!(end(&unseen("HOST_W", FailureClass::LoginRefused)), for_good);
    assert_eq!(end(&unseen("HOST_C", FailureClass::Unreachable)), for_good);
    assert_eq!(end(&applied(1, &[FailureClass::Transient])), later);
    let rounds = applied(MOST_ROUNDS, &[]);
    let to_do = partly(Configured::No, create());
    assert_eq!(code_of_end(next(&job, &to_do, &rounds)), later);
}

#[test]
fn what_was_approved_or_refused_gets_no_other_attempt() {
    let mut approved = configure_job();
    approved.options.only_if_plan = Some(PlanHash::of(""));
    let unseen = unseen("HOST_W", FailureClass::Unreachable);
    let end = next(&approved, &partly(Configured::Yes, adopt()), &unseen);
    assert_eq!(code_of_end(end), (false, FailureCode::Partial));
    let refused = applied(1, &[FailureClass::PermissionMissing]);
    let to_do = partly(Configured::No, create());
    let end = || next(&configure_job(), &to_do, &refused);
    assert_eq!(code_of_end(end()), (false, FailureCode::Partial));
    let detail = detail_of(end());
    assert!(
        detail.contains("left out: on HOST_A from HOST_W (name_taken); HOST_A said no")
            && detail.contains("still missing: on HOST_A from HOST_B"),
        "{detail}"
    );
}

#[test]
fn what_is_in_place_and_would_be_refused_is_told() {
    let mut plan = partly(Configured::Yes, adopt());
    let reason = AdmitReason {
        kind: AdmitReasonKind::Refuses,
        code: "certificate_expired".into(),
        detail: "it expired".into(),
    };
    plan.instances[0].trusts[0].admits = Admission::of(vec![reason], None);
    let detail = detail_of(next(&configure_job(), &plan, &Progress::default()));
    assert!(detail.contains("it expired"), "{detail}");
}
