//! `/v1/credentials`: log-ins for instances. Write-only: no answer ever holds a password.

mod wire;

use axum::extract::State;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use self::wire::{CredentialView, PutCredential};
use crate::domain::credential::CredentialSpec;
use crate::domain::id::new_id;
use crate::domain::registration::{Declared, Registered};
use crate::http::api::Api;
use crate::http::extract::{Json, NamePath};
use crate::http::page::{ListOf, Listing, Paging};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::{Answer, Deleted};
use crate::http::v1::registration::{
    self, Changing, PageOf, Reading, Registration, Stored, at_most, refuse_used, some_of, stored_in,
};
use crate::store::credentials::{self, Credential};
use crate::store::seal::Form;
use crate::store::{Conn, binding, instances};

impl Registration for CredentialSpec {
    const NOUN: &'static str = "credential";
    const PATH: &'static str = "credentials";
    type View = CredentialView;

    stored_in!(credentials);

    async fn views(_: &mut Conn, shown: &[Credential]) -> Result<Vec<CredentialView>, Problem> {
        Ok(shown.iter().map(CredentialView::of).collect())
    }

    async fn check_unused(conn: &mut Conn, credential: &Credential) -> Result<(), Problem> {
        let users = credentials::used_by(conn, credential.id).await?;
        refuse_used("used by instance", users)
    }
}

/// Declare a credential
///
/// Creates it or changes it to exactly this. The password is sealed at once and never comes back. Sending the same again
/// writes nothing.
#[utoipa::path(
    put, path = "/v1/credentials/{name}", operation_id = "put_credential", tag = "credentials",
    params(NamePath, crate::http::etag::OfChanges),
    request_body(content = PutCredential, example = json!({"spec": {"kind": "sql_login", "user": "mirrorgate", "password": "…", "hosts": ["*.corp.example"]}, "labels": {"env": "prod"}})),
    responses(
        (status = 200, description = "Changed, or identical to what was there.", body = CredentialView, example = json!(wire::example())),
        (status = 201, description = "Created.", body = CredentialView, example = json!(wire::example())),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 412, response = crate::http::openapi::PreconditionFailed),
        (status = 422, response = crate::http::openapi::Refused),
    )
)]
pub async fn put_credential(
    State(api): State<Api>,
    asked: Changing,
    Json(body): Json<PutCredential>,
) -> Answer {
    let (wanted, password) = body.check()?;
    let mut tx = api.store.begin().await?;
    let current = registration::current::<CredentialSpec>(&mut tx, &asked).await?;
    let kept = match &current {
        None => Kept::default(),
        Some(current) => kept(&api, &mut tx, current, &password).await?,
    };
    let wanted = wanted.with_secret_changed(!kept.is_the_same);
    let declared = Declared::of(current, wanted, (asked.name, new_id()), api.clock.now());
    let seal = |it: &Credential| credentials::seal(&api.seal, it, &password);
    match &declared {
        Declared::Created(new) => credentials::insert(&mut tx, new, &seal(new)?).await?,
        Declared::Changed(changed) => {
            refuse_uncovered(&mut tx, changed).await?;
            credentials::update(&mut tx, changed, &seal(changed)?).await?;
        }
        Declared::Unchanged(same) if kept.form == Some(Form::Named) => {
            credentials::update(&mut tx, same, &seal(same)?).await?;
        }
        Declared::Unchanged(_) => {}
    }
    if let (Some(Form::Named), Declared::Changed(it) | Declared::Unchanged(it)) =
        (kept.form, &declared)
    {
        binding::adopt(&mut tx, &api.seal, it.id).await?;
    }
    registration::declared(tx, declared).await
}

/// What is stored beside what is wanted.
#[derive(Default)]
struct Kept {
    is_the_same: bool,
    /// Absent where there is nothing that opens.
    form: Option<Form>,
}

/// A password that cannot be opened any more (another seal key, a row that was turned) counts as different, so that a PUT heals it.
async fn kept(
    api: &Api,
    conn: &mut Conn,
    current: &Credential,
    wanted: &SecretString,
) -> Result<Kept, Problem> {
    let Some((sealed, _)) = credentials::sealed(conn, current.id).await? else {
        return Ok(Kept::default());
    };
    let opened = credentials::open(&api.seal, current, &sealed);
    Ok(opened.map_or_else(
        |_| Kept::default(),
        |opened| Kept {
            is_the_same: opened
                .expose_secret()
                .as_bytes()
                .ct_eq(wanted.expose_secret().as_bytes())
                .into(),
            form: Some(sealed.form),
        },
    ))
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
        some_of(&uncovered)
    );
    Err(Problem::new(ProblemKind::CredentialNotForHost, detail)
        .member("used_by", at_most(uncovered)))
}

/// Read a credential
///
/// Tells kind, user, hosts, revision and times, never the password.
#[utoipa::path(
    get, path = "/v1/credentials/{name}", operation_id = "get_credential", tag = "credentials",
    params(NamePath, crate::http::etag::OfReads),
    responses(
        (status = 200, description = "The credential.", content((CredentialView = "application/json", example = json!(wire::example())), (String = "text/plain"))),
        (status = 304, description = "Unchanged since the tag in `If-None-Match`."),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
pub async fn get_credential(State(api): State<Api>, asked: Reading) -> Answer {
    registration::show::<CredentialSpec>(&api, asked).await
}

/// Forget a credential
///
/// Refused while an instance uses it. Nothing is changed on any SQL Server.
#[utoipa::path(
    delete, path = "/v1/credentials/{name}", operation_id = "delete_credential", tag = "credentials",
    params(NamePath, crate::http::etag::OfDeletes),
    responses(
        (status = 200, description = "Forgotten.", body = Deleted),
        (status = 404, response = crate::http::openapi::NotFound),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 412, response = crate::http::openapi::PreconditionFailed),
    )
)]
pub async fn delete_credential(State(api): State<Api>, asked: Changing) -> Answer {
    registration::forget::<CredentialSpec>(&api, asked).await
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
pub async fn list_credentials(State(api): State<Api>, asked: Listing) -> Answer {
    registration::list::<CredentialSpec>(&api, asked).await
}
