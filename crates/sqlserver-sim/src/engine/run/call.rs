//! Remote procedure calls and the session's side of the wire.

use super::parameters::{Given, bind_parameters};
use super::session::{EngineSession, Prepared};
use crate::engine::errors::{Outcome, Raise};
use crate::engine::eval::convert;
use crate::engine::lang;
use crate::protocol::{RpcParameter, RpcRequest, SqlType, Value};
use crate::server_api::{Reply, RpcOutcome, Session, TransactionRequest};

impl Session for EngineSession {
    fn spid(&self) -> u16 {
        self.facts.spid
    }

    async fn batch(&mut self, text: String, reply: Reply) {
        self.run_batch(&text, &reply).await;
    }

    async fn rpc(&mut self, request: RpcRequest, reply: Reply) -> RpcOutcome {
        self.begin_request();
        self.instance.ledger().count(|c| c.calls += 1);
        self.wait_latency().await;
        let outcome = self.remote_call(request, &reply).await;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(raise) => {
                let number = raise.last().number;
                let raise = raise.at_line(1);
                self.facts.last_error = number;
                self.send_messages(&reply, raise.messages).await;
                self.send_failed(&reply).await;
                RpcOutcome {
                    return_status: number,
                    outputs: Vec::new(),
                }
            }
        };
        self.end_request(&reply).await;
        outcome
    }

    async fn transaction(&mut self, request: TransactionRequest, reply: Reply) {
        self.begin_request();
        self.wait_latency().await;
        let then_begin = match request {
            TransactionRequest::Begin => true,
            TransactionRequest::Commit { then_begin } => {
                if let Err(raise) = self.commit(Some(&reply)).await {
                    self.send_messages(&reply, raise.messages).await;
                }
                then_begin
            }
            TransactionRequest::Rollback { then_begin } => {
                if let Err(raise) = self.roll_back_statement(&reply).await {
                    self.send_messages(&reply, raise.messages).await;
                }
                then_begin
            }
        };
        if then_begin {
            self.begin_transaction(Some(&reply)).await;
        }
    }

    fn reset(&mut self) {
        self.abandon();
        self.forget_own();
        self.facts.forget_options();
        self.facts.open_master_keys.clear();
        self.prepared.clear();
        self.instance.locks().release_session(self.facts.spid, true);
        let state = self.instance.committed();
        let own = state.principals.get(&self.facts.login);
        let home = own.and_then(|p| state.database(&p.default_database));
        self.facts.database = home.map_or(crate::engine::state::MASTER, |d| d.id);
    }

    fn cancelled(&mut self) {
        self.tries.clear();
        self.facts.caught.clear();
        self.stopped = false;
        if self.facts.xact_abort || self.facts.doomed {
            self.abandon();
        }
    }
}

impl EngineSession {
    async fn remote_call(&mut self, request: RpcRequest, reply: &Reply) -> Outcome<RpcOutcome> {
        let name = request.procedure.to_lowercase();
        let parameters = request.parameters;
        let (text, declared, values, before) = match name.rsplit('.').next().unwrap_or("") {
            "sp_executesql" => {
                let (text, declared) = (text_at(&parameters, 0)?, text_at(&parameters, 1)?);
                (text, declared, parameters.get(2..), Vec::new())
            }
            "sp_prepare" => {
                let handle = self.prepare(text_at(&parameters, 1)?, text_at(&parameters, 2)?);
                return Ok(with_handle(&parameters, handle));
            }
            "sp_prepexec" => {
                let (declared, text) = (text_at(&parameters, 1)?, text_at(&parameters, 2)?);
                let handle = self.prepare(declared.clone(), text.clone());
                let before = handle_output(&parameters, handle);
                (text, declared, parameters.get(3..), before)
            }
            "sp_execute" => {
                let Prepared {
                    parameters: declared,
                    text,
                } = self.prepared_by(self.handle(&parameters)?)?;
                (text, declared, parameters.get(1..), Vec::new())
            }
            "sp_unprepare" => {
                let handle = self.handle(&parameters)?;
                self.prepared.remove(&handle);
                return Ok(RpcOutcome::default());
            }
            _ => {
                let given = parameters.into_iter().map(given).collect();
                let return_status = self.call(&request.procedure, given, reply).await?;
                return Ok(RpcOutcome {
                    return_status,
                    outputs: Vec::new(),
                });
            }
        };
        let values = values.unwrap_or(&[]);
        self.parameterised(&text, &declared, values, &before, reply)
            .await
    }

