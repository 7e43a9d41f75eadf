//! Beginning, committing and rolling back.

use std::sync::Arc;

use super::session::{EngineSession, Flow};
use super::transaction::{Transaction, doomed, survivors};
use crate::engine::errors::{Outcome, Raise};
use crate::engine::net::reconnect;
use crate::protocol::Item;
use crate::server_api::Reply;

impl EngineSession {
    pub(super) async fn begin_transaction(&mut self, reply: Option<&Reply>) {
        self.facts.transaction_count += 1;
        if self.transaction.is_none() {
            let transaction = Transaction::begin();
            let item = Item::TransactionBegan(transaction.descriptor);
            self.transaction = Some(transaction);
            if let Some(reply) = reply {
                self.send(reply, item).await;
            }
        }
    }

    /// # Errors
    /// 3902 without a transaction, 3930 when it is doomed.
    pub(super) async fn commit(&mut self, reply: Option<&Reply>) -> Outcome<()> {
        if self.facts.transaction_count == 0 {
            return Err(Raise::new(
                3902,
                16,
                "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.",
            ));
        }
        if self.facts.doomed {
            return Err(doomed());
        }
        self.facts.transaction_count -= 1;
        if self.facts.transaction_count > 0 {
            return Ok(());
        }
        if let Some(transaction) = self.transaction.take() {
            if let Some(working) = transaction.working {
                self.instance.publish(working);
            }
            drop(transaction.guard);
            self.instance
                .locks()
                .release_session(self.facts.spid, false);
            reconnect::heal_if_broken(&self.instance);
            if let Some(reply) = reply {
                self.send(reply, Item::TransactionCommitted(transaction.descriptor))
                    .await;
            }
        }
        Ok(())
    }

    /// Throws the transaction away; nothing happens without one.
    pub(super) async fn roll_back(&mut self, reply: Option<&Reply>) {
        let descriptor = self.abandon();
        if let (Some(descriptor), Some(reply)) = (descriptor, reply) {
            self.send(reply, Item::TransactionRolledBack(descriptor))
                .await;
        }
    }

    /// The part of a roll-back that needs no waiting.
    pub(super) fn abandon(&mut self) -> Option<u64> {
        self.facts.transaction_count = 0;
        self.facts.doomed = false;
        let transaction = self.transaction.take()?;
        if let Some(working) = &transaction.working {
            let base = (*self.instance.committed()).clone();
            let kept = survivors(base, working, self.instance.switches());
            self.instance.publish(Arc::new(kept));
        }
        self.instance
            .locks()
            .release_session(self.facts.spid, false);
        Some(transaction.descriptor)
    }

    /// # Errors
    /// 3903 without a transaction.
    pub(super) async fn roll_back_statement(&mut self, reply: &Reply) -> Outcome<Flow> {
        if self.facts.transaction_count == 0 {
            return Err(Raise::new(
                3903,
                16,
                "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.",
            ));
        }
        self.roll_back(Some(reply)).await;
        Ok(Flow::Next)
    }
}
