//! mirrorgate: an HTTP control plane that makes SQL Server instances trust each other's mirroring endpoints by certificate.
//!
//! The folders are the layers; ARCHITECTURE.md draws the arrows between them, and `tests/tidy.rs` keeps them.

pub mod domain;
