//! What is under `/v1`: a folder for each resource, and what several of them share.

pub mod certificates;
pub mod credentials;
pub mod instances;
pub mod jobs;
mod labels;
mod object_names;
pub mod pairs;
mod registration;
mod trusts;
