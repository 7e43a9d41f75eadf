//! The directory a private cluster lives in: its data, its socket, its log, and the lock that keeps a second mirrorgate out.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::account::Account;
use super::binaries::Binaries;
use super::{ClusterError, absolute};

/// The longest path of a socket that every system takes, with room for `/.s.PGSQL.5432.lock`.
const LONGEST_SOCKET_DIR: usize = 80;
/// A log that has grown beyond this is put aside at the next start.
const LOG_BYTES: u64 = 10 * 1024 * 1024;

/// The directory, ours alone while this lives.
pub(super) struct Home {
    pub dir: PathBuf,
    /// Released by the system however the process ends, so it is never stale.
    _lock: File,
}

impl Home {
    /// Makes the directory where it is missing, and takes the lock on it.
    pub(super) fn open(dir: &Path) -> Result<Self, ClusterError> {
        let dir = absolute(dir)?;
        fs::create_dir_all(&dir).map_err(|source| ClusterError::io(&dir, source))?;
        // In spite of everything below it being private already: the log shows statements.
        fs::set_permissions(&dir, Permissions::from_mode(0o700))
            .map_err(|source| ClusterError::io(&dir, source))?;
        let path = dir.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|source| ClusterError::io(&path, source))?;
        // Whoever can open it can hold it.
        lock.set_permissions(Permissions::from_mode(0o600))
            .map_err(|source| ClusterError::io(&path, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(ClusterError::InUse { dir }),
            Err(TryLockError::Error(source)) => Err(ClusterError::io(&path, source)),
        }
    }

    /// PostgreSQL's own data directory.
    pub(super) fn cluster(&self) -> PathBuf {
        self.dir.join("cluster")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }

    pub(super) fn give_to(&self, account: &Account) -> Result<(), ClusterError> {
        if let Account::Other { .. } = account {
            // Root's own, and only passed through by the other account: in a directory of that account's, a link in the
            // place of the log or the socket would make root write where the account may not.
            std::os::unix::fs::chown(&self.dir, Some(0), Some(0))
                .and_then(|()| fs::set_permissions(&self.dir, Permissions::from_mode(0o711)))
                .map_err(|source| ClusterError::io(&self.dir, source))?;
        }
        account.check_way_to(&self.dir)
    }

    /// The major version the data was made by; absent before the first start.
    pub(super) fn version(&self) -> Result<Option<String>, ClusterError> {
        let path = self.cluster().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ClusterError::io(&path, source)),
        }
    }

    /// Makes the data. It gets its name only when it is whole: an `initdb` that is cut short leaves nothing to stumble over.
    pub(super) async fn fill(
        &self,
        binaries: &Binaries,
        account: &Account,
    ) -> Result<(), ClusterError> {
        let unfinished = self.dir.join("cluster.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)
                .map_err(|source| ClusterError::io(&unfinished, source))?;
        }
        DirBuilder::new()
            .mode(0o700)
            .create(&unfinished)
            .map_err(|source| ClusterError::io(&unfinished, source))?;
        account.own(&unfinished)?;
        let mut initdb = account.command(&binaries.program("initdb"));
        initdb.arg("--pgdata").arg(&unfinished).args([
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--data-checksums",
            // Only who can enter the socket's directory can connect: the server's account and root.
            "--auth-local=trust",
            "--auth-host=reject",
        ]);
        run("initdb", initdb).await?;
        fs::rename(&unfinished, self.cluster())
            .map_err(|source| ClusterError::io(&unfinished, source))
    }

    /// Stops the server that a killed mirrorgate left behind. Holding the lock, nobody else can be using it.
    pub(super) async fn stop_orphan(
        &self,
        binaries: &Binaries,
        account: &Account,
    ) -> Result<(), ClusterError> {
        let path = self.cluster().join("postmaster.pid");
        let Ok(text) = fs::read_to_string(&path) else {
            return Ok(());
        };
        let pid: Option<u32> = text
            .lines()
            .next()
            .and_then(|line| line.trim().parse().ok());
        match pid.and_then(command_line) {
            Some(line) if line.contains(&*self.cluster().to_string_lossy()) => {
                tracing::warn!(
                    "stopping the PostgreSQL that an earlier mirrorgate left running in {}",
                    self.dir.display()
                );
                let mut stop = account.command(&binaries.program("pg_ctl"));
                stop.args(["stop", "--mode=fast", "--wait", "--timeout=60", "--pgdata"]);
                stop.arg(self.cluster());
                run("pg_ctl stop", stop).await
            }
            // The number is somebody else's by now (usual in containers); PostgreSQL would take that for a running server.
            Some(_) => fs::remove_file(&path).map_err(|source| ClusterError::io(&path, source)),
            // Nobody has the number: PostgreSQL clears that up itself, and looks for leftovers first.
            None => Ok(()),
        }
    }

    /// A private directory for the socket: here, or where paths are short.
    pub(super) fn socket_dir(&self, account: &Account) -> Result<PathBuf, ClusterError> {
        let here = self.dir.join("run");
        let dir = if here.as_os_str().len() <= LONGEST_SOCKET_DIR {
            here
        } else {
            std::env::temp_dir().join(format!("mirrorgate-{}", std::process::id()))
        };
        if dir.exists() {
            // What is left there by an earlier run; in a shared directory it might also be somebody's trap.
            fs::remove_dir_all(&dir).map_err(|source| ClusterError::io(&dir, source))?;
        }
        DirBuilder::new()
            .mode(0o700)
            .create(&dir)
            .map_err(|source| ClusterError::io(&dir, source))?;
        account.own(&dir)?;
        Ok(dir)
    }

    /// The log, opened to be written on.
    pub(super) fn open_log(&self) -> Result<File, ClusterError> {
        let path = self.log();
        let failed = |source| ClusterError::io(&path, source);
        if fs::metadata(&path).is_ok_and(|about| about.len() > LOG_BYTES) {
            fs::rename(&path, self.dir.join("postgres.log.1")).map_err(failed)?;
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(failed)?;
        // It shows statements.
        log.set_permissions(Permissions::from_mode(0o600))
            .map_err(failed)?;
        Ok(log)
    }
}

/// What a process was started with; absent when there is no such process.
fn command_line(pid: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
}

/// Runs a program to its end, and says what it said when it fails.
pub(super) async fn run(program: &str, command: std::process::Command) -> Result<(), ClusterError> {
    let failed = |said: String| ClusterError::Program {
        program: program.to_owned(),
        said,
    };
    let output = Command::from(command)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|e| failed(e.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(failed(if said.is_empty() {
        output.status.to_string()
    } else {
        said
    }))
}
