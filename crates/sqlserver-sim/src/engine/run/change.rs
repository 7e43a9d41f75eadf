//! Statements that change the instance: under the writer's lock, with the triggers they set off.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use super::session::{EngineSession, Flow};
use super::transaction::{Transaction, doomed};
use super::trigger;
use crate::engine::ddl;
use crate::engine::errors::{Outcome, Raise, Reach};
use crate::engine::eval::Env;
use crate::engine::eval::limits::Work;
use crate::engine::eval::memo::Memo;
use crate::engine::lang::ast::Ddl;
use crate::engine::net::reconnect;
use crate::engine::state::State;
use crate::engine::state::trigger::ServerTrigger;
use crate::server_api::Reply;

impl EngineSession {
    /// The writer's lock, waiting as LOCK_TIMEOUT says.
    async fn writer(&mut self) -> Outcome<OwnedMutexGuard<()>> {
        let waiting = self.instance.writer();
        match u64::try_from(self.facts.lock_timeout) {
            Err(_) => Ok(waiting.await),
            Ok(millis) => tokio::time::timeout(Duration::from_millis(millis), waiting)
                .await
                .map_err(|_| {
                    Raise::new(1222, 16, "Lock request time out period exceeded.").with_state(51)
                }),
        }
    }

    /// Runs a changing statement: in the transaction if there is one, else published at once.
    pub(super) async fn change(&mut self, statement: &Ddl, reply: &Reply) -> Outcome<Flow> {
        if self.facts.doomed {
            return Err(doomed());
        }
        if self.facts.implicit_transactions && self.facts.transaction_count == 0 {
            self.begin_transaction(Some(reply)).await;
        }
        let own_guard = match &self.transaction {
            Some(transaction) if transaction.guard.is_some() || self.racing => None,
            _ => Some(self.writer().await?),
        };
        let mut working = (*self.state()).clone();
        let before = self.state();
        let effects = {
            let env = Env {
                instance: &self.instance,
                state: &before,
                facts: &self.facts,
                variables: &self.variables,
                work: &Work::default(),
                memo: &Memo::default(),
                catalogs: &self.catalogs,
            };
            ddl::apply(&self.instance, &env, &mut working, statement)?
        };
        let waiting = self.waiting_triggers(statement, &working);
        let working = Arc::new(working);
        if !waiting.is_empty() {
            let changing = self.change_with_triggers(working, own_guard, effects, &waiting, reply);
            return Box::pin(changing).await;
        }
        match &mut self.transaction {
            Some(transaction) => {
                transaction.working = Some(working);
                if own_guard.is_some() {
                    transaction.guard = own_guard;
                }
            }
            None => {
                self.instance.publish(working);
                drop(own_guard);
            }
        }
        self.take_effect(effects, reply).await
    }

    /// The triggers a statement sets off; what a trigger does itself sets off none.
    fn waiting_triggers(&self, statement: &Ddl, state: &State) -> Vec<ServerTrigger> {
        let Some(event) = trigger::event(statement).filter(|_| !self.racing && !self.in_trigger)
        else {
            return Vec::new();
        };
        let waiting = state.server_triggers.iter();
        waiting
            .filter(|t| t.waits_for(&event) && !t.body.is_empty())
            .cloned()
            .collect()
    }

    /// The change counts when every trigger has let it through; a statement outside a transaction has one for that long.
    async fn change_with_triggers(
        &mut self,
        working: Arc<State>,
        guard: Option<OwnedMutexGuard<()>>,
        effects: ddl::Effects,
        waiting: &[ServerTrigger],
        reply: &Reply,
    ) -> Outcome<Flow> {
        let own = self.transaction.is_none();
        let transaction = self.transaction.get_or_insert_with(Transaction::begin);
        transaction.working = Some(working);
        if guard.is_some() {
            transaction.guard = guard;
        }
        if own {
            self.facts.transaction_count = 1;
        }
        self.set_off(waiting, reply).await?;
        if own {
            self.commit(None).await?;
        }
        self.take_effect(effects, reply).await
    }

    async fn take_effect(&mut self, effects: ddl::Effects, reply: &Reply) -> Outcome<Flow> {
        if let Some((database, open)) = effects.master_key {
            if open {
                self.facts.open_master_keys.insert(database);
            } else {
                self.facts.open_master_keys.remove(&database);
            }
        }
        for login in &effects.cut {
            reconnect::cut_login(&self.instance, login);
        }
        if effects.restart_transport {
            reconnect::restart(&self.instance);
        } else if self.transaction.is_none() {
            reconnect::heal_if_broken(&self.instance);
        }
        let (errors, notes): (Vec<_>, Vec<_>) =
            effects.messages.into_iter().partition(|m| m.class > 10);
        self.send_messages(reply, notes).await;
        if errors.is_empty() {
            return Ok(Flow::Next);
        }
        // The statement took effect all the same: a warning sent as an error.
        Err(Raise {
            messages: errors,
            reach: Reach::Statement,
        })
    }
}
