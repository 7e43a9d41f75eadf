//! All integration tests, in one binary: one link, one set of build artefacts.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    reason = "a test fails by panicking, may be a long table, and its tasks end with it"
)]

mod documents;
mod faults;
mod harness;
mod real_servers;
mod stories;
mod tidy;
mod wire;
