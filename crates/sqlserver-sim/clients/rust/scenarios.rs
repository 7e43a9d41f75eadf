//! The scenarios of the client matrix, asked of one Rust client through [`Client`]. No client's own API lives here.
//!
//! Compiled into each Rust runner by path, because the runners belong to different workspaces.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Rows of texts, as scenarios.json expects them; `None` is NULL.
pub type Sets = Vec<Vec<Vec<Option<String>>>>;
type Outcome<T> = Result<T, Failed>;

/// How a scenario can go wrong.
#[derive(Debug)]
pub enum Failed {
    /// The server answered an error.
    Server {
        number: i64,
        state: i64,
        class: i64,
        line: i64,
        message: String,
    },
    /// Anything else the client said, or a wrong answer.
    Other(String),
}

impl Failed {
    pub fn other(text: impl ToString) -> Self {
        Self::Other(text.to_string())
    }
}

/// Where to log in, and as whom.
#[derive(Debug, Clone)]
pub struct Target {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub ca: PathBuf,
    /// `clear`, `clear_without_tls`, `login_only`, `full`, `forced` or `strict`.
    pub level: String,
    pub packet_size: Option<u16>,
}

/// A client under test.
pub trait Client: Sized {
    /// Scenario, and why this client cannot play it.
    const REASONS: &'static [(&'static str, &'static str)];

    async fn connect(target: &Target) -> Outcome<Self>;
    async fn query(&mut self, sql: &str) -> Outcome<Sets>;
    /// `SELECT @t AS t, @n AS n` with these values, as the client sends parameters.
    async fn parameters(&mut self, text: &str, number: i32) -> Outcome<Sets>;
    async fn begin(&mut self) -> Outcome<()>;
    async fn rollback(&mut self) -> Outcome<()>;
    /// Starts the statement, and cancels it while it runs.
    async fn cancel(&mut self, sql: &str) -> Outcome<()>;
    /// Has the next request reset the session.
    async fn reset(&mut self) -> Outcome<()>;
}

const NAMES: [&str; 20] = [
    "login:clear",
    "login:clear_without_tls",
    "login:login_only",
    "login:full",
    "login:forced",
    "login:strict",
    "refused",
    "untrusted",
    "types",
    "variant",
    "parameter",
    "error",
    "syntax_error",
    "result_sets",
    "rollback",
    "cancel",
    "reset",
    "big_batch",
    "small_packets",
    "topic",
];

/// Plays every scenario, or those named after the directory, and prints a line of JSON for each.
///
/// # Errors
/// When the descriptions cannot be read.
pub async fn main<C: Client>(ask: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let papers = PathBuf::from(arguments.next().ok_or("usage: RUNNER PAPERS [SCENARIO…]")?);
    let only: Vec<String> = arguments.collect();
    let matrix = Matrix {
        ask: serde_json::from_str(ask)?,
        fleet: serde_json::from_str(&std::fs::read_to_string(papers.join("fleet.json"))?)?,
        papers,
    };
    for name in NAMES
        .iter()
        .filter(|name| only.is_empty() || only.iter().any(|o| o == *name))
    {
        let started = Instant::now();
        let reason = C::REASONS.iter().find(|(scenario, _)| scenario == name);
        let (outcome, detail) = match reason {
            Some((_, reason)) => ("unsupported", (*reason).to_owned()),
            None => match matrix.play::<C>(name).await {
                Ok(note) => ("pass", note.to_owned()),
                Err(Failed::Other(text)) => ("fail", text),
                Err(server) => ("fail", format!("{server:?}")),
            },
        };
        let seconds = started.elapsed().as_secs_f32();
        println!(
            "{}",
            json!({"scenario": name, "outcome": outcome, "detail": detail, "seconds": seconds})
        );
    }
    Ok(())
}

struct Matrix {
    ask: Value,
    fleet: Value,
    papers: PathBuf,
}

