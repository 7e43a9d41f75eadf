//! `/v1/instances`: SQL Server instances and what was last seen of them.

mod next;
mod view;
mod wire;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use utoipa_axum::routes;

use self::view::InstanceView;
use self::wire::{PutInstance, Wanted};
use super::api::Api;
use super::etag::{Conditions, ETag};
use super::extract::{Json, NamePath, Named, NoParameters, Parameters};
use super::negotiate::{Format, JsonOnly};
use super::object_names::{self, Acceptor};
use super::page::{ListOf, Paging};
use super::policy::{Guarded, Policy};
use super::problem::{Fault, Kind, Problem};
use super::reply::{self, Answer, Deleted, ListRequest};
use super::text::Table;
use crate::domain::id::new_id;
use crate::domain::instance::InstanceSpec;
use crate::domain::name::{NamedRef, RegistrationName};
use crate::store::instances::{self, Instance};
use crate::store::list::Page;
use crate::store::{Conn, credentials};

pub fn routes() -> Vec<Guarded> {
    vec![
        Policy::Caller.guards(routes!(put_instance, get_instance, delete_instance)),
        Policy::Caller.guards(routes!(list_instances)),
        Policy::Caller.guards(routes!(next::get_next)),
    ]
}

/// Declare an instance
///
/// Creates it or changes it to exactly this; what is left out gets its default. Nothing is connected to: that is a job's.
#[utoipa::path(
    put, path = "/v1/instances/{name}", operation_id = "put_instance", tag = "instances",
    params(NamePath, super::conditions::OfChanges),
    request_body(content = PutInstance, example = json!({"spec": {"host": "host-a.corp.example", "credential": "prod-sql", "peer_name": "HOST_A"}})),
    responses(
        (status = 200, description = "Changed, or identical to what was there.", body = InstanceView, example = json!(view::example())),
        (status = 201, description = "Created.", body = InstanceView, example = json!(view::example())),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 412, response = crate::http::openapi::PreconditionFailed),
        (status = 422, response = crate::http::openapi::Refused),
    )
)]
async fn put_instance(
    State(api): State<Api>,
    Named(name): Named,
    _: Parameters<NoParameters>,
    _: JsonOnly,
    conditions: Conditions,
    Json(body): Json<PutInstance>,
) -> Answer {
    let mut tx = api.store.begin().await?;
    instances::take_turn_at_names(&mut tx).await?;
    let current = instances::get_for_update(&mut tx, &name.key()).await?;
    conditions.check_change(current.as_ref().map(tag).as_ref())?;
    let name = current.as_ref().map_or(name, |c| c.name.clone());
    let wanted = body.check(&name)?;
    let labels = wanted.labels.clone();
    let spec = complete(&mut tx, wanted).await?;
    let now = api.clock.now();
    let (status, instance) = match current {
        Some(current) if current.spec == spec && current.labels == labels => {
            (StatusCode::OK, current)
        }
        Some(current) => {
            let changed = Instance {
                spec,
                labels,
                revision: current.revision + 1,
                updated_at: now,
                ..current
            };
            check_names(&mut tx, &changed).await?;
            instances::update(&mut tx, &changed).await?;
            (StatusCode::OK, changed)
        }
        None => {
            let created = Instance {
                id: new_id(),
                name,
                labels,
                revision: 1,
                status_version: 1,
                created_at: now,
                updated_at: now,
                spec,
            };
            instances::insert(&mut tx, &created).await?;
            (StatusCode::CREATED, created)
        }
    };
    // As it reads now: PostgreSQL keeps microseconds, and counts versions itself.
    let instance = instances::get_by_id(&mut tx, instance.id)
        .await?
        .unwrap_or(instance);
    let view = InstanceView::load(&mut tx, &instance).await?;
    tx.commit().await?;
    let response = reply::tagged(reply::json(status, &view)?, &tag(&instance));
    Ok(reply::located(
        response,
        &format!("/v1/instances/{}", instance.name),
    ))
}

/// Finds the credential and checks that it may be sent to the host. Its row stays locked: it cannot go meanwhile.
async fn complete(conn: &mut Conn, wanted: Wanted) -> Result<InstanceSpec, Problem> {
    let refuse = |code, detail: String| {
        Problem::of(
            Kind::Refused,
            vec![Fault::new("/spec/credential", code, detail)],
        )
    };
    let found = match RegistrationName::parse(&wanted.credential) {
        Ok(name) => credentials::get_for_update(conn, &name.key()).await?,
        Err(_) => None,
    };
    let Some(credential) = found else {
        return Err(refuse(
            "unknown_credential",
            "there is no credential of this name; declare it first".to_owned(),
        ));
    };
    if !credential.spec.covers(&wanted.address.host) {
        return Err(refuse(
            "credential_not_for_host",
            format!(
                "the hosts of credential {} do not cover {}",
                credential.name, wanted.address.host
            ),
        ));
    }
    Ok(InstanceSpec {
        address: wanted.address,
        credential: NamedRef {
            id: credential.id,
            name: credential.name,
        },
        peer_name: wanted.peer_name,
        naming: wanted.naming,
        tls: wanted.tls,
        transport: wanted.transport,
    })
}

