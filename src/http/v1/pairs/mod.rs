//! `/v1/pairs`: mirroring pairs and the state of their trusts.

mod wire;

use std::collections::{BTreeSet, HashMap};

use axum::extract::State;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use self::wire::{PairView, PutPair, key, pointer};
use crate::domain::id::new_id;
use crate::domain::object_name::ObjectName;
use crate::domain::pair::{PairSpec, Place};
use crate::domain::registration::{Declared, Registered};
use crate::http::api::Api;
use crate::http::extract::{Json, NamePath};
use crate::http::page::{ListOf, Listing, Paging};
use crate::http::problem::{Faults, Problem, ProblemKind};
use crate::http::reply::{Answer, Deleted};
use crate::http::v1::object_names::{self, Acceptor};
use crate::http::v1::registration::{
    self, Changing, PageOf, Reading, Registration, Stored, refuse_open, stored_in,
};
use crate::http::v1::trusts::TrustStatuses;
use crate::store::instances::{self, Instance};
use crate::store::pairs::{self, Pair};
use crate::store::peers::{self, Peer};
use crate::store::turns::{self, Turn};
use crate::store::{Conn, jobs};

/// The members of a pair by the keys of their names.
type Members = HashMap<String, Instance>;

impl Registration for PairSpec {
    const NOUN: &'static str = "pair";
    const PATH: &'static str = "pairs";
    type View = PairView;

    stored_in!(pairs);

    async fn views(conn: &mut Conn, shown: &[Pair]) -> Result<Vec<PairView>, Problem> {
        let trusts = shown.iter().flat_map(|pair| wire::trusts_of(&pair.spec));
        let statuses = TrustStatuses::load(conn, BTreeSet::new(), trusts.collect()).await?;
        Ok(shown.iter().map(|p| PairView::of(p, &statuses)).collect())
    }

    async fn check_unused(conn: &mut Conn, pair: &Pair) -> Result<(), Problem> {
        refuse_while_changing(conn, pair.id).await?;
        refuse_open(pairs::open_jobs(conn, pair.id).await?)
    }
}

/// Declare a pair
///
/// Two partners and an optional witness, all registered. Nothing is configured yet: ask for a job.
#[utoipa::path(
    put, path = "/v1/pairs/{name}", operation_id = "put_pair", tag = "pairs",
    params(NamePath, crate::http::etag::OfChanges),
    request_body(content = PutPair, example = json!({"spec": {"partners": ["HOST_A", "HOST_B"], "witness": "HOST_W"}})),
    responses(
        (status = 200, description = "Changed, or identical to what was there.", body = PairView, example = json!(wire::example())),
        (status = 201, description = "Created.", body = PairView, example = json!(wire::example())),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 412, response = crate::http::openapi::PreconditionFailed),
        (status = 422, response = crate::http::openapi::Refused),
    )
)]
pub async fn put_pair(
    State(api): State<Api>,
    asked: Changing,
    Json(body): Json<PutPair>,
) -> Answer {
    body.check()?;
    let mut tx = api.store.begin().await?;
    turns::take(&mut tx, Turn::Beside, PairSpec::PATH, &asked.name.key()).await?;
    let current = registration::current::<PairSpec>(&mut tx, &asked).await?;
    let members = find_members(&mut tx, &body).await?;
    let wanted = body.complete(&members)?;
    let mut declared = Declared::of(current, wanted, (asked.name, new_id()), api.clock.now());
    match &mut declared {
        Declared::Created(new) => {
            check_names(&mut tx, &new.spec, &members).await?;
            new.status_version = pairs::insert(&mut tx, new).await?;
        }
        Declared::Changed(changed) => {
            refuse_while_changing(&mut tx, changed.id).await?;
            check_names(&mut tx, &changed.spec, &members).await?;
            changed.status_version = pairs::update(&mut tx, changed).await?;
        }
        Declared::Unchanged(_) => {}
    }
    registration::declared(tx, declared).await
}

/// The members by the keys of their names, their rows locked in one order: none can go or change its names meanwhile, and
/// nobody else can give them peers.
async fn find_members(conn: &mut Conn, body: &PutPair) -> Result<Members, Problem> {
    let named = body.members();
    let keys: BTreeSet<String> = named.iter().filter_map(|(_, name)| key(name)).collect();
    let keys: Vec<String> = keys.into_iter().collect();
    let members = instances::by_names_for_update(conn, &keys).await?;
    let found: Members = members.into_iter().map(|i| (i.name.key(), i)).collect();
    let mut missing = Faults::default();
    for (place, name) in named {
        if key(name).is_none_or(|key| !found.contains_key(&key)) {
            let detail = "there is no instance of this name; declare it first";
            missing.add(pointer(place), "unknown_instance", detail);
        }
    }
    missing.refuse().map(|()| found)
}

/// The names every member gives the others, together with the peers it has through other pairs.
async fn check_names(conn: &mut Conn, spec: &PairSpec, members: &Members) -> Result<(), Problem> {
    let named = spec.members().into_iter().map(|(named, _)| named.id);
    let places: HashMap<Uuid, Place> = named.zip(Place::MEMBERS).collect();
    let ids: Vec<Uuid> = members.values().map(|member| member.id).collect();
    let mut known = peers::called(conn, &ids).await?;
    for acceptor in members.values() {
        let mut peers = known.remove(&acceptor.id).unwrap_or_default();
        peers.retain(|peer| !spec.names(peer.id));
        let others = members.values().filter(|m| m.id != acceptor.id);
        peers.extend(others.map(Peer::from));
        let blame = |_: &'static str, peer_name: &ObjectName| {
            members
                .values()
                .filter(|m| m.spec.peer_name == *peer_name)
                .find_map(|m| places.get(&m.id))
                .map_or_else(|| "/spec/partners".to_owned(), |place| pointer(*place))
        };
        let named = Acceptor {
            name: &acceptor.name,
            naming: &acceptor.spec.naming,
        };
        object_names::check(&named, &peers, &blame)?;
    }
    Ok(())
}

/// # Errors
/// `job_open`, with the id of the changing job that is under way.
async fn refuse_while_changing(conn: &mut Conn, pair: Uuid) -> Result<(), Problem> {
    match jobs::open_changing(conn, pair).await? {
        None => Ok(()),
        Some(job) => Err(Problem::new(
            ProblemKind::JobOpen,
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
    params(NamePath, crate::http::etag::OfReads),
    responses(
        (status = 200, description = "The pair.", content((PairView = "application/json", example = json!(wire::example())), (String = "text/plain"))),
        (status = 304, description = "Unchanged since the tag in `If-None-Match`."),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
pub async fn get_pair(State(api): State<Api>, asked: Reading) -> Answer {
    registration::show::<PairSpec>(&api, asked).await
}

/// Forget a pair
///
/// Refused while a job on it is open. Nothing is changed on any SQL Server: its members go on trusting each other.
#[utoipa::path(
    delete, path = "/v1/pairs/{name}", operation_id = "delete_pair", tag = "pairs",
    params(NamePath, crate::http::etag::OfDeletes),
    responses(
        (status = 200, description = "Forgotten.", body = Deleted),
        (status = 404, response = crate::http::openapi::NotFound),
        (status = 409, response = crate::http::openapi::Conflict),
        (status = 412, response = crate::http::openapi::PreconditionFailed),
    )
)]
pub async fn delete_pair(State(api): State<Api>, asked: Changing) -> Answer {
    registration::forget::<PairSpec>(&api, asked).await
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
pub async fn list_pairs(State(api): State<Api>, asked: Listing) -> Answer {
    registration::list::<PairSpec>(&api, asked).await
}
