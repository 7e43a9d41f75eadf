//! Transactions: a private copy of the state, the one writer's lock, and publishing or throwing away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use super::session::{EngineSession, Flow};
use super::trigger;
use crate::engine::Engine;
use crate::engine::ddl;
use crate::engine::errors::{Outcome, Raise};
use crate::engine::eval::Env;
use crate::engine::eval::limits::Work;
use crate::engine::lang::ast::Ddl;
use crate::engine::net::reconnect;
use crate::engine::state::State;
use crate::engine::state::trigger::ServerTrigger;
use crate::engine::switches::Unverified;
use crate::protocol::Item;
use crate::server_api::Reply;

static DESCRIPTORS: AtomicU64 = AtomicU64::new(0x0000_0031_0000_0001);

/// An open transaction. It holds the instance's writer lock from its first change to its end.
pub struct Transaction {
    pub descriptor: u64,
    /// What it has changed so far; `None` before the first change.
    working: Option<Arc<State>>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Transaction {
    fn begin() -> Self {
        Self {
            descriptor: DESCRIPTORS.fetch_add(1, Ordering::Relaxed),
            working: None,
            guard: None,
        }
    }

    pub fn visible(&self, instance: &Engine) -> Arc<State> {
        self.working.clone().unwrap_or_else(|| instance.committed())
    }
}

/// What a rolled back transaction leaves behind under the switches for it.
fn survivors(mut base: State, working: &State, switches: Unverified) -> State {
    if switches.user_and_certificate_survive_rollback {
        for (id, database) in &working.databases {
            if let Some(own) = base.databases.get_mut(id) {
                *own = database.clone();
            }
        }
    }
    if switches.endpoint_grant_survives_rollback {
        base.permissions.retain(|p| p.class != 105);
        let kept = working.permissions.iter().filter(|p| p.class == 105);
        base.permissions.extend(kept.cloned());
        let principals = &base.principals;
        base.permissions
            .retain(|p| principals.contains_key(&p.grantee));
    }
    base
}

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
            reach: crate::engine::errors::Reach::Statement,
        })
    }

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

fn doomed() -> Raise {
    Raise::new(
        3930,
        16,
        "The current transaction cannot be committed and cannot support operations that write to the log file. Roll back the transaction.",
    )
}