impl Matrix {
    async fn play<C: Client>(&self, name: &str) -> Outcome<&'static str> {
        match name {
            "refused" => self.refused::<C>().await?,
            "untrusted" => self.untrusted()?,
            "types" => self.types::<C>().await?,
            "variant" => self.variant::<C>().await?,
            "parameter" => self.parameter::<C>().await?,
            "error" | "syntax_error" => self.error::<C>(name).await?,
            "result_sets" => self.result_sets::<C>().await?,
            "rollback" => self.rollback::<C>().await?,
            "cancel" => self.cancel::<C>().await?,
            "reset" => self.reset::<C>().await?,
            "big_batch" => self.big_batch::<C>(None).await?,
            "small_packets" => {
                let size = self.ask["small_packets"]["size"].as_u64();
                self.big_batch::<C>(size.and_then(|size| u16::try_from(size).ok()))
                    .await?;
            }
            "topic" => {
                self.topic::<C>().await?;
                return Ok("mirroring established, with a witness");
            }
            login => self.login::<C>(login).await?,
        }
        Ok("")
    }

    fn target(&self, host: &str, level: &str) -> Outcome<Target> {
        let entries = self.fleet.as_array().into_iter().flatten();
        let entry = entries.into_iter().find(|entry| entry["name"] == host);
        let port = entry.and_then(|entry| entry["port"].as_u64());
        let ca = std::env::var_os("MATRIX_CA").map(PathBuf::from);
        Ok(Target {
            host: "localhost".to_owned(),
            port: port
                .and_then(|port| u16::try_from(port).ok())
                .ok_or_else(|| Failed::other(format!("there is no {host} in the fleet")))?,
            user: text(&self.ask["login"]["user"]),
            password: text(&self.ask["login"]["password"]),
            ca: ca.unwrap_or_else(|| self.papers.join("ca.pem")),
            level: level.to_owned(),
            packet_size: None,
        })
    }

    async fn open<C: Client>(&self) -> Outcome<C> {
        C::connect(&self.target("OPEN", "full")?).await
    }

    async fn login<C: Client>(&self, name: &str) -> Outcome<()> {
        let level = name.trim_start_matches("login:");
        let (host, encrypted) = match level {
            "clear" | "login_only" => ("OPEN", "FALSE"),
            "clear_without_tls" => ("WITHOUT_TLS", "FALSE"),
            "forced" => ("FORCED", "TRUE"),
            "strict" => ("STRICT", "TRUE"),
            _ => ("OPEN", "TRUE"),
        };
        let mut client = C::connect(&self.target(host, level)?).await?;
        let who = &self.ask["who"];
        let found = client.query(&text(&who["sql"])).await?;
        let wanted = json!([[[who["user"], who["database"], encrypted]]]);
        check(&json!(found), &wanted, "who am I, where, encrypted")
    }

    async fn refused<C: Client>(&self) -> Outcome<()> {
        let mut target = self.target("OPEN", "full")?;
        target.password = "not the password".to_owned();
        let outcome = C::connect(&target).await.map(drop);
        expect_error(outcome, &self.ask["refused"])
    }

    /// In a process of its own, as with the other clients: some TLS libraries read the CA once.
    fn untrusted(&self) -> Outcome<()> {
        let runner = std::env::current_exe().map_err(Failed::other)?;
        let output = std::process::Command::new(runner)
            .arg(&self.papers)
            .arg("login:full")
            .env("MATRIX_CA", self.papers.join("other-ca.pem"))
            .env("SSL_CERT_FILE", self.papers.join("other-ca.pem"))
            .output()
            .map_err(Failed::other)?;
        let answer: Value = serde_json::from_slice(&output.stdout).map_err(Failed::other)?;
        let what = "logging in to a server whose certificate another CA signed";
        check(&answer["outcome"], &json!("fail"), what)
    }

    async fn types<C: Client>(&self) -> Outcome<()> {
        let asked = self.ask["types"].as_array().cloned().unwrap_or_default();
        let columns: Vec<String> = asked
            .iter()
            .map(|t| format!("{} AS [{}]", text(&t["sql"]), text(&t["name"])))
            .collect();
        let mut client: C = self.open().await?;
        let sets = client
            .query(&format!("SELECT {}", columns.join(", ")))
            .await?;
        let row = first_row(&sets)?;
        check(&json!(row.len()), &json!(asked.len()), "columns")?;
        for (asked, found) in asked.iter().zip(row) {
            check(&json!(found), &asked["value"], &text(&asked["name"]))?;
        }
        Ok(())
    }

    async fn variant<C: Client>(&self) -> Outcome<()> {
        let mut client: C = self.open().await?;
        let sets = client.query(&text(&self.ask["variant"]["sql"])).await?;
        let row = first_row(&sets)?;
        let found = json!([row.first(), row.get(1).map(|edition| edition.is_some())]);
        let wanted = json!([self.ask["variant"]["first"], true]);
        check(&found, &wanted, "sql_variant of an int, and of a text")
    }

    async fn parameter<C: Client>(&self) -> Outcome<()> {
        let mut client: C = self.open().await?;
        let number = self.ask["parameter"]["number"].as_i64().unwrap_or_default();
        let number = i32::try_from(number).map_err(Failed::other)?;
        let once = text(&self.ask["parameter"]["text"]);
        for text in [once.clone(), format!("again {once}")] {
            let found = client.parameters(&text, number).await?;
            let wanted = json!([[[text, number.to_string()]]]);
            check(&json!(found), &wanted, "the parameters, sent and returned")?;
        }
        Ok(())
    }

    async fn error<C: Client>(&self, name: &str) -> Outcome<()> {
        let mut client: C = self.open().await?;
        let outcome = client
            .query(&text(&self.ask[name]["sql"]))
            .await
            .map(|_| ());
        expect_error(outcome, &self.ask[name])?;
        let after = &self.ask["after_error"];
        expect(&mut client, &after["sql"], &after["value"]).await
    }

    async fn result_sets<C: Client>(&self) -> Outcome<()> {
        let mut client: C = self.open().await?;
        let asked = &self.ask["result_sets"];
        let found = client.query(&text(&asked["sql"])).await?;
        check(&json!(found), &asked["sets"], "the result sets")
    }

    async fn rollback<C: Client>(&self) -> Outcome<()> {
        let asked = &self.ask["rollback"];
        let mut client: C = self.open().await?;
        client.begin().await?;
        expect(&mut client, &asked["depth"], &json!("1")).await?;
        client.query(&text(&asked["create"])).await?;
        expect(&mut client, &asked["count"], &json!("1")).await?;
        client.rollback().await?;
        expect(&mut client, &asked["count"], &json!("0")).await
    }

    async fn cancel<C: Client>(&self) -> Outcome<()> {
        let asked = &self.ask["cancel"];
        let mut client: C = self.open().await?;
        let started = Instant::now();
        client.cancel(&text(&asked["sql"])).await?;
        let limit = Duration::from_secs(asked["within_seconds"].as_u64().unwrap_or_default());
        if started.elapsed() > limit {
            return Err(Failed::other("the cancelled statement went on"));
        }
        // More than one: a client that is one answer behind gets the first right.
        for then in asked["then"].as_array().into_iter().flatten() {
            expect(&mut client, &then[0], &then[1]).await?;
        }
        Ok(())
    }

    async fn reset<C: Client>(&self) -> Outcome<()> {
        let asked = &self.ask["reset"];
        let mut client: C = self.open().await?;
        let session = client.query(&text(&asked["spid"])).await?;
        client.query(&text(&asked["dirty"])).await?;
        expect(&mut client, &asked["look"], &asked["before"]).await?;
        client.reset().await?;
        expect(&mut client, &asked["look"], &asked["after"]).await?;
        let after = client.query(&text(&asked["spid"])).await?;
        check(&json!(after), &json!(session), "the session's number")
    }

    async fn big_batch<C: Client>(&self, packet_size: Option<u16>) -> Outcome<()> {
        let asked = &self.ask["big_batch"];
        let part = |name: &str| text(&asked[name]);
        let overhead = (part("prefix") + &part("between") + &part("suffix")).len();
        let bytes = asked["bytes"].as_u64().unwrap_or_default();
        let bytes = usize::try_from(bytes).map_err(Failed::other)?;
        let length = (bytes / 2).saturating_sub(overhead).div_ceil(2);
        let mut long: String = part("pattern").chars().cycle().take(length - 1).collect();
        long.push('.');
        let sql = part("prefix") + &long + &part("between") + &long + &part("suffix");
        let mut target = self.target("OPEN", "full")?;
        target.packet_size = packet_size;
        let found = C::connect(&target).await?.query(&sql).await?;
        let wanted = json!([[[length.to_string(), long]]]);
        check(&json!(found), &wanted, "a long text there and back")
    }

    async fn topic<C: Client>(&self) -> Outcome<()> {
        let asked = &self.ask["topic"];
        let mut hosts = Vec::new();
        for entry in asked["hosts"].as_array().into_iter().flatten() {
            let host = text(&entry[0]);
            let mut client = C::connect(&self.target(&host, "full")?).await?;
            let fill = |sql: &Value| {
                text(sql)
                    .replace("{host}", &host)
                    .replace("{port}", &entry[1].to_string())
                    .replace("{role}", &text(&entry[2]))
            };
            for sql in asked["outbound"].as_array().into_iter().flatten() {
                client.query(&fill(sql)).await?;
            }
            let sets = client.query(&fill(&asked["certificate"])).await?;
            let certificate = first_row(&sets)?.first().cloned().flatten();
            hosts.push((host, client, certificate.unwrap_or_default()));
        }
        run_on(&mut hosts, &asked["partner"][0]).await?;
        let early = run_on(&mut hosts, &asked["partner"][1]).await;
        match early {
            Err(Failed::Server { number, .. }) => check(
                &json!(number),
                &asked["too_early"]["number"],
                "SET PARTNER before the inbound half",
            )?,
            other => return Err(Failed::other(format!("SET PARTNER too early: {other:?}"))),
        }
        run_on(&mut hosts, &asked["too_early"]["undo"]).await?;
        self.trust_all(&mut hosts).await?;
        for statement in asked["partner"].as_array().into_iter().flatten() {
            run_on(&mut hosts, statement).await?;
        }
        run_on(&mut hosts, &asked["witness"]).await?;
        for look in asked["established"].as_array().into_iter().flatten() {
            let client = hosts.iter_mut().find(|(name, ..)| look[0] == name.as_str());
            let (_, client, _) = client.ok_or_else(|| Failed::other("no such host"))?;
            expect(client, &look[1], &look[2]).await?;
        }
        Ok(())
    }

    async fn trust_all<C: Client>(&self, hosts: &mut [(String, C, String)]) -> Outcome<()> {
        let peers: Vec<(String, String)> = hosts
            .iter()
            .map(|(name, _, certificate)| (name.clone(), certificate.clone()))
            .collect();
        for (host, client, _) in hosts {
            for (peer, certificate) in peers.iter().filter(|(peer, _)| peer != host) {
                let inbound = self.ask["topic"]["inbound"].as_array();
                for sql in inbound.into_iter().flatten() {
                    let sql = text(sql)
                        .replace("{peer}", peer)
                        .replace("{certificate}", certificate);
                    client.query(&sql).await?;
                }
            }
        }
        Ok(())
    }
}

