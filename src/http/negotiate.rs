//! Which of the representations an operation can give the caller wants: the `Accept` header, nothing else.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::etag::ETag;
use super::problem::{Problem, ProblemKind};

pub const JSON: &str = "application/json";
pub const TEXT: &str = "text/plain";
pub const DER: &str = "application/pkix-cert";
pub const PEM: &str = "application/x-pem-file";
pub const EVENTS: &str = "text/event-stream";
pub const SQL: &str = "application/sql";
pub const PROBLEM: &str = "application/problem+json";

/// JSON or plain text: what lists, registrations, jobs and steps offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Text,
}

impl Format {
    /// The tag of this representation, made from that of the JSON one.
    #[must_use]
    pub fn tag(self, json: ETag) -> ETag {
        match self {
            Self::Json => json,
            Self::Text => json.with_suffix(".txt"),
        }
    }
}

/// JSON and nothing else; asked for before anything is done, so that a 406 never follows a change.
#[derive(Debug, Clone, Copy)]
pub struct JsonOnly;

impl<S: Send + Sync> FromRequestParts<S> for Format {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(match choose(&parts.headers, &[JSON, TEXT])? {
            TEXT => Self::Text,
            _ => Self::Json,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for JsonOnly {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        choose(&parts.headers, &[JSON]).map(|_| Self)
    }
}

/// The best of `offers` by the caller's `Accept`; of equals the first.
///
/// # Errors
/// `not_acceptable` when the caller takes none of them.
pub fn choose(headers: &HeaderMap, offers: &[&'static str]) -> Result<&'static str, Problem> {
    let ranges = accepted(headers);
    let mut best: Option<(u16, &'static str)> = None;
    for offer in offers {
        let quality = quality(&ranges, offer);
        if quality > best.map_or(0, |(q, _)| q) {
            best = Some((quality, offer));
        }
    }
    best.map(|(_, offer)| offer).ok_or_else(|| {
        Problem::new(
            ProblemKind::NotAcceptable,
            format!("this operation gives {}", offers.join(", ")),
        )
    })
}

/// Whether the caller would rather read text than JSON; used for problems, which are never refused.
#[must_use]
pub fn prefers_text(headers: &HeaderMap) -> bool {
    let ranges = accepted(headers);
    let json = quality(&ranges, JSON).max(quality(&ranges, PROBLEM));
    quality(&ranges, TEXT) > json
}

/// Media ranges with their quality in thousandths; everything when the header is missing.
fn accepted(headers: &HeaderMap) -> Vec<(String, u16)> {
    let ranges: Vec<_> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(range)
        .collect();
    if ranges.is_empty() && !headers.contains_key(header::ACCEPT) {
        vec![("*/*".to_owned(), 1000)]
    } else {
        ranges
    }
}

fn range(text: &str) -> Option<(String, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let media = parts
        .next()
        .filter(|m| m.contains('/'))?
        .to_ascii_lowercase();
    let quality = parts
        .find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")))
        .map_or(Some(1.0), |q| q.parse::<f32>().ok())
        .filter(|q| (0.0..=1.0).contains(q))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1000 by the line above"
    )]
    Some((media, (quality * 1000.0) as u16))
}

/// The most specific range that covers `offer` decides.
fn quality(ranges: &[(String, u16)], offer: &str) -> u16 {
    let whole_type = format!("{}/*", offer.split('/').next().unwrap_or(offer));
    [offer, whole_type.as_str(), "*/*"]
        .iter()
        .find_map(|wanted| ranges.iter().find(|(m, _)| m == wanted).map(|(_, q)| *q))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn chosen(accept: Option<&str>) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        }
        choose(&headers, &[JSON, TEXT]).ok()
    }

    #[test]
    fn the_callers_preference_decides() {
        assert_eq!(chosen(None), Some(JSON));
        assert_eq!(chosen(Some("*/*")), Some(JSON));
        assert_eq!(chosen(Some("text/plain")), Some(TEXT));
        assert_eq!(chosen(Some("text/*, application/json;q=0.5")), Some(TEXT));
        assert_eq!(chosen(Some("application/json;q=0, */*")), Some(TEXT));
        assert_eq!(chosen(Some("text/html")), None);
        assert_eq!(chosen(Some("application/json;q=0")), None);
        assert_eq!(chosen(Some("")), None);
        assert_eq!(chosen(Some("nonsense")), None);
    }
}
