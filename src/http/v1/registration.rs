//! What all registrations share: how one is declared, shown, listed and forgotten. A noun brings its spec (`domain`), its
//! SQL (`store`), and here its view and its rules.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::domain::name::RegistrationName;
use crate::domain::registration::{Declared, Registered};
use crate::http::api::Api;
use crate::http::etag::{Conditions, ETag};
use crate::http::extract::{Named, NoParameters, Parameters};
use crate::http::negotiate::{Format, JsonOnly};
use crate::http::page::Listing;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::{self, Answer};
use crate::http::text::Tabular;
use crate::store::list::Page;
use crate::store::{Conn, StoreError, Transaction};

/// What a read or a write of the store gives.
pub type Stored<T> = Result<T, StoreError>;
/// A page of registrations.
pub type PageOf<S> = Page<Registered<S>>;

/// A kind of registration, by its spec.
pub trait Registration: Sized + Send + Sync {
    /// What one is called: `pair`.
    const NOUN: &'static str;
    /// Where they are, below `/v1/`: `pairs`. Their cursors belong to it.
    const PATH: &'static str;
    type View: Serialize + Tabular + Screen + Send;

    /// The live one of this name (lower case).
    fn get(
        conn: &mut Conn,
        key: &str,
    ) -> impl Future<Output = Stored<Option<Registered<Self>>>> + Send;

    /// Like [`Self::get`], held against changes until the transaction ends.
    fn get_for_update(
        conn: &mut Conn,
        key: &str,
    ) -> impl Future<Output = Stored<Option<Registered<Self>>>> + Send;

