//! Cancelling a job: asked for here, done by whoever works on it.

use axum::extract::State;
use axum::http::StatusCode;

use super::create::{Asked, answer};
use super::respond::missing;
use super::view::{self, JobView};
use crate::http::api::Api;
use crate::http::extract::{JobId, JobPath, NoBody, Parameters, Wait};
use crate::http::idempotency::{KeyHeader, Keyed};
use crate::http::negotiate::Format;
use crate::http::reply::Answer;
use crate::store::{Conn, jobs};

/// Cancel a job
///
/// One that waits is cancelled at once. One that runs stops before its next batch; if everything was done by then, it ends
/// `succeeded`. What was done stays done, and the steps say what. For a job that has ended nothing happens: the answer is the
/// job, however it ended.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancel", operation_id = "cancel_job", tag = "jobs",
    params(JobPath, Wait, KeyHeader),
    responses(
        (status = 200, description = "The job; it has ended, cancelled or not.", content((JobView = "application/json", example = json!(view::example())), (String = "text/plain"))),
        (status = 202, description = "The job; it is asked to stop.", content((JobView = "application/json", example = json!(view::example())), (String = "text/plain"))),
        (status = 404, response = crate::http::openapi::NotFound),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 422, response = crate::http::openapi::Refused),
    )
)]
pub async fn cancel_job(
    State(api): State<Api>,
    JobId(id): JobId,
    Parameters(wait): Parameters<Wait>,
    format: Format,
    keyed: Keyed,
    NoBody: NoBody,
) -> Answer {
    let asked = async |conn: &mut Conn| {
        let job = jobs::request_cancel(conn, id, api.clock.now())
            .await?
            .ok_or_else(|| missing(id))?;
        Ok(Asked::of(id).answered(match job.state.has_ended() {
            true => StatusCode::OK,
            false => StatusCode::ACCEPTED,
        }))
    };
    let asked = keyed.once(&api, &[], asked).await?;
    answer(&api, asked, wait, format).await
}
