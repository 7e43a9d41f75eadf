//! `/v1/credentials`: log-ins for instances. Write-only: no answer ever holds a password.

mod wire;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use utoipa_axum::routes;

use self::wire::{CredentialView, PutCredential, Wanted};
use super::api::Api;
use super::etag::{Conditions, ETag};
use super::extract::{Json, NamePath, Named, NoParameters, Parameters};
use super::negotiate::{Format, JsonOnly};
use super::page::{ListOf, Paging};
use super::policy::{Guarded, Policy};
use super::problem::{Kind, Problem};
use super::reply::{self, Answer, Deleted, ListRequest};
use super::text::Table;
use crate::domain::id::new_id;
use crate::domain::name::RegistrationName;
use crate::store::credentials::{self, Credential};
use crate::store::list::Page;
use crate::store::{Conn, instances};

pub fn routes() -> Vec<Guarded> {
    vec![
        Policy::Caller.guards(routes!(put_credential, get_credential, delete_credential)),
        Policy::Caller.guards(routes!(list_credentials)),
    ]
}

/// Declare a credential
///
/// Creates it or changes it to exactly this. The password is sealed at once and never comes back. Sending the same again
/// writes nothing.
#[utoipa::path(
    put, path = "/v1/credentials/{name}", operation_id = "put_credential", tag = "credentials",
    params(NamePath, super::conditions::OfChanges),
    request_body(content = PutCredential, example = json!({"spec": {"kind": "sql_login", "user": "mirrorgate", "password": "…", "hosts": ["*.corp.example"]}, "labels": {"env": "prod"}})),
    responses(
        (status = 200, description = "Changed, or identical to what was there.", body = CredentialView, example = json!(wire::example())),
        (status = 201, description = "Created.", body = CredentialView, example = json!(wire::example())),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 412, response = crate::http::openapi::PreconditionFailed),
        (status = 422, response = crate::http::openapi::Refused),
    )
)]
async fn put_credential(
    State(api): State<Api>,
    Named(name): Named,
    _: Parameters<NoParameters>,
    _: JsonOnly,
    conditions: Conditions,
    Json(body): Json<PutCredential>,
) -> Answer {
    let wanted = body.check()?;
    let mut tx = api.store.begin().await?;
    let current = credentials::get_for_update(&mut tx, &name.key()).await?;
    conditions.check_change(current.as_ref().map(tag).as_ref())?;
    let (status, credential) = match current {
        None => (
            StatusCode::CREATED,
            create(&api, &mut tx, name, wanted).await?,
        ),
        Some(current) => (
            StatusCode::OK,
            change(&api, &mut tx, current, wanted).await?,
        ),
    };
    tx.commit().await?;
    let response = reply::json(status, &CredentialView::of(&credential))?;
    let response = reply::tagged(response, &tag(&credential));
    Ok(reply::located(
        response,
        &format!("/v1/credentials/{}", credential.name),
    ))
}

async fn create(
    api: &Api,
    conn: &mut Conn,
    name: RegistrationName,
    wanted: Wanted,
) -> Result<Credential, Problem> {
    let now = api.clock.now();
    let credential = Credential {
        id: new_id(),
        name,
        labels: wanted.labels,
        revision: 1,
        status_version: 1,
        created_at: now,
        updated_at: now,
        spec: wanted.spec,
    };
    let sealed = credentials::seal(&api.seal, credential.id, &credential.name, &wanted.password)?;
    credentials::insert(conn, &credential, &sealed).await?;
    reread(conn, credential).await
}

async fn change(
    api: &Api,
    conn: &mut Conn,
    current: Credential,
    wanted: Wanted,
) -> Result<Credential, Problem> {
    let same_password = is_same_password(api, conn, &current, &wanted.password).await?;
    if same_password && current.spec == wanted.spec && current.labels == wanted.labels {
        return Ok(current);
    }
    let changed = Credential {
        labels: wanted.labels,
        spec: wanted.spec,
        revision: current.revision + 1,
        updated_at: api.clock.now(),
        ..current
    };
    refuse_uncovered(conn, &changed).await?;
    let sealed = if same_password {
        None
    } else {
        Some(credentials::seal(
            &api.seal,
            changed.id,
            &changed.name,
            &wanted.password,
        )?)
    };
    credentials::update(conn, &changed, sealed.as_ref()).await?;
    reread(conn, changed).await
}

/// What was written, as it reads now: PostgreSQL keeps microseconds, and counts versions itself.
async fn reread(conn: &mut Conn, written: Credential) -> Result<Credential, Problem> {
    let read = credentials::get_by_id(conn, written.id).await?;
    Ok(read.unwrap_or(written))
}

/// A password that cannot be opened any more (another seal key) counts as different, so that a PUT heals it.
async fn is_same_password(
    api: &Api,
    conn: &mut Conn,
    current: &Credential,
    wanted: &SecretString,
) -> Result<bool, Problem> {
    let Some((sealed, _)) = credentials::sealed(conn, current.id).await? else {
        return Ok(false);
    };
    let stored = credentials::open(&api.seal, current.id, &current.name, &sealed);
    Ok(stored.is_ok_and(|stored| {
        let (a, b) = (stored.expose_secret(), wanted.expose_secret());
        a.as_bytes().ct_eq(b.as_bytes()).into()
    }))
}

