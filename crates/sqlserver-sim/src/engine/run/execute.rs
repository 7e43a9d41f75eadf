//! Statements that contain no other: each with the faults that strike it, and what it does.

use super::faulty::RowFaults;
use super::session::{EngineSession, Flow};
use super::settings::parse_delay;
use super::statement::kind;
use crate::engine::errors::{Outcome, Raise, message};
use crate::engine::eval::convert;
use crate::engine::eval::types::infer;
use crate::engine::lang::ast::{Declaration, Expr, Statement, StatementKind};
use crate::protocol::{Item, SqlType};
use crate::server_api::Reply;

impl EngineSession {
    /// A statement that contains no other: faults are asked before and after it.
    pub(super) async fn leaf(&mut self, statement: &Statement, reply: &Reply) -> Outcome<Flow> {
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

    /// What does nothing that takes time; `None` for every other statement.
    fn execute_at_once(&mut self, statement: &StatementKind) -> Option<Outcome<()>> {
        Some(match statement {
            StatementKind::SetVariable(name, value) => self.set_variable(name, value),
            StatementKind::SetOption(option) => {
                self.set_option(*option);
                Ok(())
            }
            StatementKind::CreateTable(name, columns) => self.create_table(name, columns),
            StatementKind::DropTable { name, if_exists } => self.drop_table(name, *if_exists),
            StatementKind::ExecuteAs { login, name } => self.execute_as(*login, name),
            StatementKind::Revert => {
                self.revert();
                Ok(())
            }
            StatementKind::Kill(number) => self.kill(*number),
            _ => return None,
        })
    }

    async fn execute(
        &mut self,
        statement: &Statement,
        rows: &RowFaults,
        reply: &Reply,
    ) -> Outcome<Flow> {
        if let Some(outcome) = self.execute_at_once(&statement.kind) {
            outcome?;
            return self.done(reply, None).await;
        }
        match &statement.kind {
            StatementKind::Declare(list) => self.initialise(list),
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
            StatementKind::Print(value) => self.print(value, statement.line, reply).await,
            StatementKind::Return(value) => self.return_value(value.as_ref()),
            StatementKind::WaitForDelay(delay) => self.wait_for(delay, reply).await,
            StatementKind::Select(query) => self.select(query, rows, reply).await,
            StatementKind::Insert { .. } | StatementKind::InsertExecute { .. } => {
                self.execute_insert(&statement.kind, reply).await
            }
            StatementKind::Ddl(ddl) => {
                self.change(ddl, reply).await?;
                self.done(reply, None).await
            }
            _ => Ok(Flow::Next),
        }
    }

    async fn print(&mut self, value: &Expr, line: u32, reply: &Reply) -> Outcome<Flow> {
        let text = self.text_of(value)?.unwrap_or_default();
        let mut note = message(0, 0, 1, text);
        note.line = line;
        self.send(reply, Item::Message(note)).await;
        Ok(Flow::Next)
    }

    fn return_value(&mut self, value: Option<&Expr>) -> Outcome<Flow> {
        if let Some(value) = value {
            let value = self.with_env(|env| env.eval(value, None))?;
            let code = convert::integer(&value)?.unwrap_or(0);
            self.returned = i32::try_from(code).unwrap_or(0);
        }
        Ok(Flow::Return)
    }

    async fn wait_for(&mut self, delay: &Expr, reply: &Reply) -> Outcome<Flow> {
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

    /// INSERT, of rows or of what a call gives.
    async fn execute_insert(&mut self, insert: &StatementKind, reply: &Reply) -> Outcome<Flow> {
        match insert {
            StatementKind::Insert {
                table,
                columns,
                source,
            } => {
                let count = self.insert(table, columns, source)?;
                self.inserted(count, reply).await
            }
            StatementKind::InsertExecute {
                table,
                columns,
                call,
            } => {
                let taking = Box::pin(self.insert_execute(table, columns, call, reply));
                let count = taking.await?;
                self.inserted(count, reply).await?;
                Ok(if std::mem::take(&mut self.stopped) {
                    Flow::Stop
                } else {
                    Flow::Next
                })
            }
            _ => Ok(Flow::Next),
        }
    }

    async fn inserted(&mut self, count: u64, reply: &Reply) -> Outcome<Flow> {
        self.facts.row_count = i32::try_from(count).unwrap_or(i32::MAX);
        self.finish(reply, 0xC3, Some(count)).await
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
