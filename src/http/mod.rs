//! HTTP in, problem or view out. Handlers extract, parse wire to domain, run one transaction, answer.
//!
//! Never talks to a SQL Server and never thinks about T-SQL: it writes down what is desired, a worker brings it about.

mod api;
mod etag;
mod extract;
mod idempotency;
mod layers;
mod negotiate;
mod openapi;
mod origin;
mod page;
mod policy;
mod problem;
mod reply;
mod router;
mod service;
mod store_problem;
mod text;
mod v1;

pub use api::{Api, Parts, Readiness, Settings, TokenDigest};
pub use router::{openapi, router};

#[cfg(test)]
mod tests;
