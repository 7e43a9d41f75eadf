//! Rows with the columns they share: what a query gives, and what tables hold.

use std::sync::Arc;

use crate::protocol::{SqlType, Value};

/// A column of an intermediate result. Names are shared: every query that reads a view has its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Col {
    /// Alias of the table it comes from; empty for computed columns.
    pub table: Arc<str>,
    pub name: Arc<str>,
    pub ty: SqlType,
    pub nullable: bool,
}

/// Rows with the shape they share.
#[derive(Debug, Clone, Default)]
pub struct Relation {
    pub cols: Vec<Col>,
    pub rows: Vec<Vec<Value>>,
}

/// Rows that many may read at a time and nobody changes.
pub type Rows = Arc<Vec<Vec<Value>>>;

/// A row as an expression sees it: what a join brings together is not copied before it is known to match.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    left: &'a [Value],
    right: &'a [Value],
}

impl<'a> Row<'a> {
    /// A row of one piece.
    pub fn whole(cells: &'a [Value]) -> Self {
        Self {
            left: cells,
            right: &[],
        }
    }

    /// The cells of two rows, one after the other.
    pub fn pair(left: &'a [Value], right: &'a [Value]) -> Self {
        Self { left, right }
    }

    pub fn get(self, index: usize) -> Option<&'a Value> {
        match index.checked_sub(self.left.len()) {
            None => self.left.get(index),
            Some(index) => self.right.get(index),
        }
    }

    /// A copy of all cells.
    pub fn to_vec(self) -> Vec<Value> {
        [self.left, self.right].concat()
    }
}
