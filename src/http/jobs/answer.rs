//! One job as an answer, and waiting for it to end.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::plain;
use super::view::JobView;
use crate::domain::job::Job;
use crate::domain::plan::InstanceScript;
use crate::http::api::Api;
use crate::http::etag::ETag;
use crate::http::extract::Wait;
use crate::http::negotiate::Format;
use crate::http::problem::{Kind, Problem};
use crate::http::reply::{self, Answer};
use crate::store::jobs;

/// The header that tells a shell script the state without reading the body.
pub const JOB_STATE: HeaderName = HeaderName::from_static("job-state");

/// A job to be answered with.
pub struct JobAnswer<'a> {
    pub job: &'a Job,
    pub scripts: &'a [InstanceScript],
    pub deduplicated: bool,
}

impl JobAnswer<'_> {
    /// # Errors
    /// See [`reply::json`].
    pub fn respond(&self, status: StatusCode, format: Format) -> Answer {
        let response = match format {
            Format::Text => reply::text(status, plain::answer(self.job, self.deduplicated)),
            Format::Json => {
                let view = JobView::full(self.job, self.scripts);
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
pub async fn settle(
    api: &Api,
    id: Uuid,
    wait: Wait,
) -> Result<(Job, Vec<InstanceScript>), Problem> {
    let deadline = Instant::now() + wait.wait;
    // Made before the first look, so that no change between the two is missed.
    let mut watch = api.wakeups.watch(id);
    let mut over = wait.wait.is_zero();
    while !over && !has_ended(api, id).await? {
        over = tokio::select! {
            () = watch.changed() => false,
            () = sleep_until(deadline) => true,
            () = api.readiness.cleared() => true,
        };
    }
    let mut conn = api.store.acquire().await?;
    jobs::get_with_scripts(&mut conn, id)
        .await?
        .ok_or_else(|| missing(id))
}

async fn has_ended(api: &Api, id: Uuid) -> Result<bool, Problem> {
    let progress = api
        .look(async |conn| jobs::progress(conn, id).await)
        .await?;
    Ok(progress.ok_or_else(|| missing(id))?.state.has_ended())
}

pub fn missing(id: Uuid) -> Problem {
    Problem::new(Kind::NotFound, format!("there is no job {id}"))
}
