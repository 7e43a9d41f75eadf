//! Lists of jobs, of all, of a pair, of an instance; and a job's steps.

use axum::extract::State;

use super::filter::JobParameters;
use super::respond::missing;
use super::view::{self, JobView, StepView};
use crate::domain::instance::InstanceSpec;
use crate::domain::pair::PairSpec;
use crate::http::api::Api;
use crate::http::extract::{JobId, JobPath, NamePath, Named};
use crate::http::page::{ListOf, Listing, Paging};
use crate::http::reply::Answer;
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
