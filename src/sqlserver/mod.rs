//! Everything that talks to a SQL Server, and the only place that knows the driver.
//!
//! Reading order: `target` (what is needed to reach one), `connect`, `session` (the one function that runs a batch),
//! `sessions` and `pools`, then the two batches, `observe` and `apply`. Which error means what is decided in `failure`,
//! once. No PostgreSQL, no HTTP, no judgement about what was observed.

mod apply;
mod browser;
mod connect;
mod decode;
mod failure;
mod gate;
mod observe;
mod pools;
mod secure;
mod session;
mod sessions;
mod target;

pub use apply::{ApplyResult, StepResult};
pub use pools::{PoolSettings, Pools};
pub use target::{Target, Timeouts};
