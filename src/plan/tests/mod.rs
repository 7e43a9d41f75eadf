//! The rules, one test each, over modelled servers. Taking a guard out of a rule fails its test.

mod certificates;
mod chains;
pub(in crate::plan) mod estate;
mod frame;
mod identities;
mod inspections;
mod kinds_of_certificate;
mod limits;
pub(in crate::plan) mod made;
mod next;
mod partial;
mod preflight;
mod property;
mod registrations;
mod renewal;
mod roles;
mod rules;
mod texts;
mod unseen;
pub(in crate::plan) mod world;
