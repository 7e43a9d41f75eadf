//! The rules, one test each, over modelled servers. Taking a guard out of a rule fails its test.

mod certificates;
mod chains;
mod estate;
mod frame;
mod made;
mod preflight;
mod property;
mod world;
