//! Why a private cluster does not run. Each message says what was found and what to do.

use std::path::{Path, PathBuf};

/// See the messages.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(
        "no PostgreSQL server binaries are usable ({looked}); install them (Debian: apt-get install postgresql), name their directory in MIRRORGATE_PG_BINDIR, or give a DATABASE_URL"
    )]
    NoBinaries { looked: String },
    #[error(
        "the data in {} was made by PostgreSQL {data}, but the server binaries found are of {found}; install PostgreSQL {data}, or move the data with pg_upgrade or pg_dump", dir.display()
    )]
    OtherMajor {
        dir: PathBuf,
        data: String,
        found: String,
    },
    #[error("another mirrorgate uses {}; stop it, or choose another data directory", dir.display())]
    InUse { dir: PathBuf },
    #[error(
        "account {account} cannot enter {}, which is on the way to the data directory; PostgreSQL does not run as root, so choose a data directory elsewhere, such as /var/lib/mirrorgate", dir.display()
    )]
    Unreachable { account: String, dir: PathBuf },
    #[error(
        "mirrorgate runs as root, as which PostgreSQL refuses to run, and there is neither an account postgres nor nobody to run it as"
    )]
    NoAccount,
    #[error("{program} failed: {said}")]
    Program { program: String, said: String },
    #[error("PostgreSQL ended while it was starting; its log {} ends with: {said}", log.display())]
    Died { log: PathBuf, said: String },
    #[error("the private PostgreSQL ended although nobody told it to, and this process ends with it; its log {} ends with: {said}", log.display())]
    Gone { log: PathBuf, said: String },
    #[error("PostgreSQL did not answer within {seconds} s; see its log {}", log.display())]
    Silent { log: PathBuf, seconds: u64 },
    #[error(
        "PostgreSQL did not stop within {seconds} s and was killed; it will recover at the next start"
    )]
    WouldNotStop { seconds: u64 },
    #[error("the database in the private cluster cannot be made")]
    Database(#[source] sqlx::Error),
    #[error("{} cannot be used", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl ClusterError {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}
