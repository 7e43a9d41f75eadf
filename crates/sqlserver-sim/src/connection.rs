//! An in-process session, and what a batch answers there.

use tokio::sync::mpsc;

use crate::engine::run::session::EngineSession;
use crate::protocol::{Column, Item, Message, Value};

/// One result set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResultSet {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Value>>,
}

/// Everything a batch answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Execution {
    pub sets: Vec<ResultSet>,
    /// Errors and informational messages in order.
    pub messages: Vec<Message>,
    /// A fault closed the connection.
    pub hung_up: bool,
}

impl Execution {
    /// Messages of class 11 and above.
    pub fn errors(&self) -> Vec<Message> {
        self.messages
            .iter()
            .filter(|m| m.class > 10)
            .cloned()
            .collect()
    }

    /// The result sets.
    ///
    /// # Errors
    /// The errors, if there were any; what came before them is dropped.
    pub(crate) fn into_sets(self) -> Result<Vec<ResultSet>, Vec<Message>> {
        let errors = self.errors();
        if errors.is_empty() {
            Ok(self.sets)
        } else {
            Err(errors)
        }
    }
}

/// An in-process session.
pub struct Connection {
    session: EngineSession,
}

impl Connection {
    pub(crate) fn new(session: EngineSession) -> Self {
        Self { session }
    }

    /// Runs one batch.
    pub async fn run(&mut self, sql: &str) -> Execution {
        let (reply, mut items) = mpsc::channel(256);
        let working = async {
            self.session.run_batch(sql, &reply).await;
            drop(reply);
        };
        let reading = async {
            let mut execution = Execution::default();
            while let Some(item) = items.recv().await {
                match item {
                    Item::Columns(columns) => execution.sets.push(ResultSet {
                        columns,
                        rows: Vec::new(),
                    }),
                    Item::Row(row) => {
                        if let Some(set) = execution.sets.last_mut() {
                            set.rows.push(row);
                        }
                    }
                    Item::Message(message) => execution.messages.push(message),
                    Item::HangUp | Item::Stall => execution.hung_up = true,
                    _ => {}
                }
            }
            execution
        };
        tokio::join!(working, reading).1
    }
}
