//! Entity tags and the conditions callers make of them.
//!
//! A tag is `"<id>.<revision>.<status version>"`, with a suffix for other representations. `If-None-Match` compares all of
//! it, `If-Match` only id and revision: a status that moved on its own must not refuse a change of the spec.

use axum::extract::FromRequestParts;
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use super::problem::{Problem, ProblemKind};

/// What `layers::response_headers` puts behind the tag of a compressed answer.
pub const GZIP_SUFFIX: &str = "-gzip";

/// The tag of one representation of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ETag {
    pub id: Uuid,
    pub revision: i64,
    pub status_version: i64,
    /// Names a representation other than JSON, such as `.txt`.
    pub suffix: &'static str,
}

impl ETag {
    #[must_use]
    pub fn new(id: Uuid, revision: i64, status_version: i64) -> Self {
        Self {
            id,
            revision,
            status_version,
            suffix: "",
        }
    }

    #[must_use]
    pub fn with_suffix(self, suffix: &'static str) -> Self {
        Self { suffix, ..self }
    }

    fn opaque(&self) -> String {
        format!(
            "{}.{}.{}{}",
            self.id, self.revision, self.status_version, self.suffix
        )
    }

    fn revision_part(&self) -> String {
        format!("{}.{}.", self.id, self.revision)
    }

    /// The header's value. Digits, hexadecimal and dots only, so it is always a valid one.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&format!("\"{}\"", self.opaque()))
            .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
    }
}

/// One condition header.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Any,
    /// Opaque tags with whether each is weak.
    Tags(Vec<(bool, String)>),
}

/// `If-Match` and `If-None-Match` of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    if_match: Option<Condition>,
    if_none_match: Option<Condition>,
}

