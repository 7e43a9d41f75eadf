//! Members that could not be looked at, and connections that are not protected.

use super::context::{Context, ObservedMember};
use super::findings::Findings;
use super::remedy::{self, Advice};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::finding::Code;
use crate::domain::instance::Address;

pub(super) fn check(context: &Context<'_>, findings: &mut Findings) {
    for (member, seen) in context.seen.iter().enumerate() {
        if let ObservedMember::Failed(failure) = seen {
            not_observed(context, member, failure, findings);
        }
        if !context.member(member).tls_verified {
            tls_unverified(context, member, findings);
        }
    }
}

fn not_observed(context: &Context<'_>, member: usize, failure: &Failure, findings: &mut Findings) {
    let code = code_of(failure.class);
    let address = &context.member(member).address;
    let name = context.name(member);
    let Advice { wanted, remedy } = remedy::of(failure, name, &address.to_string())
        .unwrap_or_else(|| by_class(code, failure, address));
    findings.add(
        context
            .finding(code, member)
            .found(match &failure.sql {
                Some(error) => format!("{}: {error}", failure.detail),
                None => failure.detail.clone(),
            })
            .wanted(wanted)
            .remedy(remedy),
    );
}

/// Where nothing is known beyond the class.
fn by_class(code: Code, failure: &Failure, address: &Address) -> Advice {
    let (wanted, remedy) = match code {
        Code::Unreachable => (
            format!("a SQL Server that answers at {address}"),
            "Check that the server runs, its address and port are right, and nothing between blocks them. Tried again by itself.",
        ),
        Code::TlsNotTrusted => (
            format!("a certificate that can be verified, presented by {address}"),
            "Install a certificate of a CA on the server and give that CA as ca_pem. Not tried again by itself.",
        ),
        Code::LoginRefused => (
            "a log-in that the server accepts".to_owned(),
            "SQL Server hides the reason from clients; its error log has it as the state: 5 unknown login, 7 disabled, 8 password, 58 Windows-only mode. Not tried again, to avoid a lock-out: change the credential, or ask for an inspection.",
        ),
        Code::PermissionMissing => (
            "a log-in that may read the catalog of master".to_owned(),
            "Grant VIEW ANY DEFINITION to the log-in, or make it a member of sysadmin.",
        ),
        _ if failure.class == FailureClass::Transient => (
            "a server that is in a state to answer".to_owned(),
            passing(failure.sql.as_ref().map_or(0, |e| e.number)),
        ),
        _ => (
            "an answer to every question of the observe batch".to_owned(),
            "Look up the error; the statement is in the job's steps.",
        ),
    };
    Advice {
        wanted,
        remedy: remedy.to_owned(),
    }
}

/// What a state that passes by itself, by its error number, comes from.
fn passing(number: i32) -> &'static str {
    match number {
        1204 | 1205 | 1222 | 601 | 844..=846 | 3960 | 3961 | 5030 => {
            "Somebody is changing what was asked about, or holds locks on it. Tried again by itself; if it lasts, look for a session of long standing that others wait for."
        }
        701 | 802 | 8628 | 8645 | 8651 => {
            "The server is short of memory. Tried again by itself; if it lasts, its error log tells what takes it."
        }
        1101 | 1105 | 9002 => {
            "A file or log of the server is full. Tried again by itself; if it lasts, make room."
        }
        904 | 921 | 922 | 924 | 927 | 941 | 952 | 955 | 956 | 983 => {
            "A database is starting, in recovery, being restored or otherwise in transition. Tried again by itself; if it lasts, the server's error log tells how far it is."
        }
        _ => {
            "The server said so itself: it was reached, and is not in a state to answer. Tried again by itself; if it lasts, its error log tells more."
        }
    }
}

fn code_of(class: FailureClass) -> Code {
    match class {
        // A link that broke while looking: nothing was changed, and the next look may succeed.
        FailureClass::Unreachable | FailureClass::OutcomeUnknown => Code::Unreachable,
        FailureClass::TlsNotTrusted => Code::TlsNotTrusted,
        FailureClass::LoginRefused => Code::LoginRefused,
        FailureClass::PermissionMissing => Code::PermissionMissing,
        // It answered, and said why it could not.
        FailureClass::Transient
        | FailureClass::AlreadyExists
        | FailureClass::FileUnusable
        | FailureClass::FileMismatch
        | FailureClass::Rejected
        | FailureClass::Protocol => Code::ObservationFailed,
    }
}

fn tls_unverified(context: &Context<'_>, member: usize, findings: &mut Findings) {
    findings.add(
        context
            .finding(Code::TlsUnverified, member)
            .found(format!(
                "the registration lets mirrorgate log in to {} without verifying the server",
                context.member(member).address
            ))
            .wanted("TLS with a verified server certificate")
            .remedy("Give the server a certificate of a CA and set tls to required. Until then anyone on the path can pose as it and read the log-in's password; no endpoint certificate is obtained over this connection."),
    );
}
