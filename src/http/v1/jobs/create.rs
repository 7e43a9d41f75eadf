//! Asking for a job: what it is accepted with, the open one that a repeated request gets, and the conflict of another.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::respond::{JobAnswer, settle};
use super::view::{self, JobView};
use super::wire::{AskOfInstance, AskOfPair, deadline_passed};
use crate::domain::id::new_id;
use crate::domain::instance::InstanceSpec;
use crate::domain::job::{Accepted, AcceptedMember, Job, JobKind, JobOptions, Subject};
use crate::domain::name::NamedRef;
use crate::domain::pair::{PairSpec, Role};
use crate::http::api::Api;
use crate::http::extract::{JsonText, NamePath, Named, Parameters, Wait};
use crate::http::idempotency::{Effect, KeyHeader, Keyed, Once, replayed};
use crate::http::layers::RequestId;
use crate::http::negotiate::Format;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::Answer;
use crate::http::v1::registration::lock;
use crate::store::instances::Instance;
use crate::store::jobs::{self, NewJob};
use crate::store::pairs::Pair;
use crate::store::{Conn, certificates, deadline, instances};

/// Ask for a job on a pair
///
/// `configure-inbound` brings every member's inbound side into the wanted state; with `dry_run` it only plans.
/// `verify-inbound` only looks. One changing job per pair is open at a time: the same request gets the open one.
#[utoipa::path(
    post, path = "/v1/pairs/{name}/jobs", operation_id = "ask_for_pair_job", tag = "jobs",
    params(NamePath, Wait, KeyHeader),
    request_body(content = AskOfPair, examples(
        ("configure" = (value = json!({"kind": "configure-inbound", "reason": "new pair", "change_ref": "CHG0042"}))),
        ("dry run" = (value = json!({"kind": "configure-inbound", "dry_run": true}))),
        ("verify" = (value = json!({"kind": "verify-inbound"}))),
        ("until" = (value = json!({"kind": "configure-inbound", "deadline": "2030-11-27T22:00:00Z"}))),
    )),
    responses(
        (status = 200, description = "The job; it has ended.", content((JobView = "application/json", example = json!(view::example())), (String = "text/plain"))),
        (status = 202, description = "The job; it is open.", content((JobView = "application/json", example = json!(view::example())), (String = "text/plain"))),
        (status = 404, response = crate::http::openapi::NotFound),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 422, response = crate::http::openapi::Refused),
    )
)]
pub async fn ask_for_pair_job(
    State(api): State<Api>,
    Extension(request): Extension<RequestId>,
    Named(name): Named,
    Parameters(wait): Parameters<Wait>,
    format: Format,
    keyed: Keyed,
    JsonText(body, text): JsonText<AskOfPair>,
) -> Answer {
    let (kind, options) = body.check()?;
    let asked = async |conn: &mut Conn| {
        let pair = lock::<PairSpec>(conn, &name).await?;
        check_time(conn, &options).await?;
        let new = NewJob {
            id: new_id(),
            kind,
            accepted: accept(conn, &pair).await?,
            subject: Subject::Pair(pair.named()),
            options,
            request_id: Some(request.0),
            created_at: api.clock.now(),
        };
        let deduplicated = join(conn, &new).await?;
        if deduplicated.is_none() {
            jobs::enqueue(conn, &new).await?;
        }
        Ok(Asked {
            job: deduplicated.unwrap_or(new.id),
            deduplicated: deduplicated.is_some(),
        }
        .answered(StatusCode::ACCEPTED))
    };
    let asked = keyed.once(&api, &text, asked).await?;
    answer(&api, asked, wait, format).await
}

/// The open job that the request gets in place of a new one: a repeated request, and no other.
async fn join(conn: &mut Conn, new: &NewJob) -> Result<Option<Uuid>, Problem> {
    if !new.is_changing() {
        return Ok(None);
    }
    match jobs::open_changing(conn, new.subject.named().id).await? {
        None => Ok(None),
        Some(open) if open.cancel_requested_at.is_some() => Err(being_cancelled(&open)),
        Some(open) if is_same(&open, new) => Ok(Some(open.id)),
        Some(open) => Err(conflict(&open)),
    }
}

/// A deadline lies in the future, by the clock that the job will be held to.
pub(super) async fn check_time(conn: &mut Conn, options: &JobOptions) -> Result<(), Problem> {
    let Some(given) = options.deadline else {
        return Ok(());
    };
    match deadline::time_left(conn, given).await? {
        Some(_) => Ok(()),
        None => Err(deadline_passed(given)),
    }
}

/// The pair as it is now, with the pins of its members.
async fn accept(conn: &mut Conn, pair: &Pair) -> Result<Accepted, Problem> {
    Ok(Accepted {
        revision: pair.revision,
        operating_mode: pair.spec.operating_mode,
        members: accept_members(conn, &pair.spec.members()).await?,
    })
}

async fn accept_members(
    conn: &mut Conn,
    members: &[(&NamedRef, Role)],
) -> Result<Vec<AcceptedMember>, Problem> {
    let ids: Vec<Uuid> = members.iter().map(|(instance, _)| instance.id).collect();
    let pins = certificates::pin_hashes(conn, &ids).await?;
    let accepted = members.iter().map(|(instance, role)| {
        let pins = pins.get(&instance.id).copied().unwrap_or_default();
        AcceptedMember {
            instance: (*instance).clone(),
            role: *role,
            current: pins.current,
            next: pins.next,
        }
    });
    Ok(accepted.collect())
}

/// A witness is what is one everywhere; what nobody has registered could become a partner.
async fn role_over_all(conn: &mut Conn, instance: Uuid) -> Result<Role, Problem> {
    let roles = instances::needed_roles(conn, &[instance]).await?;
    let needed = roles.get(&instance).copied().unwrap_or_default();
    Ok(match needed.witness && !needed.partner {
        true => Role::Witness,
        false => Role::Partner,
    })
}

