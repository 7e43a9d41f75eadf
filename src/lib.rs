//! mirrorgate: an HTTP control plane that makes SQL Server instances trust each other's mirroring endpoints by certificate.
//!
//! The folders are the layers; ARCHITECTURE.md draws the arrows between them, and `tests/tidy.rs` keeps them.

#![cfg_attr(
    test,
    expect(clippy::too_many_lines, reason = "a test may be a long table")
)]

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod ingress;
pub mod plan;
pub mod postgres;
pub mod shutdown;
pub mod sqlserver;
pub mod store;
pub mod telemetry;
pub mod tsql;
pub mod worker;
