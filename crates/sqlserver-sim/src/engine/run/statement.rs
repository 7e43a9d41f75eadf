//! Control flow: blocks, IF, WHILE, TRY and CATCH, and what an error does to the batch around it.

use std::future::Future;
use std::pin::Pin;

use super::session::{EngineSession, Flow};
use crate::engine::ddl;
use crate::engine::errors::{Outcome, Raise, Reach};
use crate::engine::lang::ast::{Statement, StatementKind};
use crate::server_api::Reply;

type Running<'a> = Pin<Box<dyn Future<Output = Outcome<Flow>> + Send + 'a>>;

/// Runs statements until one leaves the flow.
pub fn run_list<'a>(
    session: &'a mut EngineSession,
    list: &'a [Statement],
    reply: &'a Reply,
) -> Running<'a> {
    Box::pin(async move {
        for statement in list {
            let flow = run(session, statement, reply).await?;
            if flow != Flow::Next || session.gone {
                return Ok(if session.gone { Flow::Stop } else { flow });
            }
        }
        Ok(Flow::Next)
    })
}

fn run<'a>(
    session: &'a mut EngineSession,
    statement: &'a Statement,
    reply: &'a Reply,
) -> Running<'a> {
    Box::pin(async move {
        match &statement.kind {
            StatementKind::Block(list) => run_list(session, list, reply).await,
            StatementKind::TryCatch(tried, caught) => session.try_catch(tried, caught, reply).await,
            StatementKind::If(condition, then, otherwise) => {
                match session.with_env(|env| env.test(condition, None)) {
                    Err(raise) => session.raised(raise, statement.line, reply).await,
                    Ok(Some(true)) => run(session, then, reply).await,
                    Ok(_) => match otherwise {
                        Some(otherwise) => run(session, otherwise, reply).await,
                        None => Ok(Flow::Next),
                    },
                }
            }
            StatementKind::While(condition, body) => loop {
                match session.with_env(|env| env.test(condition, None)) {
                    Err(raise) => return session.raised(raise, statement.line, reply).await,
                    Ok(Some(true)) => match run(session, body, reply).await? {
                        Flow::Next | Flow::Continue => tokio::task::yield_now().await,
                        Flow::Break => return Ok(Flow::Next),
                        leaving => return Ok(leaving),
                    },
                    Ok(_) => return Ok(Flow::Next),
                }
            },
            StatementKind::Break => Ok(Flow::Break),
            StatementKind::Continue => Ok(Flow::Continue),
            _ => session.leaf(statement, reply).await,
        }
    })
}

/// The kind faults and counters know a statement by.
pub fn kind(statement: &StatementKind) -> &'static str {
    match statement {
        StatementKind::Declare(_) => "DECLARE",
        StatementKind::SetVariable(..) | StatementKind::SetOption(_) => "SET",
        StatementKind::Use(_) => "USE",
        StatementKind::BeginTransaction => "BEGIN TRANSACTION",
        StatementKind::Commit => "COMMIT",
        StatementKind::Rollback => "ROLLBACK",
        StatementKind::Throw(_) => "THROW",
        StatementKind::RaisError { .. } => "RAISERROR",
        StatementKind::Print(_) => "PRINT",
        StatementKind::Return(_) => "RETURN",
        StatementKind::WaitForDelay(_) => "WAITFOR",
        StatementKind::ExecuteText(_) | StatementKind::ExecuteProcedure { .. } => "EXECUTE",
        StatementKind::Select(_) => "SELECT",
        StatementKind::Insert { .. } | StatementKind::InsertExecute { .. } => "INSERT",
        StatementKind::CreateTable(..) => "CREATE TABLE",
        StatementKind::DropTable { .. } => "DROP TABLE",
        StatementKind::ExecuteAs { .. } => "EXECUTE AS",
        StatementKind::Revert => "REVERT",
        StatementKind::Kill(_) => "KILL",
        StatementKind::Ddl(ddl) => ddl::kind(ddl),
        _ => "",
    }
}

impl EngineSession {
    async fn try_catch(
        &mut self,
        tried: &[Statement],
        caught: &[Statement],
        reply: &Reply,
    ) -> Outcome<Flow> {
        self.change_tries(1);
        let outcome = run_list(self, tried, reply).await;
        self.change_tries(-1);
        match outcome {
            Err(raise) if raise.reach != Reach::Compile => {
                self.facts.caught.push(raise.last());
                let outcome = run_list(self, caught, reply).await;
                self.facts.caught.pop();
                outcome
            }
            other => other,
        }
    }

    fn change_tries(&mut self, by: i32) {
        if let Some(tries) = self.tries.last_mut() {
            *tries = tries.saturating_add_signed(by);
        }
    }

    /// What an error of this scope does: goes to a CATCH, or is sent and perhaps ends batch and transaction.
    pub(super) async fn raised(&mut self, raise: Raise, line: u32, reply: &Reply) -> Outcome<Flow> {
        let raise = raise.at_line(line);
        self.facts.last_error = raise.last().number;
        let open: u32 = self.tries.iter().sum();
        let here = self.tries.last().copied().unwrap_or(0);
        let catchable = if raise.reach == Reach::Compile {
            open > here
        } else {
            open > 0
        };
        let aborting = raise.reach == Reach::Batch
            || self.facts.xact_abort && raise.reach != Reach::RaisedByUser;
        if catchable {
            if aborting && self.facts.transaction_count > 0 {
                self.facts.doomed = true;
            }
            return Err(raise);
        }
        self.send_messages(reply, raise.messages).await;
        self.send_failed(reply).await;
        if aborting {
            self.roll_back(Some(reply)).await;
        }
        let goes_on = matches!(raise.reach, Reach::Statement | Reach::RaisedByUser) && !aborting;
        Ok(match raise.reach {
            _ if goes_on => Flow::Next,
            // Text that does not compile ends its own scope only.
            Reach::Compile if !aborting => Flow::Return,
            _ => Flow::Stop,
        })
    }
}
