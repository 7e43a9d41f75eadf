//! What the TDS side asks of whoever executes: the border between `tds` and `engine`, seen from the wire.
//!
//! `tds` knows only these traits, so its framing can be tested without an engine. No bytes and no T-SQL live here.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::protocol::{Item, LoginRequest, RpcRequest, Value};

/// Where a running request sends what it produces. Bounded: a slow client slows the engine, memory stays small.
pub type Reply = mpsc::Sender<Item>;

/// What the server answers to PRELOGIN's ENCRYPTION option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// Takes whatever the client asks for.
    #[default]
    Optional,
    /// Force Encryption is on.
    Required,
    /// A server without TLS; for tests only, no real server does this today.
    NotSupported,
    /// TDS 8.0 strict only.
    Strict,
}

/// How a server presents itself before anyone has logged in.
#[derive(Clone)]
pub struct Greeting {
    pub encryption: Encryption,
    /// Major, minor, build, as in 16.0.4135.
    pub version: (u8, u8, u16),
    /// What ERROR and INFO tokens carry as server name.
    pub server_name: String,
    /// Instance name that INSTOPT must match; `None` for a default instance, which accepts any.
    pub instance_name: Option<String>,
    /// In-band TLS (TLS 1.2 at most) and strict TLS use the same certificate.
    pub tls: Arc<TlsIdentity>,
    /// Attention is answered in one message instead of two.
    pub attention_in_one_message: bool,
}

/// The certificate chain and key a server shows to TDS clients.
pub struct TlsIdentity {
    /// The server's own certificate, in DER.
    pub certificate: Vec<u8>,
    /// The answer to a ClientHello in the place of a handshake, after which the connection ends.
    pub instead: Option<Vec<u8>>,
    pub in_band: Arc<rustls::ServerConfig>,
    pub strict: Arc<rustls::ServerConfig>,
}

/// A server that sessions can be opened on.
pub trait Server: Send + Sync + 'static {
    type Session: Session;

    fn greeting(&self) -> Greeting;

    /// Called once for every complete request message (log-in, batch, RPC, transaction request), for the counters.
    fn count_round_trip(&self, bytes: usize);

    /// Opens a session. The items of `Ok` are what comes before LOGINACK's DONE (database, language, 5701, 5703 are the
    /// engine's to say); the items of `Err` are the errors to send before the connection is closed.
    fn log_in(
        &self,
        request: LoginRequest,
    ) -> impl Future<Output = Result<(Self::Session, Vec<Item>), Vec<Item>>> + Send;
}

/// One log-in's session.
///
/// Dropping the future of a running request is how attention cancels it; the session must stay usable afterwards.
pub trait Session: Send + 'static {
    fn spid(&self) -> u16;

    fn batch(&mut self, text: String, reply: Reply) -> impl Future<Output = ()> + Send;

    /// Sends the items of the call, and returns the return status and the output parameters (name, value) in order.
    fn rpc(&mut self, request: RpcRequest, reply: Reply)
    -> impl Future<Output = RpcOutcome> + Send;

    fn transaction(
        &mut self,
        request: TransactionRequest,
        reply: Reply,
    ) -> impl Future<Output = ()> + Send;

    /// RESETCONNECTION: rolls back, forgets SET options, prepared handles and the current database.
    fn reset(&mut self);

    /// The request was cancelled by attention: under XACT_ABORT the transaction is rolled back.
    fn cancelled(&mut self);
}

/// How a remote procedure call ended.
#[derive(Debug, Clone, Default)]
pub struct RpcOutcome {
    pub return_status: i32,
    pub outputs: Vec<(String, Value)>,
}

/// A transaction-manager request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionRequest {
    Begin,
    /// `then_begin`: fBeginXact, begin again at once.
    Commit {
        then_begin: bool,
    },
    Rollback {
        then_begin: bool,
    },
}
