//! THROW and RAISERROR: errors people raise.

use super::session::{EngineSession, Flow};
use crate::engine::errors::{Outcome, Raise, Reach};
use crate::engine::eval::convert;
use crate::engine::lang::ast::Expr;
use crate::protocol::Value;
use crate::server_api::Reply;

impl EngineSession {
    /// THROW, with its own error or the one being handled.
    pub(super) fn thrown(&self, what: Option<&(Expr, Expr, Expr)>) -> Outcome<Raise> {
        let Some((number, text, state)) = what else {
            return match self.facts.caught.last() {
                Some(error) => Ok(Raise {
                    messages: vec![error.clone()],
                    reach: Reach::Thrown,
                }),
                None => Err(Raise::new(
                    10704,
                    15,
                    "To rethrow an error, a THROW statement must be used inside a CATCH block. Insert the THROW statement inside a CATCH block, or add error parameters to the THROW statement.",
                )),
            };
        };
        let (number, text, state) = self.with_env(|env| {
            let number = convert::integer(&env.eval(number, None)?)?.unwrap_or(0);
            let text = convert::text(&env.eval(text, None)?)?.unwrap_or_default();
            let state = convert::integer(&env.eval(state, None)?)?.unwrap_or(1);
            Ok::<_, Raise>((number, text, state))
        })?;
        let Some(number) = i32::try_from(number).ok().filter(|n| *n >= 50000) else {
            return Err(Raise::new(
                35100,
                16,
                format!(
                    "Error number {number} in the THROW statement is outside the valid range. Specify an error number in the valid range of 50000 to 2147483647."
                ),
            ));
        };
        let state = u8::try_from(state).unwrap_or(1);
        Ok(Raise::new(number, 16, text)
            .with_state(state)
            .reaching(Reach::Thrown))
    }

    pub(super) fn user_error(
        &self,
        text: &Expr,
        severity: &Expr,
        state: &Expr,
        arguments: &[Expr],
    ) -> Outcome<Raise> {
        self.with_env(|env| {
            let text_value = env.eval(text, None)?;
            let number = match &text_value {
                Value::Int(n) => *n,
                _ => 50000,
            };
            let mut text = convert::text(&text_value)?.unwrap_or_default();
            for argument in arguments {
                let shown = convert::text(&env.eval(argument, None)?)?
                    .unwrap_or_else(|| "(null)".to_owned());
                let place = ["%s", "%d", "%i", "%u"]
                    .iter()
                    .filter_map(|p| text.find(p))
                    .min();
                if let Some(at) = place {
                    text.replace_range(at..at + 2, &shown);
                }
            }
            let severity = convert::integer(&env.eval(severity, None)?)?.unwrap_or(16);
            let state = convert::integer(&env.eval(state, None)?)?.unwrap_or(1);
            let class = u8::try_from(severity.clamp(0, 18)).unwrap_or(16);
            Ok(Raise::new(number, class, text)
                .with_state(u8::try_from(state).unwrap_or(1))
                .reaching(Reach::RaisedByUser))
        })
    }

    pub(super) async fn user_message(
        &mut self,
        raise: Raise,
        line: u32,
        reply: &Reply,
    ) -> Outcome<Flow> {
        if raise.last().class > 10 {
            return Err(raise);
        }
        let mut messages = raise.at_line(line).messages;
        // Up to class 9 the class is sent as given; 10 is sent as 0.
        for note in &mut messages {
            note.class = if note.class == 10 { 0 } else { note.class };
        }
        self.send_messages(reply, messages).await;
        self.done(reply, None).await
    }
}
