//! The server process: started as our child, asked until it answers, stopped.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::account::Account;
use super::binaries::Binaries;
use super::home::{Home, run};
use super::{ClusterError, DATABASE, url};

/// How long a start may take; after a crash it goes over what was written since the last checkpoint.
const START: Duration = Duration::from_secs(120);
/// How long a stop may take.
const STOP: Duration = Duration::from_secs(60);
/// Between two questions whether it answers.
const PAUSE: Duration = Duration::from_millis(25);
/// How often a server that ends while starting is started: the processes of a killed one need a moment to notice.
const TRIES: usize = 3;

/// A server that answers.
pub(super) struct Server {
    pub(super) child: Child,
    account: Account,
    pg_ctl: PathBuf,
    /// When it lies outside the home directory, it goes with the server.
    socket_dir: Option<PathBuf>,
}

impl Server {
    pub(super) async fn start(
        home: &Home,
        binaries: &Binaries,
        account: &Account,
        socket_dir: &Path,
    ) -> Result<Self, ClusterError> {
        let deadline = Instant::now() + START;
        for again in (0..TRIES).rev() {
            let mut server = Self {
                child: spawn(home, binaries, account, socket_dir)?,
                account: account.clone(),
                pg_ctl: binaries.program("pg_ctl"),
                socket_dir: (!socket_dir.starts_with(&home.dir)).then(|| socket_dir.to_owned()),
            };
            match server.answers(home, socket_dir, deadline).await {
                Err(ClusterError::Died { .. }) if again > 0 => sleep(Duration::from_secs(1)).await,
                Err(error) => return Err(error),
                Ok(()) => return Ok(server),
            }
        }
        Err(ClusterError::Silent {
            log: home.log(),
            seconds: START.as_secs(),
        })
    }

    async fn answers(
        &mut self,
        home: &Home,
        socket_dir: &Path,
        deadline: Instant,
    ) -> Result<(), ClusterError> {
        let options = PgConnectOptions::from_str(&url(socket_dir, "postgres"))
            .map_err(ClusterError::Database)?
            .disable_statement_logging();
        loop {
            if let Ok(Some(_ended)) = self.child.try_wait() {
                let log = home.log();
                let said = last_lines(&log);
                return Err(ClusterError::Died { log, said });
            }
            if let Ok(mut conn) = PgConnection::connect_with(&options).await {
                make_database(&mut conn)
                    .await
                    .map_err(ClusterError::Database)?;
                return conn.close().await.map_err(ClusterError::Database);
            }
            if Instant::now() > deadline {
                return Err(ClusterError::Silent {
                    log: home.log(),
                    seconds: START.as_secs(),
                });
            }
            sleep(PAUSE).await;
        }
    }

    pub(super) async fn ended(&mut self, log: &Path) -> ClusterError {
        let _status = self.child.wait().await;
        let (log, said) = (log.to_owned(), last_lines(log));
        ClusterError::Gone { log, said }
    }

    /// Cuts connections, writes everything down, ends.
    pub(super) async fn stop(&mut self) -> Result<(), ClusterError> {
        let Some(pid) = self.child.id() else {
            return Ok(());
        };
        run("pg_ctl kill", self.signal("INT", pid)).await?;
        if timeout(STOP, self.child.wait()).await.is_ok() {
            self.clean_up();
            return Ok(());
        }
        run("pg_ctl kill", self.signal("QUIT", pid)).await?;
        if timeout(STOP, self.child.wait()).await.is_err() {
            let _gone = self.child.kill().await;
        }
        Err(ClusterError::WouldNotStop {
            seconds: STOP.as_secs(),
        })
    }

    /// `pg_ctl` sends signals for us: it is there wherever the server is, which cannot be said of `kill`.
    fn signal(&self, signal: &str, pid: u32) -> std::process::Command {
        let mut kill = self.account.command(&self.pg_ctl);
        kill.args(["kill", signal, &pid.to_string()]);
        kill
    }

    fn clean_up(&self) {
        if let Some(dir) = &self.socket_dir {
            // What is left in the temporary directory does no harm; it is removed for tidiness.
            let _left = fs::remove_dir_all(dir);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not stopped: the process is going down by an error or a panic. Ask, and do not wait.
        if let Some(pid) = self.child.id() {
            let _asked = self.signal("INT", pid).status();
        }
    }
}

fn spawn(
    home: &Home,
    binaries: &Binaries,
    account: &Account,
    socket_dir: &Path,
) -> Result<Child, ClusterError> {
    let program = binaries.program("postgres");
    let log = home.open_log()?;
    let errors = log
        .try_clone()
        .map_err(|source| ClusterError::io(&home.log(), source))?;
    // The setting is a list: quoted, a comma in the path is part of it.
    let quoted = socket_dir.to_string_lossy().replace('"', "\"\"");
    let mut command = account.command(&program);
    command.arg("-D").arg(home.cluster());
    for setting in [
        "listen_addresses=".to_owned(),
        format!("unix_socket_directories=\"{quoted}\""),
        "unix_socket_permissions=0700".to_owned(),
        "logging_collector=off".to_owned(),
        "log_destination=stderr".to_owned(),
        "log_line_prefix=%m [%p] ".to_owned(),
        "port=5432".to_owned(),
    ] {
        command.arg("-c").arg(setting);
    }
    // A process group of its own: Ctrl-C in the terminal is for mirrorgate, which stops it when the work is done.
    command.process_group(0).stdout(log).stderr(errors);
    Command::from(command)
        .spawn()
        .map_err(|source| ClusterError::io(&program, source))
}

async fn make_database(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let there: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(DATABASE)
            .fetch_one(&mut *conn)
            .await?;
    if !there {
        sqlx::raw_sql("create database mirrorgate")
            .execute(conn)
            .await?;
    }
    Ok(())
}

fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.reverse();
    lines.join(" | ")
}
