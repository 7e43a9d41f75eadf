//! THE DOOR: HTTP in, problem or view out. Handlers extract, parse wire to domain, run one transaction, answer.
//!
//! Never talks to a SQL Server and never thinks about T-SQL: it writes down a wish, a worker fulfils it.

mod api;
mod certificates;
mod credentials;
mod etag;
mod extract;
mod idempotency;
mod instances;
mod jobs;
mod labels;
mod layers;
mod negotiate;
mod object_names;
mod openapi;
mod origin;
mod page;
mod pairs;
mod policy;
mod problem;
mod registration;
mod reply;
mod router;
mod service;
mod store_problem;
mod text;
mod trusts;

pub use api::{Api, Parts, Readiness, Settings, TokenDigest};
pub use router::{openapi, router};

#[cfg(test)]
mod tests;
