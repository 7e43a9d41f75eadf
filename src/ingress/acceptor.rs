//! What happens to a connection between accept and its first byte.

use std::future::{Ready, ready};
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;
use tower_service::Service;

use super::doors::{Doors, Place};
use super::seldom::Seldom;

/// What somebody reads for whom there is no place. It is tried once: whoever is here to do harm will not read it.
const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Counts connections, and bounds how long one takes nothing of what is sent to it.
#[derive(Debug, Clone)]
pub(super) struct Acceptor {
    doors: Doors,
    taken_within: Duration,
    refused: Arc<Seldom>,
}

/// A connection's service, and its place for as long as anybody answers on it.
#[derive(Debug, Clone)]
pub(super) struct Placed<S> {
    service: S,
    _place: Arc<Place>,
}

impl Acceptor {
    pub(super) fn new(doors: Doors, taken_within: Duration) -> Self {
        Self {
            doors,
            taken_within,
            refused: Arc::default(),
        }
    }

    fn admit(&self, stream: TcpStream) -> io::Result<(Pin<Box<TimeoutStream<TcpStream>>>, Place)> {
        let peer = stream.peer_addr()?;
        let place = match self.doors.enter(peer.ip()) {
            Ok(place) => place,
            Err(full) => {
                if let Some(times) = self.refused.now() {
                    tracing::warn!(%peer, times, "connection turned away: {full}");
                }
                // Not by the runtime, which has yet to hear that it can be written to.
                let _most_likely_unread = stream.into_std()?.write(TURNED_AWAY);
                return Err(io::Error::new(io::ErrorKind::ConnectionRefused, full));
            }
        };
        // Events are small and go one by one.
        stream.set_nodelay(true)?;
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.taken_within));
        Ok((Box::pin(stream), place))
    }
}

impl<S> Accept<TcpStream, S> for Acceptor {
    type Stream = Pin<Box<TimeoutStream<TcpStream>>>;
    type Service = Placed<S>;
    type Future = Ready<io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(self.admit(stream).map(|(stream, place)| {
            let service = Placed {
                service,
                _place: Arc::new(place),
            };
            (stream, service)
        }))
    }
}

impl<S: Service<R>, R> Service<R> for Placed<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.service.call(request)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::ingress::Limits;

    async fn connected(listener: &TcpListener) -> (TcpStream, TcpStream) {
        let address = listener.local_addr().unwrap();
        let (ours, theirs) = tokio::join!(listener.accept(), TcpStream::connect(address));
        (ours.unwrap().0, theirs.unwrap())
    }

    #[tokio::test]
    async fn who_takes_nothing_of_an_answer_loses_the_connection_and_the_next_gets_the_place() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let limits = Limits {
            connections: 1,
            per_address: 1,
        };
        let acceptor = Acceptor::new(Doors::new(limits), Duration::from_millis(200));
        let (ours, reads_nothing) = connected(&listener).await;
        let (mut stream, place) = acceptor.admit(ours).unwrap();
        let (ours, mut other) = connected(&listener).await;
        assert!(acceptor.admit(ours).is_err());
        let mut said = String::new();
        other.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
        let answer = vec![0; 64 * 1024 * 1024];
        let written = stream.write_all(&answer).await.unwrap_err();
        assert_eq!(written.kind(), io::ErrorKind::TimedOut);
        drop((stream, place, reads_nothing));
        let (ours, _theirs) = connected(&listener).await;
        assert!(acceptor.admit(ours).is_ok());
    }
}
