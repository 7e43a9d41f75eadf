//! `?wait=30s`: how long a request that returns a job may wait for it to end.

use std::time::Duration;

use axum::http::Uri;

use super::query::{Pairs, ReadParameters, given};

const NAME: &str = "wait";
/// The longest wait.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The wait asked for; none when not given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wait {
    /// How long to wait for the job to end before answering: seconds or milliseconds, at most `60s`.
    #[param(value_type = Option<String>, example = "30s", pattern = "^[0-9]+m?s$")]
    pub wait: Duration,
}

impl ReadParameters for Wait {
    fn read(pairs: &mut Pairs) -> Self {
        let wanted = "a number of seconds or milliseconds such as 30s or 500ms, at most 60s";
        Self {
            wait: pairs.parse(NAME, wanted, duration).unwrap_or_default(),
        }
    }
}

impl Wait {
    /// The wait that a request of this address asks for; none when it is not one that would be taken.
    #[must_use]
    pub fn of(uri: &Uri) -> Duration {
        let given = given(uri).unwrap_or_default();
        let wait = given.iter().find(|(name, _)| name == NAME);
        wait.and_then(|(_, text)| duration(text))
            .unwrap_or_default()
    }
}

/// Reads `30s` or `500ms`, at most [`MAX_WAIT`].
fn duration(text: &str) -> Option<Duration> {
    let wait = crate::domain::duration::parse(text, &["ms", "s"])?;
    (wait <= MAX_WAIT).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_the_operation_reads_it() {
        for (query, seconds) in [
            ("wait=5s", 5),
            ("kind=a&w%61it=%35s", 5),
            ("wait=61s", 0),
            ("await=5s", 0),
            ("", 0),
        ] {
            let uri: Uri = format!("/v1/jobs/x?{query}").parse().unwrap();
            assert_eq!(Wait::of(&uri), Duration::from_secs(seconds), "{query}");
        }
    }

    #[test]
    fn a_wait_is_seconds_up_to_sixty() {
        assert_eq!(duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        for bad in [
            "",
            "30",
            "61s",
            "-1s",
            "+1s",
            "1m",
            "s",
            "1.5s",
            "99999999999999999999s",
        ] {
            assert_eq!(duration(bad), None, "{bad:?}");
        }
    }
}