/// The names this instance gives its peers, and those they give it.
async fn check_names(conn: &mut Conn, changed: &Instance) -> Result<(), Problem> {
    let peers = instances::peers_of(conn, changed.id).await?;
    let as_acceptor = Acceptor {
        name: &changed.name,
        naming: &changed.spec.naming,
    };
    let mine: Vec<&Instance> = peers.iter().collect();
    object_names::check(&as_acceptor, &mine, &|object, _| {
        format!("/spec/naming/{object}")
    })?;
    for peer in &peers {
        let others = instances::peers_of(conn, peer.id).await?;
        let mut theirs: Vec<&Instance> = others.iter().filter(|o| o.id != changed.id).collect();
        theirs.push(changed);
        let acceptor = Acceptor {
            name: &peer.name,
            naming: &peer.spec.naming,
        };
        object_names::check(&acceptor, &theirs, &|_, _| "/spec/peer_name".to_owned())?;
    }
    Ok(())
}

/// Read an instance
///
/// The spec with its defaults written out, and in `status` what was last seen.
#[utoipa::path(
    get, path = "/v1/instances/{name}", operation_id = "get_instance", tag = "instances",
    params(NamePath, super::conditions::OfReads),
    responses(
        (status = 200, description = "The instance.", content((InstanceView = "application/json", example = json!(view::example())), (String = "text/plain"))),
        (status = 304, description = "Unchanged since the tag in `If-None-Match`."),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
async fn get_instance(
    State(api): State<Api>,
    Named(name): Named,
    _: Parameters<NoParameters>,
    format: Format,
    conditions: Conditions,
) -> Answer {
    let mut conn = api.store.acquire().await?;
    let instance = find(&mut conn, &name).await?;
    let tag = format.tag(tag(&instance));
    if let Some(answer) = reply::known(&conditions, &tag) {
        return Ok(answer);
    }
    let view = InstanceView::load(&mut conn, &instance).await?;
    let response = match format {
        Format::Text => reply::text(StatusCode::OK, view.plain()),
        Format::Json => reply::json(StatusCode::OK, &view)?,
    };
    Ok(reply::tagged(response, &tag))
}

/// Forget an instance
///
/// Refused while a pair names it or a job on it is open. Nothing is changed on any SQL Server.
#[utoipa::path(
    delete, path = "/v1/instances/{name}", operation_id = "delete_instance", tag = "instances",
    params(NamePath, super::conditions::OfDeletes),
    responses(
        (status = 200, description = "Forgotten.", body = Deleted),
        (status = 404, response = crate::http::openapi::NotFound),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 412, response = crate::http::openapi::PreconditionFailed),
    )
)]
async fn delete_instance(
    State(api): State<Api>,
    Named(name): Named,
    _: Parameters<NoParameters>,
    _: JsonOnly,
    conditions: Conditions,
) -> Answer {
    let mut tx = api.store.begin().await?;
    let instance = instances::get_for_update(&mut tx, &name.key())
        .await?
        .ok_or_else(|| unknown(&name))?;
    conditions.check_change(Some(&tag(&instance)))?;
    let pairs = instances::used_by(&mut tx, instance.id).await?;
    if !pairs.is_empty() {
        let detail = format!(
            "named by pair {}; change or delete it first",
            pairs.join(", ")
        );
        return Err(Problem::new(Kind::InUse, detail).member("used_by", pairs));
    }
    refuse_open(instances::open_jobs(&mut tx, instance.id).await?)?;
    instances::mark_deleted(&mut tx, instance.id, api.clock.now()).await?;
    tx.commit().await?;
    reply::deleted(instance.name)
}

/// # Errors
/// `in_use`, naming the open jobs.
pub fn refuse_open(jobs: Vec<uuid::Uuid>) -> Result<(), Problem> {
    let ids: Vec<String> = jobs.iter().map(ToString::to_string).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let detail = format!("job {} on it has not ended yet", ids.join(", "));
    Err(Problem::new(Kind::InUse, detail).member("jobs", ids))
}

/// List instances
#[utoipa::path(
    get, path = "/v1/instances", operation_id = "list_instances", tag = "instances",
    params(Paging),
    responses((status = 200, description = "A page, by name.", headers(("Link" = Option<String>, description = "`rel=\"next\"`")), content(
        (ListOf<InstanceView> = "application/json", example = json!({"items": [view::example()], "next_cursor": null})),
        (String = "text/plain"),
    )))
)]
async fn list_instances(
    State(api): State<Api>,
    uri: Uri,
    Parameters(paging): Parameters<Paging>,
    format: Format,
) -> Answer {
    let list = ListRequest {
        uri: &uri,
        format,
        scope: "instances",
    };
    let after: Option<String> = paging.after(&api.cursors, list.scope)?;
    let mut conn = api.store.acquire().await?;
    let found = instances::list(&mut conn, after.as_deref(), paging.limit).await?;
    let page = Page {
        items: InstanceView::load_all(&mut conn, &found.items).await?,
        next: found.next,
    };
    reply::page(&api, &list, page, columns)
}

fn columns(items: &[InstanceView]) -> String {
    let mut table = Table::new(&[
        "NAME",
        "PEER NAME",
        "ADDRESS",
        "CREDENTIAL",
        "VERSION",
        "LETS IN",
        "OBSERVED",
        "LABELS",
    ]);
    for item in items {
        table.row(item.cells());
    }
    table.render()
}

/// The live instance of this name.
///
/// # Errors
/// `not_found`.
pub async fn find(conn: &mut Conn, name: &RegistrationName) -> Result<Instance, Problem> {
    instances::get(conn, &name.key())
        .await?
        .ok_or_else(|| unknown(name))
}

fn tag(instance: &Instance) -> ETag {
    ETag::new(instance.id, instance.revision, instance.status_version)
}

pub fn unknown(name: &RegistrationName) -> Problem {
    Problem::new(Kind::NotFound, format!("there is no instance {name}"))
}
