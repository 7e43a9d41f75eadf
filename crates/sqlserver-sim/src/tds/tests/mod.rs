//! The wire against a real client, against hand-made bytes and against nonsense.
//!
//! The server behind it is scripted: these are tests of the protocol, the engine has its own.

mod browser;
mod client;
mod garbage;
mod raw;
mod scripted;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::server_api::Server;
use crate::tds::serve_connection;

/// Serves every connection until `shutdown`; open ones are then cut off.
async fn serve<S: Server>(server: Arc<S>, listener: TcpListener, shutdown: CancellationToken) {
    let mut connections = JoinSet::new();
    let accepting = async {
        while let Ok((stream, _)) = listener.accept().await {
            let server = Arc::clone(&server);
            connections.spawn(async move { serve_connection(&*server, stream).await });
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = accepting => {}
    }
}