/// A repeated request: same kind, options, revision and pins.
fn is_same(open: &Job, new: &NewJob) -> bool {
    open.kind == new.kind && open.options == new.options && open.accepted == new.accepted
}

fn conflict(open: &Job) -> Problem {
    Problem::new(
        ProblemKind::JobConflict,
        format!(
            "job {} on this pair is open, asked for with other options or before a change of the pair or its pins; wait for its end",
            open.id
        ),
    )
    .member("job", open.id.to_string())
}

/// What is asked for now is not what will become of that one.
fn being_cancelled(open: &Job) -> Problem {
    Problem::new(
        ProblemKind::JobConflict,
        format!(
            "job {} on this pair is open and being cancelled; wait for its end and ask again",
            open.id
        ),
    )
    .member("job", open.id.to_string())
}

/// Ask for a job on an instance
///
/// `inspect` observes it, also when its log-in was refused before; with `accept_identity` it pins the server's identity
/// anew. It says what is true of the instance alone and of the registrations that name it: rights for configuring, a wrong pin,
/// who uses it and in which roles. It plans no trusts; what it calls a blocker would keep them from being configured.
#[utoipa::path(
    post, path = "/v1/instances/{name}/jobs", operation_id = "ask_for_instance_job", tag = "jobs",
    params(NamePath, Wait, KeyHeader),
    request_body(content = AskOfInstance, example = json!({"kind": "inspect"})),
    responses(
        (status = 200, description = "The job; it has ended.", content((JobView = "application/json", example = json!(view::example())), (String = "text/plain"))),
        (status = 202, description = "The job; it is open.", content((JobView = "application/json", example = json!(view::example())), (String = "text/plain"))),
        (status = 404, response = crate::http::openapi::NotFound),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 422, response = crate::http::openapi::Refused),
    )
)]
pub async fn ask_for_instance_job(
    State(api): State<Api>,
    Extension(request): Extension<RequestId>,
    Named(name): Named,
    Parameters(wait): Parameters<Wait>,
    format: Format,
    keyed: Keyed,
    JsonText(body, text): JsonText<AskOfInstance>,
) -> Answer {
    let (kind, options) = body.check()?;
    let asked = async |conn: &mut Conn| {
        let instance = lock::<InstanceSpec>(conn, &name).await?;
        check_time(conn, &options).await?;
        let asked_by = (&request, api.clock.now());
        let new = of_instance(conn, instance, (kind, options), asked_by).await?;
        jobs::enqueue(conn, &new).await?;
        Ok(Asked::of(new.id).answered(StatusCode::ACCEPTED))
    };
    let asked = keyed.once(&api, &text, asked).await?;
    answer(&api, asked, wait, format).await
}

/// A job on the instance as it is registered now.
pub(super) async fn of_instance(
    conn: &mut Conn,
    instance: Instance,
    (kind, options): (JobKind, JobOptions),
    (request, now): (&RequestId, DateTime<Utc>),
) -> Result<NewJob, Problem> {
    let named = instance.named();
    let role = role_over_all(conn, named.id).await?;
    let members = accept_members(conn, &[(&named, role)]).await?;
    Ok(NewJob {
        id: new_id(),
        kind,
        subject: Subject::Instance(named),
        options,
        accepted: Accepted {
            revision: instance.revision,
            operating_mode: None,
            members,
        },
        request_id: Some(request.0.clone()),
        created_at: now,
    })
}

/// The request was carried out and only the job cannot be read: the caller must learn which one it is.
fn unread(problem: Problem, id: Uuid) -> Problem {
    if problem.kind() != ProblemKind::Unavailable {
        return problem;
    }
    let path = format!("/v1/jobs/{id}");
    let detail = format!(
        "the request was carried out, but the database does not answer just now: read {path} in a moment"
    );
    let problem = Problem::new(ProblemKind::Unavailable, detail).member("job", id.to_string());
    match HeaderValue::from_str(&path) {
        Ok(path) => problem.header(header::LOCATION, path),
        Err(_) => problem,
    }
}

/// The job that a request has led to.
pub struct Asked {
    job: Uuid,
    deduplicated: bool,
}

impl Asked {
    pub fn of(job: Uuid) -> Self {
        Self {
            job,
            deduplicated: false,
        }
    }

    /// What a repetition is told: how far the job is shows in the job itself.
    pub fn answered(self, status: StatusCode) -> Effect<Self> {
        Effect {
            status,
            object: self.job.to_string(),
            made: self,
        }
    }
}

/// The job of a request, once it has ended or the wait is over: 200 or 202.
pub async fn answer(api: &Api, asked: Once<Asked>, wait: Wait, format: Format) -> Answer {
    let (asked, is_replayed) = match asked {
        Once::Done(_, asked) => (asked, false),
        Once::Replay(_, object) => (Asked::of(id_of(&object)?), true),
    };
    let (job, script) = settle(api, asked.job, wait)
        .await
        .map_err(|problem| unread(problem, asked.job))?;
    let status = match job.state.has_ended() {
        true => StatusCode::OK,
        false => StatusCode::ACCEPTED,
    };
    let answer = JobAnswer {
        job: &job,
        script: &script,
        deduplicated: asked.deduplicated,
    };
    let response = answer.respond(status, format)?;
    Ok(match is_replayed {
        true => replayed(response),
        false => response,
    })
}

fn id_of(object: &str) -> Result<Uuid, Problem> {
    object.parse().map_err(|_| {
        Problem::new(
            ProblemKind::Internal,
            "the request was kept without its job",
        )
    })
}
