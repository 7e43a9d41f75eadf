//! What a session has for itself: temporary tables, rows taken from a call, whom it acts as; and ending other sessions.
//!
//! Temporary tables are not part of any transaction here.

use std::sync::Arc;

use super::session::{EngineSession, Flow};
use crate::engine::errors::{Outcome, Raise};
use crate::engine::eval::{Col, Relation};
use crate::engine::lang::ast::{Expr, Statement};
use crate::engine::state::asker::user_in;
use crate::engine::state::permission::Securable;
use crate::protocol::{Item, SqlType};
use crate::server_api::Reply;

/// What a call inside INSERT gave: its rows, and what is the client's all the same.
#[derive(Default)]
struct Taken {
    relation: Option<Relation>,
    mismatch: bool,
    others: Vec<Item>,
}

impl EngineSession {
    pub(super) fn create_table(
        &mut self,
        name: &str,
        columns: &[(String, SqlType)],
    ) -> Outcome<()> {
        let key = name.to_lowercase();
        if self.facts.temporary.contains_key(&key) {
            return Err(Raise::new(
                2714,
                16,
                format!("There is already an object named '{name}' in the database."),
            )
            .with_state(6));
        }
        let cols = columns.iter().map(|(column, ty)| Col {
            table: Arc::from(name),
            name: Arc::from(column.as_str()),
            ty: *ty,
            nullable: true,
        });
        let table = Relation {
            cols: cols.collect(),
            rows: Vec::new(),
        };
        self.facts.temporary.insert(key, (table, self.tries.len()));
        Ok(())
    }

    pub(super) fn drop_table(&mut self, name: &str, if_exists: bool) -> Outcome<()> {
        let found = self.facts.temporary.remove(&name.to_lowercase());
        if found.is_some() || if_exists {
            return Ok(());
        }
        Err(Raise::new(
            3701,
            11,
            format!(
                "Cannot drop the table '{name}', because it does not exist or you do not have permission."
            ),
        )
        .with_state(5))
    }

    /// Temporary tables and impersonations of an inner scope end with it; those of the outermost one are the session's.
    pub(super) fn leave_scope(&mut self) {
        let depth = self.tries.len();
        if depth <= 1 {
            return;
        }
        self.facts.temporary.retain(|_, (_, made)| *made < depth);
        while let Some((login, _)) = self.impersonators.pop_if(|(_, at)| *at >= depth) {
            self.facts.login = login;
        }
    }

    /// Runs the call and keeps its rows for the table.
    pub(super) async fn insert_execute(
        &mut self,
        table: &str,
        columns: &[String],
        call: &Statement,
        reply: &Reply,
    ) -> Outcome<u64> {
        let (inner, mut items) = tokio::sync::mpsc::channel::<Item>(64);
        let running = async {
            let outcome =
                super::statement::run_list(self, std::slice::from_ref(call), &inner).await;
            drop(inner);
            outcome
        };
        let taking = async {
            let mut taken = Taken::default();
            while let Some(item) = items.recv().await {
                taken.take(item);
            }
            taken
        };
        let (outcome, taken) = tokio::join!(running, taking);
        for item in taken.others {
            self.send(reply, item).await;
        }
        let flow = outcome?;
        if taken.mismatch {
            return Err(wrong_width());
        }
        let count = match taken.relation {
            Some(relation) => self.insert_rows(table, columns, relation)?,
            None => 0,
        };
        self.stopped |= flow == Flow::Stop;
        Ok(count)
    }

    /// EXECUTE AS: the session goes on as another login, or as the login of a user of this database.
    pub(super) fn execute_as(&mut self, login: bool, name: &Expr) -> Outcome<()> {
        let name = self.text_of(name)?.unwrap_or_default();
        let (number, noun) = if login {
            (15406, "server")
        } else {
            (15517, "database")
        };
        let refused = || {
            Raise::new(
                number,
                16,
                format!(
                    "Cannot execute as the {noun} principal because the principal \"{name}\" does not exist, this type of principal cannot be impersonated, or you do not have permission."
                ),
            )
        };
        let other = self.with_env(|env| {
            let asker = env.asker();
            if login {
                let found = env.state.principal(&name);
                let found = found.filter(|p| matches!(p.kind, 'S' | 'U'))?;
                let may =
                    found.id == asker.login || asker.may(Securable::Login(found.id), "IMPERSONATE");
                return may.then_some(found.id);
            }
            let database = env.state.databases.get(&env.facts.database)?;
            let user = database.principal(&name, &env.state.collation);
            let user = user.filter(|u| matches!(u.kind, 'S' | 'U'))?;
            let own = user_in(env.state, asker.login, database) == Some(user.id);
            let may = own || asker.may(Securable::User(database.id, user.id), "IMPERSONATE");
            let login = env.state.principal_by_sid(user.sid.as_deref()?)?;
            may.then_some(login.id)
        });
        let other = other.ok_or_else(refused)?;
        self.impersonators
            .push((self.facts.login, self.tries.len()));
        self.facts.login = other;
        Ok(())
    }

    /// REVERT: nothing happens where nobody was put aside.
    pub(super) fn revert(&mut self) {
        if let Some((login, _)) = self.impersonators.pop() {
            self.facts.login = login;
        }
    }

    /// Everything a connection that is reset loses.
    pub(super) fn forget_own(&mut self) {
        self.facts.temporary.clear();
        if let Some((login, _)) = self.impersonators.first() {
            self.facts.login = *login;
        }
        self.impersonators.clear();
    }

    pub(super) fn kill(&self, number: i64) -> Outcome<()> {
        let may = self.with_env(|env| {
            let roles = env.state.identities(env.facts.login);
            let processadmin = env.state.principal("processadmin");
            env.asker().may(Securable::Server, "ALTER ANY CONNECTION")
                || processadmin.is_some_and(|p| roles.contains(&p.id))
        });
        if !may {
            return Err(Raise::new(
                6102,
                14,
                "User does not have permission to use the KILL statement.",
            ));
        }
        if number == i64::from(self.facts.spid) {
            return Err(Raise::new(
                6104,
                16,
                "Cannot use KILL to kill your own process.",
            ));
        }
        if (1..=50).contains(&number) {
            return Err(Raise::new(6107, 14, "Only user processes can be killed."));
        }
        let sessions = self.instance.sessions().all();
        let found = u16::try_from(number).ok().and_then(|n| sessions.get(&n));
        let Some(session) = found else {
            return Err(Raise::new(
                6106,
                16,
                format!("Process ID {number} is not an active process ID."),
            ));
        };
        session.ended.cancel();
        self.instance.close_session(session.spid);
        Ok(())
    }
}

impl Taken {
    fn take(&mut self, item: Item) {
        match item {
            Item::Columns(columns) => {
                let cols: Vec<Col> = columns
                    .into_iter()
                    .map(|c| Col {
                        table: Arc::default(),
                        name: Arc::from(c.name),
                        ty: c.ty,
                        nullable: c.nullable,
                    })
                    .collect();
                match &self.relation {
                    // Several result sets go into one table if they are equally wide.
                    Some(first) => self.mismatch |= first.cols.len() != cols.len(),
                    None => {
                        self.relation = Some(Relation {
                            cols,
                            rows: Vec::new(),
                        });
                    }
                }
            }
            Item::Row(row) => {
                if let Some(relation) = &mut self.relation {
                    relation.rows.push(row);
                }
            }
            Item::Done { .. } => {}
            other => self.others.push(other),
        }
    }
}

pub(super) fn wrong_width() -> Raise {
    Raise::compile(
        213,
        16,
        "Column name or number of supplied values does not match table definition.",
    )
}
