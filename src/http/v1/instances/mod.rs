//! `/v1/instances`: SQL Server instances and what was last seen of them.

mod changing;
pub mod next;
mod view;
mod wire;

use axum::extract::State;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use self::view::InstanceView;
use self::wire::{PutInstance, WantedInstance};
use crate::domain::id::new_id;
use crate::domain::instance::InstanceSpec;
use crate::domain::name::{NamedRef, RegistrationName};
use crate::domain::registration::{Declared, Registered};
use crate::http::api::Api;
use crate::http::extract::{Json, NamePath};
use crate::http::page::{ListOf, Listing, Paging};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::{Answer, Deleted};
use crate::http::v1::registration::{
    self, Changing, PageOf, Reading, Registration, Stored, refuse_open, refuse_used, stored_in,
};
use crate::store::instances::{self, Instance};
use crate::store::{Conn, binding, credentials};

impl Registration for InstanceSpec {
    const NOUN: &'static str = "instance";
    const PATH: &'static str = "instances";
    type View = InstanceView;

    stored_in!(instances);

    async fn views(conn: &mut Conn, shown: &[Instance]) -> Result<Vec<InstanceView>, Problem> {
        InstanceView::load(conn, shown).await
    }

    async fn check_unused(conn: &mut Conn, instance: &Instance) -> Result<(), Problem> {
        refuse_used(
            "named by pair",
            instances::used_by(conn, instance.id).await?,
        )?;
        refuse_open(instances::open_jobs(conn, instance.id).await?)
    }
}

/// Declare an instance
///
/// Creates it or changes it to exactly this; what is left out gets its default. Nothing is connected to: that is a job's.
#[utoipa::path(
    put, path = "/v1/instances/{name}", operation_id = "put_instance", tag = "instances",
    params(NamePath, crate::http::etag::OfChanges),
    request_body(content = PutInstance, example = json!({"spec": {"host": "host-a.corp.example", "credential": "prod-sql", "peer_name": "HOST_A"}})),
    responses(
        (status = 200, description = "Changed, or identical to what was there.", body = InstanceView, example = json!(view::example())),
        (status = 201, description = "Created.", body = InstanceView, example = json!(view::example())),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 412, response = crate::http::openapi::PreconditionFailed),
        (status = 422, response = crate::http::openapi::Refused),
    )
)]
pub async fn put_instance(
    State(api): State<Api>,
    asked: Changing,
    Json(body): Json<PutInstance>,
) -> Answer {
    let wanted = body.check(&asked.name)?;
    let (mut tx, current) = changing::begin(&api, &asked, &wanted).await?;
    let renamed = current.as_ref().is_some_and(|c| wanted.renames(c));
    let credential = find_credential(&mut tx, &wanted).await?;
    let name = current.as_ref().map_or(&asked.name, |c| &c.name);
    let wanted = wanted.complete(name, credential)?;
    let mut declared = Declared::of(current, wanted, (asked.name, new_id()), api.clock.now());
    match &mut declared {
        Declared::Created(new) => instances::insert(&mut tx, new).await?,
        Declared::Changed(changed) => {
            if renamed {
                changing::check_names(&mut tx, changed).await?;
            }
            changed.status_version = instances::update(&mut tx, changed).await?;
        }
        Declared::Unchanged(_) => {}
    }
    let (Declared::Created(it) | Declared::Changed(it) | Declared::Unchanged(it)) = &declared;
    binding::write(&mut tx, &api.seal, it).await?;
    registration::declared(tx, declared).await
}

/// The credential, if it may be sent to the host. Its row stays locked: it cannot go meanwhile.
async fn find_credential(conn: &mut Conn, wanted: &WantedInstance) -> Result<NamedRef, Problem> {
    let refuse =
        |code, detail: String| Problem::at(ProblemKind::Refused, "/spec/credential", code, detail);
    let found = match RegistrationName::parse(&wanted.credential) {
        Ok(name) => credentials::get_for_use(conn, &name.key()).await?,
        Err(_) => None,
    };
    let Some(credential) = found else {
        return Err(refuse(
            "unknown_credential",
            "there is no credential of this name; declare it first".to_owned(),
        ));
    };
    let (name, host) = (&credential.name, &wanted.address.host);
    if !credential.spec.covers(host) {
        let detail = format!("the hosts of credential {name} do not cover {host}");
        return Err(refuse("credential_not_for_host", detail));
    }
    Ok(credential.named())
}

/// Read an instance
///
/// The spec with its defaults written out, and in `status` what was last seen.
#[utoipa::path(
    get, path = "/v1/instances/{name}", operation_id = "get_instance", tag = "instances",
    params(NamePath, crate::http::etag::OfReads),
    responses(
        (status = 200, description = "The instance.", content((InstanceView = "application/json", example = json!(view::example())), (String = "text/plain"))),
        (status = 304, description = "Unchanged since the tag in `If-None-Match`."),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
pub async fn get_instance(State(api): State<Api>, asked: Reading) -> Answer {
    registration::show::<InstanceSpec>(&api, asked).await
}

/// Forget an instance
///
/// Refused while a pair names it or a job on it is open. Nothing is changed on any SQL Server.
#[utoipa::path(
    delete, path = "/v1/instances/{name}", operation_id = "delete_instance", tag = "instances",
    params(NamePath, crate::http::etag::OfDeletes),
    responses(
        (status = 200, description = "Forgotten.", body = Deleted),
        (status = 404, response = crate::http::openapi::NotFound),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 412, response = crate::http::openapi::PreconditionFailed),
    )
)]
pub async fn delete_instance(State(api): State<Api>, asked: Changing) -> Answer {
    registration::forget::<InstanceSpec>(&api, asked).await
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
pub async fn list_instances(State(api): State<Api>, asked: Listing) -> Answer {
    registration::list::<InstanceSpec>(&api, asked).await
}