/// Runs `[host, statement]`.
async fn run_on<C: Client>(hosts: &mut [(String, C, String)], statement: &Value) -> Outcome<()> {
    let host = hosts
        .iter_mut()
        .find(|(name, ..)| statement[0] == name.as_str());
    let (_, client, _) = host.ok_or_else(|| Failed::other("no such host"))?;
    client.query(&text(&statement[1])).await.map(|_| ())
}

async fn expect<C: Client>(client: &mut C, sql: &Value, wanted: &Value) -> Outcome<()> {
    let found = client.query(&text(sql)).await?;
    check(&json!(found), &json!([[[wanted]]]), &text(sql))
}

fn expect_error(outcome: Outcome<()>, wanted: &Value) -> Outcome<()> {
    let Err(Failed::Server {
        number,
        state,
        class,
        line,
        message,
    }) = outcome
    else {
        return Err(Failed::other(format!("no server error but {outcome:?}")));
    };
    let mut found = json!({"number": number, "state": state, "class": class, "line": line});
    let mut expected = wanted.clone();
    if let (Some(found), Some(expected)) = (found.as_object_mut(), expected.as_object_mut()) {
        found.retain(|part, _| expected.contains_key(part));
        expected.retain(|part, _| found.contains_key(part));
    }
    check(&found, &expected, "the error")?;
    if message.contains(&text(&wanted["message"])) {
        Ok(())
    } else {
        Err(Failed::Other(format!("the error's text: {message}")))
    }
}

fn first_row(sets: &Sets) -> Outcome<&Vec<Option<String>>> {
    let row = sets.first().and_then(|rows| rows.first());
    row.ok_or_else(|| Failed::other("no row"))
}

fn check(found: &Value, wanted: &Value, what: &str) -> Outcome<()> {
    if found == wanted {
        return Ok(());
    }
    let short = |value: &Value| -> String { value.to_string().chars().take(200).collect() };
    let (found, wanted) = (short(found), short(wanted));
    Err(Failed::Other(format!(
        "{what}: found {found}, wanted {wanted}"
    )))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Upper-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The path as text, for clients that want it so.
pub fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
