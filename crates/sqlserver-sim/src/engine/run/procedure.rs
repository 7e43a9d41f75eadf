//! EXEC: text, procedures, sp_executesql. Other system procedures are in `system_procedure` and `lock_procedure`.

use super::parameters::{Given, bind_parameters};
use super::session::{EngineSession, Flow};
use crate::engine::errors::{Outcome, Raise, Reach};
use crate::engine::eval::convert;
use crate::engine::eval::types::infer;
use crate::engine::lang;
use crate::engine::lang::ast::{Argument, Expr};
use crate::protocol::{SqlType, Value};
use crate::server_api::Reply;

impl EngineSession {
    /// Text in a scope of its own: variables, current database and SET options come back afterwards.
    pub(super) async fn execute_text(&mut self, text: &str, reply: &Reply) -> Outcome<Flow> {
        self.execute_with(text, Vec::new(), reply).await?;
        Ok(if std::mem::take(&mut self.stopped) {
            Flow::Stop
        } else {
            Flow::Next
        })
    }

    /// Runs text with parameters and returns them as the text left them; a stop inside stops the caller too.
    async fn execute_with(
        &mut self,
        text: &str,
        parameters: Vec<(String, SqlType, Value)>,
        reply: &Reply,
    ) -> Outcome<Vec<(String, SqlType, Value)>> {
        if self.tries.len() > 32 {
            return Err(Raise::new(217, 16, "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32).").reaching(Reach::Batch));
        }
        let names: Vec<String> = parameters.iter().map(|p| p.0.clone()).collect();
        let outer = self.variables.replace(Default::default());
        let (database, abort, timeout, no_count) = (
            self.facts.database,
            self.facts.xact_abort,
            self.facts.lock_timeout,
            self.facts.no_count,
        );
        let outcome = Box::pin(self.run_scope(text, parameters, reply)).await;
        let inner = self.variables.replace(outer);
        self.facts.database = database;
        self.facts.xact_abort = abort;
        self.facts.lock_timeout = timeout;
        self.facts.no_count = no_count;
        match outcome {
            Ok(Flow::Stop) => {
                self.stopped = true;
                Ok(Vec::new())
            }
            Ok(_) => Ok(names
                .into_iter()
                .filter_map(|n| {
                    let (ty, value) = inner.scalars.get(&n.to_lowercase())?.clone();
                    Some((n, ty, value))
                })
                .collect()),
            // What could not be caught inside can be caught outside.
            Err(raise) if raise.reach == Reach::Compile => Err(raise.reaching(Reach::Statement)),
            Err(raise) => Err(raise),
        }
    }

    pub(super) async fn procedure(
        &mut self,
        result: Option<&str>,
        name: &[String],
        arguments: &[Argument],
        reply: &Reply,
    ) -> Outcome<Flow> {
        let given = self.with_env(|env| {
            let each = arguments.iter().map(|a| {
                let ty = infer(env, &a.value, None)?.unwrap_or(SqlType::Int);
                let output = match &a.value {
                    Expr::Variable(v) if a.output => Some(v.clone()),
                    _ => None,
                };
                Ok(Given {
                    name: a.name.clone(),
                    ty,
                    value: env.eval(&a.value, None)?,
                    output,
                })
            });
            each.collect::<Outcome<Vec<_>>>()
        })?;
        let code = self.call(&name.join("."), given, reply).await?;
        if let Some(variable) = result {
            self.with_env(|env| env.assign(variable, &Value::Int(code), SqlType::Int))?;
        }
        Ok(if std::mem::take(&mut self.stopped) {
            Flow::Stop
        } else {
            Flow::Next
        })
    }

    /// Calls a procedure by name; gives its return code.
    pub(super) async fn call(
        &mut self,
        name: &str,
        given: Vec<Given>,
        reply: &Reply,
    ) -> Outcome<i32> {
        let lower = name.to_lowercase();
        let plain = lower.rsplit('.').next().unwrap_or("");
        match plain {
            "sp_executesql" => self.execute_sql(given, reply).await,
            "sp_getapplock" => self.take_lock(&given).await,
            "sp_releaseapplock" => self.release_lock(&given),
            "xp_readerrorlog" | "sp_readerrorlog" => {
                Box::pin(self.read_error_log(plain, &given, reply)).await
            }
            "sp_cycle_errorlog" => self.cycle_error_log(),
            "sp_addsrvrolemember"
            | "sp_dropsrvrolemember"
            | "sp_addrolemember"
            | "sp_droprolemember" => Box::pin(self.role_procedure(plain, &given, reply)).await,
            "sp_reset_connection" => {
                crate::server_api::Session::reset(self);
                Ok(0)
            }
            _ => Err(Raise::new(
                2812,
                16,
                format!("Could not find stored procedure '{name}'."),
            )
            .with_state(62)),
        }
    }

    async fn execute_sql(&mut self, given: Vec<Given>, reply: &Reply) -> Outcome<i32> {
        let mut given = given.into_iter();
        let text = match given.next() {
            Some(first) => convert::text(&first.value)?.unwrap_or_default(),
            None => {
                return Err(Raise::new(
                    201,
                    16,
                    "Procedure or function 'sp_executesql' expects parameter '@statement', which was not supplied.",
                ));
            }
        };
        let declared = match given.next() {
            Some(second) => {
                lang::parse_parameters(&convert::text(&second.value)?.unwrap_or_default())?
            }
            None => Vec::new(),
        };
        let values: Vec<Given> = given.collect();
        let parameters = bind_parameters(&text, &declared, &values)?;
        let after = self.execute_with(&text, parameters, reply).await?;
        for (n, one) in values.iter().enumerate() {
            let Some(variable) = &one.output else {
                continue;
            };
            let name = one
                .name
                .clone()
                .or_else(|| declared.get(n).map(|d| d.0.clone()));
            let found = after
                .iter()
                .find(|(a, ..)| name.as_ref().is_some_and(|n| n.eq_ignore_ascii_case(a)));
            if let Some((_, ty, value)) = found {
                self.with_env(|env| env.assign(variable, value, *ty))?;
            }
        }
        Ok(0)
    }
}
