//! The stream the driver talks over. Its PRELOGIN goes nowhere: the server has had ours, and the driver is answered
//! from that.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::prelogin::{self, HEAD};

#[derive(Debug)]
pub(in crate::sqlserver) struct DriverStream<S> {
    inner: S,
    /// What the driver has written of its PRELOGIN; `None` once that is whole.
    heard: Option<Vec<u8>>,
    answer: Vec<u8>,
    answered: usize,
}

impl<S> DriverStream<S> {
    pub fn new(inner: S, version: [u8; 6]) -> Self {
        Self {
            inner,
            heard: Some(Vec::new()),
            answer: prelogin::for_the_driver(version),
            answered: 0,
        }
    }
}

/// The length of the packet that begins here, as it says of itself.
fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.get(..HEAD)?;
    Some(usize::from(u16::from_be_bytes([head[2], head[3]])).max(HEAD))
}

impl<S: AsyncRead + Unpin> AsyncRead for DriverStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.heard.is_none() && this.answered < this.answer.len() {
            let rest = &this.answer[this.answered..];
            let part = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..part]);
            this.answered += part;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for DriverStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let Some(heard) = &mut this.heard else {
            return Pin::new(&mut this.inner).poll_write(cx, bytes);
        };
        // Byte by byte: it is small, and nothing behind it may be lost.
        let mut taken = 0;
        for byte in bytes {
            heard.push(*byte);
            taken += 1;
            if length(heard).is_some_and(|length| heard.len() >= length) {
                this.heard = None;
                break;
            }
        }
        Poll::Ready(Ok(taken))
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn its_prelogin_is_swallowed_and_what_follows_is_not() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut stream = DriverStream::new(ours, [16, 0, 0, 0, 0, 0]);
        let mut said = prelogin::packets(&[1, 2, 3]);
        said.extend_from_slice(b"LOGIN7");
        for byte in said.chunks(2) {
            stream.write_all(byte).await.unwrap();
        }
        let mut heard = [0; 6];
        theirs.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"LOGIN7");
        theirs.write_all(b"answer").await.unwrap();
        drop(theirs);
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all[0], prelogin::REPLY);
        assert!(all.ends_with(b"answer"));
    }
}
