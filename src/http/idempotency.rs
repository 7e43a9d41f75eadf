//! `Idempotency-Key` on requests that are not idempotent by themselves: a repetition is answered with what the first
//! one has done, as it is by now. The record is the store's; each resource says what its answer is about.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use super::policy::CallerName;
use super::problem::{Fault, Kind, Problem};
use crate::domain::hash::Sha256;
use crate::store::Conn;
use crate::store::idempotency::{self, KeyedRequest, Known};

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
pub struct Keyed(Option<Head>);

#[derive(Debug)]
struct Head {
    caller: String,
    method: String,
    path: String,
    /// Without `wait`, which asks for nothing to be done; sorted, because order makes no difference.
    query: Vec<String>,
    key: String,
}

/// A request that is new, to be remembered when it has done its work.
#[derive(Debug)]
pub struct Pending(Option<KeyedRequest>);

/// How a request goes on.
#[derive(Debug)]
pub enum Course {
    /// Do it, then [`Pending::remember`] it in the same transaction.
    Go(Pending),
    /// It was done; this is the object.
    Replay { status: u16, object: String },
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
        let mut query: Vec<String> = parts
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("wait="))
            .map(str::to_owned)
            .collect();
        query.sort();
        Ok(Self(Some(Head {
            caller: caller.map_or_else(String::new, |c| c.0.to_owned()),
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_ascii_lowercase(),
            query,
            key: key.to_owned(),
        })))
    }
}

fn refused(code: &'static str, detail: &str) -> Problem {
    Problem::of(
        Kind::InvalidHeader,
        vec![Fault::new("/Idempotency-Key", code, detail)],
    )
}

impl Keyed {
    /// Begins the request in its transaction, before anything else is locked. `payload` is what its body says.
    ///
    /// # Errors
    /// `idempotency_key_reused` when the key stands for another request; `request_under_way` when a twin did not end in
    /// time; those of the store.
    pub async fn begin(self, conn: &mut Conn, payload: &[u8]) -> Result<Course, Problem> {
        let Some(head) = self.0 else {
            return Ok(Course::Go(Pending(None)));
        };
        let request = head.with(payload);
        match idempotency::begin(conn, &request).await? {
            Known::New => Ok(Course::Go(Pending(Some(request)))),
            Known::Done { status, object } => Ok(Course::Replay { status, object }),
            Known::Another => Err(Problem::of(
                Kind::IdempotencyKeyReused,
                vec![Fault::new(
                    "/Idempotency-Key",
                    "key_reused",
                    "the key was sent before with another request to this path; a new request needs a new key",
                )],
            )),
            Known::UnderWay => Err(Problem::new(
                Kind::RequestUnderWay,
                "a request with this key is still under way; repeat this one in a moment",
            )),
        }
    }
}

impl Head {
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

impl Pending {
    /// Remembers what was done, when the transaction commits. Does nothing for a request without a key.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn remember(
        &self,
        conn: &mut Conn,
        status: u16,
        object: impl ToString,
    ) -> Result<(), Problem> {
        if let Some(request) = &self.0 {
            idempotency::remember(conn, request, status, &object.to_string()).await?;
        }
        Ok(())
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
