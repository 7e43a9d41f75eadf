//! Actions, cures and questions as T-SQL text. Pure; nothing here is sent anywhere.
//!
//! Every text runs in `master`: a worker's sessions are there from log-in; only what people run by hand says `USE`.
//!
//! `quote` is the one place that quotes; `action` and `cure` write single statements, `body` the changes of an
//! instance, and `apply` and `script` the two frames around it; `observe` asks. `sets` and `throws` are what answers
//! are told apart by.

pub mod action;
pub mod apply;
pub mod batch_comment;
pub mod body;
mod client_safe;
pub mod cure;
pub mod guard;
pub mod observe;
pub mod quote;
pub mod script;
pub mod sets;
pub mod throws;

#[cfg(test)]
pub(crate) mod tests;
