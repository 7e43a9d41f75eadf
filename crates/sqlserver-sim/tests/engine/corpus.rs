//! The committed corpus: what the parser takes, and where it says the broken statements go wrong. Whether Microsoft's
//! parsers agree is looked at by `scripts/parsers-agree`; the lines where they do not are in `corpus/differences.tsv`.

use std::collections::HashMap;
use std::path::Path;

use sqlserver_sim::syntax::{batches, check};

fn corpus(kind: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(kind);
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let script = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for (line, text) in batches(&script) {
            cases.push((format!("{kind}/{name}:{line}"), text));
        }
    }
    cases
}

/// One line of words: how differences.tsv names a case.
fn key(text: &str) -> String {
    let lines = text.lines().filter(|l| expected(l).is_none());
    let joined = lines.collect::<Vec<_>>().join(" ");
    joined.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Case to who accepts it: `simulator`, `microsoft`, `neither`, or `place` where only the place of the error differs.
fn differences() -> HashMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/differences.tsv");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    let split = |line: &str| {
        let columns: Vec<_> = line.split('\t').collect();
        assert_eq!(columns.len(), 3, "{line}");
        assert!(columns[1].len() > 10, "a reason is wanted: {line}");
        (columns[2].to_owned(), columns[0].to_owned())
    };
    lines.map(split).collect()
}

/// The head of a broken case: `-- 102 near 'x'` or, where the message is about something else, `-- 137 near @v`.
fn expected(line: &str) -> Option<(i32, &str)> {
    let (number, near) = line.strip_prefix("-- ")?.split_once(" near ")?;
    Some((number.parse().ok()?, near))
}

#[test]
fn every_good_statement_is_read() {
    let (cases, listed) = (corpus("good"), differences());
    assert!(cases.len() > 400, "{}", cases.len());
    for (place, text) in cases {
        let refused_by_us = ["microsoft", "neither"];
        let wanted = listed
            .get(&key(&text))
            .is_none_or(|who| !refused_by_us.contains(&who.as_str()));
        let found = check(&text);
        assert_eq!(found.is_ok(), wanted, "{place}: {found:?}\n{text}");
    }
}

#[test]
fn every_broken_statement_is_refused_near_the_right_token() {
    let (cases, listed) = (corpus("broken"), differences());
    assert!(cases.len() > 300, "{}", cases.len());
    for (place, text) in cases {
        let head = text.lines().next().unwrap();
        let (number, near) = expected(head).unwrap_or_else(|| panic!("{place} has no head"));
        let error = check(&text).expect_err(&format!("{place}\n{text}"));
        assert_eq!(error.number, number, "{place}: {error}\n{text}");
        assert!(error.text.contains(near), "{place}: {error}\n{text}");
        assert_ne!(
            listed.get(&key(&text)).map(String::as_str),
            Some("simulator"),
            "{place}: nothing broken is accepted here alone"
        );
    }
}
