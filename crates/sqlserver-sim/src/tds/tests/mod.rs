//! The wire against a real client, against hand-made bytes and against nonsense.
//!
//! The server behind it is scripted: these are tests of the protocol, the engine has its own.

mod browser;
mod client;
mod garbage;
mod raw;
mod scripted;
