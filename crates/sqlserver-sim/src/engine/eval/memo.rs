//! What is found out once for a statement, though its expressions are computed for every row: where a column is, what type
//! an expression has, which columns a query gives, which rows a view has.
//!
//! Parts of the statement are known by their address. So a memo lives no longer than the run of one parsed text that stays
//! where it is, and within that a part has always the same columns around it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use super::relation::{Col, Rows};
use crate::engine::errors::Outcome;
use crate::engine::lang::ast::{Expr, Query, Select, Source};
use crate::protocol::SqlType;

/// Depth of a column's scope (0 innermost), index of the column in it, and its type.
pub type Place = (usize, usize, SqlType);

type ByAddress<T> = RefCell<HashMap<usize, T, BuildHasherDefault<AddressHasher>>>;

/// What a statement has found out so far; failures are not kept.
#[derive(Default)]
pub struct Memo {
    places: ByAddress<Place>,
    types: ByAddress<Option<SqlType>>,
    queries: ByAddress<Rc<[Col]>>,
    sources: ByAddress<Rc<[Col]>>,
    candidates: ByAddress<Rc<[usize]>>,
    views: ByAddress<Rows>,
    rows: RefCell<HashMap<(String, i32), Rows>>,
}

impl Memo {
    pub fn place(&self, name: &[String], find: impl FnOnce() -> Outcome<Place>) -> Outcome<Place> {
        remembered(&self.places, name.as_ptr().addr(), find)
    }

    pub fn ty(
        &self,
        expr: &Expr,
        find: impl FnOnce() -> Outcome<Option<SqlType>>,
    ) -> Outcome<Option<SqlType>> {
        remembered(&self.types, address(expr), find)
    }

    pub fn query(
        &self,
        query: &Query,
        find: impl FnOnce() -> Outcome<Vec<Col>>,
    ) -> Outcome<Rc<[Col]>> {
        remembered(&self.queries, address(query), || find().map(Rc::from))
    }

    pub fn source(
        &self,
        source: &Source,
        find: impl FnOnce() -> Outcome<Vec<Col>>,
    ) -> Outcome<Rc<[Col]>> {
        remembered(&self.sources, address(source), || find().map(Rc::from))
    }

    /// Places of the rows a query may leave of the view it reads.
    pub fn candidates(&self, select: &Select, find: impl FnOnce() -> Rc<[usize]>) -> Rc<[usize]> {
        let known = self.candidates.borrow().get(&address(select)).cloned();
        known.unwrap_or_else(|| {
            let found = find();
            let mut candidates = self.candidates.borrow_mut();
            candidates.insert(address(select), Rc::clone(&found));
            found
        })
    }

    /// The rows of the view that a source names.
    pub fn view(&self, source: &Source, read: impl FnOnce() -> Outcome<Rows>) -> Outcome<Rows> {
        remembered(&self.views, address(source), read)
    }

    /// The rows of a view in a database, whichever source names it.
    pub fn rows(
        &self,
        key: (String, i32),
        read: impl FnOnce(&str, i32) -> Outcome<Rows>,
    ) -> Outcome<Rows> {
        if let Some(rows) = self.rows.borrow().get(&key) {
            return Ok(Arc::clone(rows));
        }
        let rows = read(&key.0, key.1)?;
        self.rows.borrow_mut().insert(key, Arc::clone(&rows));
        Ok(rows)
    }
}

fn address<T>(part: &T) -> usize {
    std::ptr::from_ref(part).addr()
}

fn remembered<T: Clone>(
    known: &ByAddress<T>,
    address: usize,
    find: impl FnOnce() -> Outcome<T>,
) -> Outcome<T> {
    if let Some(found) = known.borrow().get(&address) {
        return Ok(found.clone());
    }
    let found = find()?;
    known.borrow_mut().insert(address, found.clone());
    Ok(found)
}

/// Spreads addresses; nobody chooses them to make them meet.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, number: usize) {
        let mixed = (self.0 ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}
