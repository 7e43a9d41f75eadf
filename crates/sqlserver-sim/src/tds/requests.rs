//! Requests of a logged-in client: which message is which, ALL_HEADERS, batches, transaction-manager requests.
//!
//! Remote procedure calls are `rpc`'s. Nothing is executed here.

use super::packet::{Message, kind};
use super::reader::{Malformed, Reader, utf16};
use super::rpc;
use crate::protocol::{self, RpcRequest};
use crate::server_api::TransactionRequest;

const TM_BEGIN: u16 = 5;
const TM_COMMIT: u16 = 7;
const TM_ROLLBACK: u16 = 8;
const BEGIN_AGAIN: u8 = 0x01;

/// What a message asks for.
#[derive(Debug)]
pub(crate) enum Request {
    Batch(String),
    /// At least one call.
    Procedures(Vec<RpcRequest>),
    Transaction(TransactionRequest),
    /// Readable, but not to be had: this error is the whole answer and the session goes on.
    Refused(protocol::Message),
}

impl Request {
    pub(crate) fn decode(message: &Message) -> Result<Self, Malformed> {
        let body = after_headers(&message.body)?;
        match message.kind {
            kind::BATCH => Ok(Self::Batch(utf16(body))),
            kind::RPC => match rpc::decode(body) {
                Ok(calls) => Ok(Self::Procedures(calls)),
                Err(Malformed::UnknownType(ty)) => Ok(Self::Refused(unknown_type(ty))),
                Err(other) => Err(other),
            },
            kind::TRANSACTION => transaction(body),
            found => Err(Malformed::Unexpected {
                found,
                place: "after the log-in",
            }),
        }
    }
}

/// Skips ALL_HEADERS, which every client of TDS 7.2 and later sends.
fn after_headers(body: &[u8]) -> Result<&[u8], Malformed> {
    const WHAT: &str = "ALL_HEADERS";
    let mut reader = Reader::new(body);
    let total = reader.u32(WHAT)?;
    let rest = usize::try_from(total)
        .ok()
        .and_then(|total| total.checked_sub(4));
    reader.bytes(
        rest.ok_or(Malformed::Value {
            what: WHAT,
            found: u64::from(total),
        })?,
        WHAT,
    )?;
    Ok(reader.rest())
}

fn transaction(body: &[u8]) -> Result<Request, Malformed> {
    const WHAT: &str = "a transaction request";
    let mut reader = Reader::new(body);
    let ask = reader.u16(WHAT)?;
    if ask == TM_BEGIN {
        return Ok(Request::Transaction(TransactionRequest::Begin));
    }
    if ask != TM_COMMIT && ask != TM_ROLLBACK {
        return Ok(Request::Refused(unsupported(&format!(
            "transaction manager request {ask}"
        ))));
    }
    let name = reader.b_varchar(WHAT)?;
    let then_begin = reader.u8(WHAT)? & BEGIN_AGAIN != 0;
    Ok(match ask {
        TM_COMMIT => Request::Transaction(TransactionRequest::Commit { then_begin }),
        // A name means a savepoint; rolling everything back instead would be wrong in silence.
        _ if !name.is_empty() => Request::Refused(unsupported("rolling back to a savepoint")),
        _ => Request::Transaction(TransactionRequest::Rollback { then_begin }),
    })
}

fn unknown_type(ty: u8) -> protocol::Message {
    let text = format!(
        "The incoming tabular data stream (TDS) remote procedure call (RPC) protocol stream is incorrect. Data type 0x{ty:02X} is unknown."
    );
    error(8009, text)
}

fn unsupported(what: &str) -> protocol::Message {
    error(
        50_000,
        format!("The simulated server does not support {what}."),
    )
}

fn error(number: i32, text: String) -> protocol::Message {
    protocol::Message {
        number,
        state: 1,
        class: 16,
        text,
        line: 1,
        procedure: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(kind: u8, rest: &[u8]) -> Result<Request, Malformed> {
        let mut body = vec![22, 0, 0, 0];
        body.extend_from_slice(&[0; 18]);
        body.extend_from_slice(rest);
        Request::decode(&Message {
            kind,
            ignored: false,
            reset: false,
            body,
        })
    }

    #[test]
    fn batches_and_transactions() {
        assert!(matches!(decode(kind::BATCH, b"G\0O\0"), Ok(Request::Batch(text)) if text == "GO"));
        let transactions = [
            (vec![5, 0, 2, 0], TransactionRequest::Begin),
            (
                vec![7, 0, 0, 0],
                TransactionRequest::Commit { then_begin: false },
            ),
            (
                vec![8, 0, 0, 1, 2, 0],
                TransactionRequest::Rollback { then_begin: true },
            ),
        ];
        for (body, wanted) in transactions {
            assert!(
                matches!(decode(kind::TRANSACTION, &body), Ok(Request::Transaction(found)) if found == wanted)
            );
        }
        assert!(matches!(
            decode(kind::TRANSACTION, &[8, 0, 1, b's', 0, 0]),
            Ok(Request::Refused(_))
        ));
        assert!(matches!(
            decode(kind::TRANSACTION, &[9, 0]),
            Ok(Request::Refused(_))
        ));
    }

    #[test]
    fn headers_longer_than_the_message_are_refused() {
        let message = Message {
            kind: kind::BATCH,
            ignored: false,
            reset: false,
            body: vec![200, 0, 0, 0, 1],
        };
        assert!(Request::decode(&message).is_err());
        let message = Message {
            kind: kind::BATCH,
            ignored: false,
            reset: false,
            body: vec![3, 0, 0, 0],
        };
        assert!(Request::decode(&message).is_err());
        assert!(decode(0x07, &[]).is_err(), "bulk load");
    }
}
