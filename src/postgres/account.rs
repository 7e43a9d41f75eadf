//! As whom the server runs: as ourselves, or, because PostgreSQL refuses root, as `mirrorgate`, or where there is
//! no such account, as `postgres` or `nobody`, which other services may use too.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::ClusterError;

/// The account of the server and of every program run for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Account {
    /// We are not root.
    Ourselves,
    Other {
        name: String,
        uid: u32,
        gid: u32,
    },
}

impl Account {
    /// Data that is there already keeps its owner, whichever accounts the machine has got since.
    pub(super) fn for_server(cluster: &Path) -> Result<Self, ClusterError> {
        if id_of(&["-u"]) != Some(0) {
            return Ok(Self::Ourselves);
        }
        if let Ok(about) = cluster.metadata()
            && about.uid() != 0
        {
            return Ok(Self::Other {
                name: format!("user {}", about.uid()),
                uid: about.uid(),
                gid: about.gid(),
            });
        }
        ["mirrorgate", "postgres", "nobody"]
            .into_iter()
            .find_map(|name| {
                Some(Self::Other {
                    name: name.to_owned(),
                    uid: id_of(&["-u", name])?,
                    gid: id_of(&["-g", name])?,
                })
            })
            .ok_or(ClusterError::NoAccount)
    }

    /// A program run as this account, from a directory it can be in, without what our environment would tell it.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").current_dir("/");
        for kept in ["PATH", "LD_LIBRARY_PATH", "TMPDIR"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        if let Self::Other { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Makes it the owner, where it is another one.
    pub(super) fn own(&self, path: &Path) -> Result<(), ClusterError> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other { uid, gid, .. } => std::os::unix::fs::chown(path, Some(*uid), Some(*gid))
                .map_err(|source| ClusterError::io(path, source)),
        }
    }

    /// Whether it can get to `dir` at all: a home directory in front of it may be closed to it.
    pub(super) fn check_way_to(&self, dir: &Path) -> Result<(), ClusterError> {
        let Self::Other { name, .. } = self else {
            return Ok(());
        };
        let mut way: Vec<PathBuf> = dir.ancestors().map(Path::to_owned).collect();
        way.reverse();
        for dir in way {
            let enters = self.command(Path::new("test")).arg("-x").arg(&dir).status();
            if !enters.is_ok_and(|status| status.success()) {
                return Err(ClusterError::Unreachable {
                    account: name.clone(),
                    dir,
                });
            }
        }
        Ok(())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ourselves => f.write_str("the same user"),
            Self::Other { name, .. } => f.write_str(name),
        }
    }
}

fn id_of(arguments: &[&str]) -> Option<u32> {
    let Output { status, stdout, .. } = Command::new("id").args(arguments).output().ok()?;
    let text = String::from_utf8(stdout).ok()?;
    status.success().then(|| text.trim().parse().ok())?
}
