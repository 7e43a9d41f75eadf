//! `Idempotency-Key` on requests that are not idempotent by themselves: a repetition is answered with what the first
//! one has done, as it is by now. The record is the store's; each resource says what its answer is about.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::api::Api;
use super::extract::given;
use super::policy::CallerName;
use super::problem::{Problem, ProblemKind};
use crate::domain::hash::Sha256;
use crate::store::Conn;
use crate::store::idempotency::{self, KeyedRequest, Lookup};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Tells a caller that nothing was done this time.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=255;

/// How the document shows the header.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the document only")]
pub struct KeyHeader {
    /// The caller's own word for this request, 8 to 255 visible ASCII characters, remembered for 7 days: a repetition with
    /// the same key does nothing, is answered with the object as it is now, and carries `Idempotency-Replayed: true`.
    #[param(
        rename = "Idempotency-Key",
        min_length = 8,
        max_length = 255,
        example = "portal-4711-1"
    )]
    idempotency_key: Option<String>,
}

/// What was asked beside the body, if the caller gave it a key.
#[derive(Debug)]
pub struct Keyed(Option<RequestKey>);

#[derive(Debug)]
struct RequestKey {
    caller: String,
    method: String,
    path: String,
    /// Without `wait`, which asks for nothing to be done; sorted, because order makes no difference.
    query: Vec<String>,
    key: String,
}

/// What a request has done: how it is answered, about which object, and what its answer is made of.
pub struct Effect<T> {
    pub status: StatusCode,
    pub object: String,
    pub made: T,
}

/// How a request that is done once is answered.
pub enum Once<T> {
    /// It was done now.
    Done(StatusCode, T),
    /// It was done before; this is the object.
    Replay(StatusCode, String),
}

impl<S: Send + Sync> FromRequestParts<S> for Keyed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(KEY).iter();
        let Some(value) = values.next() else {
            return Ok(Self(None));
        };
        if values.next().is_some() {
            return Err(refused("duplicate_header", "the header is given twice"));
        }
        let key = value
            .to_str()
            .ok()
            .filter(|k| LENGTHS.contains(&k.len()) && k.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or_else(|| {
                refused(
                    "invalid_value",
                    "wanted are 8 to 255 visible ASCII characters",
                )
            })?;
        let caller = parts.extensions.get::<CallerName>();
        let mut query: Vec<String> = given(&parts.uri)?
            .into_iter()
            .filter(|(name, _)| name != "wait")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        query.sort();
        Ok(Self(Some(RequestKey {
            caller: caller.map_or_else(String::new, |c| c.0.to_owned()),
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_ascii_lowercase(),
            query,
            key: key.to_owned(),
        })))
    }
}

fn refused(code: &'static str, detail: &str) -> Problem {
    Problem::at(ProblemKind::InvalidHeader, "/Idempotency-Key", code, detail)
}

impl Keyed {
    /// Does `work` in a transaction of its own and remembers it there, unless a request with this key has done it. `payload` is
    /// what the body says.
    ///
    /// # Errors
    /// `idempotency_key_reused` when the key stands for another request; `request_under_way` when a twin did not end in
    /// time; those of the work and of the store. Nothing was done then.
    pub async fn once<T>(
        self,
        api: &Api,
        payload: &[u8],
        work: impl AsyncFnOnce(&mut Conn) -> Result<Effect<T>, Problem>,
    ) -> Result<Once<T>, Problem> {
        let mut tx = api.store.begin().await?;
        let request = self.0.map(|key| key.with(payload));
        // Before anything else is locked: twins take turns here.
        if let Some(request) = &request
            && let Some((status, object)) = done_before(&mut tx, request).await?
        {
            tx.rollback().await?;
            return Ok(Once::Replay(status, object));
        }
        let done = work(&mut tx).await?;
        if let Some(request) = &request {
            let status = done.status.as_u16();
            idempotency::remember(&mut tx, request, status, &done.object).await?;
        }
        tx.commit().await?;
        Ok(Once::Done(done.status, done.made))
    }
}

async fn done_before(
    conn: &mut Conn,
    request: &KeyedRequest,
) -> Result<Option<(StatusCode, String)>, Problem> {
    match idempotency::begin(conn, request).await? {
        Lookup::New => Ok(None),
        Lookup::Done { status, object } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            Ok(Some((status, object)))
        }
        Lookup::Another => Err(Problem::at(
            ProblemKind::IdempotencyKeyReused,
            "/Idempotency-Key",
            "key_reused",
            "the key was sent before with another request to this path; a new request needs a new key",
        )),
        Lookup::UnderWay => Err(Problem::new(
            ProblemKind::RequestUnderWay,
            "a request with this key is still under way; repeat this one in a moment",
        )),
    }
}

impl RequestKey {
    fn with(self, payload: &[u8]) -> KeyedRequest {
        let query = self.query.join("&");
        let mut bytes = (query.len() as u64).to_be_bytes().to_vec();
        bytes.extend_from_slice(query.as_bytes());
        bytes.extend_from_slice(payload);
        KeyedRequest {
            caller: self.caller,
            method: self.method,
            path: self.path,
            key: self.key,
            digest: Sha256::of(&bytes),
        }
    }
}

/// Marks an answer as a repetition.
#[must_use]
pub fn replayed(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
