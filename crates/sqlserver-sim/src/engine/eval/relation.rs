//! Rows with the columns they share: what a query gives, and what tables hold.

use crate::protocol::{SqlType, Value};

/// A column of an intermediate result.
#[derive(Debug, Clone, PartialEq)]
pub struct Col {
    /// Alias of the table it comes from; empty for computed columns.
    pub table: String,
    pub name: String,
    pub ty: SqlType,
    pub nullable: bool,
}

/// Rows with the shape they share.
#[derive(Debug, Clone, Default)]
pub struct Relation {
    pub cols: Vec<Col>,
    pub rows: Vec<Vec<Value>>,
}
