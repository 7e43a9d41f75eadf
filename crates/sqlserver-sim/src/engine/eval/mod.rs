//! Computing: expressions, conditions and queries over one snapshot of an instance.
//!
//! Nothing here changes the instance; variables are the only thing an evaluation may write.

pub mod aggregate;
mod bind;
pub mod compare;
pub mod convert;
mod convert_bytes;
pub mod dates;
mod expression;
mod function_table;
mod functions;
mod identity;
pub mod limits;
mod query;
mod security;
mod table_function;
mod text;
pub mod types;

use std::cell::RefCell;
use std::collections::HashMap;

use crate::engine::Engine;
use crate::engine::run::facts::SessionFacts;
use crate::engine::state::State;
use crate::engine::state::permission::Asker;
use crate::protocol::{SqlType, Value};

pub use bind::bind_query;
pub use query::{Relation, run_query};

/// A column of an intermediate result.
#[derive(Debug, Clone, PartialEq)]
pub struct Col {
    /// Alias of the table it comes from; empty for computed columns.
    pub table: String,
    pub name: String,
    pub ty: SqlType,
    pub nullable: bool,
}

/// Variables of a batch, names in lower case with the at sign.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    pub scalars: HashMap<String, (SqlType, Value)>,
    pub tables: HashMap<String, Relation>,
}

/// Everything an expression may look at.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    pub instance: &'a Engine,
    pub state: &'a State,
    pub facts: &'a SessionFacts,
    pub variables: &'a RefCell<Variables>,
    pub work: &'a limits::Work,
}

impl<'a> Env<'a> {
    pub fn asker(&self) -> Asker<'a> {
        Asker {
            state: self.state,
            login: self.facts.login,
        }
    }
}

/// The row an expression is computed for, inside the rows of the queries around it.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub cols: &'a [Col],
    pub row: &'a [Value],
    /// The rows an aggregate runs over.
    pub group: Option<&'a [Vec<Value>]>,
    pub outer: Option<&'a Scope<'a>>,
}
