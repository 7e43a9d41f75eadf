//! Rows of the catalogs that a request has read already.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::errors::Outcome;
use crate::engine::eval::env::Env;
use crate::engine::eval::relation::Rows;
use crate::engine::state::State;

/// Rows of views by name and database, as one login sees them in one state of the instance.
struct Seen {
    // Held, so that no other state can stand at its address.
    state: Arc<State>,
    login: i32,
    rows: HashMap<(String, i32), Rows>,
}

/// What was read of the catalogs since they changed last.
#[derive(Default)]
pub struct Catalogs {
    seen: RefCell<Option<Seen>>,
}

impl Catalogs {
    /// The rows of a view that depends on nothing but state and login.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn rows(
        &self,
        env: &Env<'_>,
        view: &str,
        database: i32,
        read: impl FnOnce() -> Outcome<Rows>,
    ) -> Outcome<Rows> {
        let key = (view.to_owned(), database);
        if let Some(rows) = self.known(env, &key) {
            return Ok(rows);
        }
        let rows = read()?;
        let mut seen = self.seen.borrow_mut();
        let seen = seen.get_or_insert_with(|| Seen {
            state: Arc::clone(env.state),
            login: env.facts.login,
            rows: HashMap::new(),
        });
        seen.rows.insert(key, Arc::clone(&rows));
        Ok(rows)
    }

    /// Forgets what another state or login has shown.
    fn known(&self, env: &Env<'_>, key: &(String, i32)) -> Option<Rows> {
        let mut seen = self.seen.borrow_mut();
        let same =
            |seen: &Seen| Arc::ptr_eq(&seen.state, env.state) && seen.login == env.facts.login;
        if !seen.as_ref().is_some_and(same) {
            *seen = None;
        }
        seen.as_ref()?.rows.get(key).map(Arc::clone)
    }

    pub fn forget(&self) {
        self.seen.take();
    }
}
