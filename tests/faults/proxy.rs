//! A TCP proxy that hurts the connections it carries: cut, reset, half-closed, sliced, or black-holed after so many bytes.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// Where the proxy leads.
#[derive(Debug, Clone)]
pub enum Upstream {
    Tcp(u16),
    Unix(PathBuf),
}

/// What happens to a connection once it has answered so many bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Harm {
    /// Both directions end in order.
    Cut(usize),
    /// The client gets a RST.
    Reset(usize),
    /// The answer ends; the request's direction stays open.
    HalfClose(usize),
    /// Both ends stay open and nothing passes any more.
    BlackHole(usize),
    /// Nothing is lost, but the answer arrives in pieces of this size.
    Slices(usize),
}

#[derive(Debug, Default)]
struct State {
    next: Mutex<VecDeque<Harm>>,
    accepted: AtomicUsize,
    /// Bytes answered on the connection accepted last.
    answered: AtomicUsize,
}

/// What all connections that exist are told.
#[derive(Debug, Clone, Copy, Default)]
struct Orders {
    frozen: usize,
    cut: usize,
}

/// A running proxy; it ends with the test.
pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
    orders: watch::Sender<Orders>,
}

impl Proxy {
    pub async fn to(upstream: Upstream) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State::default());
        let orders = watch::Sender::new(Orders::default());
        let (shared, told) = (Arc::clone(&state), orders.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let harm = shared.next.lock().unwrap().pop_front();
                shared.accepted.fetch_add(1, Ordering::Relaxed);
                shared.answered.store(0, Ordering::Relaxed);
                let (state, told, upstream) =
                    (Arc::clone(&shared), told.subscribe(), upstream.clone());
                tokio::spawn(async move { carry(client, &upstream, harm, told, &state).await });
            }
        });
        Self {
            port,
            state,
            orders,
        }
    }

    /// The next connection is hurt so; those after it, in the order of the calls.
    pub fn hurt_next(&self, harm: Harm) {
        self.state.next.lock().unwrap().push_back(harm);
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::Relaxed)
    }

    /// Bytes answered on the newest connection.
    pub fn answered(&self) -> usize {
        self.state.answered.load(Ordering::Relaxed)
    }

    /// Whether every harm has found its connection.
    pub fn is_spent(&self) -> bool {
        self.state.next.lock().unwrap().is_empty()
    }

    /// Nothing passes on the existing connections any more; no end is told.
    pub fn freeze(&self) {
        self.orders
            .send_modify(|orders| orders.frozen = self.accepted());
    }

    /// Ends the existing connections.
    pub fn cut(&self) {
        self.orders
            .send_modify(|orders| orders.cut = self.accepted());
    }
}

async fn carry(
    client: TcpStream,
    upstream: &Upstream,
    harm: Option<Harm>,
    told: watch::Receiver<Orders>,
    state: &State,
) {
    let number = state.accepted.load(Ordering::Relaxed);
    let _ = client.set_nodelay(true);
    match upstream {
        Upstream::Tcp(port) => {
            if let Ok(server) = TcpStream::connect(("127.0.0.1", *port)).await {
                let _ = server.set_nodelay(true);
                join(client, server, harm, number, told, state).await;
            }
        }
        Upstream::Unix(path) => {
            if let Ok(server) = UnixStream::connect(path).await {
                join(client, server, harm, number, told, state).await;
            }
        }
    }
}

/// How a connection ends.
enum End {
    Cut,
    Reset,
    HalfClosed,
    BlackHole,
}

async fn join<S: AsyncRead + AsyncWrite>(
    client: TcpStream,
    server: S,
    harm: Option<Harm>,
    number: usize,
    mut told: watch::Receiver<Orders>,
    state: &State,
) {
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let end = {
        let requests = async {
            let _ended = tokio::io::copy(&mut from_client, &mut to_server).await;
            let _ = to_server.shutdown().await;
            std::future::pending::<()>().await;
        };
        let order = told.wait_for(|orders| orders.frozen >= number || orders.cut >= number);
        tokio::select! {
            order = order => match order {
                Ok(orders) if orders.cut < number => End::BlackHole,
                _ => End::Cut,
            },
            end = answer(&mut from_server, &mut to_client, harm, state) => end,
            () = requests => End::Cut,
        }
    };
    match end {
        End::Cut => {}
        End::Reset => {
            let _ = from_client.unsplit(to_client).set_zero_linger();
        }
        End::HalfClosed => {
            let _ = to_client.shutdown().await;
            let _ended = tokio::io::copy(&mut from_client, &mut to_server).await;
        }
        // Both ends stay open for as long as the proxy is there.
        End::BlackHole => std::future::pending().await,
    }
}

/// Carries the answer up to its harm, or to its own end.
async fn answer<R, W>(from: &mut R, to: &mut W, harm: Option<Harm>, state: &State) -> End
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (limit, piece, end) = match harm {
        Some(Harm::Cut(n)) => (n, 8192, End::Cut),
        Some(Harm::Reset(n)) => (n, 8192, End::Reset),
        Some(Harm::HalfClose(n)) => (n, 8192, End::HalfClosed),
        Some(Harm::BlackHole(n)) => (n, 8192, End::BlackHole),
        Some(Harm::Slices(size)) => (usize::MAX, size, End::Cut),
        None => (usize::MAX, 8192, End::Cut),
    };
    let mut buffer = vec![0; 8192];
    let mut passed = 0;
    while passed < limit {
        let most = piece.min(limit - passed);
        let Ok(count @ 1..) = from.read(&mut buffer[..most]).await else {
            return End::Cut;
        };
        if to.write_all(&buffer[..count]).await.is_err() || to.flush().await.is_err() {
            return End::Cut;
        }
        passed += count;
        state.answered.fetch_add(count, Ordering::Relaxed);
    }
    end
}
