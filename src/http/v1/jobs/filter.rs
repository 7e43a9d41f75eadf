//! What a list of jobs can be narrowed to.

use chrono::{DateTime, Utc};

use crate::domain::job::{JobKind, JobState};
use crate::domain::name::RegistrationName;
use crate::http::extract::{Pairs, ReadParameters};
use crate::store::jobs::JobFilter;

/// The filters of `/v1/jobs`.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct JobParameters {
    state: Option<JobState>,
    kind: Option<JobKind>,
    /// The pair's name when the job was asked for.
    #[param(value_type = Option<String>)]
    pair: Option<RegistrationName>,
    /// The name of an instance the job is on, or that its pair named.
    #[param(value_type = Option<String>)]
    instance: Option<RegistrationName>,
    /// Only jobs asked for after this moment (RFC 3339).
    created_after: Option<DateTime<Utc>>,
}

impl ReadParameters for JobParameters {
    fn read(pairs: &mut Pairs) -> Self {
        let name = |text: &str| RegistrationName::parse(text).ok();
        Self {
            state: pairs.parse("state", &one_of(JobState::ALL), JobState::parse),
            kind: pairs.parse("kind", &one_of(JobKind::ALL), JobKind::parse),
            pair: pairs.parse("pair", "a pair's name", name),
            instance: pairs.parse("instance", "an instance's name", name),
            created_after: pairs.parse(
                "created_after",
                "a moment such as 2026-11-22T20:11:00Z (a + is written %2B)",
                |text| {
                    let at = DateTime::parse_from_rfc3339(text).ok()?;
                    Some(at.with_timezone(&Utc))
                },
            ),
        }
    }
}

fn one_of<T: Copy + Into<&'static str>>(list: &[T]) -> String {
    let words: Vec<&str> = list.iter().map(|&word| word.into()).collect();
    words.join(" or ")
}

impl JobParameters {
    #[must_use]
    pub fn filter(&self) -> JobFilter {
        JobFilter {
            state: self.state,
            kind: self.kind,
            pair: self.pair.as_ref().map(RegistrationName::key),
            instance: self.instance.as_ref().map(RegistrationName::key),
            created_after: self.created_after,
            ..JobFilter::default()
        }
    }

    /// The filters as one text; what a cursor is bound to.
    #[must_use]
    pub fn scope(&self) -> String {
        format!(
            "{} {} {} {} {}",
            self.state.map_or("", JobState::as_str),
            self.kind.map_or("", JobKind::as_str),
            self.pair
                .as_ref()
                .map_or(String::new(), RegistrationName::key),
            self.instance
                .as_ref()
                .map_or(String::new(), RegistrationName::key),
            self.created_after
                .map_or(String::new(), |at| at.to_rfc3339()),
        )
    }
}
