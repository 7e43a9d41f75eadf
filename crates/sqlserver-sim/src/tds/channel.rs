//! Bytes of the socket to bytes of TDS and back: in clear, in TLS around everything, or in TLS inside TDS 7.x.
//!
//! The handshake inside TDS 7.x travels in PRELOGIN packets and ends there; what follows is bare TLS around whole packets.
//! Which of these is due is the conversation's decision.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::ServerConnection;

use super::packet::{Assembler, LIMIT_BEFORE_LOGIN, kind, wrap_tls_flight};
use super::reader::Malformed;
use crate::server_api::TlsIdentity;

/// Why a channel cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the fault set for TLS")]
    Ended,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("TLS failed")]
    Tls(#[from] rustls::Error),
    #[error("TLS failed")]
    Io(#[from] std::io::Error),
}

/// How the socket's bytes are to be read and written.
pub(crate) enum Channel {
    Clear,
    /// Answers the first bytes with these, whatever they are, and ends.
    Ending(Vec<u8>),
    Tls(Box<Tls>),
}

/// One TLS connection over the socket.
pub(crate) struct Tls {
    connection: ServerConnection,
    /// Takes handshake records out of PRELOGIN packets; `None` as soon as records come bare.
    unwrapping: Option<Assembler>,
    wrapping: bool,
}

impl Channel {
    /// TLS around the whole connection, from its first byte.
    pub(crate) fn strict(identity: &TlsIdentity) -> Result<Self, Broken> {
        if let Some(answer) = &identity.instead {
            return Ok(Self::Ending(answer.clone()));
        }
        let connection = ServerConnection::new(Arc::clone(&identity.strict))?;
        Ok(Self::Tls(Box::new(Tls {
            connection,
            unwrapping: None,
            wrapping: false,
        })))
    }

    /// TLS whose handshake travels in PRELOGIN packets.
    pub(crate) fn in_band(identity: &TlsIdentity) -> Result<Self, Broken> {
        if let Some(answer) = &identity.instead {
            let mut wrapped = Vec::new();
            wrap_tls_flight(answer, &mut wrapped);
            return Ok(Self::Ending(wrapped));
        }
        let connection = ServerConnection::new(Arc::clone(&identity.in_band))?;
        let unwrapping = Some(Assembler::new(LIMIT_BEFORE_LOGIN));
        Ok(Self::Tls(Box::new(Tls {
            connection,
            unwrapping,
            wrapping: true,
        })))
    }

    /// Takes bytes of the socket; TDS bytes are appended to `plain`, bytes the socket is owed (handshake, alerts) to `out`.
    pub(crate) fn receive(
        &mut self,
        bytes: &[u8],
        plain: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        let tls = match self {
            Self::Tls(tls) => tls,
            Self::Clear => {
                plain.extend_from_slice(bytes);
                return Ok(());
            }
            Self::Ending(answer) => {
                out.append(answer);
                return Err(Broken::Ended);
            }
        };
        let taken = tls.receive(bytes, plain);
        // Also after a failure: the alert tells the client why.
        tls.flush(out)?;
        taken
    }

    /// Appends `plain` to `out` in the form the socket needs.
    pub(crate) fn send(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        let Self::Tls(tls) = self else {
            out.extend_from_slice(plain);
            return Ok(());
        };
        let mut rest = plain;
        while !rest.is_empty() {
            // The connection takes only so much before it must be emptied.
            let taken = tls.connection.writer().write(rest)?;
            rest = rest.get(taken..).unwrap_or_default();
            tls.flush(out)?;
            if taken == 0 {
                return Err(std::io::Error::from(ErrorKind::WriteZero).into());
            }
        }
        Ok(())
    }
}

impl Tls {
    fn receive(&mut self, bytes: &[u8], plain: &mut Vec<u8>) -> Result<(), Broken> {
        let Some(mut unwrapping) = self.unwrapping.take() else {
            return self.feed(bytes, plain);
        };
        unwrapping.push(bytes);
        while let Some(message) = unwrapping.next_message()? {
            if message.kind != kind::PRELOGIN {
                return Err(Malformed::Unexpected {
                    found: message.kind,
                    place: "during the TLS handshake",
                }
                .into());
            }
            self.feed(&message.body, plain)?;
            if !self.connection.is_handshaking() {
                return self.feed(&unwrapping.take_rest(), plain);
            }
        }
        self.unwrapping = Some(unwrapping);
        Ok(())
    }

    fn feed(&mut self, mut bytes: &[u8], plain: &mut Vec<u8>) -> Result<(), Broken> {
        while !bytes.is_empty() {
            if self.connection.read_tls(&mut bytes)? == 0 {
                break;
            }
            self.connection.process_new_packets()?;
            self.drain(plain)?;
        }
        Ok(())
    }

    fn drain(&mut self, plain: &mut Vec<u8>) -> Result<(), Broken> {
        match self.connection.reader().read_to_end(plain) {
            Ok(_) => Ok(()),
            // Nothing more for now; what there was has been appended.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        let mut flight = Vec::new();
        while self.connection.wants_write() {
            self.connection.write_tls(&mut flight)?;
        }
        if self.wrapping {
            wrap_tls_flight(&flight, out);
            self.wrapping = self.connection.is_handshaking();
        } else {
            out.extend_from_slice(&flight);
        }
        Ok(())
    }
}
