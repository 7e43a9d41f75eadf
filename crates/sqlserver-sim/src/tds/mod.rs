//! The wire: TDS 7.4 (and TDS 8.0 strict) as a server speaks it, and the SQL Browser's datagrams.
//!
//! Bytes become requests for a [`Session`](crate::server_api::Session), [`Item`](crate::protocol::Item)s become bytes. Everything but
//! `connection` and `ssrp` is free of I/O. No T-SQL, no catalog and no rules of SQL Server may live here.

mod answer;
mod channel;
mod connection;
mod conversation;
pub(crate) mod fuzzing;
mod identity;
mod login7;
mod packet;
mod prelogin;
mod reader;
mod requests;
mod rpc;
mod ssrp;
mod tokens;
mod types;

#[cfg(test)]
mod tests;

pub use connection::serve_connection;
pub use ssrp::{BrowserEntry, serve_browser};