/// An instance that uses the credential must stay covered by its hosts.
async fn refuse_uncovered(conn: &mut Conn, changed: &Credential) -> Result<(), Problem> {
    let users = credentials::used_by(conn, changed.id).await?;
    let keys: Vec<String> = users.iter().map(|n| n.to_ascii_lowercase()).collect();
    let uncovered: Vec<String> = instances::by_names(conn, &keys)
        .await?
        .into_iter()
        .filter(|instance| !changed.spec.covers(&instance.spec.address.host))
        .map(|instance| instance.name.to_string())
        .collect();
    if uncovered.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "the hosts would no longer cover {}, which use this credential; change those first",
        uncovered.join(", ")
    );
    Err(Problem::new(Kind::CredentialNotForHost, detail).member("used_by", uncovered))
}

/// Read a credential
///
/// Tells kind, user, hosts, revision and times, never the password.
#[utoipa::path(
    get, path = "/v1/credentials/{name}", operation_id = "get_credential", tag = "credentials",
    params(NamePath, super::conditions::OfReads),
    responses(
        (status = 200, description = "The credential.", content((CredentialView = "application/json", example = json!(wire::example())), (String = "text/plain"))),
        (status = 304, description = "Unchanged since the tag in `If-None-Match`."),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
async fn get_credential(
    State(api): State<Api>,
    Named(name): Named,
    _: Parameters<NoParameters>,
    format: Format,
    conditions: Conditions,
) -> Answer {
    let mut conn = api.store.acquire().await?;
    let credential = credentials::get(&mut conn, &name.key())
        .await?
        .ok_or_else(|| unknown(&name))?;
    let tag = format.tag(tag(&credential));
    if let Some(answer) = reply::known(&conditions, &tag) {
        return Ok(answer);
    }
    let view = CredentialView::of(&credential);
    let response = match format {
        Format::Text => reply::text(StatusCode::OK, view.plain()),
        Format::Json => reply::json(StatusCode::OK, &view)?,
    };
    Ok(reply::tagged(response, &tag))
}

/// Forget a credential
///
/// Refused while an instance uses it. Nothing is changed on any SQL Server.
#[utoipa::path(
    delete, path = "/v1/credentials/{name}", operation_id = "delete_credential", tag = "credentials",
    params(NamePath, super::conditions::OfDeletes),
    responses(
        (status = 200, description = "Forgotten.", body = Deleted),
        (status = 404, response = crate::http::openapi::NotFound),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 412, response = crate::http::openapi::PreconditionFailed),
    )
)]
async fn delete_credential(
    State(api): State<Api>,
    Named(name): Named,
    _: Parameters<NoParameters>,
    _: JsonOnly,
    conditions: Conditions,
) -> Answer {
    let mut tx = api.store.begin().await?;
    let credential = credentials::get_for_update(&mut tx, &name.key())
        .await?
        .ok_or_else(|| unknown(&name))?;
    conditions.check_change(Some(&tag(&credential)))?;
    let users = credentials::used_by(&mut tx, credential.id).await?;
    if !users.is_empty() {
        let detail = format!(
            "used by instance {}; change or delete it first",
            users.join(", ")
        );
        return Err(Problem::new(Kind::InUse, detail).member("used_by", users));
    }
    credentials::mark_deleted(&mut tx, credential.id, api.clock.now()).await?;
    tx.commit().await?;
    reply::deleted(credential.name)
}

/// List credentials
#[utoipa::path(
    get, path = "/v1/credentials", operation_id = "list_credentials", tag = "credentials",
    params(Paging),
    responses((status = 200, description = "A page, by name.", headers(("Link" = Option<String>, description = "`rel=\"next\"`")), content(
        (ListOf<CredentialView> = "application/json", example = json!({"items": [wire::example()], "next_cursor": null})),
        (String = "text/plain"),
    )))
)]
async fn list_credentials(
    State(api): State<Api>,
    uri: Uri,
    Parameters(paging): Parameters<Paging>,
    format: Format,
) -> Answer {
    let list = ListRequest {
        uri: &uri,
        format,
        scope: "credentials",
    };
    let after: Option<String> = paging.after(&api.cursors, list.scope)?;
    let mut conn = api.store.acquire().await?;
    let found = credentials::list(&mut conn, after.as_deref(), paging.limit).await?;
    let page = Page {
        items: found.items.iter().map(CredentialView::of).collect(),
        next: found.next,
    };
    reply::page(&api, &list, page, columns)
}

fn columns(items: &[CredentialView]) -> String {
    let mut table = Table::new(&["NAME", "KIND", "USER", "HOSTS", "REVISION", "UPDATED"]);
    for item in items {
        table.row(item.cells());
    }
    table.render()
}

fn tag(credential: &Credential) -> ETag {
    ETag::new(
        credential.id,
        credential.revision,
        credential.status_version,
    )
}

fn unknown(name: &RegistrationName) -> Problem {
    Problem::new(Kind::NotFound, format!("there is no credential {name}"))
}
