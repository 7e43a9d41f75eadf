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
            Format::Text => reply::text(status, plain::job(self.job)),
            Format::Json => {
                let view = JobView::full(self.job, self.scripts);
                reply::json(status, &view.marked(self.deduplicated))?
            }
        };
        let mut response = reply::tagged(response, &tag(self.job, format));
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

/// The job, once it has ended or the wait is over. Reads once per wake-up; holds no connection while it waits.
///
/// # Errors
/// `not_found`; those of the store.
pub async fn settle(
    api: &Api,
    id: Uuid,
    wait: Wait,
) -> Result<(Job, Vec<InstanceScript>), Problem> {
    let deadline = Instant::now() + wait.wait;
    // Made before the first read, so that no change between the two is missed.
    let mut watch = api.wakeups.watch(id);
    let mut last_read = wait.wait.is_zero();
    loop {
        // Those who ask at once are not kept waiting by those who wait.
        let turn = match wait.wait.is_zero() {
            true => None,
            false => api.waiters_turn().await,
        };
        let mut conn = api.store.acquire().await?;
        let job = jobs::get(&mut conn, id)
            .await?
            .ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no job {id}")))?;
        if last_read || job.state.has_ended() {
            let scripts = match job.plan {
                Some(_) => jobs::scripts(&mut conn, id).await?,
                None => Vec::new(),
            };
            return Ok((job, scripts));
        }
        drop((conn, turn));
        last_read = tokio::select! {
            () = watch.changed() => false,
            () = sleep_until(deadline) => true,
            () = api.readiness.cleared() => true,
        };
    }
}
