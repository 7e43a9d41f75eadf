//! PRELOGIN: what is asked, what the server answers, and the answer the driver is given in its place. Bytes only.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::error::SecureError;

pub(super) const HEAD: usize = 8;
pub(super) const PRELOGIN: u8 = 0x12;
pub(super) const REPLY: u8 = 0x04;
const LAST: u8 = 0x01;
/// The size before the log-in settles on one.
const PACKET: usize = 4096;
/// An answer has some forty bytes.
const LONGEST_ANSWER: usize = 4096;

const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const INSTANCE: u8 = 2;
const THREAD: u8 = 3;
const MARS: u8 = 4;
const END: u8 = 0xff;

/// The values of the option ENCRYPTION.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    Off = 0,
    On = 1,
    NotSupported = 2,
    Required = 3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub version: [u8; 6],
    pub encryption: Encryption,
}

/// Asks, and reads the whole answer and nothing behind it.
pub(super) async fn ask<S>(stream: &mut S, encryption: Encryption) -> Result<Answer, SecureError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = packets(&options([0; 6], encryption, &[0; 4]));
    let sent = async {
        stream.write_all(&request).await?;
        stream.flush().await
    };
    sent.await.map_err(SecureError::at_prelogin)?;
    let mut body = Vec::new();
    loop {
        let mut head = [0; HEAD];
        stream
            .read_exact(&mut head)
            .await
            .map_err(SecureError::at_prelogin)?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if !matches!(head[0], REPLY | PRELOGIN) || length < HEAD {
            return Err(SecureError::NotTds);
        }
        let start = body.len();
        if start + length - HEAD > LONGEST_ANSWER {
            return Err(SecureError::NotTds);
        }
        body.resize(start + length - HEAD, 0);
        stream
            .read_exact(&mut body[start..])
            .await
            .map_err(SecureError::at_prelogin)?;
        if head[1] & LAST != 0 {
            return read(&body).ok_or(SecureError::NotTds);
        }
    }
}

/// What the driver gets to read: the server as it is, and that it does not encrypt.
pub(super) fn for_the_driver(version: [u8; 6]) -> Vec<u8> {
    let mut packets = packets(&options(version, Encryption::NotSupported, &[]));
    packets[0] = REPLY;
    packets
}

/// `body` in packets.
pub(super) fn packets(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let parts = body.chunks(PACKET - HEAD);
    let last = parts.len().saturating_sub(1);
    for (number, part) in parts.enumerate() {
        let length = u16::try_from(part.len() + HEAD)
            .unwrap_or(u16::MAX)
            .to_be_bytes();
        let id = u8::try_from(number % 256).unwrap_or_default();
        out.extend_from_slice(&[
            PRELOGIN,
            u8::from(number == last),
            length[0],
            length[1],
            0,
            0,
            id,
            0,
        ]);
        out.extend_from_slice(part);
    }
    out
}

fn options(version: [u8; 6], encryption: Encryption, thread: &[u8]) -> Vec<u8> {
    let all: [(u8, &[u8]); 5] = [
        (VERSION, &version),
        (ENCRYPTION, &[encryption as u8]),
        (INSTANCE, &[0]),
        (THREAD, thread),
        (MARS, &[0]),
    ];
    let (mut table, mut data) = (Vec::new(), Vec::new());
    for (option, value) in all {
        let offset = u16::try_from(all.len() * 5 + 1 + data.len()).unwrap_or_default();
        let length = u16::try_from(value.len()).unwrap_or_default();
        table.push(option);
        table.extend_from_slice(&offset.to_be_bytes());
        table.extend_from_slice(&length.to_be_bytes());
        data.extend_from_slice(value);
    }
    table.push(END);
    table.extend_from_slice(&data);
    table
}

/// A server that says nothing of encryption knows none.
fn read(body: &[u8]) -> Option<Answer> {
    let mut answer = Answer {
        version: [0; 6],
        encryption: Encryption::NotSupported,
    };
    let mut table = body;
    loop {
        let (option, rest) = table.split_first()?;
        if *option == END {
            return Some(answer);
        }
        let place = rest.get(..4)?;
        let offset = usize::from(u16::from_be_bytes([place[0], place[1]]));
        let length = usize::from(u16::from_be_bytes([place[2], place[3]]));
        let value = body.get(offset..offset + length)?;
        match *option {
            VERSION => answer.version = value.try_into().ok()?,
            ENCRYPTION => answer.encryption = encryption(*value.first()?)?,
            _ => {}
        }
        table = &rest[4..];
    }
}

fn encryption(value: u8) -> Option<Encryption> {
    // The upper bits speak of client certificates.
    match value & 0x1f {
        0 => Some(Encryption::Off),
        1 => Some(Encryption::On),
        2 => Some(Encryption::NotSupported),
        3 => Some(Encryption::Required),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(bytes: &'static [u8]) -> Result<Answer, SecureError> {
        let (mut ours, mut theirs) = tokio::io::duplex(64 * 1024);
        theirs.write_all(bytes).await.unwrap();
        theirs.shutdown().await.unwrap();
        ask(&mut ours, Encryption::On).await
    }

    #[test]
    fn what_is_written_is_read() {
        let body = options([16, 0, 1, 2, 0, 0], Encryption::Required, &[]);
        let answer = read(&body).unwrap();
        assert_eq!(answer.version, [16, 0, 1, 2, 0, 0]);
        assert_eq!(answer.encryption, Encryption::Required);
        for cut in 0..body.len() {
            assert!(read(&body[..cut]).is_none(), "{cut}");
        }
    }

    #[test]
    fn packets_are_as_long_as_they_say_and_the_last_one_ends() {
        let out = packets(&vec![7; 5000]);
        let first = usize::from(u16::from_be_bytes([out[2], out[3]]));
        assert_eq!((first, out[1]), (PACKET, 0));
        assert_eq!((out[first], out[first + 1]), (PRELOGIN, 1));
        assert_eq!(out.len(), 5000 + 2 * HEAD);
    }

    #[tokio::test]
    async fn what_is_no_answer_is_refused_without_waiting_for_more() {
        for other in [
            &b"HTTP/1.1 400 Bad Request"[..],
            &[4, 1, 0, 7, 0, 0, 0, 0],
            &[4, 1, 0, 9, 0, 0, 0, 0, 1],
        ] {
            assert!(
                matches!(answered(other).await, Err(SecureError::NotTds)),
                "{other:?}"
            );
        }
        assert!(matches!(answered(b"").await, Err(SecureError::HungUp(_))));
        // Packet after packet without an end.
        let endless: &'static [u8] = Box::leak([4, 0, 4, 0].repeat(6000).into_boxed_slice());
        assert!(matches!(answered(endless).await, Err(SecureError::NotTds)));
    }
}
