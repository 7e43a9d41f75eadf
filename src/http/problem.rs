//! Problems: the closed list of everything this API answers instead of what was asked for, and how one is written.
//!
//! One table gives status, code and title. `detail` is written for the caller; causes go to the log. How a problem is
//! shown (JSON or one line of text) is decided by `layers::response_headers`, which alone knows what the caller accepts.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

/// How many faults are told one by one.
const MAX_FAULTS: usize = 50;
/// Bytes of a pointer; the longest documented one has 30, and a label of its own.
const MAX_POINTER: usize = 256;
/// Bytes of a fault's detail.
const MAX_DETAIL: usize = 1_024;

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident $status:ident $code:literal $title:literal $retryable:literal,)+) => {
        /// What kind of problem; `code` is stable, the list grows only.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ProblemKind { $($(#[$doc])* $variant,)+ }

        impl ProblemKind {
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }

            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// Whether the same request may succeed later with nothing changed by the caller.
            #[must_use]
            pub fn is_retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)+ }
            }
        }
    };
}

problems! {
    MalformedJson BAD_REQUEST "malformed_json" "The body is not JSON" false,
    InvalidBody BAD_REQUEST "invalid_body" "The body does not have the documented shape" false,
    InvalidParameter BAD_REQUEST "invalid_parameter" "A parameter does not have the documented shape" false,
    InvalidHeader BAD_REQUEST "invalid_header" "A header does not have the documented shape" false,
    Unauthenticated UNAUTHORIZED "unauthenticated" "A valid bearer token is needed" false,
    ForeignOrigin FORBIDDEN "foreign_origin" "A page from elsewhere must not use this service" false,
    NoSuchRoute NOT_FOUND "no_such_route" "There is nothing at this path" false,
    NotFound NOT_FOUND "not_found" "No such object" false,
    MethodNotAllowed METHOD_NOT_ALLOWED "method_not_allowed" "This path does not take this method" false,
    NotAcceptable NOT_ACCEPTABLE "not_acceptable" "None of the accepted media types can be given" false,
    InUse CONFLICT "in_use" "Another object still uses it" false,
    PeerNameTaken CONFLICT "peer_name_taken" "Another instance has this peer name" false,
    NameClash CONFLICT "name_clash" "Two peers of one instance would share an object name" false,
    CredentialNotForHost CONFLICT "credential_not_for_host" "An instance in use would no longer be covered" false,
    JobOpen CONFLICT "job_open" "A job that may change something is under way" true,
    JobConflict CONFLICT "job_conflict" "Another changing job is under way on this pair" true,
    JobFailed CONFLICT "job_failed" "The job failed" false,
    JobCancelled CONFLICT "job_cancelled" "The job was cancelled" false,
    NextNotInPlace CONFLICT "next_not_in_place" "The next certificate is not in place everywhere" false,
    ScriptNotReady CONFLICT "script_not_ready" "The job has not planned yet" true,
    RequestUnderWay CONFLICT "request_under_way" "A request with this key is under way" true,
    ConcurrentChange CONFLICT "concurrent_change" "Another request changed the same object meanwhile" true,
    PreconditionFailed PRECONDITION_FAILED "precondition_failed" "The object is not as the condition wants it" false,
    BodyTooLarge PAYLOAD_TOO_LARGE "body_too_large" "The body is too large" false,
    UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "This media type is not taken here" false,
    Refused UNPROCESSABLE_ENTITY "refused" "A rule refuses the request" false,
    IdempotencyKeyReused UNPROCESSABLE_ENTITY "idempotency_key_reused" "The key stands for another request" false,
    CertificateRefused UNPROCESSABLE_ENTITY "certificate_refused" "The certificate is refused" false,
    JobNotFinished TOO_MANY_REQUESTS "job_not_finished" "The job has not ended yet" true,
    Internal INTERNAL_SERVER_ERROR "internal" "A fault of mirrorgate's own" false,
    Unavailable SERVICE_UNAVAILABLE "unavailable" "The database cannot be reached" true,
    TimedOut SERVICE_UNAVAILABLE "timed_out" "The answer took too long" true,
    NotReady SERVICE_UNAVAILABLE "not_ready" "The service is starting or stopping" true,
}

/// One thing that is wrong with the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Fault {
    /// JSON pointer into the body; for parameters, the parameter's name behind a slash.
    #[schema(example = "/spec/partners/1")]
    pub pointer: String,
    #[schema(example = "unknown_instance", value_type = String)]
    pub code: &'static str,
    pub detail: String,
}

impl Fault {
    /// Both texts may repeat what a caller sent, so both are cut where nobody would read on.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            pointer: cut(pointer.into(), MAX_POINTER),
            code,
            detail: cut(detail.into(), MAX_DETAIL),
        }
    }
}

/// At most `most` bytes of a text, and a sign that there was more.
fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

/// What is wrong with a request, gathered so that it is told all at once; of very much, the first of it and how much more there is.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    told: Vec<Fault>,
    more: usize,
}

impl Faults {
    pub fn add(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl ToString) {
        if self.told.len() < MAX_FAULTS {
            self.told
                .push(Fault::new(pointer, code, detail.to_string()));
        } else {
            self.more += 1;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// What was read, or `None` with its fault.
    pub fn read<T, E: ToString>(
        &mut self,
        pointer: impl Into<String>,
        code: &'static str,
        read: Result<T, E>,
    ) -> Option<T> {
        read.map_err(|e| self.add(pointer, code, e)).ok()
    }

    /// # Errors
    /// `refused`, if there is any fault.
    pub fn refuse(self) -> Result<(), Problem> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(Problem::of(ProblemKind::Refused, self))
        }
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self {
            told: vec![fault],
            more: 0,
        }
    }
}

