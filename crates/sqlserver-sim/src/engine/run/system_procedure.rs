//! System procedures that look at the log or change role members, as the old ones do on every version.

use std::sync::Arc;

use chrono::NaiveDateTime;

use super::faulty::RowFaults;
use super::parameters::{Given, find, text_argument};
use super::session::EngineSession;
use crate::engine::error_log::LogLine;
use crate::engine::errors::{Outcome, Raise};
use crate::engine::eval::{Col, Relation, convert, dates};
use crate::engine::lang::ast::Ddl;
use crate::engine::state::SECURITYADMIN;
use crate::engine::state::permission::Securable;
use crate::protocol::{SqlType, Value};
use crate::server_api::Reply;

const LOG_PARAMETERS: [&str; 7] = ["@p1", "@p2", "@p3", "@p4", "@p5", "@p6", "@p7"];

/// What is asked of an error log.
struct Wanted {
    texts: Vec<String>,
    from: Option<NaiveDateTime>,
    to: Option<NaiveDateTime>,
    newest_first: bool,
}

fn external(text: &str) -> Raise {
    Raise::new(22004, 12, text)
}

impl EngineSession {
    fn may_read_log(&self) -> bool {
        self.with_env(|env| {
            let roles = env.state.identities(env.facts.login);
            env.asker().is_sysadmin()
                || roles.contains(&SECURITYADMIN)
                || env.asker().may(Securable::Server, "VIEW ANY ERROR LOG")
        })
    }

    /// `log number, 1 (or 2: the agent's), text, text, from, to, 'asc' or 'desc'`; sp_readerrorlog has the first four.
    pub(super) async fn read_error_log(
        &mut self,
        procedure: &str,
        given: &[Given],
        reply: &Reply,
    ) -> Outcome<i32> {
        if !self.may_read_log() {
            return Err(Raise::new(
                229,
                14,
                "The EXECUTE permission was denied on the object 'xp_readerrorlog', database 'mssqlsystemresource', schema 'sys'.",
            ));
        }
        let most = if procedure == "sp_readerrorlog" { 4 } else { 7 };
        if given.len() > most {
            return Err(Raise::new(
                8144,
                16,
                format!("Procedure or function {procedure} has too many arguments specified."),
            ));
        }
        let number = whole(given, 0)?.unwrap_or(0);
        let agents = whole(given, 1)?.unwrap_or(1) == 2;
        let number = usize::try_from(number).ok().filter(|_| !agents);
        let lines = number.and_then(|n| self.instance.error_log().numbered(n));
        let lines = lines.ok_or_else(|| {
            external(
                "xp_readerrorlog() returned error 2, 'The system cannot find the file specified.'",
            )
        })?;
        let wanted = wanted(given)?;
        let mut lines: Vec<LogLine> = lines.into_iter().filter(|l| wanted.has(l)).collect();
        if wanted.newest_first {
            lines.reverse();
        }
        let relation = relation(lines);
        let count = u64::try_from(relation.rows.len()).unwrap_or(0);
        self.send_relation(relation, &RowFaults::default(), reply)
            .await;
        self.done(reply, Some(count)).await?;
        Ok(0)
    }

    pub(super) fn cycle_error_log(&self) -> Outcome<i32> {
        if !self.with_env(|env| env.asker().is_sysadmin()) {
            return Err(Raise::new(
                15247,
                16,
                "User does not have permission to perform this action.",
            ));
        }
        self.instance.error_log().cycle();
        Ok(0)
    }

    /// `sp_addsrvrolemember login, role` and its siblings; for databases the role comes first.
    pub(super) async fn role_procedure(
        &mut self,
        procedure: &str,
        given: &[Given],
        reply: &Reply,
    ) -> Outcome<i32> {
        if self.facts.transaction_count > 0 && procedure.contains("srv") {
            return Err(Raise::new(
                15002,
                16,
                format!("The procedure 'sys.{procedure}' cannot be executed within a transaction."),
            ));
        }
        let server = procedure.contains("srv");
        let names: [&str; 2] = if server {
            ["@loginame", "@rolename"]
        } else {
            ["@rolename", "@membername"]
        };
        let argument = |n: usize| -> Outcome<String> {
            text_argument(given, &names, n)?.ok_or_else(|| {
                let name = names[n];
                Raise::new(201, 16, format!("Procedure or function '{procedure}' expects parameter '{name}', which was not supplied."))
            })
        };
        let (first, second) = (argument(0)?, argument(1)?);
        let (role, member) = if server {
            (second, first)
        } else {
            (first, second)
        };
        let change = Ddl::RoleMember {
            server,
            role,
            member,
            add: procedure.starts_with("sp_add"),
        };
        self.change(&change, reply).await?;
        Ok(0)
    }
}

fn whole(given: &[Given], n: usize) -> Outcome<Option<i64>> {
    match find(given, &LOG_PARAMETERS, n) {
        Some(one) => convert::integer(&one.value),
        None => Ok(None),
    }
}

fn wanted(given: &[Given]) -> Outcome<Wanted> {
    let text = |n: usize| text_argument(given, &LOG_PARAMETERS, n);
    let date = |n: usize| -> Outcome<Option<NaiveDateTime>> {
        Ok(match find(given, &LOG_PARAMETERS, n).map(|g| &g.value) {
            Some(Value::DateTime(at)) => Some(*at),
            Some(Value::Null) | None => None,
            Some(other) => {
                let text = convert::text(other)?.unwrap_or_default();
                let at = dates::parse(&text).ok_or_else(|| {
                    external("Error executing extended stored procedure: Invalid Parameter Type")
                })?;
                Some(at)
            }
        })
    };
    let texts = [text(2)?, text(3)?].into_iter().flatten();
    Ok(Wanted {
        texts: texts.map(|t| t.to_lowercase()).collect(),
        from: date(4)?,
        to: date(5)?,
        newest_first: text(6)?.is_some_and(|t| t.eq_ignore_ascii_case("desc")),
    })
}

impl Wanted {
    fn has(&self, line: &LogLine) -> bool {
        let text = line.text.to_lowercase();
        self.texts.iter().all(|t| text.contains(t.as_str()))
            && self.from.is_none_or(|from| from <= line.at)
            && self.to.is_none_or(|to| line.at <= to)
    }
}

fn relation(lines: Vec<LogLine>) -> Relation {
    let col = |name: &str, ty: SqlType| Col {
        table: Arc::default(),
        name: Arc::from(name),
        ty,
        nullable: true,
    };
    let row = |line: LogLine| {
        vec![
            Value::DateTime(dates::to_datetime(line.at)),
            Value::Text(line.source),
            Value::Text(line.text),
        ]
    };
    Relation {
        cols: vec![
            col("LogDate", SqlType::DateTime),
            col("ProcessInfo", SqlType::NVarChar(Some(50))),
            col("Text", SqlType::NVarChar(Some(3950))),
        ],
        rows: lines.into_iter().map(row).collect(),
    }
}
