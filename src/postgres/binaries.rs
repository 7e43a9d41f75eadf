//! Which server binaries to use: those named, or the newest installed that fit the data and run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::ClusterError;
use super::account::Account;
use super::home::Home;

/// Where Debian and its kin install them, one directory per major version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// What a cluster takes.
const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// Where binaries may be.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources {
    /// `MIRRORGATE_PG_BINDIR` or `PGBINDIR`: this and no other.
    pub named: Option<PathBuf>,
    /// Directories with a `{major}/bin` each.
    pub versioned: Vec<PathBuf>,
    pub path: Option<OsString>,
}

/// Binaries of one version that this account can run.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    pub dir: PathBuf,
    /// As in `15.18`.
    pub version: String,
}

impl Sources {
    pub(super) fn of_this_machine() -> Self {
        let named = ["MIRRORGATE_PG_BINDIR", "PGBINDIR"]
            .into_iter()
            .find_map(std::env::var_os)
            .map(PathBuf::from);
        Self {
            named,
            versioned: vec![PathBuf::from(DEBIAN)],
            path: std::env::var_os("PATH"),
        }
    }

    /// In the order of preference.
    fn directories(&self) -> Vec<PathBuf> {
        if let Some(named) = &self.named {
            return vec![named.clone()];
        }
        let mut numbered: Vec<(u32, PathBuf)> = self
            .versioned
            .iter()
            .filter_map(|dir| std::fs::read_dir(dir).ok())
            .flatten()
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let major = entry.file_name().to_str()?.parse().ok()?;
                Some((major, entry.path().join("bin")))
            })
            .collect();
        numbered.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
        let mut directories: Vec<PathBuf> = numbered.into_iter().map(|(_, dir)| dir).collect();
        // A link on the PATH leads to where the server finds its own libraries.
        let on_path = self
            .path
            .iter()
            .flat_map(std::env::split_paths)
            .filter_map(|dir| {
                let found = dir.join("postgres").canonicalize().ok()?;
                found.parent().map(Path::to_owned)
            });
        for dir in on_path {
            if !directories.contains(&dir) {
                directories.push(dir);
            }
        }
        directories
    }
}

impl Binaries {
    /// The first that run as `account` and are of the major version of the data, where there is data.
    pub(super) fn find(
        sources: &Sources,
        account: &Account,
        home: &Home,
    ) -> Result<Self, ClusterError> {
        let data = home.version()?;
        let data = data.as_deref();
        let mut usable = Vec::new();
        let mut looked = Vec::new();
        for dir in sources.directories() {
            match Self::at(&dir, account) {
                Ok(binaries) => usable.push(binaries),
                Err(why) => looked.push(format!("{}: {why}", dir.display())),
            }
        }
        if let Some(fitting) = usable
            .iter()
            .find(|b| data.is_none_or(|data| b.major() == data))
        {
            return Ok(fitting.clone());
        }
        if usable.is_empty() {
            let looked = if looked.is_empty() {
                format!("none in {DEBIAN}/*/bin, none on the PATH")
            } else {
                looked.join("; ")
            };
            return Err(ClusterError::NoBinaries { looked });
        }
        let found: Vec<&str> = usable.iter().map(Self::major).collect();
        Err(ClusterError::OtherMajor {
            dir: home.cluster(),
            data: data.unwrap_or_default().to_owned(),
            found: found.join(" and "),
        })
    }

    fn at(dir: &Path, account: &Account) -> Result<Self, String> {
        for program in PROGRAMS {
            if !dir.join(program).exists() {
                return Err(format!("no {program} there"));
            }
        }
        let asked = account
            .command(&dir.join("postgres"))
            .arg("--version")
            .output();
        let answer = asked.map_err(|e| format!("does not run as {account}: {e}"))?;
        // `postgres (PostgreSQL) 15.18 (Debian …)`; a beta says `17beta1`.
        let text = String::from_utf8_lossy(&answer.stdout);
        let version = text.split_whitespace().nth(2);
        match version {
            Some(version) if answer.status.success() => Ok(Self {
                dir: dir.to_owned(),
                version: version.to_owned(),
            }),
            _ => Err(format!("does not run as {account}: {}", answer.status)),
        }
    }

    /// What stands in the data's `PG_VERSION`.
    pub(super) fn major(&self) -> &str {
        let end = self.version.find(|c: char| !c.is_ascii_digit());
        &self.version[..end.unwrap_or(self.version.len())]
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}
