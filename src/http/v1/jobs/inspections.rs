//! `/v1/inspections`: one inspection for each instance that has certain labels. For the day when many servers have changed at once.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use uuid::Uuid;

use super::create::{check_time, of_instance};
use super::wire::AskByLabels;
use crate::domain::job::{JobKind, JobOptions};
use crate::domain::registration::Labels;
use crate::http::api::Api;
use crate::http::extract::{JsonText, NoParameters, Parameters};
use crate::http::idempotency::{Effect, KeyHeader, Keyed, Once, replayed};
use crate::http::layers::RequestId;
use crate::http::negotiate::JsonOnly;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::{self, Answer};
use crate::store::{Conn, instances, jobs, selection};

/// At most so many at once.
const MOST: i64 = 500;

/// The jobs that were asked for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Inspections {
    items: Vec<InspectionView>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct InspectionView {
    #[schema(example = "HOST_A")]
    instance: String,
    job: Uuid,
    /// Where to read it.
    #[schema(example = "/v1/jobs/01935f6e-3f00-7000-8000-000000000000")]
    location: String,
}

impl InspectionView {
    fn of(instance: String, job: Uuid) -> Self {
        Self {
            instance,
            job,
            location: format!("/v1/jobs/{job}"),
        }
    }
}

/// Ask for an inspection of every instance with these labels
///
/// One job each, all or none. With `accept_identity` each pins the identity its server has now: after a restore of many machines
/// elsewhere, say. At most 500 instances; none is refused, lest a slip pass for success.
#[utoipa::path(
    post, path = "/v1/inspections", operation_id = "ask_for_inspections", tag = "jobs",
    params(KeyHeader),
    request_body(content = AskByLabels, example = json!({"labels": {"site": "dr"}, "accept_identity": true, "reason": "site lost"})),
    responses(
        (status = 202, description = "The jobs; they are open.", body = Inspections, example = json!({"items": [
            {"instance": "HOST_A", "job": "01935f6e-3f00-7000-8000-000000000000", "location": "/v1/jobs/01935f6e-3f00-7000-8000-000000000000"}]})),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 422, response = crate::http::openapi::Refused),
    )
)]
pub async fn ask_for_inspections(
    State(api): State<Api>,
    Extension(request): Extension<RequestId>,
    _: Parameters<NoParameters>,
    _: JsonOnly,
    keyed: Keyed,
    JsonText(body, text): JsonText<AskByLabels>,
) -> Answer {
    let (labels, options) = body.check()?;
    let asked = async |conn: &mut Conn| {
        check_time(conn, &options).await?;
        let made = ask(&api, conn, &request, (&labels, &options)).await?;
        let all: Vec<String> = made.iter().map(|item| item.job.to_string()).collect();
        Ok(Effect {
            status: StatusCode::ACCEPTED,
            object: all.join(","),
            made,
        })
    };
    match keyed.once(&api, &text, asked).await? {
        Once::Done(status, items) => reply::json(status, &Inspections { items }),
        Once::Replay(status, object) => {
            let items = asked_before(&mut *api.store.acquire().await?, &object).await?;
            reply::json(status, &Inspections { items }).map(replayed)
        }
    }
}

async fn ask(
    api: &Api,
    conn: &mut Conn,
    request: &RequestId,
    (labels, options): (&Labels, &JobOptions),
) -> Result<Vec<InspectionView>, Problem> {
    let names = selection::by_labels(conn, labels, MOST + 1).await?;
    let refused = |code, detail: String| Problem::at(ProblemKind::Refused, "/labels", code, detail);
    if names.is_empty() {
        return Err(refused(
            "nothing_selected",
            "no instance has these labels".to_owned(),
        ));
    }
    if names.len() as i64 > MOST {
        return Err(refused(
            "too_many_selected",
            format!("more than {MOST} instances have these labels; choose by more of them"),
        ));
    }
    let mut items = Vec::new();
    for name in names {
        // Forgotten since: nothing to inspect.
        let Some(instance) = instances::get_for_update(conn, &name).await? else {
            continue;
        };
        let shown = instance.name.to_string();
        let new = of_instance(
            conn,
            instance,
            (JobKind::Inspect, options.clone()),
            (request, api.clock.now()),
        )
        .await?;
        jobs::enqueue(conn, &new).await?;
        items.push(InspectionView::of(shown, new.id));
    }
    Ok(items)
}

/// Jobs that history has lost since are left out.
async fn asked_before(conn: &mut Conn, object: &str) -> Result<Vec<InspectionView>, Problem> {
    let mut items = Vec::new();
    for id in object.split(',').filter_map(|id| id.parse::<Uuid>().ok()) {
        if let Some(job) = jobs::get(conn, id).await? {
            items.push(InspectionView::of(job.subject.named().name.to_string(), id));
        }
    }
    Ok(items)
}
