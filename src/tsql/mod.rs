//! THE LANGUAGE: actions, cures and questions as T-SQL text. Pure; nothing here is sent anywhere.
//!
//! Every text runs in `master`: sessions are there from log-in, and no statement says `USE`.
//!
//! `quote` is the one place that quotes; `action` and `cure` write single statements, `apply`, `observe` and `script` whole texts.

pub mod action;
pub mod apply;
pub mod cure;
pub mod head;
pub mod observe;
pub mod quote;
pub mod script;

#[cfg(test)]
pub(crate) mod tests;
