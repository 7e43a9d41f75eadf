//! One connection's protocol as a state machine without I/O: socket bytes go in, steps to take and socket bytes come out.
//!
//! `opening` is everything up to the log-in, `requests` everything after it.
//! It knows the order of messages, never a socket, a clock or a session. Whoever owns it performs the [`Step`]s and tells it
//! how they went.

mod opening;
mod requests;

use std::collections::VecDeque;

use super::answer::Answer;
use super::channel::{Broken, Channel};
use super::login7::Login7;
use super::packet::{Assembler, LIMIT_BEFORE_LOGIN, Message, Splitter, kind};
use super::reader::Malformed;
use super::requests::Request;
use crate::protocol::{self, Item, LoginRequest};
use crate::server_api::{Encryption, Greeting};

/// Output not yet taken by the socket above which the engine is made to wait, bytes.
const ENOUGH_OUTPUT: usize = 256 * 1024;

/// Something the owner has to do. Sizes are those of the request's message, in bytes.
pub(crate) enum Step {
    LogIn {
        request: LoginRequest,
        size: usize,
    },
    Run {
        request: Request,
        reset: bool,
        size: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing but bytes of the transport so far.
    Start,
    /// PRELOGIN has been answered.
    Agreed,
    LoggingIn,
    Ready,
    Running,
    /// What is left of the output goes out, nothing more is read.
    Over,
    /// Nothing goes out and nothing is read, but the connection stays open.
    Mute,
}

/// The state of one connection.
pub(crate) struct Conversation {
    greeting: Greeting,
    stage: Stage,
    channel: Channel,
    begun: bool,
    strict: bool,
    /// TLS ends with the LOGIN7 message.
    login_only: bool,
    assembler: Assembler,
    splitter: Splitter,
    out: Vec<u8>,
    step: Option<Step>,
    waiting: VecDeque<Message>,
    cancel: bool,
    login: Option<Login7>,
    answer: Answer,
}

impl Conversation {
    pub(crate) fn new(greeting: Greeting) -> Self {
        Self {
            greeting,
            stage: Stage::Start,
            channel: Channel::Clear,
            begun: false,
            strict: false,
            login_only: false,
            assembler: Assembler::new(LIMIT_BEFORE_LOGIN),
            splitter: Splitter::new(),
            out: Vec::new(),
            step: None,
            waiting: VecDeque::new(),
            cancel: false,
            login: None,
            answer: Answer::default(),
        }
    }

    /// Takes bytes of the socket, cut anywhere.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        if matches!(self.stage, Stage::Over | Stage::Mute) {
            return;
        }
        if let Err(reason) = self.take_in(bytes) {
            self.give_up(&reason);
        }
    }

    /// The next thing to do; at most one is pending, and the next comes only after this one has been answered.
    pub(crate) fn next_step(&mut self) -> Option<Step> {
        self.step.take()
    }

    /// Whether the client has asked for the running request to be cancelled.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel
    }

    /// Whether the connection is to be closed as soon as the output is out.
    pub(crate) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    pub(crate) fn output(&self) -> &[u8] {
        &self.out
    }

    pub(crate) fn output_taken(&mut self, count: usize) {
        self.out.drain(..count.min(self.out.len()));
    }

    /// Whether more of an answer may be produced.
    pub(crate) fn has_room(&self) -> bool {
        self.out.len() < ENOUGH_OUTPUT
    }

    /// Whether part of an answer waits for its packet to fill.
    pub(crate) fn has_partial(&self) -> bool {
        self.splitter.has_partial()
    }

    /// Sends what there is of the answer, because nothing more comes for now.
    pub(crate) fn flush(&mut self) {
        let mut packets = Vec::new();
        self.splitter.flush(&mut packets);
        self.send(&packets);
    }

    fn take_in(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        if let (false, Some(first)) = (self.begun, bytes.first()) {
            self.begun = true;
            self.open(*first)?;
        }
        let mut plain = Vec::new();
        self.channel.receive(bytes, &mut plain, &mut self.out)?;
        self.assembler.push(&plain);
        while let Some(message) = self.assembler.next_message()? {
            self.message(message)?;
            if matches!(self.stage, Stage::Over | Stage::Mute) {
                break;
            }
        }
        Ok(())
    }

    fn message(&mut self, message: Message) -> Result<(), Broken> {
        match (self.stage, message.kind) {
            (Stage::Start, kind::PRELOGIN) => self.prelogin(&message.body),
            (Stage::Start, kind::LOGIN7)
                if self.greeting.encryption == Encryption::Required && !self.strict =>
            {
                Err(unexpected(
                    kind::LOGIN7,
                    "in clear on a server that requires encryption",
                ))
            }
            (Stage::Start | Stage::Agreed, kind::LOGIN7) => self.login7(&message.body),
            (Stage::Ready, kind::ATTENTION) => {
                self.acknowledge_attention();
                Ok(())
            }
            (Stage::Running, kind::ATTENTION) => {
                // Requests sent ahead belong to what the client no longer wants.
                self.waiting.clear();
                self.cancel = true;
                Ok(())
            }
            (Stage::Ready, _) => self.request(&message),
            (Stage::Running, _) => self.put_aside(message),
            (_, found) => Err(unexpected(found, "before the log-in")),
        }
    }

    fn mute(&mut self) {
        self.stage = Stage::Mute;
        self.out.clear();
    }

    /// The client does not speak the protocol. Logged in, it is told; before, the connection just ends, as on the server.
    fn give_up(&mut self, reason: &Broken) {
        tracing::debug!(%reason, source = std::error::Error::source(reason).map(tracing::field::display), "closing the connection");
        if matches!(self.stage, Stage::Ready | Stage::Running)
            && matches!(reason, Broken::Malformed(_))
        {
            let mut answer = Answer::new(&self.greeting.server_name, false);
            let out = self.splitter.tokens();
            self.answer.release(out);
            answer.item(Item::Message(stream_incorrect(reason)), out);
            answer.finish(out);
            self.end_message();
        }
        self.stage = Stage::Over;
    }

    fn send_full_packets(&mut self) {
        let mut packets = Vec::new();
        self.splitter.full_packets(&mut packets);
        self.send(&packets);
    }

    fn end_message(&mut self) {
        let mut packets = Vec::new();
        self.splitter.end(&mut packets);
        self.send(&packets);
    }

    fn send(&mut self, packets: &[u8]) {
        if self.stage == Stage::Mute {
            return;
        }
        if let Err(reason) = self.channel.send(packets, &mut self.out) {
            tracing::debug!(%reason, "closing the connection");
            self.stage = Stage::Over;
        }
    }
}

fn unexpected(found: u8, place: &'static str) -> Broken {
    Malformed::Unexpected { found, place }.into()
}

fn stream_incorrect(reason: &Broken) -> protocol::Message {
    let text =
        format!("The incoming tabular data stream (TDS) protocol stream is incorrect: {reason}.");
    protocol::Message {
        number: 4002,
        state: 1,
        class: 16,
        text,
        line: 0,
        procedure: String::new(),
    }
}
