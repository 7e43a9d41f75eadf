//! Reading jobs: lists, one job, its steps, its script, its result as an exit code.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use super::filter::JobParameters;
use super::respond::{JOB_STATE, JobAnswer, missing, settle, tag};
use super::script::ScriptParameters;
use super::view::{self, JobView, StepView};
use super::{script, text};
use crate::domain::instance::InstanceSpec;
use crate::domain::job::JobState;
use crate::domain::pair::PairSpec;
use crate::http::api::Api;
use crate::http::etag::Conditions;
use crate::http::extract::{JobId, JobPath, NamePath, Named, Parameters, Wait};
use crate::http::negotiate::{self, Format};
use crate::http::page::{ListOf, Listing, Paging};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::{self, Answer};
use crate::http::v1::registration::find;
use crate::store::jobs::{self, JobFilter};
use crate::store::steps;

/// List jobs
///
/// Latest first, deleted registrations' jobs included.
#[utoipa::path(
    get, path = "/v1/jobs", operation_id = "list_jobs", tag = "jobs",
    params(JobParameters, Paging),
    responses((status = 200, description = "A page, latest first.", headers(("Link" = Option<String>, description = "`rel=\"next\"`")), content(
        (ListOf<JobView> = "application/json", example = json!({"items": [view::example()], "next_cursor": null})),
        (String = "text/plain"),
    )))
)]
pub async fn list_jobs(State(api): State<Api>, asked: Listing<JobParameters>) -> Answer {
    let scope = format!("jobs {}", asked.filters.scope());
    let filter = asked.filters.filter();
    page(&api, asked, &scope, &filter).await
}

/// List a pair's jobs
#[utoipa::path(
    get, path = "/v1/pairs/{name}/jobs", operation_id = "list_pair_jobs", tag = "jobs",
    params(NamePath, Paging),
    responses(
        (status = 200, description = "A page, latest first.", headers(("Link" = Option<String>, description = "`rel=\"next\"`")), content(
            (ListOf<JobView> = "application/json", example = json!({"items": [view::example()], "next_cursor": null})),
            (String = "text/plain"),
        )),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
pub async fn list_pair_jobs(State(api): State<Api>, Named(name): Named, asked: Listing) -> Answer {
    let pair = find::<PairSpec>(&mut *api.store.acquire().await?, &name).await?;
    let filter = JobFilter {
        subject_id: Some(pair.id),
        ..JobFilter::default()
    };
    let scope = format!("jobs of pair {}", pair.id);
    page(&api, asked, &scope, &filter).await
}

/// List an instance's jobs
///
/// Those on it, and those on pairs that name it.
#[utoipa::path(
    get, path = "/v1/instances/{name}/jobs", operation_id = "list_instance_jobs", tag = "jobs",
    params(NamePath, Paging),
    responses(
        (status = 200, description = "A page, latest first.", headers(("Link" = Option<String>, description = "`rel=\"next\"`")), content(
            (ListOf<JobView> = "application/json", example = json!({"items": [view::example()], "next_cursor": null})),
            (String = "text/plain"),
        )),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
pub async fn list_instance_jobs(
    State(api): State<Api>,
    Named(name): Named,
    asked: Listing,
) -> Answer {
    let instance = find::<InstanceSpec>(&mut *api.store.acquire().await?, &name).await?;
    let filter = JobFilter {
        instance_id: Some(instance.id),
        ..JobFilter::default()
    };
    let scope = format!("jobs of instance {}", instance.id);
    page(&api, asked, &scope, &filter).await
}

async fn page(api: &Api, asked: Listing<impl Send>, scope: &str, filter: &JobFilter) -> Answer {
    let after = asked.after(scope)?;
    let mut conn = api.store.acquire().await?;
    let found = jobs::list(&mut conn, filter, after, asked.limit()).await?;
    asked.answer(scope, found.map(|job| JobView::brief(&job)))
}

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

/// List a job's steps
///
/// Every read and every action of every attempt, with its statement, times and outcome.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/steps", operation_id = "list_job_steps", tag = "jobs",
    params(JobPath, Paging),
    responses(
        (status = 200, description = "A page, in order.", headers(("Link" = Option<String>, description = "`rel=\"next\"`")), content(
            (ListOf<StepView> = "application/json", example = json!({"items": [], "next_cursor": null})),
            (String = "text/plain"),
        )),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
pub async fn list_job_steps(State(api): State<Api>, JobId(id): JobId, asked: Listing) -> Answer {
    let scope = format!("steps of {id}");
    let after = asked.after(&scope)?;
    let mut conn = api.store.acquire().await?;
    if jobs::get(&mut conn, id).await?.is_none() {
        return Err(missing(id));
    }
    let found = steps::list(&mut conn, id, after, asked.limit()).await?;
    asked.answer(&scope, found.map(StepView::of))
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
