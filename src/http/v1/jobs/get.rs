//! Reading one job: as it is, its script, its result as an exit code.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use super::respond::{JOB_STATE, JobAnswer, settle, tag};
use super::script::ScriptParameters;
use super::view::{self, JobView};
use super::{script, text};
use crate::domain::job::JobState;
use crate::http::api::Api;
use crate::http::etag::Conditions;
use crate::http::extract::{JobId, JobPath, Parameters, Wait};
use crate::http::negotiate::{self, Format};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::{self, Answer};

/// Read a job
///
/// With its plan: findings, and per instance the actions with the very T-SQL.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", operation_id = "get_job", tag = "jobs",
    params(JobPath, Wait, crate::http::etag::OfReads),
    responses(
        (status = 200, description = "The job.", content((JobView = "application/json", example = json!(view::example())), (String = "text/plain")),
            headers(("Job-State" = String, description = "Its state."))),
        (status = 304, description = "Unchanged since the tag in `If-None-Match`."),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
pub async fn get_job(
    State(api): State<Api>,
    JobId(id): JobId,
    Parameters(wait): Parameters<Wait>,
    format: Format,
    conditions: Conditions,
) -> Answer {
    let (job, script) = settle(&api, id, wait).await?;
    if let Some(answer) = reply::not_modified(&conditions, &tag(&job, format)) {
        return Ok(answer);
    }
    JobAnswer {
        job: &job,
        script: &script,
        deduplicated: false,
    }
    .respond(StatusCode::OK, format)
}

/// Read a job's T-SQL as a script
///
/// What the plan stands for, or stood for: per instance one batch, the changes being the very text that workers send.
///
/// It may be run by hand, from any database: it runs on the server that was planned for and fails on every other one, refuses to
/// begin inside an open transaction, takes all of its own back at an error and fails (`sqlcmd -b` sees it). A plan that findings
/// forbid is a script that fails, with the findings in its head.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/script", operation_id = "get_job_script", tag = "jobs",
    params(JobPath, ScriptParameters),
    responses(
        (status = 200, description = "The script.", content((String = "application/sql"), (String = "text/plain", example = "-- mirrorgate job …"))),
        (status = 404, response = crate::http::openapi::NotFound),
        (status = 409, response = crate::http::openapi::Conflict),
    )
)]
pub async fn get_job_script(
    State(api): State<Api>,
    JobId(id): JobId,
    Parameters(asked): Parameters<ScriptParameters>,
    headers: HeaderMap,
) -> Answer {
    let media = negotiate::choose(&headers, &[negotiate::SQL, negotiate::TEXT])?;
    let (job, script) = settle(&api, id, Wait::default()).await?;
    if job.plan.is_none() {
        return Err(if job.state.has_ended() {
            Problem::new(
                ProblemKind::NotFound,
                format!("job {id} ended before it had a plan, so it has no script"),
            )
        } else {
            Problem::new(
                ProblemKind::ScriptNotReady,
                format!("job {id} has not planned yet"),
            )
        });
    }
    let media = match media {
        negotiate::SQL => "application/sql; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    let text = script::render(&job, &script, &asked)?;
    Ok(reply::bytes(StatusCode::OK, media, text.into_bytes()))
}

/// Read a job's result as an exit code
///
/// For runbooks: 200 when it succeeded, 409 when it failed or was cancelled, 429 with `Retry-After` while it is open. So
/// `curl -sS --fail-with-body --retry 60 --retry-delay 1 -o result.json "$URL/result?wait=50s"` is a whole loop while the service
/// stays; README has one that outlasts its restarts, also for old versions of curl.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/result", operation_id = "get_job_result", tag = "jobs",
    params(JobPath, Wait),
    responses(
        (status = 200, description = "It succeeded.", content((JobView = "application/json", example = json!(view::example())), (String = "text/plain"))),
        (status = 404, response = crate::http::openapi::NotFound),
        (status = 409, description = "It failed (`job_failed`) or was cancelled (`job_cancelled`); the problem's `job` is the job.",
            content((crate::http::problem::ProblemDocument = "application/problem+json"), (String = "text/plain"))),
        (status = 429, description = "It has not ended (`job_not_finished`).",
            content((crate::http::problem::ProblemDocument = "application/problem+json"), (String = "text/plain"))),
    )
)]
pub async fn get_job_result(
    State(api): State<Api>,
    JobId(id): JobId,
    Parameters(wait): Parameters<Wait>,
    format: Format,
) -> Answer {
    let (job, script) = settle(&api, id, wait).await?;
    let answer = JobAnswer {
        job: &job,
        script: &script,
        deduplicated: false,
    };
    let (kind, detail) = match job.state {
        JobState::Succeeded => return answer.respond(StatusCode::OK, format),
        JobState::Failed => {
            let (code, detail) = job
                .failure
                .as_ref()
                .map_or(("internal", ""), |(c, d)| (c.as_str(), d));
            (ProblemKind::JobFailed, text::failure(code, detail))
        }
        JobState::Cancelled => (
            ProblemKind::JobCancelled,
            "the job was cancelled".to_owned(),
        ),
        JobState::Queued | JobState::Running => (
            ProblemKind::JobNotFinished,
            format!("the job is {}; ask again", job.state.as_str()),
        ),
    };
    let view = serde_json::to_value(JobView::full(&job, &script)).unwrap_or_default();
    Err(Problem::new(kind, detail)
        .member("job", view)
        .header(JOB_STATE, HeaderValue::from_static(job.state.as_str())))
}
