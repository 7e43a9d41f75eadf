//! Carrying out the faults that strike a statement, and writing the ledger.

use super::session::EngineSession;
use crate::engine::errors::{Raise, Reach};
use crate::engine::eval::{Env, Relation, convert};
use crate::engine::faults::Fault;
use crate::engine::ledger::Entry;
use crate::protocol::Item;
use crate::server_api::Reply;

/// Faults about a statement's rows.
#[derive(Debug, Default)]
pub struct RowFaults {
    pub hang_up_after: Option<u64>,
    hide: Vec<String>,
}

impl RowFaults {
    /// The rows that are not hidden.
    pub fn visible(&self, _env: &Env<'_>, mut relation: Relation) -> Relation {
        let hidden = |row: &Vec<crate::protocol::Value>| {
            row.iter().any(|value| {
                let text = convert::text(value).ok().flatten().unwrap_or_default();
                self.hide.iter().any(|h| text.contains(h.as_str()))
            })
        };
        if !self.hide.is_empty() {
            relation.rows.retain(|row| !hidden(row));
        }
        relation
    }
}

/// What struck a statement and is still to be done.
#[derive(Debug, Default)]
pub struct Struck {
    pub error: Option<Raise>,
    pub rows: RowFaults,
    hang_up_after: bool,
    stall_after: bool,
}

impl EngineSession {
    /// Does what is to be done before the statement, and tells the rest.
    pub(super) async fn strike(&mut self, kind: &str, text: &str, reply: &Reply) -> Struck {
        let mut struck = Struck::default();
        if self.racing {
            return struck;
        }
        let mut cleared = self.instance.faults().clearings();
        for fault in self.instance.faults().strike(kind, text) {
            match fault {
                Fault::HangUpBefore => self.send(reply, Item::HangUp).await,
                Fault::StallBefore => self.send(reply, Item::Stall).await,
                Fault::HangUpAfter => struck.hang_up_after = true,
                Fault::StallAfter => struck.stall_after = true,
                Fault::HangUpAfterRow(n) => struck.rows.hang_up_after = Some(n),
                Fault::HideRows(text) => struck.rows.hide.push(text),
                Fault::Delay(time) => tokio::time::sleep(time).await,
                // That nobody can clear them any more means that the instance is gone.
                Fault::Hold => _ = cleared.changed().await,
                Fault::Veto => {
                    self.roll_back(Some(reply)).await;
                    let text = "The transaction ended in the trigger. The batch has been aborted.";
                    struck.error = Some(Raise::new(3609, 16, text).reaching(Reach::Batch));
                }
                Fault::Race(text) => Box::pin(self.race(&text)).await,
                Fault::Error {
                    number,
                    class,
                    text,
                } => {
                    struck.error = Some(faulty_error(number, class, text));
                }
            }
        }
        struck
    }

    pub(super) async fn strike_after(&mut self, struck: Struck, reply: &Reply) {
        if struck.hang_up_after {
            self.send(reply, Item::HangUp).await;
        }
        if struck.stall_after {
            self.send(reply, Item::Stall).await;
        }
    }

    pub(super) fn enter_ledger(&self, kind: &'static str, text: String, error: Option<i32>) {
        if self.racing {
            return;
        }
        self.instance.ledger().enter(Entry {
            at: self.instance.now(),
            session: self.facts.spid,
            login: self.facts.login_name.clone(),
            application: self.facts.application.clone(),
            kind,
            text,
            error,
        });
    }
}

/// A deadlock's victim loses batch and transaction; other injected errors end their statement.
fn faulty_error(number: i32, class: u8, text: String) -> Raise {
    let raise = Raise::new(number, class, text);
    if number == 1205 || class >= 20 {
        return raise.reaching(Reach::Batch);
    }
    raise
}