impl Conditions {
    /// Reads both headers.
    ///
    /// # Errors
    /// `invalid_header` when one is neither `*` nor a list of quoted tags.
    pub fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        Ok(Self {
            if_match: read_one(headers, header::IF_MATCH)?,
            if_none_match: read_one(headers, header::IF_NONE_MATCH)?,
        })
    }

    /// Whether a reader already has this very representation (304).
    #[must_use]
    pub fn is_unmodified(&self, tag: &ETag) -> bool {
        match &self.if_none_match {
            None => false,
            Some(Condition::Any) => true,
            Some(Condition::Tags(tags)) => tags.iter().any(|(_, t)| *t == tag.opaque()),
        }
    }

    /// Checks the conditions of a change against the object as it is, `None` when there is none.
    ///
    /// # Errors
    /// `precondition_failed`, saying which condition failed.
    pub fn check_change(&self, current: Option<&ETag>) -> Result<(), Problem> {
        let wants_this = match (&self.if_match, current) {
            (None, _) | (Some(Condition::Any), Some(_)) => true,
            (Some(_), None) => false,
            (Some(Condition::Tags(tags)), Some(tag)) => tags
                .iter()
                .any(|(weak, t)| !weak && t.starts_with(&tag.revision_part())),
        };
        if !wants_this {
            return Err(failed(match current {
                Some(tag) => format!(
                    "If-Match names another revision; the object is at revision {}. Read it again and decide anew",
                    tag.revision
                ),
                None => "If-Match was given, and there is no such object".to_owned(),
            }));
        }
        match (&self.if_none_match, current) {
            (Some(Condition::Any), Some(_)) => Err(failed(
                "If-None-Match: * creates only, and the object exists already".to_owned(),
            )),
            (Some(Condition::Tags(_)), Some(tag)) if self.is_unmodified(tag) => {
                Err(failed("If-None-Match names the object as it is".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers)
    }
}

/// How the document shows the condition headers of reads.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the document only")]
pub struct OfReads {
    /// Tags of representations the caller has; if one is current, the answer is 304.
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

/// How it shows those of changes.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the document only")]
pub struct OfChanges {
    /// Change only what still has this id and revision; a status that moved meanwhile does not matter.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
    /// `*` creates only.
    #[param(rename = "If-None-Match", example = "*")]
    if_none_match: Option<String>,
}

/// How it shows those of deletions.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the document only")]
pub struct OfDeletes {
    /// Delete only what still has this id and revision.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
}

fn failed(detail: String) -> Problem {
    Problem::new(ProblemKind::PreconditionFailed, detail)
}

fn read_one(headers: &HeaderMap, name: HeaderName) -> Result<Option<Condition>, Problem> {
    let mut tags = Vec::new();
    let mut any = false;
    let mut seen = false;
    for value in headers.get_all(&name) {
        seen = true;
        let text = value.to_str().map_err(|_| malformed(&name))?.trim();
        if text == "*" {
            any = true;
        } else {
            read_tags(text, &mut tags).ok_or_else(|| malformed(&name))?;
        }
    }
    match (seen, any, tags.is_empty()) {
        (false, _, _) => Ok(None),
        (true, true, true) => Ok(Some(Condition::Any)),
        (true, false, false) => Ok(Some(Condition::Tags(tags))),
        _ => Err(malformed(&name)),
    }
}

/// Reads `"a", W/"b"`; `None` when it is something else.
fn read_tags(mut rest: &str, tags: &mut Vec<(bool, String)>) -> Option<()> {
    loop {
        let weak = rest.starts_with("W/");
        let (tag, after) = rest
            .strip_prefix("W/")
            .unwrap_or(rest)
            .strip_prefix('"')?
            .split_once('"')?;
        let tag = tag.strip_suffix(GZIP_SUFFIX).unwrap_or(tag);
        tags.push((weak, tag.to_owned()));
        let after = after.trim_start();
        if after.is_empty() {
            return Some(());
        }
        rest = after.strip_prefix(',')?.trim_start();
    }
}

fn malformed(name: &HeaderName) -> Problem {
    Problem::at(
        ProblemKind::InvalidHeader,
        format!("/{name}"),
        "invalid_value",
        "wanted is * or a list of entity tags in double quotes",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(revision: i64, status: i64) -> ETag {
        ETag::new(Uuid::from_u128(7), revision, status)
    }

    fn given(name: HeaderName, value: &str) -> Conditions {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        Conditions::read(&headers).unwrap()
    }

    fn text(tag: &ETag) -> String {
        tag.header().to_str().unwrap().to_owned()
    }

    #[test]
    fn a_moved_status_is_news_to_readers_and_none_to_writers() {
        let then = text(&tag(3, 1));
        assert!(!given(header::IF_NONE_MATCH, &then).is_unmodified(&tag(3, 2)));
        assert!(given(header::IF_NONE_MATCH, &then).is_unmodified(&tag(3, 1)));
        assert!(
            given(header::IF_MATCH, &then)
                .check_change(Some(&tag(3, 2)))
                .is_ok()
        );
        assert!(
            given(header::IF_MATCH, &then)
                .check_change(Some(&tag(4, 1)))
                .is_err()
        );
    }

    #[test]
    fn revision_3_is_no_prefix_of_revision_30() {
        let condition = given(header::IF_MATCH, &text(&tag(30, 1)));
        assert!(condition.check_change(Some(&tag(3, 1))).is_err());
    }

    #[test]
    fn a_star_means_there_or_not_there() {
        assert!(given(header::IF_NONE_MATCH, "*").check_change(None).is_ok());
        assert!(
            given(header::IF_NONE_MATCH, "*")
                .check_change(Some(&tag(1, 1)))
                .is_err()
        );
        assert!(given(header::IF_MATCH, "*").check_change(None).is_err());
        assert!(
            given(header::IF_MATCH, "*")
                .check_change(Some(&tag(1, 1)))
                .is_ok()
        );
    }

    #[test]
    fn weak_tags_and_other_representations() {
        let weak = format!("W/{}", text(&tag(1, 1)));
        assert!(
            given(header::IF_MATCH, &weak)
                .check_change(Some(&tag(1, 1)))
                .is_err()
        );
        assert!(given(header::IF_NONE_MATCH, &weak).is_unmodified(&tag(1, 1)));
        assert!(!given(header::IF_NONE_MATCH, &weak).is_unmodified(&tag(1, 1).with_suffix(".txt")));
        let gzip = text(&tag(1, 1)).replace("1\"", "1-gzip\"");
        assert!(given(header::IF_NONE_MATCH, &format!("\"x\", {gzip}")).is_unmodified(&tag(1, 1)));
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for bad in ["abc", "\"a", "\"a\" \"b\"", "", "\"a\",", "w/\"a\""] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, HeaderValue::from_str(bad).unwrap());
            assert!(Conditions::read(&headers).is_err(), "{bad:?}");
        }
    }
}
