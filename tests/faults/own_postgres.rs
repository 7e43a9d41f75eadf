//! A PostgreSQL of a test's own, to be restarted, stopped and starved. Durability is off: processes die here, machines do not.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

/// A running server; gone with its data when dropped.
pub struct OwnPostgres {
    binaries: PathBuf,
    directory: tempfile::TempDir,
    max_connections: u32,
}

impl OwnPostgres {
    pub fn start(max_connections: u32) -> Self {
        let base = if Path::new("/dev/shm").is_dir() {
            "/dev/shm"
        } else {
            "/tmp"
        };
        let server = Self {
            binaries: binaries(),
            directory: tempfile::tempdir_in(base).expect("a directory"),
            max_connections,
        };
        if is_root() {
            let given = Command::new("chown")
                .arg("postgres")
                .arg(server.directory.path())
                .status();
            assert!(
                given.is_ok_and(|s| s.success()),
                "no account postgres to run a server as"
            );
        }
        server.run(
            "initdb",
            &[
                "-U",
                "mirrorgate",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
        );
        server.resume();
        server
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.binaries.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
                .arg(&program);
            command
        } else {
            Command::new(&program)
        };
        // The server's output goes nowhere: a pipe to a server that stays would never end.
        let status = command
            .arg("-D")
            .arg(self.data())
            .args(arguments)
            .current_dir("/")
            .stdout(std::process::Stdio::null())
            .status()
            .expect("a server program runs");
        assert!(
            status.success(),
            "{} {arguments:?}: {status}",
            program.display()
        );
    }

    fn options(&self) -> String {
        format!(
            "-k {} -c listen_addresses='' -c fsync=off -c max_connections={} -c superuser_reserved_connections=1",
            self.directory.path().display(),
            self.max_connections
        )
    }

    /// Starts it after [`OwnPostgres::stop`].
    pub fn resume(&self) {
        let log = self.directory.path().join("log").display().to_string();
        self.run(
            "pg_ctl",
            &["-l", &log, "-w", "-o", &self.options(), "start"],
        );
    }

    /// As a crash would: no checkpoint, no farewell.
    pub fn stop(&self) {
        self.run("pg_ctl", &["-m", "immediate", "-w", "stop"]);
    }

    pub fn restart(&self) {
        self.stop();
        self.resume();
    }

    pub fn url(&self) -> String {
        format!(
            "postgres://mirrorgate@localhost/postgres?host={}",
            self.directory.path().display()
        )
    }

    /// One connection for looking, made anew when it is lost.
    pub fn pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(1)
            .connect_lazy(&self.url())
            .expect("the URL can be read")
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        } else if let Ok(text) = std::fs::read_to_string(self.data().join("postmaster.pid"))
            && let Some(pid) = text.lines().next()
        {
            let _asked = Command::new("sh")
                .args(["-c", "kill -QUIT \"$0\"", pid])
                .status();
        }
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The newest server binaries of the machine, or those named, as in `scripts/with-postgres`.
fn binaries() -> PathBuf {
    if let Some(named) = std::env::var_os("MIRRORGATE_PG_BINDIR") {
        return named.into();
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL's server programs");
    versions
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let major: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .max()
        .expect("PostgreSQL's server programs")
        .1
}
