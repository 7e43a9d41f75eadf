//! `/v1/jobs` and the jobs of pairs and instances. Jobs are asked for and read here; workers do them.

pub mod cancel;
pub mod create;
pub mod events;
mod filter;
pub mod get;
pub mod inspections;
mod kind_of;
pub mod list;
mod plan_view;
mod respond;
mod script;
mod text;
mod view;
mod wire;

#[cfg(test)]
mod tests;
