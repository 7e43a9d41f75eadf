//! Triggers going off: the body runs inside the statement's transaction, and a roll-back in it takes everything back.

use std::cell::RefCell;
use std::sync::Arc;

use super::session::EngineSession;
use super::{check, statement};
use crate::engine::errors::{Outcome, Raise, Reach};
use crate::engine::lang::ast::{Ddl, PermissionChange, SecurableClass, Verb};
use crate::engine::state::MASTER;
use crate::engine::state::permission_names::is_of_the_server;
use crate::engine::state::trigger::ServerTrigger;
use crate::protocol::Item;
use crate::server_api::Reply;

/// The event type of a statement, as triggers name it.
pub fn event(ddl: &Ddl) -> Option<String> {
    Some(match ddl {
        Ddl::Permission(change) => permission_event(change),
        Ddl::AlterAuthorization { class, .. } => match class {
            SecurableClass::Endpoint | SecurableClass::ServerRole => {
                "ALTER_AUTHORIZATION_SERVER".to_owned()
            }
            _ => "ALTER_AUTHORIZATION_DATABASE".to_owned(),
        },
        Ddl::RoleMember { server, add, .. } => {
            let verb = if *add { "ADD" } else { "DROP" };
            let noun = if *server {
                "SERVER_ROLE_MEMBER"
            } else {
                "ROLE_MEMBER"
            };
            format!("{verb}_{noun}")
        }
        Ddl::CreateRole { server: true, .. } => "CREATE_SERVER_ROLE".to_owned(),
        Ddl::RenameRole { server: true, .. } => "ALTER_SERVER_ROLE".to_owned(),
        Ddl::DropRole { server: true, .. } => "DROP_SERVER_ROLE".to_owned(),
        Ddl::CreateTrigger(_) | Ddl::DropTrigger(_) | Ddl::EnableTrigger { .. } => return None,
        Ddl::OpenMasterKey(_)
        | Ddl::CloseMasterKey
        | Ddl::BackupCertificate { .. }
        | Ddl::BackupDatabase { .. }
        | Ddl::RestoreDatabase { .. } => return None,
        other => crate::engine::ddl::kind(other).replace(' ', "_"),
    })
}

fn permission_event(change: &PermissionChange) -> String {
    let verb = match change.verb {
        Verb::Grant => "GRANT",
        Verb::Deny => "DENY",
        Verb::Revoke => "REVOKE",
    };
    let server = match &change.on {
        None => change.permissions.iter().all(|p| is_of_the_server(p)),
        Some((class, _)) => matches!(
            class,
            SecurableClass::Endpoint | SecurableClass::Login | SecurableClass::ServerRole
        ),
    };
    format!("{verb}_{}", if server { "SERVER" } else { "DATABASE" })
}

fn ended_in_trigger() -> Raise {
    let text = "The transaction ended in the trigger. The batch has been aborted.";
    Raise::new(3609, 16, text).reaching(Reach::Batch)
}

impl EngineSession {
    /// Runs the triggers, in the transaction at hand.
    ///
    /// # Errors
    /// 3609 when one of them rolled back; what a TRY around the statement can catch.
    pub(super) async fn set_off(
        &mut self,
        triggers: &[ServerTrigger],
        reply: &Reply,
    ) -> Outcome<()> {
        for trigger in triggers {
            self.run_trigger(trigger, reply).await?;
            if self.transaction.is_none() {
                return Err(ended_in_trigger());
            }
        }
        Ok(())
    }

    async fn run_trigger(&mut self, trigger: &ServerTrigger, reply: &Reply) -> Outcome<()> {
        let actor = trigger.runs_as.as_ref();
        let actor = actor.and_then(|name| self.state().principal(name).map(|p| p.id));
        let outer = (
            self.facts.login,
            self.facts.database,
            self.facts.xact_abort,
            self.facts.no_count,
            self.facts.lock_timeout,
        );
        let text = std::mem::replace(&mut self.text, Arc::from(""));
        let variables = self.variables.replace(Default::default());
        self.facts.login = actor.unwrap_or(self.facts.login);
        self.facts.database = MASTER;
        self.facts.xact_abort = true;
        self.in_trigger = true;
        self.tries.push(0);
        let body = Arc::clone(&trigger.body);
        check::declare(&self.variables, &body);
        let checked = self.with_env(|env| check::batch(env, &body));
        let outcome = match checked {
            Ok(()) => statement::run_list(self, &body, reply).await,
            Err(raise) => self.raised(raise, 1, reply).await,
        };
        self.tries.pop();
        self.in_trigger = false;
        self.variables = RefCell::new(variables);
        self.text = text;
        (
            self.facts.login,
            self.facts.database,
            self.facts.xact_abort,
            self.facts.no_count,
            self.facts.lock_timeout,
        ) = outer;
        outcome.map(|_| ())
    }

    /// Runs the logon triggers for the session that just began; false when it must not go on.
    pub(super) async fn passes_logon_triggers(&mut self) -> bool {
        let state = self.state();
        let waiting = state.server_triggers.iter();
        let waiting: Vec<ServerTrigger> = waiting
            .filter(|t| t.is_logon() && !t.disabled)
            .cloned()
            .collect();
        if waiting.is_empty() {
            return true;
        }
        let (reply, mut drain) = tokio::sync::mpsc::channel::<Item>(64);
        let running = async {
            self.begin_transaction(None).await;
            let passed = self.set_off(&waiting, &reply).await.is_ok();
            let passed = passed && !self.facts.doomed && self.commit(None).await.is_ok();
            self.abandon();
            drop(reply);
            passed
        };
        let draining = async { while drain.recv().await.is_some() {} };
        tokio::join!(running, draining).0
    }
}
