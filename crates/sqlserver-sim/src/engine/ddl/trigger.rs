//! CREATE, ALTER, DROP, ENABLE and DISABLE TRIGGER … ON ALL SERVER.

use std::sync::Arc;

use super::Change;
use crate::engine::errors::{Outcome, Raise};
use crate::engine::lang::ast::CreateTrigger;
use crate::engine::state::permission::Securable;
use crate::engine::state::trigger::{ServerTrigger, is_an_event};

fn missing(name: &str) -> Raise {
    Raise::new(
        1088,
        16,
        format!(
            "Cannot find the object \"{name}\" because it does not exist or you do not have permissions."
        ),
    )
}

impl Change<'_> {
    fn trigger_at(&self, name: &str) -> Option<usize> {
        let same = |t: &ServerTrigger| self.state.collation.same(&t.name, name);
        self.state.server_triggers.iter().position(same)
    }

    pub(super) fn create_trigger(&mut self, wanted: &CreateTrigger) -> Outcome<()> {
        self.needs(Securable::Server, &["CONTROL SERVER"])?;
        if let Some(unknown) = wanted.events.iter().find(|e| !is_an_event(e)) {
            return Err(Raise::new(
                1084,
                15,
                format!("'{unknown}' is an invalid event type."),
            ));
        }
        if let Some(login) = &wanted.runs_as
            && !self.state.principal(login).is_some_and(|p| p.is_login())
        {
            return Err(crate::engine::errors::cannot("find", "login", login));
        }
        let there = self.trigger_at(&wanted.name);
        if there.is_some() && !wanted.replaces {
            return Err(Raise::new(
                2714,
                16,
                format!(
                    "There is already an object named '{}' in the database.",
                    wanted.name
                ),
            ));
        }
        if there.is_none() && wanted.must_exist {
            return Err(missing(&wanted.name));
        }
        let now = self.env.instance.now();
        let triggers = &mut self.state.server_triggers;
        let old = there.map(|at| triggers.remove(at));
        let next = triggers.iter().map(|t| t.id).max().unwrap_or(1_000_000) + 1;
        triggers.push(ServerTrigger {
            id: old.as_ref().map_or(next, |t| t.id),
            name: wanted.name.clone(),
            events: wanted.events.clone(),
            disabled: false,
            runs_as: wanted.runs_as.clone(),
            body: Arc::new(wanted.body.clone()),
            created: old.map_or(now, |t| t.created),
            modified: now,
        });
        Ok(())
    }

    pub(super) fn drop_trigger(&mut self, name: &str) -> Outcome<()> {
        let may = self.may(Securable::Server, "CONTROL SERVER");
        match self.trigger_at(name).filter(|_| may) {
            Some(at) => {
                self.state.server_triggers.remove(at);
                Ok(())
            }
            None => Err(Raise::new(
                3701,
                11,
                format!(
                    "Cannot drop the trigger '{name}', because it does not exist or you do not have permission."
                ),
            )),
        }
    }

    pub(super) fn enable_trigger(&mut self, name: Option<&str>, on: bool) -> Outcome<()> {
        if !self.may(Securable::Server, "CONTROL SERVER") {
            return Err(missing(name.unwrap_or("ALL")));
        }
        match name {
            None => {
                for trigger in &mut self.state.server_triggers {
                    trigger.disabled = !on;
                }
            }
            Some(name) => {
                let at = self.trigger_at(name).ok_or_else(|| missing(name))?;
                self.state.server_triggers[at].disabled = !on;
            }
        }
        Ok(())
    }
}