    /// Live ones by name, after a name key.
    fn list(
        conn: &mut Conn,
        after: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = Stored<PageOf<Self>>> + Send;

    /// What is shown of several, in their order, with what they have in common read once.
    fn views(
        conn: &mut Conn,
        shown: &[Registered<Self>],
    ) -> impl Future<Output = Result<Vec<Self::View>, Problem>> + Send;

    /// Refuses to forget what somebody still needs.
    fn check_unused(
        conn: &mut Conn,
        registered: &Registered<Self>,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Forgets it; asked for when it is locked and unused.
    fn mark_deleted(
        conn: &mut Conn,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Stored<()>> + Send;
}

/// The part of [`Registration`] that is the store's: the functions of `store::$table`.
macro_rules! stored_in {
    ($table:ident) => {
        async fn get(conn: &mut Conn, key: &str) -> Stored<Option<Registered<Self>>> {
            $table::get(conn, key).await
        }

        async fn get_for_update(conn: &mut Conn, key: &str) -> Stored<Option<Registered<Self>>> {
            $table::get_for_update(conn, key).await
        }

        async fn list(conn: &mut Conn, after: Option<&str>, limit: u32) -> Stored<PageOf<Self>> {
            $table::list(conn, after, limit).await
        }

        async fn mark_deleted(conn: &mut Conn, id: Uuid, now: DateTime<Utc>) -> Stored<()> {
            $table::mark_deleted(conn, id, now).await
        }
    };
}
pub(super) use stored_in;

/// One object as plain text, on a screen of its own.
pub trait Screen {
    fn plain(&self) -> String;
}

/// Makes the view of a registration: its name, labels, revision and times around `spec` and `status`.
macro_rules! registration_view {
    ($(#[$docs:meta])* $view:ident($spec:ty, $status:ty), example $example:literal, revision $revision:literal) => {
        $(#[$docs])*
        #[derive(Debug, serde::Serialize, utoipa::ToSchema)]
        pub struct $view {
            #[schema(example = $example)]
            name: String,
            #[schema(value_type = BTreeMap<String, String>)]
            labels: $crate::domain::registration::Labels,
            #[doc = $revision]
            revision: i64,
            created_at: chrono::DateTime<chrono::Utc>,
            updated_at: chrono::DateTime<chrono::Utc>,
            spec: $spec,
            status: $status,
        }

        impl $view {
            fn around<S>(
                registered: &$crate::domain::registration::Registered<S>,
                spec: $spec,
                status: $status,
            ) -> Self {
                Self {
                    name: registered.name.to_string(),
                    labels: registered.labels.clone(),
                    revision: registered.revision,
                    created_at: registered.created_at,
                    updated_at: registered.updated_at,
                    spec,
                    status,
                }
            }
        }
    };
}
pub(super) use registration_view;

/// A request to read one.
pub struct Reading {
    name: RegistrationName,
    format: Format,
    conditions: Conditions,
}

/// A request to declare or forget one.
pub struct Changing {
    pub name: RegistrationName,
    conditions: Conditions,
}

impl<S: Send + Sync> FromRequestParts<S> for Reading {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Named(name) = Named::from_request_parts(parts, state).await?;
        Parameters::<NoParameters>::from_request_parts(parts, state).await?;
        Ok(Self {
            name,
            format: Format::from_request_parts(parts, state).await?,
            conditions: Conditions::from_request_parts(parts, state).await?,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Changing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Named(name) = Named::from_request_parts(parts, state).await?;
        Parameters::<NoParameters>::from_request_parts(parts, state).await?;
        JsonOnly::from_request_parts(parts, state).await?;
        Ok(Self {
            name,
            conditions: Conditions::from_request_parts(parts, state).await?,
        })
    }
}

/// Answers GET of one.
pub async fn show<S: Registration>(api: &Api, asked: Reading) -> Answer {
    let mut conn = api.store.acquire().await?;
    let found = find::<S>(&mut conn, &asked.name).await?;
    let tag = asked.format.tag(tag(&found));
    if let Some(answer) = reply::not_modified(&asked.conditions, &tag) {
        return Ok(answer);
    }
    let view = view(&mut conn, &found).await?;
    let response = match asked.format {
        Format::Text => reply::text(StatusCode::OK, view.plain()),
        Format::Json => reply::json(StatusCode::OK, &view)?,
    };
    Ok(reply::tagged(response, &tag))
}

/// Answers GET of all.
pub async fn list<S: Registration>(api: &Api, asked: Listing) -> Answer {
    let after: Option<String> = asked.after(S::PATH)?;
    let mut conn = api.store.acquire().await?;
    let found = S::list(&mut conn, after.as_deref(), asked.limit()).await?;
    let items = S::views(&mut conn, &found.items).await?;
    let next = found.next;
    asked.answer(S::PATH, Page { items, next })
}

/// What a declaration begins with once its body has been read: the one that is there, locked, if the conditions let it be
/// changed. Then come what it refers to, the rules, the writing, and [`declared`].
///
/// # Errors
/// `precondition_failed`.
pub async fn current<S: Registration>(
    conn: &mut Conn,
    asked: &Changing,
) -> Result<Option<Registered<S>>, Problem> {
    let current = S::get_for_update(conn, &asked.name.key()).await?;
    asked
        .conditions
        .check_change(current.as_ref().map(tag).as_ref())?;
    Ok(current)
}

/// Answers PUT with what was declared, as it reads now, and commits.
pub async fn declared<S: Registration>(mut tx: Transaction, declared: Declared<S>) -> Answer {
    let (status, registered) = match declared {
        Declared::Created(new) => (StatusCode::CREATED, new),
        Declared::Changed(it) | Declared::Unchanged(it) => (StatusCode::OK, it),
    };
    let view = view(&mut tx, &registered).await?;
    tx.commit().await?;
    let response = reply::tagged(reply::json(status, &view)?, &tag(&registered));
    let path = format!("/v1/{}/{}", S::PATH, registered.name);
    Ok(reply::located(response, &path))
}

/// Answers DELETE.
pub async fn forget<S: Registration>(api: &Api, asked: Changing) -> Answer {
    let mut tx = api.store.begin().await?;
    let found = lock::<S>(&mut tx, &asked.name).await?;
    asked.conditions.check_change(Some(&tag(&found)))?;
    S::check_unused(&mut tx, &found).await?;
    S::mark_deleted(&mut tx, found.id, api.clock.now()).await?;
    tx.commit().await?;
    reply::deleted(found.name)
}

/// The live one of this name.
///
/// # Errors
/// `not_found`.
pub async fn find<S: Registration>(
    conn: &mut Conn,
    name: &RegistrationName,
) -> Result<Registered<S>, Problem> {
    S::get(conn, &name.key())
        .await?
        .ok_or_else(|| unknown::<S>(name))
}

/// Like [`find`], held against changes until the transaction ends.
///
/// # Errors
/// `not_found`.
pub async fn lock<S: Registration>(
    conn: &mut Conn,
    name: &RegistrationName,
) -> Result<Registered<S>, Problem> {
    S::get_for_update(conn, &name.key())
        .await?
        .ok_or_else(|| unknown::<S>(name))
}

async fn view<S: Registration>(
    conn: &mut Conn,
    registered: &Registered<S>,
) -> Result<S::View, Problem> {
    S::views(conn, std::slice::from_ref(registered))
        .await?
        .pop()
        .ok_or_else(|| Problem::new(ProblemKind::Internal, "a registration has no view"))
}

fn tag<S>(registered: &Registered<S>) -> ETag {
    ETag::new(
        registered.id,
        registered.revision,
        registered.status_version,
    )
}

fn unknown<S: Registration>(name: &RegistrationName) -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        format!("there is no {} {name}", S::NOUN),
    )
}

/// # Errors
/// `in_use`, naming the open jobs.
pub fn refuse_open(jobs: Vec<Uuid>) -> Result<(), Problem> {
    let ids: Vec<String> = jobs.iter().map(ToString::to_string).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let detail = format!("job {} on it has not ended yet", some_of(&ids));
    Err(Problem::new(ProblemKind::InUse, detail).member("jobs", at_most(ids)))
}

/// The first of them, and how many more there are.
pub fn some_of(all: &[String]) -> String {
    const TOLD: usize = 20;
    match all.len().checked_sub(TOLD) {
        None | Some(0) => all.join(", "),
        Some(more) => format!("{} and {more} more", all[..TOLD].join(", ")),
    }
}

/// As many as a program can use of what stands in its way.
pub fn at_most(mut all: Vec<String>) -> Vec<String> {
    all.truncate(500);
    all
}

/// # Errors
/// `in_use`, naming the registrations that use it. `how` they do: `used by instance`.
pub fn refuse_used(how: &str, users: Vec<String>) -> Result<(), Problem> {
    if users.is_empty() {
        return Ok(());
    }
    let detail = format!("{how} {}; change or delete it first", some_of(&users));
    Err(Problem::new(ProblemKind::InUse, detail).member("used_by", at_most(users)))
}
