//! Every text of every plan that these tests make stands in `texts.txt`, one a line: a changed word shows in the diff, where somebody
//! reads it.
//!
//! A new or changed text is written there by `MIRRORGATE_TEST_TEXTS=write cargo test --lib plan::`; lines that no test
//! makes any more go when the file is emptied before.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

use crate::domain::finding::Finding;
use crate::domain::plan::{InstancePlan, Plan};

static READ: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| include_str!("texts.txt").lines().collect());
static WRITTEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Bytes longer than this are no part of a text.
const MOST_NUMBERS: usize = 8;
/// The least digits of a hash that a text shows.
const HASH: usize = 8;

/// Fails for a text that is not in the file.
pub fn are_read(plan: &Plan) {
    let findings = plan.findings.iter().map(finding);
    let texts: Vec<String> = findings
        .chain(plan.instances.iter().flat_map(instance))
        .map(|text| without_hashes(&without_bytes(&text.replace('\n', "\\n"))))
        .collect();
    if std::env::var("MIRRORGATE_TEST_TEXTS").is_ok_and(|mode| mode == "write") {
        return write(texts);
    }
    for text in &texts {
        assert!(READ.contains(text.as_str()), "not in texts.txt: {text}");
    }
}

fn write(texts: Vec<String>) {
    let mut written = WRITTEN.lock().unwrap();
    written.extend(READ.iter().map(|text| (*text).to_owned()));
    written.extend(texts);
    let mut file = String::new();
    for text in written.iter() {
        writeln!(file, "{text}").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan/tests/texts.txt");
    std::fs::write(path, file).unwrap();
}

fn finding(finding: &Finding) -> String {
    let peer = finding.peer.iter().map(|peer| format!(", {peer}"));
    format!(
        "{} {:?} {}{}: {} | {} | {} | {:?}",
        finding.code.as_str(),
        finding.severity,
        finding.instance,
        peer.collect::<String>(),
        finding.found,
        finding.wanted,
        finding.remedy,
        finding.cure
    )
}

fn instance(instance: &InstancePlan) -> Vec<String> {
    let lines = [
        ("server", &instance.server),
        ("endpoint", &instance.endpoint),
    ];
    let lines = lines
        .iter()
        .filter_map(|(what, line)| Some(format!("{what} {}", line.as_ref()?)));
    let reasons = instance.trusts.iter().flat_map(|trust| {
        let reasons = trust.admits.reasons.iter();
        reasons.map(|r| format!("admits {:?} {}: {}", r.kind, r.code, r.detail))
    });
    lines.chain(reasons).collect()
}

/// Certificates are made anew for each run: their bytes are told as such.
fn without_bytes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find('[') {
        let end = rest[begin..]
            .find(']')
            .map_or(rest.len(), |end| begin + end);
        let inside = &rest[begin + 1..end];
        let is_bytes = inside.split(", ").count() > MOST_NUMBERS
            && inside
                .chars()
                .all(|c| c.is_ascii_digit() || c == ',' || c == ' ');
        out.push_str(&rest[..=begin]);
        out.push_str(if is_bytes { "bytes" } else { inside });
        rest = &rest[end..];
    }
    out + rest
}

/// And their hashes, whole or shortened, as a hash.
fn without_hashes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len()
            - rest
                .trim_start_matches(|c: char| c.is_ascii_hexdigit())
                .len();
        let word = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        if digits >= HASH && digits == word {
            out.push_str("<hash>");
        } else {
            out.push_str(&rest[..word]);
        }
        rest = &rest[word..];
        let between = rest
            .find(|c: char| c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        out.push_str(&rest[..between]);
        rest = &rest[between..];
    }
    out
}
