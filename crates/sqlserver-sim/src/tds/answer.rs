//! Items of the engine as the tokens of one answer.
//!
//! Keeps the one DONE back that may turn out to be the last (only the last may lack MORE), and the columns that rows are
//! written by. Packets and sessions are not known here.

use super::tokens::{self, Done, Place, status};
use super::types::Unsendable;
use crate::protocol::{Column, Item, Message, SqlType, Value};
use crate::server_api::RpcOutcome;

/// Errors from this class on end the connection.
const FATAL_CLASS: u8 = 20;

/// What an item means for the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Continue,
    /// The answer is complete with this item, and the connection ends after it.
    Fatal,
    HangUp,
    Stall,
}

/// One answer in the making.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    server_name: String,
    in_procedure: bool,
    columns: Vec<Column>,
    held: Option<Done>,
    /// An error was sent since the last DONE.
    failing: bool,
    /// An error was sent since the call began.
    failed: bool,
}

impl Answer {
    pub(crate) fn new(server_name: &str, in_procedure: bool) -> Self {
        Self {
            server_name: server_name.to_owned(),
            in_procedure,
            ..Self::default()
        }
    }

    pub(crate) fn item(&mut self, item: Item, out: &mut Vec<u8>) -> Flow {
        if !matches!(item, Item::HangUp | Item::Stall) {
            self.release(out);
        }
        match item {
            Item::Columns(columns) => {
                tokens::columns(out, &columns);
                self.columns = columns;
            }
            Item::Row(values) => {
                if let Err(error) = tokens::row(out, &self.columns, &values) {
                    return self.broken(&error, out);
                }
            }
            Item::Done {
                command,
                rows,
                failed,
            } => self.statement_done(command, rows, failed, out),
            Item::Message(message) => return self.message(&message, out),
            Item::DatabaseChanged { from, to } => tokens::database_changed(out, &from, &to),
            Item::TransactionBegan(descriptor) => tokens::transaction_began(out, descriptor),
            Item::TransactionCommitted(descriptor) => {
                tokens::transaction_committed(out, descriptor)
            }
            Item::TransactionRolledBack(descriptor) => {
                tokens::transaction_rolled_back(out, descriptor)
            }
            Item::HangUp => return Flow::HangUp,
            Item::Stall => return Flow::Stall,
        }
        Flow::Continue
    }

    /// Ends the answer to a batch or a transaction request.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        let error = if self.failing { status::ERROR } else { 0 };
        let last = match self.held.take() {
            Some(done) if !self.failing => done,
            held => {
                self.held = held;
                self.release(out);
                Done {
                    status: error,
                    ..Done::default()
                }
            }
        };
        tokens::done(out, Place::Batch, last);
    }

    /// Ends the answer to one procedure call; `more` calls of the same request follow.
    pub(crate) fn finish_procedure(
        &mut self,
        outcome: &RpcOutcome,
        outputs: &[(u16, SqlType)],
        more: bool,
        out: &mut Vec<u8>,
    ) -> Flow {
        self.release(out);
        tokens::return_status(out, outcome.return_status);
        for (index, (name, value)) in outcome.outputs.iter().enumerate() {
            let (ordinal, ty) = outputs
                .get(index)
                .copied()
                .unwrap_or((0, SqlType::NVarChar(None)));
            // An output parameter may have been given another type than it was declared with: its value says which.
            let column = Column {
                name: name.clone(),
                ty: own_type(value).unwrap_or(ty),
                nullable: true,
            };
            if let Err(error) = tokens::return_value(out, ordinal, &column, value) {
                return self.broken(&error, out);
            }
        }
        let mut bits = if more { status::MORE } else { 0 };
        bits |= if self.failed { status::ERROR } else { 0 };
        tokens::done(
            out,
            Place::Procedure,
            Done {
                status: bits,
                ..Done::default()
            },
        );
        (self.failing, self.failed) = (false, false);
        Flow::Continue
    }

    /// Ends the answer because the client cancelled it. The acknowledgement is not part of it.
    pub(crate) fn cut_short(&mut self, out: &mut Vec<u8>) {
        self.release(out);
        tokens::done(
            out,
            Place::Batch,
            Done {
                status: status::ERROR,
                ..Done::default()
            },
        );
    }

    /// Sends a DONE that was kept back and has now turned out not to be the last.
    pub(crate) fn release(&mut self, out: &mut Vec<u8>) {
        if let Some(mut done) = self.held.take() {
            done.status |= status::MORE;
            tokens::done(out, Place::Batch, done);
        }
    }

    fn statement_done(&mut self, command: u16, rows: Option<u64>, failed: bool, out: &mut Vec<u8>) {
        let count = if rows.is_some() { status::COUNT } else { 0 };
        let error = if failed { status::ERROR } else { 0 };
        let mut done = Done {
            status: count | error,
            command,
            rows: rows.unwrap_or(0),
        };
        self.failing = false;
        self.failed |= failed;
        if self.in_procedure {
            done.status |= status::MORE;
            tokens::done(out, Place::InProcedure, done);
        } else {
            self.held = Some(done);
        }
    }

    fn message(&mut self, message: &Message, out: &mut Vec<u8>) -> Flow {
        tokens::message(out, &self.server_name, message);
        let is_error = message.class > tokens::HIGHEST_INFO_CLASS;
        self.failing |= is_error;
        self.failed |= is_error;
        if message.class < FATAL_CLASS {
            return Flow::Continue;
        }
        self.cut_short(out);
        Flow::Fatal
    }

    fn broken(&mut self, error: &Unsendable, out: &mut Vec<u8>) -> Flow {
        let text = format!("The simulated server produced an answer it cannot send: {error}.");
        tracing::error!(%error, "the engine's answer does not fit its columns");
        let message = Message {
            number: 50_000,
            state: 1,
            class: FATAL_CLASS,
            text,
            line: 0,
            procedure: String::new(),
        };
        self.message(&message, out)
    }
}

