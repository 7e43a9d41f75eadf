//! What to do about an instance that could not be looked at: one remedy per cause, one file per kind of cause. Words only.

mod log_in;
mod tls;

use crate::domain::cause::Cause;
use crate::domain::failure::Failure;

/// What is wanted, and what to do.
pub(super) struct Advice {
    pub wanted: String,
    pub remedy: String,
}

/// Advice about a cause that is known; `instance` and `address` are the registration's.
pub(super) fn of(failure: &Failure, instance: &str, address: &str) -> Option<Advice> {
    match failure.cause.as_deref()? {
        Cause::NameUnresolved => Some(Advice {
            wanted: format!("a name of {instance} that leads to an address"),
            remedy: format!(
                "Correct host in the registration of {instance} ({address}), or teach the name to the machine mirrorgate runs on (DNS, hosts file). Inspections and dry runs end with this at once; other jobs try a few times."
            ),
        }),
        Cause::Tls(cause) => Some(tls::advice(cause, instance, address)),
        Cause::LogIn(cause) => Some(log_in::advice(cause, instance)),
    }
}
