//! Control flow: each kind of statement, TRY and CATCH, and what an error does to the batch around it.

use std::future::Future;
use std::pin::Pin;

use super::session::{EngineSession, Flow};
use super::settings::parse_delay;
use crate::engine::ddl;
use crate::engine::errors::{Outcome, Raise, Reach, message};
use crate::engine::eval::convert;
use crate::engine::eval::types::infer;
use crate::engine::lang::ast::{Declaration, Expr, Statement, StatementKind};
use crate::protocol::{Item, SqlType};
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

    /// A statement that contains no other: faults are asked before and after it.
    async fn leaf(&mut self, statement: &Statement, reply: &Reply) -> Outcome<Flow> {
        let name = kind(&statement.kind);
        let text = self
            .text
            .get(statement.span.0..statement.span.1)
            .unwrap_or("")
            .to_owned();
        let mut struck = self.strike(name, &text, reply).await;
        if self.gone {
            return Ok(Flow::Stop);
        }
        let outcome = match (struck.error.take(), &statement.kind) {
            (Some(raise), _) => Err(raise),
            (
                None,
                call @ (StatementKind::ExecuteText(_) | StatementKind::ExecuteProcedure { .. }),
            ) => self.run_text(call, reply).await,
            (None, _) => self.execute(statement, &struck.rows, reply).await,
        };
        let error = outcome.as_ref().err().map(|r| r.last().number);
        self.enter_ledger(name, text, error);
        self.strike_after(struck, reply).await;
        match outcome {
            Ok(flow) => {
                if !matches!(statement.kind, StatementKind::Declare(_)) {
                    self.facts.last_error = 0;
                }
                Ok(flow)
            }
            // An error of an inner scope has been through `raised` there.
            Err(raise) if is_call(&statement.kind) && self.error_is_settled(&raise) => Err(raise),
            Err(raise) => self.raised(raise, statement.line, reply).await,
        }
    }

    fn error_is_settled(&self, raise: &Raise) -> bool {
        raise.messages.iter().all(|m| m.line != 0) && self.tries.iter().sum::<u32>() > 0
    }

    /// What runs a text in turn, up to 32 times one in another: a frame of its own, because that of all statements is large.
    async fn run_text(&mut self, call: &StatementKind, reply: &Reply) -> Outcome<Flow> {
        match call {
            StatementKind::ExecuteText(text) => {
                // NULL runs nothing, silently.
                match self.text_of(text)? {
                    Some(text) => self.execute_text(&text, reply).await,
                    None => Ok(Flow::Next),
                }
            }
            StatementKind::ExecuteProcedure {
                result,
                name,
                arguments,
            } => {
                self.procedure(result.as_deref(), name, arguments, reply)
                    .await
            }
            _ => Ok(Flow::Next),
        }
    }

    async fn execute(
        &mut self,
        statement: &Statement,
        rows: &super::faulty::RowFaults,
        reply: &Reply,
    ) -> Outcome<Flow> {
        match &statement.kind {
            StatementKind::Declare(list) => self.initialise(list),
            StatementKind::SetVariable(name, value) => {
                self.set_variable(name, value)?;
                self.done(reply, None).await
            }
            StatementKind::SetOption(option) => {
                self.set_option(*option);
                self.done(reply, None).await
            }
            StatementKind::Use(name) => self.use_database(name, reply).await,
            StatementKind::BeginTransaction => {
                // It is itself one of the statements that begin an implicit one.
                if self.facts.implicit_transactions && self.facts.transaction_count == 0 {
                    self.begin_transaction(Some(reply)).await;
                }
                self.begin_transaction(Some(reply)).await;
                self.done(reply, None).await
            }
            StatementKind::Commit => {
                self.commit(Some(reply)).await?;
                self.done(reply, None).await
            }
            StatementKind::Rollback => {
                self.roll_back_statement(reply).await?;
                self.done(reply, None).await
            }
            StatementKind::Throw(what) => Err(self.thrown(what.as_ref())?),
            StatementKind::RaisError {
                message,
                severity,
                state,
                arguments,
            } => {
                let raise = self.user_error(message, severity, state, arguments)?;
                self.user_message(raise, statement.line, reply).await
            }
            StatementKind::Print(value) => {
                let text = self.text_of(value)?.unwrap_or_default();
                let mut note = message(0, 0, 1, text);
                note.line = statement.line;
                self.send(reply, Item::Message(note)).await;
                Ok(Flow::Next)
            }
            StatementKind::Return(value) => {
                if let Some(value) = value {
                    let value = self.with_env(|env| env.eval(value, None))?;
                    let code = convert::integer(&value)?.unwrap_or(0);
                    self.returned = i32::try_from(code).unwrap_or(0);
                }
                Ok(Flow::Return)
            }
            StatementKind::WaitForDelay(delay) => {
                let text = self.text_of(delay)?.unwrap_or_default();
                let Some(delay) = parse_delay(&text) else {
                    return Err(Raise::new(
                        148,
                        15,
                        format!("Incorrect time syntax in time string '{text}' used with WAITFOR."),
                    ));
                };
                tokio::time::sleep(delay).await;
                self.done(reply, None).await
            }
            StatementKind::Select(query) => self.select(query, rows, reply).await,
            StatementKind::Insert {
                table,
                columns,
                source,
            } => {
                let count = self.insert(table, columns, source)?;
                self.facts.row_count = i32::try_from(count).unwrap_or(i32::MAX);
                self.finish(reply, 0xC3, Some(count)).await
            }
            StatementKind::InsertExecute {
                table,
                columns,
                call,
            } => {
                let taking = Box::pin(self.insert_execute(table, columns, call, reply));
                let count = taking.await?;
                self.facts.row_count = i32::try_from(count).unwrap_or(i32::MAX);
                self.finish(reply, 0xC3, Some(count)).await?;
                Ok(if std::mem::take(&mut self.stopped) {
                    Flow::Stop
                } else {
                    Flow::Next
                })
            }
            StatementKind::CreateTable(name, columns) => {
                self.create_table(name, columns)?;
                self.done(reply, None).await
            }
            StatementKind::DropTable { name, if_exists } => {
                self.drop_table(name, *if_exists)?;
                self.done(reply, None).await
            }
            StatementKind::ExecuteAs { login, name } => {
                self.execute_as(*login, name)?;
                self.done(reply, None).await
            }
            StatementKind::Revert => {
                self.revert();
                self.done(reply, None).await
            }
            StatementKind::Kill(number) => {
                self.kill(*number)?;
                self.done(reply, None).await
            }
            StatementKind::Ddl(ddl) => {
                self.change(ddl, reply).await?;
                self.done(reply, None).await
            }
            _ => Ok(Flow::Next),
        }
    }

    pub(super) async fn done(&mut self, reply: &Reply, rows: Option<u64>) -> Outcome<Flow> {
        self.finish(reply, 0, rows).await
    }

    pub(super) async fn finish(
        &mut self,
        reply: &Reply,
        command: u16,
        rows: Option<u64>,
    ) -> Outcome<Flow> {
        let rows = rows.filter(|_| !self.facts.no_count);
        self.send(
            reply,
            Item::Done {
                command,
                rows,
                failed: false,
            },
        )
        .await;
        Ok(Flow::Next)
    }

    fn initialise(&mut self, list: &[Declaration]) -> Outcome<Flow> {
        for declaration in list {
            match declaration {
                Declaration::Scalar(name, _, Some(value)) => self.set_variable(name, value)?,
                Declaration::Scalar(..) | Declaration::Table(..) => {}
            }
        }
        Ok(Flow::Next)
    }

    fn set_variable(&mut self, name: &str, value: &Expr) -> Outcome<()> {
        self.with_env(|env| {
            let ty = infer(env, value, None)?.unwrap_or(SqlType::Int);
            let value = env.eval(value, None)?;
            env.assign(name, &value, ty)
        })
    }

    pub(super) fn text_of(&self, value: &Expr) -> Outcome<Option<String>> {
        self.with_env(|env| convert::text(&env.eval(value, None)?))
    }
}

fn is_call(kind: &StatementKind) -> bool {
    matches!(
        kind,
        StatementKind::ExecuteText(_)
            | StatementKind::ExecuteProcedure { .. }
            | StatementKind::InsertExecute { .. }
    )
}