/// The type a value has by itself; `None` where only a declaration tells (NULL).
fn own_type(value: &Value) -> Option<SqlType> {
    Some(match value {
        Value::Null => return None,
        Value::Bit(_) => SqlType::Bit,
        Value::TinyInt(_) => SqlType::TinyInt,
        Value::SmallInt(_) => SqlType::SmallInt,
        Value::Int(_) => SqlType::Int,
        Value::BigInt(_) => SqlType::BigInt,
        Value::Decimal(_, scale) => SqlType::Decimal(38, *scale),
        Value::Text(_) => SqlType::NVarChar(None),
        Value::Binary(_) => SqlType::VarBinary(None),
        Value::DateTime(_) => SqlType::DateTime,
        Value::DateTime2(_) => SqlType::DateTime2(7),
        Value::Guid(_) => SqlType::UniqueIdentifier,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SELECT: u16 = 0xC1;

    fn done(rows: Option<u64>, failed: bool) -> Item {
        Item::Done {
            command: SELECT,
            rows,
            failed,
        }
    }

    fn error(class: u8) -> Item {
        let text = String::new();
        Item::Message(Message {
            number: 1,
            state: 1,
            class,
            text,
            line: 1,
            procedure: String::new(),
        })
    }

    /// The status words of the DONE tokens, with their token bytes; `items` must produce nothing else but messages.
    fn statuses(in_procedure: bool, items: Vec<Item>) -> Vec<(u8, u16)> {
        let mut answer = Answer::new("", in_procedure);
        let mut out = Vec::new();
        let mut alive = true;
        for item in items {
            alive = alive && answer.item(item, &mut out) == Flow::Continue;
        }
        if alive && in_procedure {
            answer.finish_procedure(&RpcOutcome::default(), &[], false, &mut out);
        } else if alive {
            answer.finish(&mut out);
        }
        dones(&out)
    }

    fn dones(mut out: &[u8]) -> Vec<(u8, u16)> {
        let mut found = Vec::new();
        while let [token, a, b, ..] = out {
            let word = u16::from_le_bytes([*a, *b]);
            let size = match token {
                0xFD..=0xFF => {
                    found.push((*token, word));
                    13
                }
                0x79 => 5,
                _ => usize::from(word) + 3,
            };
            out = &out[size..];
        }
        found
    }

    #[test]
    fn only_the_last_statement_lacks_more() {
        assert_eq!(
            statuses(false, vec![done(Some(2), false), done(None, false)]),
            [(0xFD, 0x11), (0xFD, 0)]
        );
        assert_eq!(
            statuses(false, vec![]),
            [(0xFD, 0)],
            "an answer always ends with DONE"
        );
        assert_eq!(
            statuses(false, vec![error(16)]),
            [(0xFD, 2)],
            "an error without its own DONE"
        );
        assert_eq!(
            statuses(false, vec![done(None, false), error(16)]),
            [(0xFD, 1), (0xFD, 2)]
        );
        assert_eq!(
            statuses(false, vec![error(16), done(None, true)]),
            [(0xFD, 2)]
        );
        assert_eq!(
            statuses(false, vec![done(None, false), error(0)]),
            [(0xFD, 1), (0xFD, 0)],
            "PRINT at the end"
        );
    }

    #[test]
    fn a_procedure_ends_with_doneproc_and_every_statement_before_has_more() {
        assert_eq!(
            statuses(true, vec![done(Some(1), false)]),
            [(0xFF, 0x11), (0xFE, 0)]
        );
        assert_eq!(
            statuses(true, vec![error(16), done(None, true)]),
            [(0xFF, 3), (0xFE, 2)]
        );
    }

    #[test]
    fn a_fatal_error_ends_the_answer() {
        assert_eq!(
            statuses(false, vec![done(None, false), error(20), done(None, false)]),
            [(0xFD, 1), (0xFD, 2)]
        );
    }

    #[test]
    fn a_row_without_its_columns_is_fatal_and_not_a_panic() {
        let mut answer = Answer::new("", false);
        assert_eq!(
            answer.item(Item::Row(vec![Value::Int(1)]), &mut Vec::new()),
            Flow::Fatal
        );
    }
}
