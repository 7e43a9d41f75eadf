//! TLS as TDS 7.4 has it: the handshake's bytes travel inside PRELOGIN packets, and bare from then on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::prelogin::{HEAD, PRELOGIN, REPLY, packets};

#[derive(Debug)]
pub(in crate::sqlserver) struct Wrapping<S> {
    inner: S,
    wraps: bool,
    heard: bool,
    /// Written by TLS and not yet put into packets.
    outgoing: Vec<u8>,
    /// Packets under way, and how much of them is sent.
    sending: (Vec<u8>, usize),
    head: [u8; HEAD],
    head_filled: usize,
    /// Bytes of the packet being read that are still to come.
    packet_left: usize,
}

impl<S> Wrapping<S> {
    pub fn in_prelogin(inner: S) -> Self {
        Self {
            inner,
            wraps: true,
            heard: false,
            outgoing: Vec::new(),
            sending: (Vec::new(), 0),
            head: [0; HEAD],
            head_filled: 0,
            packet_left: 0,
        }
    }

    /// TLS from the first byte.
    pub fn bare(inner: S) -> Self {
        Self {
            wraps: false,
            ..Self::in_prelogin(inner)
        }
    }

    /// The handshake is over.
    pub fn unwrap_from_now_on(&mut self) {
        self.wraps = false;
    }

    /// Whether the server has said anything at all.
    pub fn was_heard(&self) -> bool {
        self.heard
    }
}

impl<S: AsyncRead + Unpin> Wrapping<S> {
    /// Ready with false at the end of the stream.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.head_filled < HEAD {
            let mut rest = ReadBuf::new(&mut self.head[self.head_filled..]);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut rest))?;
            match rest.filled().len() {
                0 => return Poll::Ready(Ok(false)),
                read => self.head_filled += read,
            }
        }
        let [kind, _, high, low, ..] = self.head;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !matches!(kind, PRELOGIN | REPLY) || length < HEAD {
            let what = "something else than TLS came during the handshake";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, what)));
        }
        self.packet_left = length - HEAD;
        self.head_filled = 0;
        Poll::Ready(Ok(true))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wrapping<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.wraps {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.inner).poll_read(cx, buffer))?;
            this.heard |= buffer.filled().len() > before;
            return Poll::Ready(Ok(()));
        }
        while this.packet_left == 0 {
            if !ready!(this.poll_head(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
        this.heard = true;
        let most = this.packet_left.min(buffer.remaining());
        let room = buffer.initialize_unfilled_to(most);
        let mut part = ReadBuf::new(room);
        ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buffer.advance(read);
        this.packet_left -= read;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wrapping<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.wraps {
            return Pin::new(&mut self.inner).poll_write(cx, bytes);
        }
        self.outgoing.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let (bytes, sent) = &mut this.sending;
            while *sent < bytes.len() {
                match ready!(Pin::new(&mut this.inner).poll_write(cx, &bytes[*sent..]))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => *sent += written,
                }
            }
            if this.outgoing.is_empty() {
                return Pin::new(&mut this.inner).poll_flush(cx);
            }
            this.sending = (packets(&std::mem::take(&mut this.outgoing)), 0);
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
