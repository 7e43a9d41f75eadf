//! Tests of the engine through its in-process API: language, rules, transactions, permissions, handshakes, faults.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod certificates;
mod control;
mod corpus;
mod effective_connect;
mod error_log;
mod errors;
mod faults;
mod fleets;
mod grantors;
mod handshake;
mod language;
mod left_out;
mod nonsense;
mod permissions;
mod ports;
mod probing;
mod readme;
mod sessions;
mod topic;
mod transactions;
mod triggers;
mod users;
mod wire;
mod world;
