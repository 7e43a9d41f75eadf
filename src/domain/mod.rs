//! THE WORDS: types and rules of what mirrorgate is about. No I/O, no async, no SQL, no HTTP.
//!
//! In reading order: who is meant (`name`, `instance`, `pair`), what they hold (`certificate`), what was seen
//! (`observation`), what is wanted (`wish`), what follows (`finding`, `action`, `plan`), what was done (`job`, `step`).

pub mod clock;
pub mod hash;
pub mod id;
pub mod name;
pub mod object_name;
pub mod naming;
pub mod registration;
pub mod credential;
pub mod instance;
pub mod certificate;
pub mod pair;
pub mod identity;
pub mod observation;
pub mod failure;
pub mod wish;
pub mod cure;
pub mod finding;
pub mod action;
pub mod trust;
pub mod plan;
pub mod job;
pub mod step;
