//! EXEC: text, sp_executesql, application locks. Other system procedures are in `system_procedure`.

use std::time::Duration;

use super::session::{EngineSession, Flow};
use crate::engine::errors::{Outcome, Raise, Reach};
use crate::engine::eval::convert;
use crate::engine::eval::types::infer;
use crate::engine::lang;
use crate::engine::lang::ast::{Argument, Expr};
use crate::protocol::{SqlType, Value};
use crate::server_api::Reply;

/// An evaluated argument.
pub struct Given {
    pub name: Option<String>,
    pub ty: SqlType,
    pub value: Value,
    /// The caller's variable that takes the value back.
    pub output: Option<String>,
}

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

    async fn take_lock(&mut self, given: &[Given]) -> Outcome<i32> {
        let names = [
            "@resource",
            "@lockmode",
            "@lockowner",
            "@locktimeout",
            "@dbprincipal",
        ];
        let resource = text_argument(given, &names, 0)?.unwrap_or_default();
        let mode = text_argument(given, &names, 1)?
            .unwrap_or_default()
            .to_lowercase();
        let owner = text_argument(given, &names, 2)?.unwrap_or_else(|| "Transaction".to_owned());
        let timeout = match find(given, &names, 3) {
            Some(one) => convert::integer(&one.value)?.unwrap_or(-1),
            None => self.facts.lock_timeout,
        };
        let transactional = owner.eq_ignore_ascii_case("Transaction");
        if transactional && self.facts.transaction_count == 0 {
            return Err(Raise::new(
                1223,
                16,
                "You attempted to acquire a transactional application lock without an active transaction.",
            ));
        }
        if resource.is_empty()
            || ![
                "exclusive",
                "shared",
                "update",
                "intentshared",
                "intentexclusive",
            ]
            .contains(&mode.as_str())
        {
            return Ok(-999);
        }
        let exclusive = matches!(mode.as_str(), "exclusive" | "update" | "intentexclusive");
        let limit = u64::try_from(timeout).ok().map(Duration::from_millis);
        let (database, spid) = (self.facts.database, self.facts.spid);
        Ok(self
            .instance
            .locks()
            .take(database, &resource, spid, exclusive, transactional, limit)
            .await)
    }

    fn release_lock(&mut self, given: &[Given]) -> Outcome<i32> {
        let names = ["@resource", "@lockowner", "@dbprincipal"];
        let resource = text_argument(given, &names, 0)?.unwrap_or_default();
        let owner = text_argument(given, &names, 1)?.unwrap_or_else(|| "Transaction".to_owned());
        let transactional = owner.eq_ignore_ascii_case("Transaction");
        let (database, spid) = (self.facts.database, self.facts.spid);
        if self
            .instance
            .locks()
            .release(database, &resource, spid, transactional)
        {
            return Ok(0);
        }
        Err(Raise::new(
            1223,
            16,
            format!(
                "Cannot release the application lock (Database Principal: 'public', Resource: '{resource}') because it is not currently held."
            ),
        ))
    }
}

/// Values for declared parameters, by name where named, else by position.
///
/// # Errors
/// 8178 for a missing one, 8144 for one too many.
pub fn bind_parameters(
    text: &str,
    declared: &[(String, SqlType)],
    given: &[Given],
) -> Outcome<Vec<(String, SqlType, Value)>> {
    if given.len() > declared.len() {
        return Err(Raise::new(
            8144,
            16,
            "Procedure or function  has too many arguments specified.",
        ));
    }
    let mut bound = Vec::new();
    for (n, (name, ty)) in declared.iter().enumerate() {
        let by_name = given.iter().find(|g| {
            g.name.as_ref().is_some_and(|x| {
                x.trim_start_matches('@')
                    .eq_ignore_ascii_case(name.trim_start_matches('@'))
            })
        });
        let one = by_name.or_else(|| given.get(n).filter(|g| g.name.is_none()));
        let Some(one) = one else {
            let types: Vec<String> = declared.iter().map(|(n, _)| n.clone()).collect();
            return Err(Raise::new(
                8178,
                16,
                format!(
                    "The parameterized query '({}){text}' expects the parameter '{name}', which was not supplied.",
                    types.join(",")
                ),
            ));
        };
        bound.push((
            name.clone(),
            *ty,
            convert::convert(&one.value, one.ty, *ty, 0)?,
        ));
    }
    Ok(bound)
}

pub(super) fn find<'a>(given: &'a [Given], names: &[&str], position: usize) -> Option<&'a Given> {
    let wanted = names.get(position)?;
    given
        .iter()
        .find(|g| {
            g.name
                .as_ref()
                .is_some_and(|n| n.eq_ignore_ascii_case(wanted))
        })
        .or_else(|| given.get(position).filter(|g| g.name.is_none()))
}

pub(super) fn text_argument(
    given: &[Given],
    names: &[&str],
    position: usize,
) -> Outcome<Option<String>> {
    match find(given, names, position) {
        Some(one) => convert::text(&one.value),
        None => Ok(None),
    }
}
