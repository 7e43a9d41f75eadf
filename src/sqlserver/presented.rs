//! What certificate the server presented, read from the bytes as they pass, so that a refused one can be named.
//!
//! The driver tells only that verification failed. Up to TLS 1.2 the certificate crosses in the clear; later it does not,
//! and then nothing is known. Nothing here decides anything: verification is the driver's alone.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::domain::certificate::subject_of;

/// Far more than a server's first flight; what follows is not looked at.
const KEPT: usize = 32 * 1024;
const TDS_HEAD: usize = 8;
const TDS_REPLY: u8 = 0x04;
const TDS_PRELOGIN: u8 = 0x12;
const TLS_HEAD: usize = 5;
const TLS_HANDSHAKE: u8 = 22;
const HANDSHAKE_HEAD: usize = 4;
const HANDSHAKE_CERTIFICATE: u8 = 11;

/// The first bytes a server sent; shared by the stream that reads them and whoever asks afterwards.
#[derive(Debug, Clone, Default)]
pub(super) struct FirstBytes(Arc<Mutex<Option<Vec<u8>>>>);

impl FirstBytes {
    pub(super) fn watching() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    /// Stops keeping, for the rest of the connection's life.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn keep(&self, bytes: &[u8]) {
        if let Some(kept) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
        {
            let room = KEPT.saturating_sub(kept.len()).min(bytes.len());
            kept.extend_from_slice(&bytes[..room]);
        }
    }

    /// The subject of the server's certificate, if it was to be seen.
    pub(super) fn subject(&self) -> Option<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        subject(kept.as_deref()?)
    }
}

fn subject(bytes: &[u8]) -> Option<String> {
    let handshake = handshake(&tls(bytes)?);
    let message = messages(&handshake)
        .into_iter()
        .find(|(kind, _)| *kind == HANDSHAKE_CERTIFICATE)?
        .1;
    // Three bytes of length for the list, three for its first member.
    let first = message.get(6..6 + length24(message.get(3..6)?)?)?;
    subject_of(first).map(|subject| super::decode::field::storable(&subject))
}

/// The TLS bytes alone. In TDS 7.4 they travel inside PRELOGIN packets; in TDS 8 they are all there is.
fn tls(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.first() == Some(&TLS_HANDSHAKE) {
        return Some(bytes.to_vec());
    }
    let mut rest = bytes;
    let mut inside = Vec::new();
    // The first packet answers PRELOGIN itself.
    let mut answered = false;
    while let Some(head) = rest.get(..TDS_HEAD) {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if !matches!(head[0], TDS_REPLY | TDS_PRELOGIN) || length < TDS_HEAD {
            break;
        }
        let end = length.min(rest.len());
        if answered {
            inside.extend_from_slice(&rest[TDS_HEAD..end]);
        }
        answered = true;
        rest = &rest[end..];
    }
    (!inside.is_empty()).then_some(inside)
}

fn handshake(tls: &[u8]) -> Vec<u8> {
    let mut rest = tls;
    let mut inside = Vec::new();
    while let Some(head) = rest.get(..TLS_HEAD)
        && head[0] == TLS_HANDSHAKE
    {
        let end = (TLS_HEAD + usize::from(u16::from_be_bytes([head[3], head[4]]))).min(rest.len());
        inside.extend_from_slice(&rest[TLS_HEAD..end]);
        rest = &rest[end..];
    }
    inside
}

fn messages(handshake: &[u8]) -> Vec<(u8, &[u8])> {
    let mut rest = handshake;
    let mut found = Vec::new();
    while let Some(head) = rest.get(..HANDSHAKE_HEAD)
        && let Some(length) = length24(&head[1..])
        && let Some(body) = rest.get(HANDSHAKE_HEAD..HANDSHAKE_HEAD + length)
    {
        found.push((head[0], body));
        rest = &rest[HANDSHAKE_HEAD + length..];
    }
    found
}

fn length24(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [a, b, c] => Some(usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c)),
        _ => None,
    }
}

/// A stream that lets [`FirstBytes`] see what is read.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub inner: S,
    pub first: FirstBytes,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        self.first.keep(&buffer.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate_message() -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["host-a".into()]).unwrap();
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, "SSL_Self_Signed_Fallback");
        let der = parameters.self_signed(&key).unwrap().der().to_vec();
        let list = [&length(der.len())[..], &der].concat();
        let body = [&length(list.len())[..], &list].concat();
        [&[HANDSHAKE_CERTIFICATE][..], &length(body.len()), &body].concat()
    }

    fn length(n: usize) -> [u8; 3] {
        let bytes = u32::try_from(n).unwrap().to_be_bytes();
        [bytes[1], bytes[2], bytes[3]]
    }

    fn record(body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[TLS_HANDSHAKE, 3, 3][..], &length, body].concat()
    }

    fn packet(body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len() + TDS_HEAD).unwrap().to_be_bytes();
        [&[TDS_REPLY, 1][..], &length, &[0, 0, 0, 0], body].concat()
    }

    #[test]
    fn the_subject_is_read_through_both_wrappings_however_cut() {
        let hello = [2, 0, 0, 1, 9];
        let flight = [&hello[..], &certificate_message()].concat();
        let (one, two) = flight.split_at(40);
        let strict = [record(one), record(two)].concat();
        let found = subject(&strict);
        assert!(
            found
                .as_deref()
                .is_some_and(|s| s.contains("SSL_Self_Signed_Fallback")),
            "{found:?}"
        );
        let wrapped: Vec<u8> = std::iter::once(packet(&[0xff]))
            .chain(strict.chunks(300).map(packet))
            .flatten()
            .collect();
        assert_eq!(subject(&wrapped), found);
    }

    #[test]
    fn anything_else_is_simply_not_seen() {
        for bytes in [
            &b""[..],
            &[4],
            &[4, 1, 0, 0, 0, 0, 0, 0],
            &[22, 3, 3, 255, 255, 11],
            b"HTTP/1.1 400",
        ] {
            assert_eq!(subject(bytes), None);
        }
    }
}
