//! One session: its facts, its transaction, its variables, and what it sends.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::facts::SessionFacts;
use super::transaction::Transaction;
use crate::engine::Engine;
use crate::engine::eval::limits::Work;
use crate::engine::eval::memo::Memo;
use crate::engine::eval::{Env, Variables};
use crate::engine::state::{MASTER, SA, State};
use crate::engine::views::catalogs::Catalogs;
use crate::protocol::{Item, LoginRequest, Message};
use crate::server_api::Reply;

/// How a statement left the flow of control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Next,
    Break,
    Continue,
    Return,
    /// The whole batch is over.
    Stop,
}

/// A prepared statement of sp_prepare.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub parameters: String,
    pub text: String,
}

/// A log-in's session.
pub struct EngineSession {
    pub(super) instance: Arc<Engine>,
    pub(super) facts: SessionFacts,
    pub(super) transaction: Option<Transaction>,
    pub(super) variables: RefCell<Variables>,
    /// What the request at hand has read of the catalogs.
    pub(super) catalogs: Catalogs,
    /// Open TRY blocks per scope, innermost scope last.
    pub(super) tries: Vec<u32>,
    pub(super) prepared: HashMap<i32, Prepared>,
    pub(super) next_handle: i32,
    /// The value of RETURN in the scope that ended last.
    pub(super) returned: i32,
    /// An inner scope ended the whole batch.
    pub(super) stopped: bool,
    /// A fault ended the session: nothing more is sent or run.
    pub(super) gone: bool,
    /// Text of the batch at hand, for the ledger.
    pub(super) text: Arc<str>,
    /// A racing second party: runs on its own and asks no faults.
    pub(super) racing: bool,
    /// A trigger's body runs.
    pub(super) in_trigger: bool,
    /// Who EXECUTE AS put aside, the last one last: the login, and how deep in scopes it was.
    pub(super) impersonators: Vec<(i32, usize)>,
}

impl EngineSession {
    pub fn new(instance: Arc<Engine>, facts: SessionFacts) -> Self {
        Self {
            instance,
            facts,
            transaction: None,
            variables: RefCell::default(),
            catalogs: Catalogs::default(),
            tries: Vec::new(),
            prepared: HashMap::new(),
            next_handle: 1,
            returned: 0,
            stopped: false,
            gone: false,
            text: Arc::from(""),
            racing: false,
            in_trigger: false,
            impersonators: Vec::new(),
        }
    }

    /// A session of sa that does not count as connected: for the Rust API and for racing parties.
    pub fn internal(instance: &Arc<Engine>, application: &str) -> Self {
        Self::internal_as(instance, (SA, "sa"), application)
    }

    /// The same of any login, by its id and name.
    pub fn internal_as(instance: &Arc<Engine>, login: (i32, &str), application: &str) -> Self {
        let client = LoginRequest {
            application: application.to_owned(),
            client_host: instance.machine_name().to_owned(),
            packet_size: 4096,
            ..LoginRequest::default()
        };
        let facts = SessionFacts::new(instance.sessions().next_spid(), login, MASTER, client);
        Self::new(Arc::clone(instance), facts)
    }

    /// The state this session sees: its transaction's, or the published one.
    pub(super) fn state(&self) -> Arc<State> {
        match &self.transaction {
            Some(transaction) => transaction.visible(&self.instance),
            None => self.instance.committed(),
        }
    }

    /// Computes something over the session's view of the instance.
    pub(super) fn with_env<T>(&self, compute: impl FnOnce(&Env<'_>) -> T) -> T {
        let state = self.state();
        compute(&Env {
            instance: &self.instance,
            state: &state,
            facts: &self.facts,
            variables: &self.variables,
            work: &Work::default(),
            memo: &Memo::default(),
            catalogs: &self.catalogs,
        })
    }

    pub(super) async fn send(&mut self, reply: &Reply, item: Item) {
        let last = matches!(item, Item::HangUp | Item::Stall);
        if !self.gone && reply.send(item).await.is_err() {
            self.gone = true;
        }
        self.gone |= last;
    }

    pub(super) async fn send_messages(&mut self, reply: &Reply, messages: Vec<Message>) {
        for message in messages {
            self.send(reply, Item::Message(message)).await;
        }
    }

    pub(super) async fn send_failed(&mut self, reply: &Reply) {
        let done = Item::Done {
            command: 0,
            rows: None,
            failed: true,
        };
        self.send(reply, done).await;
    }
}

impl Drop for EngineSession {
    fn drop(&mut self) {
        self.instance.close_session(self.facts.spid);
    }
}
