//! A proxy before PostgreSQL that counts the exchanges of one of a replica's pools, and stops at a chosen one: before the
//! question reaches the server, or after the server has answered it and before the asker knows.
//!
//! So a process can be killed, or its line cut, at every boundary of everything it writes, without a word in its code.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::tcp::ReadHalf;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use super::proxy::Upstream;

/// On which side of the server's work an exchange is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The server never hears of it.
    Before,
    /// The server has done it, and nobody learns of it.
    After,
}

/// What becomes of the connection whose exchange is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stays open and silent, for the process to be killed meanwhile.
    Held,
    Cut,
}

/// Where to stop: the how-manieth exchange from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    pub at: usize,
    pub side: Side,
    pub fate: Fate,
}

struct State {
    /// `application_name` of the connections that are counted.
    counted: &'static [u8],
    stop: Mutex<Option<Stop>>,
    exchanges: AtomicUsize,
    reached: watch::Sender<bool>,
}

impl State {
    /// What is to become of the exchange that begins now.
    fn begin(&self) -> Option<Stop> {
        let number = self.exchanges.fetch_add(1, Ordering::SeqCst) + 1;
        let stop = self.stop.lock().unwrap();
        stop.filter(|stop| stop.at == number)
    }
}

/// A running turnstile; it ends with the test.
pub struct Turnstile {
    pub port: u16,
    state: Arc<State>,
}

impl Turnstile {
    /// Counts the exchanges of connections that call themselves `counted`, and lets the others pass.
    pub async fn before(upstream: Upstream, counted: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State {
            counted: counted.as_bytes(),
            stop: Mutex::new(None),
            exchanges: AtomicUsize::new(0),
            reached: watch::Sender::new(false),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (state, upstream) = (Arc::clone(&shared), upstream.clone());
                tokio::spawn(async move {
                    let _ = client.set_nodelay(true);
                    match upstream {
                        Upstream::Tcp(port) => {
                            if let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await {
                                carry(client, server, &state).await;
                            }
                        }
                        Upstream::Unix(path) => {
                            if let Ok(server) = UnixStream::connect(path).await {
                                carry(client, server, &state).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, state }
    }

    /// Counts anew from here, and stops as told; with `None` nowhere.
    pub fn arm(&self, stop: Option<Stop>) {
        *self.state.stop.lock().unwrap() = stop;
        self.state.exchanges.store(0, Ordering::SeqCst);
        self.state.reached.send_replace(false);
    }

    /// Exchanges since it was armed.
    pub fn exchanges(&self) -> usize {
        self.state.exchanges.load(Ordering::SeqCst)
    }

    pub fn is_reached(&self) -> bool {
        *self.state.reached.borrow()
    }
}

async fn carry<S: AsyncRead + AsyncWrite>(mut client: TcpStream, server: S, state: &State) {
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let Ok(startup) = startup(&mut client).await else {
        return;
    };
    let counted = startup
        .windows(state.counted.len())
        .any(|part| part == state.counted);
    if to_server.write_all(&startup).await.is_err() {
        return;
    }
    let (mut from_client, mut to_client) = client.split();
    let mut answer = Answer::default();
    let mut idle = false;
    let mut withheld = None;
    let (mut asked, mut said) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    loop {
        tokio::select! {
            count = from_client.read(&mut asked) => {
                let Ok(count @ 1..) = count else { return };
                if counted && idle {
                    match state.begin() {
                        Some(stop) if stop.side == Side::Before => return end(stop, state, from_client).await,
                        stop => withheld = stop,
                    }
                }
                idle = false;
                if to_server.write_all(&asked[..count]).await.is_err() {
                    return;
                }
            }
            count = from_server.read(&mut said) => {
                let Ok(count @ 1..) = count else { return };
                idle = answer.is_complete_after(&said[..count]);
                match withheld {
                    Some(stop) if idle => return end(stop, state, from_client).await,
                    Some(_) => {}
                    None if to_client.write_all(&said[..count]).await.is_err() => return,
                    None => {}
                }
            }
        }
    }
}

/// The connection has come to where it is to stop. The server learns of the client's death, as it would without us.
async fn end(stop: Stop, state: &State, mut client: ReadHalf<'_>) {
    state.reached.send_replace(true);
    if stop.fate == Fate::Held {
        let _dead = tokio::io::copy(&mut client, &mut tokio::io::sink()).await;
    }
}

/// The first message, which has a length and no type. TLS is not asked for: the URL says so.
async fn startup(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let length = client.read_u32().await?;
    let mut message = length.to_be_bytes().to_vec();
    message.resize(length as usize, 0);
    client.read_exact(&mut message[4..]).await?;
    Ok(message)
}

/// Follows the server's messages, to know when it has answered and waits for the next question (`ReadyForQuery`).
#[derive(Default)]
struct Answer {
    head: Vec<u8>,
    /// Bytes of the current message that are still to come.
    body: usize,
    ready: bool,
}

impl Answer {
    fn is_complete_after(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            if self.body > 0 {
                let some = self.body.min(bytes.len());
                self.body -= some;
                bytes = &bytes[some..];
                continue;
            }
            let some = (5 - self.head.len()).min(bytes.len());
            self.head.extend_from_slice(&bytes[..some]);
            bytes = &bytes[some..];
            if let [kind, length @ ..] = self.head.as_slice()
                && let Ok(length) = <[u8; 4]>::try_from(length)
            {
                self.ready = *kind == b'Z';
                self.body = u32::from_be_bytes(length) as usize - 4;
                self.head.clear();
            }
        }
        self.ready && self.body == 0 && self.head.is_empty()
    }
}
