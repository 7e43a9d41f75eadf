//! A second party that changes the instance in the middle of somebody's transaction.

use std::sync::Arc;

use super::session::EngineSession;
use super::transaction::Transaction;
use crate::engine::state::State;
use crate::protocol::Item;

impl EngineSession {
    /// A second party changes the instance while this session may be in its transaction: both what is published and what the
    /// transaction sees get the change, as if the rows were elsewhere in the same tables.
    pub(super) async fn race(&mut self, text: &str) {
        let (reply, mut drain) = tokio::sync::mpsc::channel::<Item>(64);
        let drained = tokio::spawn(async move { while drain.recv().await.is_some() {} });
        let mut views: Vec<Option<Arc<State>>> = vec![None];
        if let Some(working) = self.transaction.as_ref().and_then(|t| t.working.clone()) {
            views.push(Some(working));
        }
        for view in views {
            let inside = view.is_some();
            let mut other = EngineSession::internal(&self.instance, "racing party");
            other.racing = true;
            other.transaction = Some(Transaction {
                descriptor: 0,
                working: view,
                guard: None,
            });
            Box::pin(other.run_top(text, Vec::new(), &reply)).await;
            let result = other.transaction.take().and_then(|t| t.working);
            match (inside, result) {
                (false, Some(state)) => self.instance.publish(state),
                (true, Some(state)) => {
                    if let Some(transaction) = &mut self.transaction {
                        transaction.working = Some(state);
                    }
                }
                (_, None) => {}
            }
        }
        drop(reply);
        drained.abort();
    }
}
