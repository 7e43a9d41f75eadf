//! Which error means what, case by case.

use uuid::Uuid;

use super::*;
use crate::domain::credential::LoginSecret;
use crate::domain::instance::{Address, Tls};
use crate::sqlserver::target::Timeouts;

fn target() -> Target {
    Target {
        instance_id: Uuid::nil(),
        name: "HOST_A".into(),
        address: Address {
            host: "host-a".into(),
            port: Some(1433),
            instance_name: None,
        },
        tls: Tls::default(),
        log_in: LoginSecret {
            user: "mirrorgate".into(),
            password: "s3cret-canary".to_owned().into(),
        },
        application: "mirrorgate".into(),
        credential_id: Uuid::nil(),
        credential_revision: 1,
        refusals: 0,
        timeouts: Timeouts::default(),
    }
}

fn io(kind: ErrorKind) -> Error {
    Error::Io {
        kind,
        message: "boom".into(),
    }
}

#[test]
fn numbers_have_one_class() {
    use FailureClass as C;
    let table = [
        (1205, C::Transient),
        (1222, C::Transient),
        (50002, C::Transient),
        (15025, C::AlreadyExists),
        (15023, C::AlreadyExists),
        (15063, C::AlreadyExists),
        (15232, C::AlreadyExists),
        (15151, C::PermissionMissing),
        (15247, C::PermissionMissing),
        (229, C::PermissionMissing),
        (262, C::PermissionMissing),
        (297, C::PermissionMissing),
        (300, C::PermissionMissing),
        (15208, C::FileUnusable),
        (50001, C::FileMismatch),
        (701, C::Transient),
        (802, C::Transient),
        (1204, C::Transient),
        (921, C::Transient),
        (922, C::Transient),
        (927, C::Transient),
        (952, C::Transient),
        (9002, C::Transient),
        (15278, C::AlreadyExists),
        (102, C::Rejected),
        (15434, C::Rejected),
    ];
    for (number, class) in table {
        assert_eq!(class_of(number), class, "{number}");
    }
}

#[test]
fn a_number_of_the_log_in_means_something_else_once_the_session_is_there() {
    use FailureClass as C;
    let table = [
        // A trigger that asks a linked server, say: our own log-in was not refused.
        (18456, C::LoginRefused, C::Rejected),
        (18488, C::LoginRefused, C::Rejected),
        (17142, C::Unreachable, C::Transient),
        (17187, C::Unreachable, C::Transient),
        (40613, C::Unreachable, C::Transient),
    ];
    for (number, logging_in, in_a_batch) in table {
        assert_eq!(log_in_class_of(number), Some(logging_in), "{number}");
        assert_eq!(class_of(number), in_a_batch, "{number}");
    }
}

#[test]
fn a_lost_link_is_unreachable_before_a_batch_and_unknown_during_one() {
    for kind in [
        ErrorKind::UnexpectedEof,
        ErrorKind::ConnectionReset,
        ErrorKind::BrokenPipe,
        ErrorKind::TimedOut,
    ] {
        let before = while_logging_in(&target(), &io(kind));
        assert_eq!(before.class, FailureClass::Unreachable, "{kind}");
        let during = during_batch(&target(), &io(kind));
        assert_eq!(during.class, FailureClass::OutcomeUnknown, "{kind}");
    }
}

#[test]
fn a_connection_that_cannot_be_trusted_is_not_a_network_problem() {
    let cause = TlsCause {
        fault: TlsFault::NoEncryption,
        presented: None,
    };
    let failure = tls_not_trusted(&target(), cause.clone());
    assert_eq!(failure.class, FailureClass::TlsNotTrusted);
    assert_eq!(
        failure.detail,
        "host-a:1433: the server offers no encryption"
    );
    assert_eq!(failure.cause.as_deref(), Some(&Cause::Tls(cause)));
    assert!(!is_hang_up_at_hello(&failure));
    let hung_up = TlsCause {
        fault: TlsFault::ClosedAtHello,
        presented: None,
    };
    assert!(is_hang_up_at_hello(&tls_not_trusted(&target(), hung_up)));
}

#[test]
fn who_says_too_much_is_not_merely_lost() {
    for failure in [
        while_logging_in(&target(), &io(TOO_MUCH)),
        during_batch(&target(), &io(TOO_MUCH)),
    ] {
        assert_eq!(failure.class, FailureClass::Protocol);
        assert!(failure.detail.contains("more bytes"), "{failure:?}");
    }
}

#[test]
fn what_a_server_says_at_length_or_with_nul_can_be_kept() {
    let routed = Error::Routing {
        host: format!("a\0b{}", "c".repeat(60_000)),
        port: 1,
    };
    let failure = while_logging_in(&target(), &routed);
    assert_eq!(failure.class, FailureClass::Protocol);
    assert!(failure.detail.contains("a\u{fffd}b"));
    assert!(failure.detail.len() < 2_000, "{}", failure.detail.len());
}

#[test]
fn no_message_holds_the_password() {
    let all = [
        while_logging_in(&target(), &io(ErrorKind::UnexpectedEof)),
        while_logging_in(&target(), &Error::Utf8),
        during_batch(&target(), &Error::Utf8),
        unreachable(&target(), "refused"),
        no_answer(&target(), std::time::Duration::from_secs(30)),
    ];
    for failure in all {
        let text = serde_json::to_string(&failure).unwrap();
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("HOST_A"), "{text}");
    }
}

fn said(number: i32, class: u8) -> SqlError {
    SqlError {
        number,
        class,
        state: 1,
        message: "the server's words".into(),
        line: None,
    }
}

/// 1205 passes; with severity 20 the session went with it, and nobody knows what became of the batch.
#[test]
fn an_error_that_ends_the_session_leaves_the_outcome_unknown() {
    for (class, expected) in [
        (19, FailureClass::Transient),
        (20, FailureClass::OutcomeUnknown),
        (25, FailureClass::OutcomeUnknown),
    ] {
        assert_eq!(from_sql(&target(), said(1205, class)).class, expected);
    }
}

#[test]
fn a_refused_log_in_names_login_number_and_cause() {
    let refused = log_in_refused(&target(), said(18456, 14));
    assert_eq!(refused.class, FailureClass::LoginRefused);
    assert_eq!(refused.detail, "HOST_A refused login [mirrorgate] (18456)");
    let Some(Cause::LogIn(cause)) = refused.cause.as_deref() else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (cause.user.as_str(), cause.application.as_str()),
        ("mirrorgate", "mirrorgate")
    );
    let starting = log_in_refused(&target(), said(17142, 14));
    assert_eq!(starting.class, FailureClass::Unreachable);
    assert_eq!(starting.detail, "HOST_A takes no log-in now");
    for (number, class) in [
        (17828, FailureClass::Protocol),
        (17832, FailureClass::Protocol),
        (17836, FailureClass::Protocol),
        (17835, FailureClass::TlsNotTrusted),
    ] {
        let refused = log_in_refused(&target(), said(number, 14));
        assert_eq!(refused.class, class, "{number}");
    }
}
