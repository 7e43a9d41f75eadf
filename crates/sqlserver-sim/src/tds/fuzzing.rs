//! A way into the protocol state machine for fuzzers: bytes in, nothing out, no sockets.
//!
//! Not for other use; it may change at any time.

use super::conversation::{Conversation, Step};
use super::requests::Request;
use crate::protocol::{Column, Item, SqlType, Value};
use crate::server_api::{Greeting, RpcOutcome};

/// Lets a client that sends these bytes talk to a server whose every answer is one row. The bytes arrive cut into pieces of `cut`.
pub fn converse(greeting: Greeting, logged_in: bool, cut: usize, bytes: &[u8]) {
    let mut talk = Conversation::new(greeting);
    if logged_in {
        talk.receive(&empty_login());
        perform(&mut talk);
    }
    for piece in bytes.chunks(cut.max(1)) {
        talk.receive(piece);
        perform(&mut talk);
        let waiting = talk.output().len();
        talk.output_taken(waiting);
        if talk.is_over() {
            return;
        }
    }
}

fn perform(talk: &mut Conversation) {
    while let Some(step) = talk.next_step() {
        match step {
            Step::LogIn { .. } => drop(talk.logged_in(51, Vec::new())),
            Step::Run { .. } if talk.is_cancelled() => talk.cancelled(),
            Step::Run { request, .. } => answer(talk, &request),
        }
    }
}

fn answer(talk: &mut Conversation, request: &Request) {
    let column = Column {
        name: "c".to_owned(),
        ty: SqlType::NVarChar(None),
        nullable: true,
    };
    talk.item(Item::Columns(vec![column]));
    talk.item(Item::Row(vec![Value::Text("text".to_owned())]));
    let calls = match request {
        Request::Procedures(calls) => calls.len(),
        _ => 0,
    };
    for call in 0..calls {
        talk.procedure_ended(&RpcOutcome::default(), &[], call + 1 < calls);
    }
    if calls == 0 {
        talk.batch_ended();
    }
}

/// A LOGIN7 message, in one packet, that says nothing but its version.
fn empty_login() -> Vec<u8> {
    const FIXED: u8 = 94;
    let mut body = vec![0; usize::from(FIXED)];
    body[0] = FIXED;
    body[4..8].copy_from_slice(&[4, 0, 0, 0x74]);
    // Every offset points to the end: nothing is there.
    for at in (36..72).step_by(4).chain([78, 82, 86]) {
        body[at] = FIXED;
    }
    let length = FIXED + 8;
    [[0x10, 1, 0, length, 0, 0, 1, 0].as_slice(), &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tds::login7::Login7;

    #[test]
    fn the_empty_login_is_one() {
        assert!(Login7::decode(&empty_login()[8..]).is_ok());
    }
}
