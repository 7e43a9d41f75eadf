//! What is said of a member that could not be looked at.

use super::estate::{B, Estate, only};
use crate::domain::cause::{Cause, LogInCause, Refusal};
use crate::domain::failure::{Failure, FailureClass, SqlError};
use crate::domain::finding::{Code, Finding, Severity};

fn failed(class: FailureClass, number: Option<i32>, cause: Option<Cause>, code: Code) -> Finding {
    let estate = without_b(class, number, cause);
    only(&estate.plan(), code, Severity::Blocker)
}

fn without_b(class: FailureClass, number: Option<i32>, cause: Option<Cause>) -> Estate {
    let mut estate = Estate::pair();
    let sql = number.map(|number| SqlError {
        number,
        class: 16,
        state: 1,
        message: "so it is".to_owned(),
        line: None,
    });
    estate.failed.insert(
        B,
        Failure {
            class,
            detail: "HOST_B said no".to_owned(),
            sql,
            cause: cause.map(Box::new),
        },
    );
    estate
}

/// What each comes from, by a word of its own.
#[test]
fn a_state_that_passes_is_told_by_what_it_comes_from() {
    let cases: [(&str, &[i32]); 5] = [
        (
            "holds locks",
            &[1204, 1205, 1222, 601, 844, 845, 846, 3960, 3961, 5030],
        ),
        ("memory", &[701, 802, 8628, 8645, 8651]),
        ("full", &[1101, 1105, 9002]),
        (
            "in recovery",
            &[904, 921, 922, 924, 927, 941, 952, 955, 956, 983],
        ),
        ("The server said so itself", &[17142, 40197]),
    ];
    for (word, numbers) in cases {
        for number in numbers {
            let class = FailureClass::Transient;
            let estate = without_b(class, Some(*number), None);
            // The texts of one group are one text.
            let plan = match *number == numbers[0] {
                true => estate.plan(),
                false => estate.plan_unread(),
            };
            let said = only(&plan, Code::ObservationFailed, Severity::Blocker);
            assert!(said.remedy.contains(word), "{number}: {}", said.remedy);
            assert!(said.remedy.contains("Tried again by itself"), "{number}");
            assert_eq!(said.wanted, "a server that is in a state to answer");
            let number = format!("error {number}, severity 16, state 1: so it is");
            assert!(said.found.contains(&number), "{}", said.found);
        }
    }
}

#[test]
fn an_error_that_does_not_pass_is_not_called_a_state() {
    for class in [FailureClass::Rejected, FailureClass::Protocol] {
        let said = failed(class, Some(1205), None, Code::ObservationFailed);
        assert!(
            said.remedy.starts_with("Look up the error"),
            "{}",
            said.remedy
        );
        assert!(!said.remedy.contains("again"), "{}", said.remedy);
    }
}

#[test]
fn a_cause_that_is_known_has_its_own_remedy() {
    let unresolved = failed(
        FailureClass::Unreachable,
        None,
        Some(Cause::NameUnresolved),
        Code::Unreachable,
    );
    assert_eq!(
        unresolved.wanted,
        "a name of HOST_B that leads to an address"
    );
    assert!(
        unresolved.remedy.contains("host_b.corp:1433"),
        "{}",
        unresolved.remedy
    );
    let cause = LogInCause {
        refusal: Refusal::Disabled,
        user: "svc".to_owned(),
        application: "mirrorgate".to_owned(),
    };
    let refused = failed(
        FailureClass::LoginRefused,
        Some(18470),
        Some(Cause::LogIn(cause)),
        Code::LoginRefused,
    );
    assert!(
        refused.remedy.starts_with("Login [svc] is disabled"),
        "{}",
        refused.remedy
    );
}
