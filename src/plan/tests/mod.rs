//! The rules, one test each, over modelled servers. Taking a guard out of a rule fails its test.

mod certificates;
mod chains;
pub(in crate::plan) mod estate;
mod frame;
mod made;
mod preflight;
mod property;
pub(in crate::plan) mod world;
