//! Requests of a logged-in client and their answers, attention included.
//!
//! The log-in is over by the time anything here is called.

use crate::protocol::{Item, SqlType};
use crate::server_api::RpcOutcome;
use crate::tds::answer::{Answer, Flow};
use crate::tds::channel::Broken;
use crate::tds::packet::{LIMIT, Message};
use crate::tds::reader::Malformed;
use crate::tds::requests::Request;
use crate::tds::tokens::{self, Done, Place, status};

use super::{Conversation, Stage, Step};

/// Requests a client may send ahead of the answer to the running one.
const MOST_WAITING: usize = 16;
impl Conversation {
    pub(super) fn request(&mut self, message: &Message) -> Result<(), Broken> {
        if message.ignored {
            self.refuse_quietly();
            return Ok(());
        }
        let request = Request::decode(message)?;
        let in_procedure = matches!(request, Request::Procedures(_));
        self.answer = Answer::new(&self.greeting.server_name, in_procedure);
        if message.reset {
            tokens::connection_reset(self.splitter.tokens());
        }
        self.stage = Stage::Running;
        self.step = Some(Step::Run {
            request,
            reset: message.reset,
            size: message.body.len(),
        });
        Ok(())
    }

    pub(super) fn put_aside(&mut self, message: Message) -> Result<(), Broken> {
        let held: usize = self.waiting.iter().map(|waiting| waiting.body.len()).sum();
        if self.waiting.len() >= MOST_WAITING || held + message.body.len() > LIMIT {
            return Err(Malformed::TooLong { limit: LIMIT }.into());
        }
        self.waiting.push_back(message);
        Ok(())
    }

    /// One thing the running request produced.
    pub(crate) fn item(&mut self, item: Item) -> Flow {
        if self.stage != Stage::Running {
            return Flow::Continue;
        }
        let flow = self.answer.item(item, self.splitter.tokens());
        match flow {
            Flow::Continue => self.send_full_packets(),
            Flow::Fatal => {
                self.end_message();
                self.stage = Stage::Over;
            }
            Flow::HangUp => {}
            Flow::Stall => self.mute(),
        }
        flow
    }

    /// One procedure call of the running request ended.
    pub(crate) fn procedure_ended(
        &mut self,
        outcome: &RpcOutcome,
        outputs: &[(u16, SqlType)],
        more: bool,
    ) -> Flow {
        if self.stage != Stage::Running {
            return Flow::Continue;
        }
        let flow = self
            .answer
            .finish_procedure(outcome, outputs, more, self.splitter.tokens());
        if flow == Flow::Fatal {
            self.end_message();
            self.stage = Stage::Over;
        } else if !more {
            self.request_ended();
        }
        flow
    }

    /// The running batch or transaction request ended.
    pub(crate) fn batch_ended(&mut self) {
        if self.stage == Stage::Running {
            self.answer.finish(self.splitter.tokens());
            self.request_ended();
        }
    }

    /// The running request was stopped because [`Conversation::is_cancelled`] said so.
    pub(crate) fn cancelled(&mut self) {
        if self.stage != Stage::Running {
            return;
        }
        if self.greeting.attention_in_one_message {
            self.answer.release(self.splitter.tokens());
        } else {
            self.answer.cut_short(self.splitter.tokens());
            self.end_message();
        }
        self.acknowledge_attention();
        self.next_request();
    }

    fn request_ended(&mut self) {
        self.end_message();
        // The attention came too late to stop anything: the answer is whole, and the acknowledgement follows it.
        if self.cancel {
            self.acknowledge_attention();
        }
        self.next_request();
    }

    fn next_request(&mut self) {
        self.cancel = false;
        self.stage = Stage::Ready;
        while self.stage == Stage::Ready {
            let Some(message) = self.waiting.pop_front() else {
                return;
            };
            if let Err(reason) = self.message(message) {
                self.give_up(&reason);
            }
        }
    }

    pub(super) fn acknowledge_attention(&mut self) {
        let done = Done {
            status: status::ATTENTION,
            ..Done::default()
        };
        tokens::done(self.splitter.tokens(), Place::Batch, done);
        self.end_message();
    }

    /// The client took its request back while sending it.
    pub(super) fn refuse_quietly(&mut self) {
        let done = Done {
            status: status::ERROR,
            ..Done::default()
        };
        tokens::done(self.splitter.tokens(), Place::Batch, done);
        self.end_message();
    }
}
