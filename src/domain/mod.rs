//! Types and rules of what mirrorgate is about. No I/O, no async, no SQL, no HTTP.
//!
//! In reading order: who is meant (`name`, `instance`, `pair`), what they hold (`certificate`), what was seen
//! (`observation`), what is wanted (`desired_state`), what follows (`finding`, `action`, `plan`), what was done (`job`, `step`).

pub mod action;
pub mod ca_bundle;
pub mod cause;
pub mod certificate;
pub mod change;
pub mod clock;
pub mod credential;
pub mod cure;
pub mod deadline;
pub mod desired_state;
pub mod duration;
pub mod duration_words;
pub mod estate;
pub mod failure;
pub mod finding;
pub mod hash;
pub mod id;
pub mod identity;
pub mod instance;
pub mod invisible;
pub mod job;
pub mod labels;
pub mod memory;
pub mod name;
pub mod naming;
pub mod object_name;
pub mod observation;
pub mod own_deny;
pub mod pair;
pub mod peer_names;
pub mod plan;
pub mod plan_hash;
pub mod registration;
pub mod rights;
pub mod script;
pub mod step;
pub mod tls_cause;
pub mod trust;
pub(crate) mod words;

/// So many generated cases, unless PROPTEST_CASES asks for another number.
#[cfg(test)]
pub(crate) fn cases(usual: u32) -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(usual)
}
