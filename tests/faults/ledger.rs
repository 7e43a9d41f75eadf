//! What the fleet's ledgers say: which objects were made for good and how often, and whose batches met.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDateTime;
use sqlserver_sim::{Entry, Instance};

/// mirrorgate's own entries, from `since` on.
fn entries(instance: &Instance, since: NaiveDateTime) -> Vec<Entry> {
    let mut all = instance.ledger();
    all.retain(|entry| entry.application == "mirrorgate" && entry.at >= since);
    all
}

/// Every object created or right granted by a batch that reached its COMMIT, with how often that happened.
///
/// Whatever a lost session had not committed was rolled back, and does not count.
pub fn committed(instance: &Instance, since: NaiveDateTime) -> BTreeMap<String, usize> {
    let mut pending: HashMap<u16, Vec<String>> = HashMap::new();
    let mut made = BTreeMap::new();
    for entry in entries(instance, since) {
        let mine = pending.entry(entry.session).or_default();
        match entry.kind {
            "BEGIN TRANSACTION" | "ROLLBACK" => mine.clear(),
            "COMMIT" if entry.error.is_none() => {
                for object in mine.drain(..) {
                    *made.entry(object).or_default() += 1;
                }
            }
            kind if entry.error.is_none() && crate::harness::is_change(kind) => {
                mine.push(object(&entry));
            }
            _ => {}
        }
    }
    made
}

/// Kind and first bracketed name, for GRANT the last one: the endpoint is the same for all.
fn object(entry: &Entry) -> String {
    let mut names = entry.text.split('[').skip(1);
    let name = if entry.kind.starts_with("GRANT") {
        names.last()
    } else {
        names.next()
    };
    let name = name.and_then(|rest| rest.split(']').next());
    format!("{} {}", entry.kind, name.unwrap_or(&entry.text))
}

/// Fails when anything was made twice.
#[track_caller]
pub fn assert_made_once(instance: &Instance, since: NaiveDateTime) {
    for (object, times) in committed(instance, since) {
        assert_eq!(
            times,
            1,
            "{object} was made {times} times on {}",
            instance.name()
        );
    }
}

/// Pairs of sessions whose transactions overlapped: the second began before the first, which did end, had ended.
///
/// A transaction whose session died has no end here and meets nobody.
pub fn overlaps(instance: &Instance, since: NaiveDateTime) -> Vec<(u16, u16)> {
    let entries = entries(instance, since);
    let ends = |kind: &str| matches!(kind, "COMMIT" | "ROLLBACK");
    let mut found = Vec::new();
    for (at, begin) in entries.iter().enumerate() {
        if begin.kind != "BEGIN TRANSACTION" {
            continue;
        }
        let mut inside = Vec::new();
        for entry in &entries[at + 1..] {
            if entry.session == begin.session {
                if ends(entry.kind) {
                    found.append(&mut inside);
                }
                if ends(entry.kind) || entry.kind == "BEGIN TRANSACTION" {
                    break;
                }
            } else if entry.kind == "BEGIN TRANSACTION" {
                inside.push((begin.session, entry.session));
            }
        }
    }
    found
}

/// How many transactions mirrorgate began.
pub fn transactions(instance: &Instance, since: NaiveDateTime) -> usize {
    let entries = entries(instance, since);
    entries
        .iter()
        .filter(|entry| entry.kind == "BEGIN TRANSACTION")
        .count()
}
