//! Cells and rows of the views.

use crate::protocol::Value;

/// Rows of a view, with the cells of later versions too.
pub type Rows = Vec<Vec<Value>>;

/// A text cell.
pub fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

/// A text cell that may be NULL.
pub fn optional(value: Option<impl Into<String>>) -> Value {
    value.map_or(Value::Null, |v| Value::Text(v.into()))
}

/// An `int` cell from a length or count.
pub fn count(n: usize) -> Value {
    Value::Int(i32::try_from(n).unwrap_or(i32::MAX))
}
