//! Why a job failed.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::domain::words::words;

/// Why a job failed: a closed, documented list.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    IntoStaticStr,
    EnumString,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FailureCode {
    /// A blocker among the findings.
    PreflightFailed,
    /// Something stands in the way of a chain. No batch was sent after it was found; the steps tell what was done before.
    Conflict,
    /// `verify-inbound`: something is missing.
    NotInPlace,
    /// Everything is in place, and the endpoint would still refuse a peer: the reasons are in `admits`.
    NotAdmitted,
    /// `partial`: what a blocker or conflict touches was left out; the rest is done.
    Partial,
    /// The deadline the job was given has passed, or leaves no time for another attempt. Nothing was begun after it; the steps
    /// tell what was done before.
    DeadlineExceeded,
    /// `only_if_plan`: the world has moved.
    PlanStale,
    /// An instance could not be reached, through all attempts.
    Unreachable,
    /// An instance refused the log-in; not retried.
    LoginRefused,
    /// An instance's certificate could not be verified.
    TlsNotTrusted,
    /// SQL Server refused an action.
    ActionRefused,
    /// All attempts failed for reasons that could have passed.
    AttemptsExhausted,
    /// The job killed its process again and again.
    Poisoned,
    /// A credential, certificate or registration the job needs is gone or cannot be opened.
    RegistrationUnusable,
    /// A fault of mirrorgate's own.
    Internal,
}

words!(FailureCode);