    fn prepared_by(&self, handle: i32) -> Outcome<Prepared> {
        self.prepared.get(&handle).cloned().ok_or_else(|| {
            let text = format!("Could not find prepared statement with handle {handle}.");
            Raise::new(8179, 16, text)
        })
    }

    fn prepare(&mut self, parameters: String, text: String) -> i32 {
        let handle = self.next_handle;
        self.next_handle += 1;
        self.prepared.insert(handle, Prepared { parameters, text });
        handle
    }

    fn handle(&self, parameters: &[RpcParameter]) -> Outcome<i32> {
        let value = parameters.first().map_or(Value::Null, |p| p.value.clone());
        Ok(convert::integer(&value)?
            .and_then(|n| i32::try_from(n).ok())
            .unwrap_or(0))
    }

    /// Runs text with the call's parameters. It is a scope of its own: SET options and USE do not outlive it.
    async fn parameterised(
        &mut self,
        text: &str,
        declared: &str,
        parameters: &[RpcParameter],
        before: &[(String, Value)],
        reply: &Reply,
    ) -> Outcome<RpcOutcome> {
        let declared = lang::parse_parameters(declared)?;
        let values: Vec<Given> = parameters.iter().cloned().map(given).collect();
        let bound = bind_parameters(text, &declared, &values)?;
        let (database, abort, timeout, no_count) = (
            self.facts.database,
            self.facts.xact_abort,
            self.facts.lock_timeout,
            self.facts.no_count,
        );
        self.run_top(text, bound, reply).await;
        self.facts.database = database;
        self.facts.xact_abort = abort;
        self.facts.lock_timeout = timeout;
        self.facts.no_count = no_count;
        let mut outputs = before.to_vec();
        let after = self.variables.borrow();
        for (n, parameter) in parameters.iter().enumerate().filter(|(_, p)| p.output) {
            let bare = parameter.name.trim_start_matches('@');
            let name = if bare.is_empty() {
                declared
                    .get(n)
                    .map(|d| d.0.to_lowercase())
                    .unwrap_or_default()
            } else {
                format!("@{}", bare.to_lowercase())
            };
            let value = after
                .scalars
                .get(&name)
                .map_or(Value::Null, |(_, v)| v.clone());
            outputs.push((parameter.name.clone(), value));
        }
        Ok(RpcOutcome {
            return_status: 0,
            outputs,
        })
    }
}

fn given(parameter: RpcParameter) -> Given {
    let bare = parameter.name.trim_start_matches('@');
    Given {
        name: (!bare.is_empty()).then(|| format!("@{bare}")),
        ty: parameter.ty,
        value: parameter.value,
        output: None,
    }
}

fn text_at(parameters: &[RpcParameter], n: usize) -> Outcome<String> {
    match parameters.get(n) {
        Some(parameter) => {
            let ty = parameter.ty;
            let value = convert::convert(&parameter.value, ty, SqlType::NVarChar(None), 0)?;
            Ok(convert::text(&value)?.unwrap_or_default())
        }
        None => Ok(String::new()),
    }
}

/// The handle, if the call asked for it back.
fn handle_output(parameters: &[RpcParameter], handle: i32) -> Vec<(String, Value)> {
    let first = parameters.first().filter(|p| p.output);
    first
        .map(|p| (p.name.clone(), Value::Int(handle)))
        .into_iter()
        .collect()
}

fn with_handle(parameters: &[RpcParameter], handle: i32) -> RpcOutcome {
    RpcOutcome {
        return_status: 0,
        outputs: handle_output(parameters, handle),
    }
}
