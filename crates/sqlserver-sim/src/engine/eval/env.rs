//! What an evaluation may look at: the instance, the session, its variables, and the row at hand.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::limits;
use super::memo::Memo;
use super::relation::{Col, Relation, Row};
use crate::engine::Engine;
use crate::engine::run::facts::SessionFacts;
use crate::engine::state::State;
use crate::engine::state::asker::Asker;
use crate::engine::views::catalogs::Catalogs;
use crate::protocol::{SqlType, Value};

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
    pub state: &'a Arc<State>,
    pub facts: &'a SessionFacts,
    pub variables: &'a RefCell<Variables>,
    pub work: &'a limits::Work,
    pub memo: &'a Memo,
    pub catalogs: &'a Catalogs,
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
    pub row: Row<'a>,
    /// The rows an aggregate runs over.
    pub group: Option<&'a [&'a [Value]]>,
    pub outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    /// A row by itself, in no group.
    pub fn of(cols: &'a [Col], row: &'a [Value], outer: Option<&'a Scope<'a>>) -> Self {
        Self::seeing(cols, Row::whole(row), outer)
    }

    /// The same of a row that may be in two pieces.
    pub fn seeing(cols: &'a [Col], row: Row<'a>, outer: Option<&'a Scope<'a>>) -> Self {
        Self {
            cols,
            row,
            group: None,
            outer,
        }
    }
}
