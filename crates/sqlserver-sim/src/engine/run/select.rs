//! SELECT and INSERT: rows to the client, and into table variables and temporary tables.

use super::session::{EngineSession, Flow};
use super::temporary::wrong_width;
use crate::engine::errors::{Outcome, Raise, Reach, no_object};
use crate::engine::eval::limits;
use crate::engine::eval::{Relation, bind_query, convert, run_query};
use crate::engine::lang::ast::Query;
use crate::protocol::{Column, Item, Value};
use crate::server_api::Reply;

impl EngineSession {
    pub(super) async fn select(
        &mut self,
        query: &Query,
        faults: &super::faulty::RowFaults,
        reply: &Reply,
    ) -> Outcome<Flow> {
        let relation = match self.with_env(|env| run_query(env, query, None)) {
            Ok(relation) => relation,
            Err(raise) => return self.select_failed(query, raise, reply).await,
        };
        let count = relation.rows.len();
        let shown = self.with_env(|env| faults.visible(env, relation));
        self.facts.row_count = i32::try_from(count).unwrap_or(i32::MAX);
        if !shown.cols.is_empty() {
            self.send_relation(shown, faults, reply).await;
        }
        self.finish(reply, 0xC1, Some(u64::try_from(count).unwrap_or(u64::MAX)))
            .await
    }

    /// A SELECT that fails while running has sent its columns already; one that is refused has not.
    async fn select_failed(&mut self, query: &Query, raise: Raise, reply: &Reply) -> Outcome<Flow> {
        let refused = raise.reach == Reach::Compile || raise.messages.len() > 1;
        let cols = self
            .with_env(|env| bind_query(env, query, None).map(|cols| cols.to_vec()))
            .unwrap_or_default();
        if !refused && !cols.is_empty() {
            let empty = Relation {
                cols,
                rows: Vec::new(),
            };
            self.send_relation(empty, &super::faulty::RowFaults::default(), reply)
                .await;
        }
        Err(raise)
    }

    pub(super) async fn send_relation(
        &mut self,
        relation: Relation,
        faults: &super::faulty::RowFaults,
        reply: &Reply,
    ) {
        let columns = relation.cols.into_iter().map(|c| Column {
            name: c.name.to_string(),
            ty: c.ty,
            nullable: c.nullable,
        });
        self.send(reply, Item::Columns(columns.collect())).await;
        for (sent, row) in (1..).zip(relation.rows) {
            self.send(reply, Item::Row(row)).await;
            if faults.hang_up_after == Some(sent) {
                self.send(reply, Item::HangUp).await;
            }
        }
    }

    pub(super) fn insert(
        &mut self,
        table: &str,
        columns: &[String],
        source: &Query,
    ) -> Outcome<u64> {
        let relation = self.with_env(|env| run_query(env, source, None))?;
        self.insert_rows(table, columns, relation)
    }

    /// Adds rows to a table variable or a temporary table, each value converted to its column's type.
    pub(super) fn insert_rows(
        &mut self,
        table: &str,
        columns: &[String],
        relation: Relation,
    ) -> Outcome<u64> {
        let key = table.to_lowercase();
        let mut variables = self.variables.borrow_mut();
        let target = if table.starts_with('#') {
            let found = self.facts.temporary.get_mut(&key);
            found
                .map(|(target, _)| target)
                .ok_or_else(|| no_object(table))?
        } else {
            variables.tables.get_mut(&key).ok_or_else(|| {
                Raise::compile(
                    1087,
                    15,
                    format!("Must declare the table variable \"{table}\"."),
                )
            })?
        };
        let width = if columns.is_empty() {
            target.cols.len()
        } else {
            columns.len()
        };
        if relation.cols.len() != width {
            return Err(wrong_width());
        }
        let mut places = Vec::new();
        for (n, col) in (0..width).zip(&relation.cols) {
            let place = match columns.get(n) {
                None => Some(n),
                Some(name) => target
                    .cols
                    .iter()
                    .position(|c| c.name.eq_ignore_ascii_case(name)),
            };
            let place = place.ok_or_else(|| crate::engine::errors::no_column(&columns[n]))?;
            places.push((place, col.ty));
        }
        let mut added = Vec::new();
        let mut room: usize = target.rows.iter().map(|row| limits::weight(row)).sum();
        for row in relation.rows {
            let mut stored = vec![Value::Null; target.cols.len()];
            for (value, (place, from)) in row.iter().zip(&places) {
                stored[*place] = convert::convert(value, *from, target.cols[*place].ty, 0)?;
            }
            room += limits::weight(&stored);
            if room > limits::MOST_BYTES {
                return Err(limits::no_memory());
            }
            added.push(stored);
        }
        let count = u64::try_from(added.len()).unwrap_or(u64::MAX);
        target.rows.extend(added);
        Ok(count)
    }
}
