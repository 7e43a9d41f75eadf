//! Pages of lists: the limit, and the cursor, which is opaque, tamper-proof and bound to the list it came from.

use aws_lc_rs::hmac;
use axum::http::Uri;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::extract::{Pairs, ReadParameters};
use super::problem::{Fault, Kind, Problem};

/// Items on a page when the caller does not say.
pub const DEFAULT_LIMIT: u32 = 50;
/// The most items on a page.
pub const MAX_LIMIT: u32 = 500;
/// Bytes of the authentication tag that a cursor carries.
const TAG_BYTES: usize = 16;

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

impl Paging {
    /// The key to go on after, if a cursor was given. `scope` names the list and its filters.
    ///
    /// # Errors
    /// `invalid_parameter` when the cursor is not one of ours, or was given for another list or other filters.
    pub fn after<K: DeserializeOwned>(
        &self,
        key: &CursorKey,
        scope: &str,
    ) -> Result<Option<K>, Problem> {
        self.cursor
            .as_deref()
            .map(|cursor| {
                key.open(cursor, scope).ok_or_else(|| {
                    Problem::of(
                        Kind::InvalidParameter,
                        vec![Fault::new(
                            "/cursor",
                            "invalid_cursor",
                            "the cursor was not made by this service for this list and these filters; start without one",
                        )],
                    )
                })
            })
            .transpose()
    }
}

/// Signs cursors. The same on every replica, because it is derived from the seal key.
pub struct CursorKey(hmac::Key);

impl CursorKey {
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Makes the cursor that goes on after `key`.
    ///
    /// # Errors
    /// `internal` when the key cannot be written, which no key type does.
    pub fn seal<K: Serialize>(&self, key: &K, scope: &str) -> Result<String, Problem> {
        let payload = serde_json::to_vec(key)
            .map_err(|_| Problem::new(Kind::Internal, "a page's key cannot be written"))?;
        let mut bytes = self.tag(scope, &payload).as_ref()[..TAG_BYTES].to_vec();
        bytes.extend_from_slice(&payload);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    fn open<K: DeserializeOwned>(&self, cursor: &str, scope: &str) -> Option<K> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, payload) = bytes.split_at_checked(TAG_BYTES)?;
        let expected = self.tag(scope, payload);
        let same: bool = subtle::ConstantTimeEq::ct_eq(tag, &expected.as_ref()[..TAG_BYTES]).into();
        same.then(|| serde_json::from_slice(payload).ok()).flatten()
    }

    fn tag(&self, scope: &str, payload: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&(scope.len() as u64).to_be_bytes());
        context.update(scope.as_bytes());
        context.update(payload);
        context.sign()
    }
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
        let key = CursorKey::new(&[7; 32]);
        let cursor = key.seal(&"host_a".to_owned(), "instances").unwrap();
        let opened: Option<String> = paging(&cursor).after(&key, "instances").unwrap();
        assert_eq!(opened.as_deref(), Some("host_a"));
        assert!(paging(&cursor).after::<String>(&key, "pairs").is_err());
        let other = CursorKey::new(&[8; 32]);
        assert!(
            paging(&cursor)
                .after::<String>(&other, "instances")
                .is_err()
        );
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let key = CursorKey::new(&[7; 32]);
        let cursor = key.seal(&("a", 1), "s").unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        for i in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[i] ^= 1;
            let forged = paging(&URL_SAFE_NO_PAD.encode(forged));
            assert!(
                forged.after::<(String, i32)>(&key, "s").is_err(),
                "byte {i}"
            );
        }
        for junk in ["", "x", "!!", "AAAA"] {
            assert!(
                paging(junk).after::<(String, i32)>(&key, "s").is_err(),
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
