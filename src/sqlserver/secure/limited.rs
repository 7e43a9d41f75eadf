//! A stream that reads no more than it may: little before the log-in, and so much for each answer. What a server that
//! is none says has an end before the driver makes a value of it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// PRELOGIN, a chain of large certificates, the log-in's answer: some 20 kB.
const BEFORE_LOG_IN: usize = 256 * 1024;

/// What may still be read.
#[derive(Debug, Clone)]
pub(in crate::sqlserver) struct Budget(Arc<AtomicUsize>);

impl Budget {
    /// From now on so many bytes.
    pub fn set(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// It has come to its end: whatever the driver makes of that, the server said too much.
    pub fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// The error of whoever read too much; no other has this kind.
pub(in crate::sqlserver) const TOO_MUCH: io::ErrorKind = io::ErrorKind::QuotaExceeded;

#[derive(Debug)]
pub(in crate::sqlserver) struct Limited<S> {
    inner: S,
    budget: Budget,
}

impl<S> Limited<S> {
    pub fn new(inner: S) -> (Self, Budget) {
        let budget = Budget(Arc::new(AtomicUsize::new(BEFORE_LOG_IN)));
        let limited = Self {
            inner,
            budget: budget.clone(),
        };
        (limited, budget)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Limited<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.budget.0.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::Error::new(TOO_MUCH, "the server said too much")));
        }
        let most = left.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buffer.advance(read);
        self.budget.0.store(left - read, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Limited<S> {
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn reading_ends_where_the_budget_does() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let (mut stream, budget) = Limited::new(ours);
        theirs.write_all(b"0123456789").await.unwrap();
        budget.set(4);
        let mut all = Vec::new();
        let error = stream.read_to_end(&mut all).await.unwrap_err();
        assert_eq!((error.kind(), all.as_slice()), (TOO_MUCH, &b"0123"[..]));
        budget.set(3);
        let mut next = [0; 3];
        stream.read_exact(&mut next).await.unwrap();
        assert_eq!(&next, b"456");
    }
}
