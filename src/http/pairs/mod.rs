//! `/v1/pairs`: mirroring pairs and the state of their trusts.

mod wire;

use std::collections::HashMap;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use utoipa_axum::routes;
use uuid::Uuid;

use self::wire::{PairView, PutPair};
use super::api::Api;
use super::etag::{Conditions, ETag};
use super::extract::{Json, NamePath, Named, NoParameters, Parameters};
use super::instances::refuse_open;
use super::negotiate::{Format, JsonOnly};
use super::object_names::{self, Acceptor};
use super::page::{ListOf, Paging};
use super::policy::{Guarded, Policy};
use super::problem::{Fault, Kind, Problem};
use super::reply::{self, Answer, Deleted, ListRequest};
use super::text::Table;
use super::trusts::Gallery;
use crate::domain::id::new_id;
use crate::domain::name::{NamedRef, RegistrationName};
use crate::domain::pair::PairSpec;
use crate::store::instances::{self, Instance};
use crate::store::list::Page;
use crate::store::pairs::{self, Pair};
use crate::store::{Conn, jobs};

pub fn routes() -> Vec<Guarded> {
    vec![
        Policy::Caller.guards(routes!(put_pair, get_pair, delete_pair)),
        Policy::Caller.guards(routes!(list_pairs)),
    ]
}

/// Declare a pair
///
/// Two partners and an optional witness, all registered. Nothing is configured yet: ask for a job.
#[utoipa::path(
    put, path = "/v1/pairs/{name}", operation_id = "put_pair", tag = "pairs",
    params(NamePath, super::conditions::OfChanges),
    request_body(content = PutPair, example = json!({"spec": {"partners": ["HOST_A", "HOST_B"], "witness": "HOST_W"}})),
    responses(
        (status = 200, description = "Changed, or identical to what was there.", body = PairView, example = json!(wire::example())),
        (status = 201, description = "Created.", body = PairView, example = json!(wire::example())),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 412, response = crate::http::openapi::PreconditionFailed),
        (status = 422, response = crate::http::openapi::Refused),
    )
)]
async fn put_pair(
    State(api): State<Api>,
    Named(name): Named,
    _: Parameters<NoParameters>,
    _: JsonOnly,
    conditions: Conditions,
    Json(body): Json<PutPair>,
) -> Answer {
    let mut tx = api.store.begin().await?;
    instances::take_turn_at_names(&mut tx).await?;
    let current = pairs::get_for_update(&mut tx, &name.key()).await?;
    conditions.check_change(current.as_ref().map(tag).as_ref())?;
    body.check()?;
    let members = find_members(&mut tx, &body).await?;
    let spec = spec(&body, &members)?;
    let now = api.clock.now();
    let (status, pair) = match current {
        Some(current) if current.spec == spec && current.labels == body.labels => {
            (StatusCode::OK, current)
        }
        Some(current) => {
            refuse_while_changing(&mut tx, current.id).await?;
            check_names(&mut tx, &spec, &members).await?;
            let changed = Pair {
                spec,
                labels: body.labels,
                revision: current.revision + 1,
                updated_at: now,
                ..current
            };
            pairs::update(&mut tx, &changed).await?;
            (StatusCode::OK, changed)
        }
        None => {
            check_names(&mut tx, &spec, &members).await?;
            let created = Pair {
                id: new_id(),
                name,
                labels: body.labels,
                revision: 1,
                status_version: 1,
                created_at: now,
                updated_at: now,
                spec,
            };
            pairs::insert(&mut tx, &created).await?;
            (StatusCode::CREATED, created)
        }
    };
    // As it reads now: PostgreSQL keeps microseconds, and counts versions itself.
    let pair = pairs::get_by_id(&mut tx, pair.id).await?.unwrap_or(pair);
    let gallery = Gallery::load(&mut tx, members.into_values().collect()).await?;
    tx.commit().await?;
    let response = reply::tagged(
        reply::json(status, &PairView::of(&pair, &gallery))?,
        &tag(&pair),
    );
    Ok(reply::located(
        response,
        &format!("/v1/pairs/{}", pair.name),
    ))
}

