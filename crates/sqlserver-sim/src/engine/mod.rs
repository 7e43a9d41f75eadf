//! The simulated SQL Server itself: language, state, rules, and the network between instances.
//!
//! No bytes of TDS live here; `server_api` and `protocol` are the border to the wire. Rules follow what is known of SQL Server,
//! never what a client would like.

pub(crate) mod ddl;
mod engine;
pub mod error_log;
pub(crate) mod errors;
pub(crate) mod eval;
pub mod faults;
pub mod files;
pub(crate) mod keys;
pub mod lang;
pub mod ledger;
pub mod net;
mod network;
pub(crate) mod run;
mod sessions;
pub mod state;
pub mod switches;
pub(crate) mod views;

pub use ddl::PasswordPolicy;
pub use engine::Engine;
pub use network::Network;
