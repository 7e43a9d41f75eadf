//! Computing: expressions, conditions and queries over one snapshot of an instance.
//!
//! Nothing here changes the instance; variables are the only thing an evaluation may write.

pub mod aggregate;
mod bind;
pub mod compare;
pub mod convert;
mod convert_bytes;
pub mod dates;
pub mod env;
mod expression;
mod filter;
mod function_table;
mod functions;
mod identity;
pub mod limits;
mod matching;
pub mod memo;
mod query;
pub mod relation;
mod security;
mod source;
mod table_function;
mod text;
pub mod types;

pub use bind::bind_query;
pub use env::{Env, Variables};
pub use query::run_query;
pub use relation::{Col, Relation};
