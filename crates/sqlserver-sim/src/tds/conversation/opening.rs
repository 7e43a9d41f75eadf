//! The opening of a connection: strict TLS or not, PRELOGIN, LOGIN7 and its answer.
//!
//! Nothing of what a logged-in client may ask is known here.

use super::{Conversation, Stage, Step, unexpected};
use crate::protocol::{self, Item, LoginRequest};
use crate::server_api::Encryption;
use crate::tds::answer::{Answer, Flow};
use crate::tds::channel::{Broken, Channel};
use crate::tds::login7::Login7;
use crate::tds::packet::{FIRST_PACKET_SIZE, LIMIT};
use crate::tds::prelogin::{Agreed, Prelogin};
use crate::tds::reader::Malformed;
use crate::tds::tokens::{self, Done, Place};

/// The first byte of a TLS handshake record, with which only TDS 8.0 begins.
const TLS_HANDSHAKE: u8 = 0x16;
/// The first version that offers TDS 8.0.
const SQL_SERVER_2022: u8 = 16;

impl Conversation {
    pub(super) fn open(&mut self, first: u8) -> Result<(), Broken> {
        let offered = match self.greeting.encryption {
            Encryption::Strict => true,
            Encryption::Optional | Encryption::Required => {
                self.greeting.version.0 >= SQL_SERVER_2022
            }
            Encryption::NotSupported => false,
        };
        match (first == TLS_HANDSHAKE, offered) {
            (true, true) => {
                self.strict = true;
                self.channel = Channel::strict(&self.greeting.tls)?;
                Ok(())
            }
            (true, false) => Err(unexpected(first, "on a server without TDS 8.0")),
            (false, _) if self.greeting.encryption == Encryption::Strict => Err(unexpected(
                first,
                "before TLS on a server that is strict about it",
            )),
            (false, _) => Ok(()),
        }
    }

    pub(super) fn prelogin(&mut self, body: &[u8]) -> Result<(), Broken> {
        let (answer, agreed) = Prelogin::decode(body)?.answer(&self.greeting, self.strict);
        self.splitter.tokens().extend_from_slice(&answer);
        self.end_message();
        self.stage = Stage::Agreed;
        match agreed {
            Agreed::Clear => return Ok(()),
            Agreed::Full if self.strict => return Ok(()),
            Agreed::Impossible => self.stage = Stage::Over,
            Agreed::LoginOnly | Agreed::Full => {
                self.nothing_may_follow("before the TLS handshake")?;
                self.channel = Channel::in_band(&self.greeting.tls)?;
                self.login_only = agreed == Agreed::LoginOnly;
            }
        }
        Ok(())
    }

    pub(super) fn login7(&mut self, body: &[u8]) -> Result<(), Broken> {
        let login = Login7::decode(body)?;
        if self.login_only {
            self.nothing_may_follow("before the log-in's answer")?;
            self.channel = Channel::Clear;
        }
        self.stage = Stage::LoggingIn;
        if !login.version_is_spoken() {
            let found = u64::from(login.tds_version);
            return Err(Malformed::Value {
                what: "the TDS version",
                found,
            }
            .into());
        }
        if login.integrated {
            self.log_in_refused(vec![Item::Message(integrated_refused())]);
            return Ok(());
        }
        let request = LoginRequest {
            user: login.user.clone(),
            password: login.password.clone(),
            database: login.database.clone(),
            application: login.application.clone(),
            client_host: login.host.clone(),
            encrypted: matches!(self.channel, Channel::Tls(_)),
            packet_size: login.packet_size,
        };
        self.step = Some(Step::LogIn {
            request,
            size: body.len(),
        });
        self.login = Some(login);
        Ok(())
    }

    /// The log-in succeeded; `items` are the engine's part of the answer.
    pub(crate) fn logged_in(&mut self, spid: u16, items: Vec<Item>) -> Flow {
        let Some(login) = self.login.take() else {
            return Flow::HangUp;
        };
        self.splitter.set_spid(spid);
        let mut answer = Answer::new(&self.greeting.server_name, false);
        let mut out = Vec::new();
        let mut told = false;
        for item in items {
            let language =
                matches!(&item, Item::Message(message) if message.number == LANGUAGE_CHANGED);
            if language && !told {
                told = session_defaults(&mut out);
            }
            match answer.item(item, &mut out) {
                Flow::Continue => {}
                other => return self.stop(other, &out),
            }
        }
        if !told {
            session_defaults(&mut out);
        }
        tokens::login_ack(&mut out, login.answered_version(), self.greeting.version);
        let before = u16::try_from(FIRST_PACKET_SIZE).unwrap_or(u16::MAX);
        tokens::packet_size_changed(&mut out, before, login.packet_size);
        if login.utf8 {
            tokens::utf8_feature_ack(&mut out);
        }
        tokens::done(&mut out, Place::Batch, Done::default());
        self.splitter.tokens().extend_from_slice(&out);
        self.end_message();
        self.splitter.set_packet_size(login.packet_size);
        self.assembler.set_limit(LIMIT);
        self.stage = Stage::Ready;
        Flow::Continue
    }

    /// The log-in failed; `items` say why, and the connection ends.
    pub(crate) fn log_in_refused(&mut self, items: Vec<Item>) -> Flow {
        let mut answer = Answer::new(&self.greeting.server_name, false);
        let mut out = Vec::new();
        for item in items {
            match answer.item(item, &mut out) {
                Flow::Continue => {}
                other => return self.stop(other, &out),
            }
        }
        answer.cut_short(&mut out);
        self.stop(Flow::Fatal, &out)
    }

    /// Ends a log-in's answer early, the way the engine's item asks for.
    fn stop(&mut self, flow: Flow, tokens: &[u8]) -> Flow {
        match flow {
            Flow::Fatal => {
                self.splitter.tokens().extend_from_slice(tokens);
                self.end_message();
                self.stage = Stage::Over;
            }
            Flow::Stall => self.mute(),
            Flow::Continue | Flow::HangUp => {}
        }
        flow
    }

    fn nothing_may_follow(&mut self, place: &'static str) -> Result<(), Broken> {
        if self.assembler.is_empty() {
            Ok(())
        } else {
            Err(unexpected(0, place))
        }
    }
}

/// The number of "Changed language setting to …".
const LANGUAGE_CHANGED: i32 = 5703;

/// Collation and language, which stand between "changed database" and "changed language"; returns true.
fn session_defaults(out: &mut Vec<u8>) -> bool {
    tokens::collation_changed(out);
    tokens::language_changed(out);
    true
}

fn integrated_refused() -> protocol::Message {
    let text = "Login failed. The login is from an untrusted domain and cannot be used with Integrated authentication.";
    protocol::Message {
        number: 18_452,
        state: 1,
        class: 14,
        text: text.into(),
        line: 1,
        procedure: String::new(),
    }
}
