//! How many files a process may have open, and what of it is for whom: connections from callers must not take those to PostgreSQL and to
//! SQL Servers away.

use rustix::process::{Resource, getrlimit, setrlimit};

/// More is of no use, and some systems allow a thousand million.
const ENOUGH: u64 = 65_536;
/// Callers that wait for jobs, all at once.
const MOST_CALLERS: usize = 4_096;

/// Raises the soft limit on open files to the hard one; gives what holds then. Where that fails it stays as it is.
#[must_use]
pub fn raise() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = rustix::process::Rlimit {
            current: Some(wanted),
            maximum: limit.maximum,
        };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit = raised,
            Err(error) => tracing::warn!(%error, "the limit on open files cannot be raised"),
        }
    }
    usize::try_from(limit.current.unwrap_or(ENOUGH)).unwrap_or(usize::MAX)
}

/// Who gets how many of a process's files. What is left is PostgreSQL's, and for files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Connections from callers: half, and no more than anybody needs.
    pub callers: usize,
    /// Sessions to SQL Servers: a quarter.
    pub sessions: usize,
}

impl Share {
    #[must_use]
    pub fn of(files: usize) -> Self {
        Self {
            callers: (files / 2).clamp(1, MOST_CALLERS),
            sessions: (files / 4).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_leave_half_of_the_files_to_others() {
        for (files, callers, sessions) in [(1_024, 512, 256), (65_536, 4_096, 16_384), (1, 1, 1)] {
            assert_eq!(Share::of(files), Share { callers, sessions });
        }
    }

    #[test]
    fn the_soft_limit_is_the_hard_one_then() {
        let limit = raise();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current, Some(limit as u64));
        assert!(
            now.maximum
                .is_none_or(|hard| hard.min(ENOUGH) <= limit as u64)
        );
    }
}
