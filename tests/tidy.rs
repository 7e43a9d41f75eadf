//! The rules of layout that the compiler does not keep: arrows between the layers, one subject per file, a `//!` on each.

use std::fs;
use std::path::{Path, PathBuf};

/// A layer of `src/`, and the layers it may name. What is not listed here may not be named at all.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("plan", &["domain"]),
    ("tsql", &["domain"]),
    ("sqlserver", &["tsql", "domain"]),
    ("store", &["domain"]),
    ("worker", &["store", "sqlserver", "plan", "tsql", "domain"]),
    ("http", &["store", "domain"]),
    ("postgres", &[]),
    ("ingress", &[]),
];

/// A crate, and the only places of `src/` that may name it.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("sqlx", &["store/", "postgres/"]),
    ("tiberius", &["sqlserver/"]),
    ("deadpool", &["sqlserver/"]),
    ("tokio_rustls", &["sqlserver/secure/"]),
    ("rustls_native_certs", &["sqlserver/secure/"]),
    ("axum", &["http/", "ingress/", "app.rs"]),
    ("tower", &["http/"]),
    ("tower_http", &["http/"]),
    ("axum_server", &["app.rs", "ingress/"]),
    ("rustix", &["ingress/"]),
    ("tokio_io_timeout", &["ingress/"]),
    ("utoipa", &["http/", "domain/"]),
    ("x509_parser", &["domain/certificate"]),
    ("clap", &["cli.rs", "config.rs"]),
];

/// Layers that think: no runtime, no waiting.
const PURE: &[&str] = &["domain", "plan", "tsql"];

/// The most production lines (before the tests) of one file.
const MOST_LINES: usize = 400;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(below: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(below).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(
        found.len() > 5,
        "{} holds hardly any source",
        below.display()
    );
    found
}

fn is_test(name: &str) -> bool {
    name.split(['/', '.']).any(|part| part == "tests")
}

