//! `sp_getapplock` and `sp_releaseapplock`.

use std::time::Duration;

use super::parameters::{Given, find, text_argument};
use super::session::EngineSession;
use crate::engine::errors::{Outcome, Raise};
use crate::engine::eval::convert;

impl EngineSession {
    pub(super) async fn take_lock(&mut self, given: &[Given]) -> Outcome<i32> {
        let names = [
            "@resource",
            "@lockmode",
            "@lockowner",
            "@locktimeout",
            "@dbprincipal",
        ];
        let resource = text_argument(given, &names, 0)?.unwrap_or_default();
        let mode = text_argument(given, &names, 1)?
            .unwrap_or_default()
            .to_lowercase();
        let owner = text_argument(given, &names, 2)?.unwrap_or_else(|| "Transaction".to_owned());
        let timeout = match find(given, &names, 3) {
            Some(one) => convert::integer(&one.value)?.unwrap_or(-1),
            None => self.facts.lock_timeout,
        };
        let transactional = owner.eq_ignore_ascii_case("Transaction");
        if transactional && self.facts.transaction_count == 0 {
            return Err(Raise::new(
                1223,
                16,
                "You attempted to acquire a transactional application lock without an active transaction.",
            ));
        }
        if resource.is_empty()
            || ![
                "exclusive",
                "shared",
                "update",
                "intentshared",
                "intentexclusive",
            ]
            .contains(&mode.as_str())
        {
            return Ok(-999);
        }
        let exclusive = matches!(mode.as_str(), "exclusive" | "update" | "intentexclusive");
        let limit = u64::try_from(timeout).ok().map(Duration::from_millis);
        let (database, spid) = (self.facts.database, self.facts.spid);
        Ok(self
            .instance
            .locks()
            .take(database, &resource, spid, exclusive, transactional, limit)
            .await)
    }

    pub(super) fn release_lock(&mut self, given: &[Given]) -> Outcome<i32> {
        let names = ["@resource", "@lockowner", "@dbprincipal"];
        let resource = text_argument(given, &names, 0)?.unwrap_or_default();
        let owner = text_argument(given, &names, 1)?.unwrap_or_else(|| "Transaction".to_owned());
        let transactional = owner.eq_ignore_ascii_case("Transaction");
        let (database, spid) = (self.facts.database, self.facts.spid);
        if self
            .instance
            .locks()
            .release(database, &resource, spid, transactional)
        {
            return Ok(0);
        }
        Err(Raise::new(
            1223,
            16,
            format!(
                "Cannot release the application lock (Database Principal: 'public', Resource: '{resource}') because it is not currently held."
            ),
        ))
    }
}
