//! JSON bodies: media type, size, syntax, shape, in this order; every refusal a problem with a pointer.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::body::{MAX_BODY_BYTES, content_type, read};
use super::shape::ShapeError;
use super::tree::{self, escape};
use crate::http::problem::{Problem, ProblemKind};

/// A JSON body of the documented shape.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A JSON body of the documented shape, with the text it was read from: what a repeated request is told apart by.
#[derive(Debug)]
pub struct JsonText<T>(pub T, pub Bytes);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let JsonText(body, _) = JsonText::from_request(request, state).await?;
        Ok(Self(body))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonText<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let media = content_type(request.headers())?;
        if media.as_deref() != Some("application/json") {
            return Err(Problem::new(
                ProblemKind::UnsupportedMediaType,
                "this operation takes application/json; send Content-Type: application/json",
            ));
        }
        let text = read(request, MAX_BODY_BYTES).await?;
        Ok(Self(decode(&text)?, text))
    }
}

/// For operations that are told everything by their path: no body, or an empty JSON object.
#[derive(Debug)]
pub struct NoBody;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let text = read(request, MAX_BODY_BYTES).await?;
        if !text.is_empty() {
            let Nothing {} = decode(&text)?;
        }
        Ok(Self)
    }
}

/// Reads a wire type from JSON text.
///
/// # Errors
/// `malformed_json`, or `invalid_body` with the pointer of what is unknown, missing, written twice or of another type.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_path_to_error::deserialize(tree::parse(bytes)?).map_err(|error| {
        let pointer = pointer(error.path(), error.inner());
        let inner = error.into_inner();
        Problem::at(ProblemKind::InvalidBody, pointer, inner.code, inner.detail)
    })
}

fn pointer(path: &serde_path_to_error::Path, error: &ShapeError) -> String {
    let mut segments: Vec<String> = path
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } | Segment::Enum { variant: key } => Some(escape(key)),
            Segment::Unknown => None,
        })
        .collect();
    // An unknown member is already the path's last segment in some places; in others reading stopped above it.
    if let Some(member) = error.member.as_deref().map(escape)
        && (error.code == "missing_member" || segments.last() != Some(&member))
    {
        segments.push(member);
    }
    segments.iter().map(|s| format!("/{s}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Put {
        spec: Spec,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Spec {
        #[serde(default)]
        port: Option<u16>,
        #[serde(default)]
        mode: Option<Mode>,
        #[serde(default)]
        two: Option<[String; 2]>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    enum Mode {
        Plain,
        File { path: String },
    }

    fn fault(text: &str) -> (String, &'static str) {
        let problem = decode::<Put>(text.as_bytes()).unwrap_err();
        let fault = problem.errors()[0].clone();
        assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        (fault.pointer, fault.code)
    }

    #[test]
    fn what_is_right_is_read() {
        let read: Put =
            decode(br#"{"spec":{"port":5,"mode":{"file":{"path":"p"}},"two":["a","b"]}}"#).unwrap();
        assert_eq!(read.spec.port, Some(5));
        assert_eq!(
            read.spec.mode,
            Some(Mode::File {
                path: "p".to_owned()
            })
        );
        let plain: Put = decode(br#"{"spec":{"mode":"plain","port":null}}"#).unwrap();
        assert_eq!(plain.spec.mode, Some(Mode::Plain));
    }

    #[test]
    fn every_fault_has_its_pointer_and_no_value() {
        let cases = [
            (r#"{}"#, "/spec", "missing_member"),
            (
                r#"{"spec":{"hunter":"hunter2"}}"#,
                "/spec/hunter",
                "unknown_member",
            ),
            (
                r#"{"spec":{"port":"hunter2"}}"#,
                "/spec/port",
                "invalid_type",
            ),
            (r#"{"spec":{"port":70000}}"#, "/spec/port", "invalid_value"),
            (r#"{"spec":{"port":1.5}}"#, "/spec/port", "invalid_type"),
            (
                r#"{"spec":{"mode":"hunter2"}}"#,
                "/spec/mode",
                "unknown_value",
            ),
            (
                r#"{"spec":{"mode":{"file":{}}}}"#,
                "/spec/mode/file/path",
                "missing_member",
            ),
            (
                r#"{"spec":{"mode":{"file":{"path":"x","y":1}}}}"#,
                "/spec/mode/file/y",
                "unknown_member",
            ),
            (
                r#"{"spec":{"mode":{"file":{"path":7}}}}"#,
                "/spec/mode/file/path",
                "invalid_type",
            ),
            (r#"{"spec":{"mode":5}}"#, "/spec/mode", "invalid_type"),
            (
                r#"{"spec":{"two":["hunter2"]}}"#,
                "/spec/two",
                "invalid_length",
            ),
            (
                r#"{"spec":{"two":["a","b","hunter2"]}}"#,
                "/spec/two",
                "invalid_length",
            ),
            (r#"{"spec":{"two":["a",5]}}"#, "/spec/two/1", "invalid_type"),
            (r#"{"spec":"hunter2"}"#, "/spec", "invalid_type"),
            (r#"["hunter2"]"#, "", "invalid_type"),
            (r#""hunter2""#, "", "invalid_type"),
        ];
        for (text, pointer, code) in cases {
            assert_eq!(fault(text), (pointer.to_owned(), code), "{text}");
        }
    }
}