/// The members by lower-case name, their rows locked in one order: none can go or change its names meanwhile.
async fn find_members(
    conn: &mut Conn,
    body: &PutPair,
) -> Result<HashMap<String, Instance>, Problem> {
    let mut keys: Vec<String> = body
        .members()
        .iter()
        .map(|(_, name)| name.to_ascii_lowercase())
        .collect();
    keys.sort();
    keys.dedup();
    let mut found = HashMap::new();
    for key in keys {
        if RegistrationName::parse(&key).is_ok()
            && let Some(instance) = instances::get_for_update(conn, &key).await?
        {
            found.insert(key, instance);
        }
    }
    let missing: Vec<Fault> = body
        .members()
        .into_iter()
        .filter(|(_, name)| !found.contains_key(&name.to_ascii_lowercase()))
        .map(|(pointer, _)| {
            Fault::new(
                pointer,
                "unknown_instance",
                "there is no instance of this name; declare it first",
            )
        })
        .collect();
    if missing.is_empty() {
        Ok(found)
    } else {
        Err(Problem::of(Kind::Refused, missing))
    }
}

fn spec(body: &PutPair, members: &HashMap<String, Instance>) -> Result<PairSpec, Problem> {
    let named = |name: &str| {
        members
            .get(&name.to_ascii_lowercase())
            .map(|instance| NamedRef {
                id: instance.id,
                name: instance.name.clone(),
            })
            .ok_or_else(|| Problem::new(Kind::Internal, "a member that was found is gone"))
    };
    let [first, second] = &body.spec.partners;
    let spec = PairSpec {
        partners: [named(first)?, named(second)?],
        witness: body.spec.witness.as_deref().map(named).transpose()?,
        operating_mode: body.spec.operating_mode,
    };
    spec.check().map_err(|refused| {
        let faults = refused
            .iter()
            .map(|r| Fault::new(r.pointer(), r.code(), r.to_string()))
            .collect();
        Problem::of(Kind::Refused, faults)
    })?;
    Ok(spec)
}

/// The names every member gives the others, together with the peers it has through other pairs.
async fn check_names(
    conn: &mut Conn,
    spec: &PairSpec,
    members: &HashMap<String, Instance>,
) -> Result<(), Problem> {
    let pointer_of: Vec<(Uuid, &'static str)> = spec
        .members()
        .iter()
        .zip(["/spec/partners/0", "/spec/partners/1", "/spec/witness"])
        .map(|((named, _), pointer)| (named.id, pointer))
        .collect();
    for acceptor in members.values() {
        let mut peers = instances::peers_of(conn, acceptor.id).await?;
        peers.retain(|peer| !spec.names(peer.id));
        peers.extend(members.values().filter(|m| m.id != acceptor.id).cloned());
        let blame = |_: &'static str, peer_name: &crate::domain::object_name::ObjectName| {
            members
                .values()
                .filter(|m| m.spec.peer_name == *peer_name)
                .find_map(|m| pointer_of.iter().find(|(id, _)| *id == m.id))
                .map_or("/spec/partners", |(_, pointer)| *pointer)
                .to_owned()
        };
        let named = Acceptor {
            name: &acceptor.name,
            naming: &acceptor.spec.naming,
        };
        object_names::check(&named, &peers.iter().collect::<Vec<_>>(), &blame)?;
    }
    Ok(())
}

/// # Errors
/// `job_open`, with the id of the changing job that is under way.
async fn refuse_while_changing(conn: &mut Conn, pair: Uuid) -> Result<(), Problem> {
    match jobs::open_changing(conn, pair).await? {
        None => Ok(()),
        Some(job) => Err(Problem::new(
            Kind::JobOpen,
            format!(
                "job {} may be changing the members; wait for its end",
                job.id
            ),
        )
        .member("job", job.id.to_string())),
    }
}

