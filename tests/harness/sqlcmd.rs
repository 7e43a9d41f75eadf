//! What sqlcmd does with a file: reads it line by line, replaces variables, takes some lines for itself, and sends the rest in batches.
//!
//! It is the one that looks the least: neither quotes nor remarks keep a line that begins with `GO`, `:` or `!!` from being its own,
//! nor `$(name)` from being replaced.

use std::collections::BTreeMap;

use sqlserver_sim::protocol::Value;
use sqlserver_sim::{Connection, Instance};

/// One run of a file in one session.
pub struct Sqlcmd {
    connection: Connection,
    /// `-b`: the first error ends it.
    stop_at_errors: bool,
    variables: BTreeMap<String, String>,
}

/// How it ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// What a shell would see.
    pub status: i32,
    /// Numbers and texts of errors.
    pub errors: Vec<(i32, String)>,
    /// What PRINT said.
    pub printed: Vec<String>,
    /// Batches that were sent.
    pub batches: usize,
}

impl Ended {
    pub fn numbers(&self) -> Vec<i32> {
        self.errors.iter().map(|e| e.0).collect()
    }
}

impl Sqlcmd {
    /// `sqlcmd -b -S instance -U login`.
    pub fn strict(instance: &Instance, login: &str) -> Self {
        Self {
            connection: instance.connect_as(login).expect("a login"),
            stop_at_errors: true,
            variables: BTreeMap::from([("PATH".to_owned(), "/usr/bin".to_owned())]),
        }
    }

    /// The same without `-b`: it goes on after an error, as SSMS does.
    pub fn lenient(instance: &Instance, login: &str) -> Self {
        Self {
            stop_at_errors: false,
            ..Self::strict(instance, login)
        }
    }

    /// Sends one batch, as somebody at its prompt does, and gives the first value of the answer.
    pub async fn type_in(&mut self, batch: &str) -> Option<Value> {
        let done = self.connection.run(batch).await;
        assert_eq!(done.errors(), [], "{batch}");
        let first = done.sets.into_iter().next()?;
        first.rows.into_iter().next()?.into_iter().next()
    }

    /// `-i file`.
    pub async fn run(&mut self, file: &str) -> Ended {
        let mut ended = Ended::default();
        let mut batch = String::new();
        for line in file.lines() {
            match read(line, &self.variables) {
                Line::Send => {
                    self.send(&mut batch, &mut ended).await;
                    if ended.status != 0 {
                        return ended;
                    }
                }
                Line::Text(text) => {
                    batch.push_str(&text);
                    batch.push_str("\r\n");
                }
                Line::Refused(why) => {
                    ended.status = 1;
                    ended.errors.push((0, why));
                    return ended;
                }
            }
        }
        self.send(&mut batch, &mut ended).await;
        ended
    }

    async fn send(&mut self, batch: &mut String, ended: &mut Ended) {
        let text = std::mem::take(batch);
        if text.trim().is_empty() {
            return;
        }
        ended.batches += 1;
        let done = self.connection.run(&text).await;
        let (errors, notes): (Vec<_>, Vec<_>) =
            done.messages.into_iter().partition(|m| m.class > 10);
        ended
            .printed
            .extend(notes.into_iter().filter(|n| n.number == 0).map(|n| n.text));
        if self.stop_at_errors && !errors.is_empty() {
            ended.status = 1;
        }
        ended
            .errors
            .extend(errors.into_iter().map(|m| (m.number, m.text)));
    }
}

enum Line {
    Text(String),
    Send,
    Refused(String),
}

fn read(line: &str, variables: &BTreeMap<String, String>) -> Line {
    let trimmed = line.trim();
    let word = trimmed.split_whitespace().next().unwrap_or_default();
    if word.eq_ignore_ascii_case("GO") {
        return Line::Send;
    }
    let own = ["EXIT", "QUIT", "RESET", "ED", "LIST"];
    if trimmed.starts_with([':'])
        || trimmed.starts_with("!!")
        || own.iter().any(|o| word.eq_ignore_ascii_case(o))
    {
        return Line::Refused(format!("a command of sqlcmd's: {trimmed}"));
    }
    substitute(line, variables).map_or_else(Line::Refused, Line::Text)
}

fn substitute(line: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("$(") {
        let (name, behind) = after
            .split_once(')')
            .ok_or_else(|| format!("a variable without an end: {line}"))?;
        let value = variables
            .get(&name.to_uppercase())
            .ok_or_else(|| format!("'{name}' scripting variable not defined."))?;
        out.push_str(before);
        out.push_str(value);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}
