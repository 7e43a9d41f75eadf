//! PRELOGIN: the option table, and what is agreed about encryption.
//!
//! Starting TLS is `channel`'s and the order of messages `conversation`'s; nothing here keeps state.

use super::reader::{Malformed, Reader};
use crate::server_api::{Encryption, Greeting};

const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const INSTANCE: u8 = 2;
const THREAD: u8 = 3;
const MARS: u8 = 4;
const FEDERATED: u8 = 6;
const END: u8 = 0xFF;

const OFF: u8 = 0;
const ON: u8 = 1;
const NOT_SUPPORTED: u8 = 2;
const REQUIRED: u8 = 3;

/// What a client's PRELOGIN said, as far as the answer depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prelogin {
    encryption: u8,
    instance: String,
    asks_federated: bool,
}

/// How traffic goes on after PRELOGIN's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreed {
    Clear,
    /// TLS around the LOGIN7 message only.
    LoginOnly,
    Full,
    /// The server insists on what the client cannot do.
    Impossible,
}

impl Prelogin {
    pub(crate) fn decode(body: &[u8]) -> Result<Self, Malformed> {
        // A client that says nothing about encryption knows none.
        let mut found = Self {
            encryption: NOT_SUPPORTED,
            instance: String::new(),
            asks_federated: false,
        };
        let mut table = Reader::new(body);
        loop {
            let option = table.u8("the PRELOGIN options")?;
            if option == END {
                return Ok(found);
            }
            let offset = usize::from(table.u16_be("the PRELOGIN options")?);
            let length = usize::from(table.u16_be("the PRELOGIN options")?);
            let mut data = Reader::new(body);
            data.bytes(offset, "a PRELOGIN option")?;
            let data = data.bytes(length, "a PRELOGIN option")?;
            found.take(option, data)?;
        }
    }

    fn take(&mut self, option: u8, data: &[u8]) -> Result<(), Malformed> {
        match (option, data) {
            (ENCRYPTION, [value, ..]) => {
                // The upper bits ask for client certificates, which SQL Server ignores here too.
                self.encryption = value & 0x1F;
                if self.encryption > REQUIRED {
                    return Err(Malformed::Value {
                        what: "ENCRYPTION",
                        found: u64::from(*value),
                    });
                }
            }
            (ENCRYPTION, []) => return Err(Malformed::Truncated("ENCRYPTION")),
            (INSTANCE, name) => {
                let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
                self.instance = String::from_utf8_lossy(name).into_owned();
            }
            (FEDERATED, _) => self.asks_federated = true,
            _ => {}
        }
        Ok(())
    }

    /// The server's answer, and what it agrees to. `strict`: TLS already surrounds the connection, nothing is negotiated.
    pub(crate) fn answer(&self, greeting: &Greeting, strict: bool) -> (Vec<u8>, Agreed) {
        let (encryption, agreed) = if strict {
            (OFF, Agreed::Full)
        } else {
            negotiate(greeting.encryption, self.encryption)
        };
        let (major, minor, build) = greeting.version;
        let [high, low] = build.to_be_bytes();
        let mut options: Vec<(u8, Vec<u8>)> = vec![
            (VERSION, vec![major, minor, high, low, 0, 0]),
            (ENCRYPTION, vec![encryption]),
            (INSTANCE, vec![u8::from(!self.names(greeting))]),
            // Anything but an empty THREADID is refused by debug builds of one client.
            (THREAD, Vec::new()),
            (MARS, vec![0]),
        ];
        if self.asks_federated {
            options.push((FEDERATED, vec![0]));
        }
        (lay_out(&options), agreed)
    }

    fn names(&self, greeting: &Greeting) -> bool {
        self.instance.is_empty()
            || greeting
                .instance_name
                .as_ref()
                .is_none_or(|ours| ours.eq_ignore_ascii_case(&self.instance))
    }
}

fn negotiate(server: Encryption, client: u8) -> (u8, Agreed) {
    match (server, client) {
        (Encryption::NotSupported, _) => (NOT_SUPPORTED, Agreed::Clear),
        (Encryption::Optional, OFF) => (OFF, Agreed::LoginOnly),
        (Encryption::Optional, NOT_SUPPORTED) => (NOT_SUPPORTED, Agreed::Clear),
        (Encryption::Required, OFF) => (REQUIRED, Agreed::Full),
        (Encryption::Required, NOT_SUPPORTED) | (Encryption::Strict, _) => {
            (REQUIRED, Agreed::Impossible)
        }
        (Encryption::Optional | Encryption::Required, _) => (ON, Agreed::Full),
    }
}

fn lay_out(options: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut table = Vec::new();
    let mut data = Vec::new();
    let table_size = options.len() * 5 + 1;
    for (option, value) in options {
        // The whole answer is some forty bytes long.
        let offset = u16::try_from(table_size + data.len()).unwrap_or(u16::MAX);
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        table.push(*option);
        table.extend_from_slice(&offset.to_be_bytes());
        table.extend_from_slice(&length.to_be_bytes());
        data.extend_from_slice(value);
    }
    table.push(END);
    table.extend_from_slice(&data);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_negotiation_table() {
        use Agreed::{Clear, Full, Impossible, LoginOnly};
        let table = [
            (
                Encryption::Optional,
                [(0, LoginOnly), (1, Full), (2, Clear), (1, Full)],
            ),
            (
                Encryption::Required,
                [(3, Full), (1, Full), (3, Impossible), (1, Full)],
            ),
            (
                Encryption::NotSupported,
                [(2, Clear), (2, Clear), (2, Clear), (2, Clear)],
            ),
        ];
        for (server, answers) in table {
            for (client, expected) in (0_u8..).zip(answers) {
                assert_eq!(negotiate(server, client), expected, "{server:?} {client}");
            }
        }
    }

    #[test]
    fn a_written_table_reads_back() {
        let body = lay_out(&[
            (ENCRYPTION, vec![1]),
            (INSTANCE, b"SQL1\0".to_vec()),
            (FEDERATED, vec![1]),
            (5, vec![9; 36]),
        ]);
        let read = Prelogin::decode(&body).unwrap();
        assert_eq!(
            read,
            Prelogin {
                encryption: 1,
                instance: "SQL1".into(),
                asks_federated: true
            }
        );
    }

    #[test]
    fn offsets_outside_the_message_are_refused() {
        assert!(Prelogin::decode(&[ENCRYPTION, 0, 200, 0, 1, END]).is_err());
        assert!(Prelogin::decode(&[ENCRYPTION, 0, 6, 0, 1]).is_err());
        assert!(Prelogin::decode(&[]).is_err());
    }
}
