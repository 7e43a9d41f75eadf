//! One job as an answer, and waiting for it to end.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::text;
use super::view::JobView;
use crate::domain::job::Job;
use crate::domain::script::Script;
use crate::http::api::Api;
use crate::http::etag::ETag;
use crate::http::extract::Wait;
use crate::http::negotiate::Format;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::{self, Answer};
use crate::store::{Conn, jobs};

/// The header that tells a shell script the state without reading the body.
pub const JOB_STATE: HeaderName = HeaderName::from_static("job-state");

/// Between two tries to read while the database does not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// A job to be answered with.
pub struct JobAnswer<'a> {
    pub job: &'a Job,
    pub script: &'a Script,
    pub deduplicated: bool,
}

impl JobAnswer<'_> {
    /// # Errors
    /// See [`reply::json`].
    pub fn respond(&self, status: StatusCode, format: Format) -> Answer {
        let response = match format {
            Format::Text => reply::text(status, text::answer(self.job, self.deduplicated)),
            Format::Json => {
                let view = JobView::full(self.job, self.script);
                reply::json(status, &view.marked(self.deduplicated))?
            }
        };
        // A body that says how it came about is not the job's representation, and has no tag.
        let mut response = match self.deduplicated {
            true => response,
            false => reply::tagged(response, &tag(self.job, format)),
        };
        let state = HeaderValue::from_static(self.job.state.as_str());
        response.headers_mut().insert(JOB_STATE, state);
        Ok(reply::located(
            response,
            &format!("/v1/jobs/{}", self.job.id),
        ))
    }
}

/// A job is never edited, so its revision stays 1; everything that moves is counted by its version.
#[must_use]
pub fn tag(job: &Job, format: Format) -> ETag {
    format.tag(ETag::new(job.id, 1, job.version))
}

/// The job, once it has ended or the wait is over. Looks once per wake-up; holds no connection while it waits.
///
/// # Errors
/// `not_found`; those of the store.
pub async fn settle(api: &Api, id: Uuid, wait: Wait) -> Result<(Job, Script), Problem> {
    if !wait.wait.is_zero() {
        until_ended(api, id, Instant::now() + wait.wait).await?;
    }
    let read = async |conn: &mut Conn| jobs::get_with_scripts(conn, id).await;
    let found = match wait.wait.is_zero() {
        // Those who ask at once are not kept waiting by those who wait.
        true => read(&mut *api.store.acquire().await?).await?,
        false => api.look(read).await?,
    };
    found.ok_or_else(|| missing(id))
}

/// Returns when the job has ended, the time is over, or this process stops. What cannot be read just now is read a little
/// later, as long as there is time.
async fn until_ended(api: &Api, id: Uuid, deadline: Instant) -> Result<(), Problem> {
    // Made before the first look, so that no change between the two is missed.
    let mut watch = api.wakeups.watch(id);
    let mut known = false;
    loop {
        let looking = api.look(async |conn| jobs::progress(conn, id).await);
        let looked = tokio::select! {
            looked = looking => looked,
            () = over(api, deadline) => return Ok(()),
        };
        let again = match looked {
            Ok(None) => return Err(missing(id)),
            Ok(Some(progress)) if progress.state.has_ended() => return Ok(()),
            Ok(Some(_)) => {
                known = true;
                None
            }
            Err(error) if error.is_unavailable() && known => Some(AGAIN),
            Err(error) => return Err(error.into()),
        };
        let news = async {
            match again {
                None => watch.changed().await,
                Some(pause) => tokio::time::sleep(pause).await,
            }
        };
        tokio::select! {
            () = news => {}
            () = over(api, deadline) => return Ok(()),
        }
    }
}

async fn over(api: &Api, deadline: Instant) {
    tokio::select! {
        () = sleep_until(deadline) => {}
        () = api.readiness.cleared() => {}
    }
}

pub fn missing(id: Uuid) -> Problem {
    Problem::new(ProblemKind::NotFound, format!("there is no job {id}"))
}
