//! How much memory and work one statement may take: nonsense must end with an error, not with the process.

use std::cell::Cell;

use crate::engine::errors::{Outcome, Raise, Reach};
use crate::protocol::Value;

/// Bytes of the longest text or binary value. SQL Server's own limit is 2 GB; nothing it is asked here needs that much.
const LONGEST_VALUE: usize = 16 << 20;

/// Bytes of all rows one statement may produce, intermediate ones included; and of all variables, and of a table variable.
pub const MOST_BYTES: usize = 256 << 20;

/// Rows one statement may look at.
const MOST_ROWS: u64 = 20_000_000;

/// What a statement has used up so far.
#[derive(Debug, Default)]
pub struct Work {
    rows: Cell<u64>,
    bytes: Cell<usize>,
}

impl Work {
    /// A row is looked at.
    ///
    /// # Errors
    /// 701 when it is one too many.
    pub fn look(&self) -> Outcome<()> {
        self.look_at(1)
    }

    /// That many rows are looked at.
    ///
    /// # Errors
    /// 701 when they are too many.
    pub fn look_at(&self, rows: usize) -> Outcome<()> {
        self.rows.set(self.rows.get().saturating_add(rows as u64));
        if self.rows.get() > MOST_ROWS {
            return Err(no_memory());
        }
        Ok(())
    }

    /// A row is kept.
    ///
    /// # Errors
    /// 701 when there is no room for it.
    pub fn keep(&self, row: &[Value]) -> Outcome<()> {
        self.bytes.set(self.bytes.get() + weight(row));
        if self.bytes.get() > MOST_BYTES {
            return Err(no_memory());
        }
        Ok(())
    }
}

/// Bytes of a row in memory, roughly.
pub fn weight(row: &[Value]) -> usize {
    row.iter().map(|v| size_of::<Value>() + length(v)).sum()
}

fn length(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Binary(bytes) => bytes.len(),
        _ => 0,
    }
}

/// Whether a value of this many bytes may exist; asked before it is made where making it costs more than its parts did.
///
/// # Errors
/// 7119.
pub fn may_grow_to(bytes: usize) -> Outcome<()> {
    if bytes <= LONGEST_VALUE {
        return Ok(());
    }
    let text =
        format!("Attempting to grow LOB beyond maximum allowed size of {LONGEST_VALUE} bytes.");
    Err(Raise::new(7119, 16, text).reaching(Reach::Batch))
}

/// The value, if it is not too long.
///
/// # Errors
/// 7119.
pub fn not_too_long(value: Value) -> Outcome<Value> {
    may_grow_to(length(&value))?;
    Ok(value)
}

pub fn no_memory() -> Raise {
    let text = "There is insufficient system memory in resource pool 'default' to run this query.";
    Raise::new(701, 17, text).reaching(Reach::Batch)
}
