//! A logged-in session, and the one function through which batches run on it.
//!
//! The driver reports an error only when its answer is read to the end, and a session whose answer was not read may
//! hang for ever at its next use. So a session is in doubt from the moment a batch is sent until its answer was
//! complete, and a session in doubt is never used again. Nothing else may send anything.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt, TryStreamExt};
use tiberius::{Client, ColumnData, QueryItem, Row};
use tokio::time::timeout;
use tokio_util::compat::Compat;

use super::failure;
use super::secure::{self, Budget};
use super::target::Target;
use crate::domain::failure::Failure;

type Wire = Compat<Box<secure::Wire>>;

/// From this severity on SQL Server closes the connection.
const FATAL_SEVERITY: u8 = 20;
/// No honest catalog is larger; what a hostile server says is kept, stored and shown, so it has to end somewhere.
const MOST_ROWS: usize = 20_000;
/// The same in bytes of text and binary values.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// The same as it comes over the wire, in UTF-16 and with all that is said beside rows. It strikes while a value is
/// read, of which the driver would first make a whole.
const MOST_WIRE_BYTES: usize = 4 * MOST_BYTES;
const TOO_LONG: &str = "the answer is longer than any catalog is; it was not read to its end";

/// The same, told by the connection while it was read.
pub(super) const TOO_MUCH: &str =
    "the server sent more bytes than any answer has; they were not read to their end";

pub(super) struct Session {
    /// `None` once closed.
    client: Option<Box<Client<Wire>>>,
    budget: Budget,
    in_doubt: bool,
    batches: u64,
}

impl Session {
    /// `budget` bounds what its connection reads.
    pub(super) fn new(client: Client<Wire>, budget: Budget) -> Self {
        Self {
            client: Some(Box::new(client)),
            budget,
            in_doubt: false,
            batches: 0,
        }
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Nothing has run on it yet: what fails here does not fail because the session was stale.
    pub(super) fn is_fresh(&self) -> bool {
        self.batches == 0
    }

    /// Puts the session out of use: whoever knows that its state cannot be trusted says so.
    pub(super) fn doubt(&mut self) {
        self.in_doubt = true;
    }

    /// Lets go of the connection, whatever it was doing.
    pub(super) fn close(&mut self) {
        self.in_doubt = true;
        self.client = None;
    }

    /// Runs `batch` and hands each row on as it arrives, to the end of the answer.
    ///
    /// # Errors
    /// An error SQL Server sent (rows that came before it were handed on), a lost link, no complete answer within
    /// `limit`, an answer the driver cannot read, or whatever `each` makes of a row.
    pub(super) async fn run(
        &mut self,
        target: &Target,
        batch: &str,
        limit: Duration,
        mut each: impl FnMut(&Row) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.in_doubt = true;
        self.batches += 1;
        self.budget.set(MOST_WIRE_BYTES);
        let Some(client) = &mut self.client else {
            return Err(failure::protocol(target, "the session is closed"));
        };
        // Boxed for its size: the driver keeps a whole token in it.
        let reading = Box::pin(async {
            let mut answer = client
                .simple_query(batch)
                .await
                .map_err(SecureError::Driver)?;
            let (mut rows, mut bytes) = (0, 0);
            while let Some(item) = answer.try_next().await.map_err(SecureError::Driver)? {
                if let QueryItem::Row(row) = item {
                    rows += 1;
                    bytes += weight(&row);
                    if rows > MOST_ROWS || bytes > MOST_BYTES {
                        return Err(SecureError::Ours(failure::protocol(target, TOO_LONG)));
                    }
                    each(&row).map_err(SecureError::Ours)?;
                }
            }
            Ok(())
        });
        let outcome = AssertUnwindSafe(timeout(limit, reading))
            .catch_unwind()
            .await;
        match outcome {
            Ok(Ok(Ok(()))) => {
                self.in_doubt = false;
                Ok(())
            }
            Ok(Ok(Err(SecureError::Driver(_)))) if self.budget.is_spent() => {
                Err(failure::protocol(target, TOO_MUCH))
            }
            Ok(Ok(Err(SecureError::Driver(error)))) => {
                if let tiberius::error::Error::Server(token) = &error {
                    // It comes out only after the answer was read to its end.
                    self.in_doubt = token.class() >= FATAL_SEVERITY;
                }
                Err(failure::during_batch(target, &error))
            }
            Ok(Ok(Err(SecureError::Ours(failure)))) => Err(failure),
            Ok(Err(_)) => Err(failure::no_answer(target, limit)),
            Err(_) => Err(failure::protocol(
                target,
                "the answer could not be read by the driver",
            )),
        }
    }
}

enum SecureError {
    Driver(tiberius::error::Error),
    Ours(Failure),
}

/// The size of what varies in size.
fn weight(row: &Row) -> usize {
    row.cells()
        .map(|(_, value)| match value {
            ColumnData::String(Some(text)) => text.len(),
            ColumnData::Binary(Some(bytes)) => bytes.len(),
            _ => 8,
        })
        .sum()
}
