//! The network between simulated instances: handshakes of mirroring endpoints, live connections, mirroring sessions.
//!
//! In process only; the one place where one instance looks into another.

pub mod handshake;
pub mod mirroring;
mod partner;
pub mod reconnect;
pub mod refusal;
pub mod transport;
mod verify;
mod witness;