/// The document of a problem (RFC 9457). Some problems carry more members, such as `job`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// `urn:mirrorgate:problem:` and the code.
    #[schema(example = "urn:mirrorgate:problem:refused")]
    pub r#type: String,
    #[schema(value_type = String)]
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    #[schema(example = "refused", value_type = String)]
    pub code: &'static str,
    pub detail: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Everything that is wrong with the request, not only the first; at most 50.
    #[schema(max_items = 50)]
    pub errors: Vec<Fault>,
    /// How many more faults there are than `errors` has room for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_errors: Option<usize>,
    /// Also in the header `Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(flatten)]
    #[schema(ignore)]
    pub members: Map<String, Value>,
}

/// A problem on its way to the caller.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ProblemKind,
    detail: String,
    faults: Faults,
    members: Map<String, Value>,
    headers: HeaderMap,
}

impl Problem {
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let mut headers = HeaderMap::new();
        if kind.status() == StatusCode::SERVICE_UNAVAILABLE
            || matches!(
                kind,
                ProblemKind::JobNotFinished | ProblemKind::RequestUnderWay
            )
        {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Self(Box::new(Inner {
            kind,
            detail: detail.into(),
            faults: Faults::default(),
            members: Map::new(),
            headers,
        }))
    }

    /// A problem made of faults; its detail is the first one's.
    #[must_use]
    pub fn of(kind: ProblemKind, faults: impl Into<Faults>) -> Self {
        let faults = faults.into();
        let detail = faults
            .told
            .first()
            .map_or_else(String::new, |f| match f.pointer.as_str() {
                "" => f.detail.clone(),
                pointer => format!("{pointer}: {}", f.detail),
            });
        let mut problem = Self::new(kind, detail);
        problem.0.faults = faults;
        problem
    }

    /// A problem made of one fault.
    #[must_use]
    pub fn at(
        kind: ProblemKind,
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self::of(kind, Fault::new(pointer, code, detail))
    }

    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.0.faults.told.push(fault);
        self
    }

    /// Adds a member of its own to the document.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.0.kind
    }

    #[cfg(test)]
    pub fn errors(&self) -> &[Fault] {
        &self.0.faults.told
    }

    #[must_use]
    pub fn document(&self, request_id: Option<&str>) -> ProblemDocument {
        let kind = self.0.kind;
        ProblemDocument {
            r#type: format!("urn:mirrorgate:problem:{}", kind.code()),
            title: kind.title(),
            status: kind.status().as_u16(),
            code: kind.code(),
            detail: self.0.detail.clone(),
            retryable: kind.is_retryable(),
            errors: self.0.faults.told.clone(),
            more_errors: (self.0.faults.more > 0).then_some(self.0.faults.more),
            request_id: request_id.map(str::to_owned),
            members: self.0.members.clone(),
        }
    }

    /// The problem as one line, for people.
    #[must_use]
    pub fn line(&self) -> String {
        let others = match self.0.faults.told.len() + self.0.faults.more {
            0 | 1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        let text = format!("{}: {}{others}", self.0.kind.code(), self.0.detail);
        super::text::one_line(&text)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.kind.status().into_response();
        response.headers_mut().extend(self.0.headers.clone());
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_statuses_are_those_of_the_convention() {
        let mut codes: Vec<_> = ProblemKind::ALL.iter().map(|k| k.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ProblemKind::ALL.len());
        let documented = [
            400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 429, 500, 503,
        ];
        for kind in ProblemKind::ALL {
            assert!(documented.contains(&kind.status().as_u16()), "{kind:?}");
            assert!(!kind.title().is_empty());
        }
    }

    #[test]
    fn what_may_pass_says_when_to_come_back() {
        let response = Problem::new(ProblemKind::Unavailable, "x").into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert!(
            !Problem::new(ProblemKind::Internal, "x")
                .into_response()
                .headers()
                .contains_key(header::RETRY_AFTER)
        );
    }

    #[test]
    fn of_very_much_that_is_wrong_the_first_is_told_and_how_much_more_there_is() {
        let mut faults = Faults::default();
        for n in 0..1_000 {
            faults.add(
                format!("/{n}/{}", "ä".repeat(400_000)),
                "x",
                "y".repeat(400_000),
            );
        }
        let problem = Problem::of(ProblemKind::Refused, faults);
        assert!(problem.line().ends_with(" (and 999 more)"));
        let document = problem.document(None);
        assert_eq!(document.errors.len(), MAX_FAULTS);
        assert_eq!(document.more_errors, Some(950));
        let length = serde_json::to_string(&document).unwrap().len();
        assert!(length < 100_000, "{length}");
        let one = Problem::at(ProblemKind::Refused, "/a", "x", "y").document(None);
        assert_eq!(one.more_errors, None);
    }

    #[test]
    fn the_line_is_one_line() {
        let problem = Problem::at(ProblemKind::Refused, "/a", "x", "one\r\ntwo")
            .fault(Fault::new("/b", "y", "z"));
        assert_eq!(problem.line(), "refused: /a: one two (and 1 more)");
    }

    #[test]
    fn members_stand_beside_the_documented_ones() {
        let problem = Problem::new(ProblemKind::JobOpen, "d").member("job", "7");
        let document = serde_json::to_value(problem.document(Some("r"))).unwrap();
        assert_eq!(document["job"], "7");
        assert_eq!(document["code"], "job_open");
        assert_eq!(document["request_id"], "r");
        assert_eq!(document["retryable"], true);
    }
}
