//! A private PostgreSQL cluster in the data directory, for when no `DATABASE_URL` is given.
//!
//! It runs as a child of this process, from the server binaries installed on the machine, listens on a Unix socket only,
//! and keeps its data between runs (so fsync stays on). Nothing here knows what is stored in it.

mod account;
mod binaries;
mod error;
mod home;
mod server;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use error::ClusterError;

use account::Account;
use binaries::{Binaries, Sources};
use home::Home;
use server::Server;

/// The database in the cluster; the cluster's superuser is `postgres`.
const DATABASE: &str = "mirrorgate";

/// A running private cluster. [`Cluster::stop`] ends it; one that is dropped is told to stop, without waiting for it.
pub struct Cluster {
    server: Server,
    url: String,
    description: String,
    /// Held last: while it is, no other process uses this directory.
    home: Home,
}

impl Cluster {
    /// Starts the cluster in `data_dir`, made at the first start, and returns when it answers.
    ///
    /// A server that an earlier process left behind (killed, not stopped) is stopped first; so is its lock file dealt with.
    ///
    /// # Errors
    /// When no server binaries are found, when they are of another major version than the data, when another mirrorgate
    /// uses the directory, or when the server does not come up: each says what to do.
    pub async fn start(data_dir: &Path) -> Result<Self, ClusterError> {
        Self::start_from(data_dir, &Sources::of_this_machine()).await
    }

    async fn start_from(data_dir: &Path, sources: &Sources) -> Result<Self, ClusterError> {
        let home = Home::open(data_dir)?;
        let account = Account::for_server(&home.cluster())?;
        home.give_to(&account)?;
        let binaries = Binaries::find(sources, &account, &home)?;
        home.stop_orphan(&binaries, &account).await?;
        if home.version()?.is_none() {
            home.fill(&binaries, &account).await?;
        }
        let socket_dir = home.socket_dir(&account)?;
        let server = Server::start(&home, &binaries, &account, &socket_dir).await?;
        Ok(Self {
            url: url(&socket_dir, DATABASE),
            description: describe(&home, &binaries, &account),
            server,
            home,
        })
    }

    /// Where to connect, in the form of a `DATABASE_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// One line for the log: which PostgreSQL, where, as whom.
    #[must_use]
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// Returns when it has ended although nobody told it to, with what its log says last.
    pub async fn ended(&mut self) -> ClusterError {
        self.server.ended(&self.home.log()).await
    }

    /// Stops it and waits until it is down: open connections are cut, everything committed is kept.
    ///
    /// # Errors
    /// When it cannot be told to stop, or is still there after a minute.
    pub async fn stop(mut self) -> Result<(), ClusterError> {
        self.server.stop().await
    }
}

fn describe(home: &Home, binaries: &Binaries, account: &Account) -> String {
    format!(
        "private PostgreSQL {} ({}) in {}, on a Unix socket only, running as {}",
        binaries.version,
        binaries.dir.display(),
        home.dir.display(),
        account
    )
}

/// The socket directory travels as a parameter, because a path cannot stand where a URL has its host.
fn url(socket_dir: &Path, database: &str) -> String {
    let mut encoded = String::new();
    for byte in socket_dir.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            encoded.push(char::from(*byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("postgres://postgres@localhost/{database}?host={encoded}")
}

/// A path as it stands, or relative to where the process was started: the server runs in another directory.
fn absolute(path: &Path) -> Result<PathBuf, ClusterError> {
    std::path::absolute(path).map_err(|source| ClusterError::io(path, source))
}