/// The part of a file that ships.
fn production(text: &str) -> String {
    text.split("\n#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn names(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + path.len()..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            && !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[test]
fn the_arrows_between_the_layers_are_kept() {
    let mut broken = Vec::new();
    for (name, text) in rust_files(&root().join("src"))
        .into_iter()
        .filter(|(name, _)| !is_test(name))
    {
        let layer = name.split('/').next().unwrap();
        let Some((_, allowed)) = ARROWS.iter().find(|(l, _)| *l == layer) else {
            continue;
        };
        let text = production(&text);
        for (other, _) in ARROWS.iter().filter(|(o, _)| *o != layer) {
            if !allowed.contains(other) && names(&text, &format!("crate::{other}")) {
                broken.push(format!(
                    "src/{name} names crate::{other}; {layer} may name {allowed:?}"
                ));
            }
        }
        if names(&text, "crate::app") || names(&text, "crate::cli") || names(&text, "crate::config")
        {
            broken.push(format!("src/{name} names the composition root"));
        }
        if text.contains("use crate::{") {
            broken.push(format!(
                "src/{name} hides its arrows in `use crate::{{…}}`; name each layer on a line"
            ));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn each_crate_is_named_only_where_it_belongs() {
    let mut broken = Vec::new();
    for (name, text) in rust_files(&root().join("src")) {
        if is_test(&name) {
            continue;
        }
        let text = production(&text);
        for (krate, places) in MAY_NAME {
            if !places.iter().any(|p| name.starts_with(p)) && names(&text, &format!("{krate}::")) {
                broken.push(format!("src/{name} names {krate}; only {places:?} may"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_thinking_layers_wait_for_nothing() {
    for (name, text) in rust_files(&root().join("src"))
        .into_iter()
        .filter(|(name, _)| !is_test(name))
    {
        let text = production(&text);
        if PURE
            .iter()
            .any(|layer| name.starts_with(&format!("{layer}/")))
        {
            for forbidden in ["async fn", ".await", "tokio::", "std::fs", "std::net::Tcp"] {
                assert!(!text.contains(forbidden), "src/{name} has {forbidden}");
            }
        }
    }
}

#[test]
fn every_file_says_what_lives_there_and_stays_one_subject() {
    let mut broken = Vec::new();
    for folder in ["src", "tests", "crates/sqlserver-sim/src"] {
        for (name, text) in rust_files(&root().join(folder)) {
            if !text.starts_with("//!") {
                broken.push(format!("{folder}/{name} does not begin with //!"));
            }
            let lines = text
                .split("\n#[cfg(test)]")
                .next()
                .unwrap_or_default()
                .lines()
                .count();
            if lines > MOST_LINES && !is_test(&name) && folder != "tests" {
                broken.push(format!(
                    "{folder}/{name} has {lines} production lines; {MOST_LINES} is the most"
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_simulator_shares_no_code_with_mirrorgate() {
    for (name, text) in rust_files(&root().join("crates/sqlserver-sim/src")) {
        assert!(
            !names(&production(&text), "mirrorgate::"),
            "{name} names mirrorgate"
        );
    }
    let manifest = fs::read_to_string(root().join("crates/sqlserver-sim/Cargo.toml")).unwrap();
    assert!(
        !manifest.contains("mirrorgate"),
        "the simulator must not depend on mirrorgate"
    );
}

/// Public names of `src/` without a caller that ships, and why they stay.
const WITHOUT_CALLER: &[(&str, &str)] = &[
    ("domain/clock.rs manual", "tests move the clock"),
    ("domain/observation.rs serialize", "named by serde's `with`"),
    (
        "store/mod.rs from_pool",
        "tests bring a database of their own",
    ),
    (
        "worker/claim_loop.rs run_next",
        "tests make one attempt at a time",
    ),
];

/// What ships of a file: without comments, and without test modules at its end.
fn shipped(text: &str) -> String {
    let text = match text.find("\n#[cfg(test)]\n") {
        Some(at) if text[at..].contains(" {\n    use super::*") => &text[..at],
        _ => text,
    };
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    let lines: Vec<&str> = text.lines().filter(|l| !is_comment(l)).collect();
    lines.join("\n")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// The names of a file's public items, methods included.
fn public_names(text: &str) -> Vec<&str> {
    const ITEMS: [&str; 7] = ["fn", "const", "static", "struct", "enum", "trait", "type"];
    let name = |line| {
        let mut words = words(line).skip_while(|w| !ITEMS.contains(w));
        words.find(|w| !ITEMS.contains(w))
    };
    let lines = text.lines().map(str::trim_start);
    let before = std::iter::once("").chain(lines.clone());
    lines
        .zip(before)
        .filter(|(line, before)| line.starts_with("pub") && *before != "#[cfg(test)]")
        .filter_map(|(line, _)| name(line))
        .collect()
}

/// The compiler cannot see what is dead where everything is public: a name that stands nowhere but where it is declared has no caller.
#[test]
fn every_public_name_has_a_caller_that_ships() {
    let files: Vec<(String, String)> = rust_files(&root().join("src"))
        .into_iter()
        .filter(|(name, _)| !is_test(name) && !name.contains("fixture"))
        .map(|(name, text)| (name, shipped(&text)))
        .collect();
    let mut times = std::collections::HashMap::new();
    for (_, text) in &files {
        for word in words(text) {
            *times.entry(word).or_insert(0) += 1;
        }
    }
    let mut dead: Vec<String> = Vec::new();
    for (file, text) in &files {
        let names = public_names(text).into_iter().filter(|n| times[n] == 1);
        dead.extend(names.map(|name| format!("{file} {name}")));
    }
    dead.retain(|name| !WITHOUT_CALLER.iter().any(|(known, _)| known == name));
    assert!(dead.is_empty(), "nobody calls {dead:#?}");
}
