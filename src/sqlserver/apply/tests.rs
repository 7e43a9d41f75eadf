//! What each way a batch can end says about each of its actions.

use uuid::Uuid;

use super::*;
use crate::domain::action::Action;
use crate::domain::credential::LoginSecret;
use crate::domain::failure::FailureClass;
use crate::domain::instance::{Address, Tls};
use crate::domain::object_name::ObjectName;
use crate::domain::script::Frame;
use crate::sqlserver::target::Timeouts;
use crate::tsql::body::{ApplyStep, Body};

fn target() -> Target {
    Target {
        instance_id: Uuid::nil(),
        name: "HOST_A".into(),
        address: Address {
            host: "host-a".into(),
            port: None,
            instance_name: None,
        },
        tls: Tls::default(),
        log_in: LoginSecret {
            user: "mirrorgate".into(),
            password: String::new().into(),
        },
        application: "mirrorgate".into(),
        credential_id: Uuid::nil(),
        credential_revision: 1,
        refusals: 0,
        timeouts: Timeouts::default(),
    }
}

fn batch() -> ApplyBatch {
    let step = |ordinal: usize| ApplyStep {
        ordinal,
        peer: "HOST_B".into(),
        action: Action::CreateLogin {
            login: ObjectName::parse(&format!("login{ordinal}")).unwrap(),
        },
        statement: String::new(),
    };
    ApplyBatch {
        frame: Frame::default(),
        body: Body {
            text: String::new(),
            steps: vec![step(1), step(2), step(3)],
        },
    }
}

fn sql(number: i32) -> SqlError {
    SqlError {
        number,
        class: 16,
        state: 1,
        message: "m".into(),
        line: Some(3),
    }
}

fn applied(ordinals: &[usize]) -> Progress {
    Progress {
        applied: ordinals.len(),
        ..Progress::default()
    }
}

fn outcomes(result: &ApplyResult) -> Vec<StepOutcome> {
    result.steps.iter().map(|s| s.outcome).collect()
}

use StepOutcome::{Done, Failed, NotReached, RolledBack, Unknown};

#[test]
fn done_only_after_commit() {
    let committed = Progress {
        committed: true,
        ..applied(&[1, 2, 3])
    };
    let lost_after = Err(failure::no_answer(&target(), std::time::Duration::ZERO));
    let result = committed.judge(&batch(), Sent::Yes(&target(), lost_after));
    assert_eq!(outcomes(&result), [Done; 3]);
    assert_eq!(result.failure, None);
}

#[test]
fn a_failed_action_takes_the_earlier_ones_back() {
    let failed = Progress {
        failed: Some((2, sql(15025))),
        ..applied(&[1])
    };
    let result = failed.judge(&batch(), Sent::Yes(&target(), Ok(())));
    assert_eq!(outcomes(&result), [RolledBack, Failed, NotReached]);
    assert_eq!(result.failure.unwrap().class, FailureClass::AlreadyExists);
    assert_eq!(result.refused, Some(2));
    assert_eq!(result.steps[1].error, Some(sql(15025)));
    assert_eq!(result.steps[0].error, None);
}

#[test]
fn the_lock_not_granted_fails_no_action() {
    let failed = Progress {
        failed: Some((0, sql(50002))),
        ..applied(&[])
    };
    let result = failed.judge(&batch(), Sent::Yes(&target(), Ok(())));
    assert_eq!(outcomes(&result), [NotReached; 3]);
    assert_eq!(result.refused, None);
    assert_eq!(result.failure.unwrap().class, FailureClass::Transient);
}

#[test]
fn no_answer_leaves_all_of_it_unknown() {
    let lost = Err(failure::no_answer(&target(), std::time::Duration::ZERO));
    let result = applied(&[1, 2, 3]).judge(&batch(), Sent::Yes(&target(), lost));
    assert_eq!(outcomes(&result), [Unknown; 3]);
}

#[test]
fn an_answer_that_does_not_say_how_it_ended_is_an_unknown_outcome() {
    let unreadable = || Err(failure::protocol(&target(), "that cannot be"));
    for ended in [Ok(()), unreadable()] {
        for ran in [&[][..], &[1], &[1, 2, 3]] {
            let result = applied(ran).judge(&batch(), Sent::Yes(&target(), ended.clone()));
            assert_eq!(outcomes(&result), [Unknown; 3]);
            let failure = result.failure.unwrap();
            assert_eq!(failure.class, FailureClass::OutcomeUnknown, "{failure:?}");
            assert_eq!(result.refused, None);
        }
    }
}

#[test]
fn a_batch_refused_as_a_whole_did_nothing() {
    let refused = Err(failure::from_sql(&target(), sql(102)));
    let result = applied(&[]).judge(&batch(), Sent::Yes(&target(), refused));
    assert_eq!(outcomes(&result), [Failed, NotReached, NotReached]);
    assert_eq!(result.refused, None, "nobody knows whose statement it was");
    assert_eq!(result.steps[0].error, Some(sql(102)));
    // With part of it run, an error from outside the CATCH proves nothing.
    let later = Err(failure::from_sql(&target(), sql(3930)));
    let result = applied(&[1]).judge(&batch(), Sent::Yes(&target(), later));
    assert_eq!(outcomes(&result), [Unknown; 3]);
}

#[test]
fn what_was_never_sent_was_never_reached() {
    let refused = failure::unreachable(&target(), "refused");
    let result = applied(&[]).judge(&batch(), Sent::Not(refused));
    assert_eq!(outcomes(&result), [NotReached; 3]);
}
