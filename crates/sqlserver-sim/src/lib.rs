//! A simulated SQL Server for tests, demos and other programs' pipelines.
//!
//! A [`Fleet`] holds instances that speak TDS to unmodified clients and know each other: their DATABASE_MIRRORING endpoints
//! really shake hands, by real certificates. The engine follows what is known of SQL Server; points nobody has verified are
//! switches ([`Unverified`]), both ways implemented. Nothing here may depend on the program that is tested with it.
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use sqlserver_sim::{Fleet, InstanceSpec};
//! let fleet = Fleet::new()?;
//! let a = fleet.start(InstanceSpec::named("HOST_A")).await?;
//! let b = fleet.start(InstanceSpec::named("HOST_B")).await?;
//! println!("connect to 127.0.0.1:{} and 127.0.0.1:{}", a.port(), b.port());
//! # Ok(()) }
//! ```

mod connection;
pub mod control;
mod engine;
mod fleet;
pub mod fleet_file;
#[doc(hidden)]
pub mod fuzzing;
mod handle;
pub mod protocol;
mod server;
mod server_api;
mod spec;
pub mod syntax;
mod tds;
mod tls;

pub use connection::{Connection, Execution, ResultSet};
pub use engine::PasswordPolicy;
pub use engine::error_log::LogLine;
pub use engine::faults::{Fault, Faults, LoginFault, Rule, TlsFault};
pub use engine::files::{File, Files};
pub use engine::ledger::{Counters, Entry};
pub use engine::net::handshake::Purpose;
pub use engine::net::refusal::Side;
pub use engine::state::version::{Edition, Platform, Version};
pub use engine::switches::{
    BadDer, CertificatePermission, DropBoundCertificate, DuplicateEndpoint, InTransaction,
    Unverified,
};
pub use fleet::{Fleet, HandshakeRefusal, StartError};
pub use handle::{Instance, Snapshot};
pub use server_api::Encryption;
pub use spec::{InstanceSpec, TlsCertificate};
pub use tds::{BrowserEntry, serve_browser};

/// The README's examples compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
