//! What a session is set to: its current database, its options, and the times it is told to wait.

use std::time::Duration;

use super::session::{EngineSession, Flow};
use crate::engine::errors::{Outcome, Raise, message};
use crate::engine::lang::ast::SetOption;
use crate::engine::state::asker::user_in;
use crate::engine::state::database::DatabaseState;
use crate::protocol::Item;
use crate::server_api::Reply;

impl EngineSession {
    pub(super) fn set_option(&mut self, option: SetOption) {
        match option {
            SetOption::XactAbort(on) => self.facts.xact_abort = on,
            SetOption::NoCount(on) => self.facts.no_count = on,
            SetOption::ImplicitTransactions(on) => self.facts.implicit_transactions = on,
            SetOption::LockTimeout(millis) => self.facts.lock_timeout = millis,
            SetOption::Other => {}
        }
    }

    pub(super) async fn use_database(&mut self, name: &str, reply: &Reply) -> Outcome<Flow> {
        let state = self.state();
        let Some(database) = state.database(name) else {
            return Err(Raise::new(
                911,
                16,
                format!(
                    "Database '{name}' does not exist. Make sure that the name is entered correctly."
                ),
            ));
        };
        if database.state == DatabaseState::Restoring {
            let mirrored = self.instance.transport().mirrors.contains_key(&database.id);
            return Err(if mirrored {
                Raise::new(
                    954,
                    14,
                    format!(
                        "The database \"{name}\" cannot be opened. It is acting as a mirror database."
                    ),
                )
            } else {
                Raise::new(
                    927,
                    14,
                    format!(
                        "Database '{name}' cannot be opened. It is in the middle of a restore."
                    ),
                )
            });
        }
        if user_in(&state, self.facts.login, database).is_none() {
            let login = &self.facts.login_name;
            return Err(Raise::new(916, 14, format!("The server principal \"{login}\" is not able to access the database \"{name}\" under the current security context.")).with_state(2));
        }
        let from = state
            .databases
            .get(&self.facts.database)
            .map(|d| d.name.clone());
        let (id, to) = (database.id, database.name.clone());
        self.facts.database = id;
        let changed = Item::DatabaseChanged {
            from: from.unwrap_or_default(),
            to: to.clone(),
        };
        self.send(reply, changed).await;
        let note = message(5701, 0, 2, format!("Changed database context to '{to}'."));
        self.send(reply, Item::Message(note)).await;
        self.done(reply, None).await
    }
}

/// `hh:mm:ss[.mmm]`, less than a day.
pub(super) fn parse_delay(text: &str) -> Option<Duration> {
    let (clock, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let mut seconds = 0_u64;
    let mut parts = 0;
    for part in clock.split(':') {
        seconds = seconds
            .checked_mul(60)?
            .checked_add(part.parse::<u64>().ok()?)?;
        parts += 1;
    }
    if parts == 2 {
        seconds = seconds.checked_mul(60)?;
    }
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let delay = Duration::from_secs(seconds) + Duration::from_millis(millis);
    ((2..=3).contains(&parts) && delay < Duration::from_secs(86_400)).then_some(delay)
}