/// Read a pair
///
/// With one entry in `status` per trust: whether it is configured, and whether it has been proven.
#[utoipa::path(
    get, path = "/v1/pairs/{name}", operation_id = "get_pair", tag = "pairs",
    params(NamePath, super::conditions::OfReads),
    responses(
        (status = 200, description = "The pair.", content((PairView = "application/json", example = json!(wire::example())), (String = "text/plain"))),
        (status = 304, description = "Unchanged since the tag in `If-None-Match`."),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
async fn get_pair(
    State(api): State<Api>,
    Named(name): Named,
    _: Parameters<NoParameters>,
    format: Format,
    conditions: Conditions,
) -> Answer {
    let mut conn = api.store.acquire().await?;
    let pair = find(&mut conn, &name).await?;
    let tag = format.tag(tag(&pair));
    if let Some(answer) = reply::known(&conditions, &tag) {
        return Ok(answer);
    }
    let gallery = gallery(&mut conn, std::slice::from_ref(&pair)).await?;
    let view = PairView::of(&pair, &gallery);
    let response = match format {
        Format::Text => reply::text(StatusCode::OK, view.plain()),
        Format::Json => reply::json(StatusCode::OK, &view)?,
    };
    Ok(reply::tagged(response, &tag))
}

/// Forget a pair
///
/// Refused while a job on it is open. Nothing is changed on any SQL Server: its members go on trusting each other.
#[utoipa::path(
    delete, path = "/v1/pairs/{name}", operation_id = "delete_pair", tag = "pairs",
    params(NamePath, super::conditions::OfDeletes),
    responses(
        (status = 200, description = "Forgotten.", body = Deleted),
        (status = 404, response = crate::http::openapi::NotFound),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 412, response = crate::http::openapi::PreconditionFailed),
    )
)]
async fn delete_pair(
    State(api): State<Api>,
    Named(name): Named,
    _: Parameters<NoParameters>,
    _: JsonOnly,
    conditions: Conditions,
) -> Answer {
    let mut tx = api.store.begin().await?;
    let pair = pairs::get_for_update(&mut tx, &name.key())
        .await?
        .ok_or_else(|| unknown(&name))?;
    conditions.check_change(Some(&tag(&pair)))?;
    refuse_while_changing(&mut tx, pair.id).await?;
    refuse_open(pairs::open_jobs(&mut tx, pair.id).await?)?;
    pairs::mark_deleted(&mut tx, pair.id, api.clock.now()).await?;
    tx.commit().await?;
    reply::deleted(pair.name)
}

/// List pairs
#[utoipa::path(
    get, path = "/v1/pairs", operation_id = "list_pairs", tag = "pairs",
    params(Paging),
    responses((status = 200, description = "A page, by name.", headers(("Link" = Option<String>, description = "`rel=\"next\"`")), content(
        (ListOf<PairView> = "application/json", example = json!({"items": [wire::example()], "next_cursor": null})),
        (String = "text/plain"),
    )))
)]
async fn list_pairs(
    State(api): State<Api>,
    uri: Uri,
    Parameters(paging): Parameters<Paging>,
    format: Format,
) -> Answer {
    let list = ListRequest {
        uri: &uri,
        format,
        scope: "pairs",
    };
    let after: Option<String> = paging.after(&api.cursors, list.scope)?;
    let mut conn = api.store.acquire().await?;
    let found = pairs::list(&mut conn, after.as_deref(), paging.limit).await?;
    let gallery = gallery(&mut conn, &found.items).await?;
    let page = Page {
        items: found
            .items
            .iter()
            .map(|p| PairView::of(p, &gallery))
            .collect(),
        next: found.next,
    };
    reply::page(&api, &list, page, columns)
}

fn columns(items: &[PairView]) -> String {
    let mut table = Table::new(&[
        "NAME", "PARTNERS", "WITNESS", "MODE", "TRUSTS", "REVISION", "LABELS",
    ]);
    for item in items {
        table.row(item.cells());
    }
    table.render()
}

async fn gallery(conn: &mut Conn, pairs: &[Pair]) -> Result<Gallery, Problem> {
    let mut ids: Vec<Uuid> = pairs
        .iter()
        .flat_map(|pair| {
            pair.spec
                .members()
                .into_iter()
                .map(|(m, _)| m.id)
                .collect::<Vec<_>>()
        })
        .collect();
    ids.sort();
    ids.dedup();
    let members = instances::by_ids(conn, &ids).await?;
    Gallery::load(conn, members).await
}

/// The live pair of this name.
///
/// # Errors
/// `not_found`.
pub async fn find(conn: &mut Conn, name: &RegistrationName) -> Result<Pair, Problem> {
    pairs::get(conn, &name.key())
        .await?
        .ok_or_else(|| unknown(name))
}

fn tag(pair: &Pair) -> ETag {
    ETag::new(pair.id, pair.revision, pair.status_version)
}

pub fn unknown(name: &RegistrationName) -> Problem {
    Problem::new(Kind::NotFound, format!("there is no pair {name}"))
}
