//! The way of a text through a session: compiled whole, then run in a scope of its own.
//!
//! Running is recursive by nature, through methods of [`EngineSession`]: a batch runs statements, EXEC and triggers run batches.

use std::cell::RefCell;
use std::sync::Arc;

use super::session::{EngineSession, Flow};
use super::{check, statement};
use crate::engine::errors::{Outcome, Raise};
use crate::engine::eval::Variables;
use crate::engine::lang;
use crate::protocol::{SqlType, Value};
use crate::server_api::Reply;

impl EngineSession {
    /// A batch from the client.
    pub async fn run_batch(&mut self, text: &str, reply: &Reply) {
        self.begin_request();
        self.instance.ledger().count(|c| c.batches += 1);
        self.wait_latency().await;
        self.run_top(text, Vec::new(), reply).await;
        self.end_request(reply).await;
    }

    pub(super) async fn wait_latency(&mut self) {
        let latency = self.instance.faults().latency();
        if !latency.is_zero() && !self.racing {
            tokio::time::sleep(latency).await;
        }
    }

    /// What an earlier, cancelled request may have left behind is forgotten.
    pub(super) fn begin_request(&mut self) {
        self.tries.clear();
        self.catalogs.forget();
        self.facts.caught.clear();
        self.variables = RefCell::default();
        self.returned = 0;
    }

    pub(super) async fn end_request(&mut self, reply: &Reply) {
        self.catalogs.forget();
        if self.facts.doomed {
            let text = "Uncommittable transaction is detected at the end of the batch. The transaction is rolled back.";
            let raise = Raise::new(3998, 16, text);
            self.send_messages(reply, raise.messages).await;
            self.roll_back(Some(reply)).await;
        }
    }

    /// Runs text in a scope of its own and reports what nothing caught.
    pub(super) async fn run_top(
        &mut self,
        text: &str,
        parameters: Vec<(String, SqlType, Value)>,
        reply: &Reply,
    ) {
        let outcome = self.run_scope(text, parameters, reply).await;
        if let Err(raise) = outcome {
            self.send_messages(reply, raise.messages).await;
            self.send_failed(reply).await;
        }
    }

    /// A batch with its own variables: from the client, of EXEC, or of sp_executesql. The values of `parameters` are left in
    /// `self.variables` until the caller restores its own.
    pub(super) async fn run_scope(
        &mut self,
        text: &str,
        parameters: Vec<(String, SqlType, Value)>,
        reply: &Reply,
    ) -> Outcome<Flow> {
        let outer_text = std::mem::replace(&mut self.text, Arc::from(text));
        let mut variables = Variables::default();
        let names: Vec<String> = parameters.iter().map(|p| p.0.clone()).collect();
        for (name, ty, value) in parameters {
            variables.scalars.insert(name.to_lowercase(), (ty, value));
        }
        self.variables = RefCell::new(variables);
        self.tries.push(0);
        let outcome = self.compile_and_run(text, &names, reply).await;
        self.leave_scope();
        self.tries.pop();
        self.text = outer_text;
        outcome
    }

    async fn compile_and_run(
        &mut self,
        text: &str,
        names: &[String],
        reply: &Reply,
    ) -> Outcome<Flow> {
        let parsed = lang::parse(text, names);
        let checked = parsed.and_then(|statements| {
            check::declare(&self.variables, &statements);
            self.with_env(|env| check::batch(env, &statements))?;
            Ok(statements)
        });
        match checked {
            Ok(statements) => statement::run_list(self, &statements, reply).await,
            Err(raise) => self.raised(raise, 1, reply).await,
        }
    }
}
