//! Pages of lists: the limit, and the cursor, which is opaque, bound to the list it came from, and
//! refused when a byte of it was changed.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::extract::{NoParameters, Pairs, Parameters, ReadParameters};
use super::negotiate::Format;
use super::problem::{Problem, ProblemKind};
use super::reply::{self, Answer};
use super::text::{Tabular, table};
use crate::domain::hash::Sha256;
use crate::store::list::Page;

/// Items on a page when the caller does not say.
pub const DEFAULT_LIMIT: u32 = 50;
/// The most items on a page.
pub const MAX_LIMIT: u32 = 500;
/// Bytes of the checksum that a cursor carries.
const CHECKSUM_BYTES: usize = 16;

/// `limit` and `cursor`.
#[derive(Debug, Clone, PartialEq, Eq, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Items on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500, default = 50)]
    pub limit: u32,
    /// `next_cursor` of the page before, with the same filters.
    pub cursor: Option<String>,
}

impl ReadParameters for Paging {
    fn read(pairs: &mut Pairs) -> Self {
        let limit = pairs.parse("limit", "a number from 1 to 500", |text| {
            let limit = text.parse().ok()?;
            (1..=MAX_LIMIT).contains(&limit).then_some(limit)
        });
        Self {
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            cursor: pairs.take("cursor"),
        }
    }
}

/// A request for a list: how it is narrowed, which page, and as what.
pub struct Listing<F = NoParameters> {
    pub filters: F,
    uri: Uri,
    paging: Paging,
    format: Format,
}

impl<F: ReadParameters + Send, S: Send + Sync> FromRequestParts<S> for Listing<F> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Parameters((filters, paging)) = Parameters::from_request_parts(parts, state).await?;
        Ok(Self {
            filters,
            uri: parts.uri.clone(),
            paging,
            format: Format::from_request_parts(parts, state).await?,
        })
    }
}

impl<F> Listing<F> {
    /// Items wanted on the page.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.paging.limit
    }

    /// The key to go on after, if a cursor was given. `scope` names the list and its filters.
    ///
    /// # Errors
    /// `invalid_parameter` when the cursor is not one of ours, or was given for another list or other filters.
    pub fn after<K: DeserializeOwned>(&self, scope: &str) -> Result<Option<K>, Problem> {
        self.paging.after(scope)
    }

    /// Answers with a page, as JSON or as a table.
    ///
    /// # Errors
    /// `internal` when it cannot be written, which no page does.
    pub fn answer<V: Serialize + Tabular, K: Serialize>(
        self,
        scope: &str,
        page: Page<V, K>,
    ) -> Answer {
        let next_cursor = page.next.map(|key| cursor(&key, scope)).transpose()?;
        let link = next_cursor
            .as_deref()
            .map(|cursor| next_link(&self.uri, cursor));
        let items = page.items;
        let mut response = match self.format {
            Format::Text => reply::text(StatusCode::OK, table(&items)),
            Format::Json => reply::json(StatusCode::OK, &ListOf { items, next_cursor })?,
        };
        if let Some(Ok(link)) = link.as_deref().map(HeaderValue::from_str) {
            response.headers_mut().insert(header::LINK, link);
        }
        Ok(response)
    }
}

impl Paging {
    fn after<K: DeserializeOwned>(&self, scope: &str) -> Result<Option<K>, Problem> {
        let Some(cursor) = self.cursor.as_deref() else {
            return Ok(None);
        };
        open(cursor, scope).map(Some).ok_or_else(|| {
            let detail = "the cursor was not made by this service for this list and these filters; start without one";
            Problem::at(ProblemKind::InvalidParameter, "/cursor", "invalid_cursor", detail)
        })
    }
}

/// Makes the cursor that goes on after `key`. Nothing is secret about it: it only has to be noticed when it was changed, cut
/// or taken to another list.
fn cursor<K: Serialize>(key: &K, scope: &str) -> Result<String, Problem> {
    let payload = serde_json::to_vec(key)
        .map_err(|_| Problem::new(ProblemKind::Internal, "a page's key cannot be written"))?;
    let mut bytes = checksum(scope, &payload).to_vec();
    bytes.extend_from_slice(&payload);
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn open<K: DeserializeOwned>(cursor: &str, scope: &str) -> Option<K> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (sum, payload) = bytes.split_at_checked(CHECKSUM_BYTES)?;
    (sum == checksum(scope, payload))
        .then(|| serde_json::from_slice(payload).ok())
        .flatten()
}

fn checksum(scope: &str, payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut bytes = (scope.len() as u64).to_be_bytes().to_vec();
    bytes.extend_from_slice(scope.as_bytes());
    bytes.extend_from_slice(payload);
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&Sha256::of(&bytes).as_bytes()[..CHECKSUM_BYTES]);
    sum
}

/// A page as JSON.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ListOf<T> {
    pub items: Vec<T>,
    /// For the next page; null on the last one. Also in the header `Link`.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// The value of `Link` that leads to the next page: this request's address with another cursor.
#[must_use]
pub fn next_link(uri: &Uri, cursor: &str) -> String {
    let kept = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="))
        .map(|pair| format!("{pair}&"))
        .collect::<String>();
    format!("<{}?{kept}cursor={cursor}>; rel=\"next\"", uri.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(cursor: &str) -> Paging {
        Paging {
            limit: 1,
            cursor: Some(cursor.to_owned()),
        }
    }

    #[test]
    fn a_cursor_works_for_its_own_list_only() {
        let cursor = cursor(&"host_a".to_owned(), "instances").unwrap();
        let opened: Option<String> = paging(&cursor).after("instances").unwrap();
        assert_eq!(opened.as_deref(), Some("host_a"));
        assert!(paging(&cursor).after::<String>("pairs").is_err());
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let cursor = cursor(&("a", 1), "s").unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        for i in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[i] ^= 1;
            let forged = paging(&URL_SAFE_NO_PAD.encode(forged));
            assert!(forged.after::<(String, i32)>("s").is_err(), "byte {i}");
        }
        for junk in ["", "x", "!!", "AAAA"] {
            assert!(
                paging(junk).after::<(String, i32)>("s").is_err(),
                "{junk:?}"
            );
        }
    }

    #[test]
    fn the_link_keeps_the_filters() {
        let uri: Uri = "/v1/jobs?state=failed&cursor=old&limit=2".parse().unwrap();
        assert_eq!(
            next_link(&uri, "new"),
            "</v1/jobs?state=failed&limit=2&cursor=new>; rel=\"next\""
        );
    }
}
