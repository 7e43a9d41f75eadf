//! The OpenAPI document: what is said once for all operations. Each operation describes itself where it is written.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response};
use utoipa::{OpenApi as _, ToResponse, ToSchema};

use super::problem::{Fault, ProblemDocument, ProblemKind};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "mirrorgate",
        description = "Makes SQL Server instances trust each other's mirroring endpoints by certificate: register instances and mirroring pairs, upload each endpoint's public certificate, ask for a job, read its history.\n\nEvery answer carries `Request-Id`. Errors are `application/problem+json` with a stable `code`; with `Accept: text/plain` they are one line.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ProblemDocument, Fault)),
    tags(
        (name = "credentials", description = "Log-ins for instances, and the hosts they may be sent to. Write-only."),
        (name = "instances", description = "SQL Server instances: where they are, how to log in, what others call them."),
        (name = "certificates", description = "Public certificates of instances' mirroring endpoints."),
        (name = "pairs", description = "Mirroring pairs: two partners and an optional witness."),
        (name = "jobs", description = "What was asked, decided and done."),
        (name = "service", description = "The service itself.")
    )
)]
struct Document;

/// What the operations are added to.
#[must_use]
pub fn base() -> OpenApi {
    let mut document = Document::openapi();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(
        "bearer",
        SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
    );
    for (name, response) in shared() {
        components.responses.insert(name.to_owned(), response);
    }
    document
}

macro_rules! shared {
    ($($name:ident $status:literal $description:literal,)+) => {
        $(
            /// Stands for the shared response of this name where operations describe themselves.
            pub struct $name;

            impl<'r> ToResponse<'r> for $name {
                fn response() -> (&'r str, RefOr<Response>) {
                    (stringify!($name), RefOr::T(problem($status, $description)))
                }
            }
        )+

        /// Problems that are the same everywhere, by component name.
        fn shared() -> Vec<(&'static str, RefOr<Response>)> {
            vec![$($name::response(),)+]
        }
    };
}

shared! {
    BadRequest 400 "Not the documented shape: syntax, unknown or duplicate member, type, parameter, header.",
    Unauthenticated 401 "A bearer token is configured, and the request does not have it.",
    Forbidden 403 "The request comes from a browser page of another site, or without a token under a foreign host name.",
    NotFound 404 "There is no such object.",
    NotAcceptable 406 "None of the accepted media types can be given.",
    Conflict 409 "Forbidden by the state of another object; `code` and `detail` say which.",
    PreconditionFailed 412 "`If-Match` or `If-None-Match` does not hold.",
    BodyTooLarge 413 "The body is too large.",
    UnsupportedMediaType 415 "The body's media type is not taken here.",
    Refused 422 "Readable, but a rule refuses it; `errors` names every member to blame.",
    Internal 500 "A fault of mirrorgate's own; its log has the request id.",
    Unavailable 503 "The database cannot be reached, or the answer took too long. Come back after `Retry-After`.",
}

fn problem(status: u16, description: &str) -> Response {
    let kind = ProblemKind::ALL
        .iter()
        .find(|k| k.status().as_u16() == status);
    let example = kind.map(|kind| {
        let problem = super::problem::Problem::new(*kind, kind.title());
        serde_json::to_value(problem.document(Some("01935f6e-3f00-7000-8000-000000000000")))
            .unwrap_or_default()
    });
    ResponseBuilder::new()
        .description(description)
        .content(
            super::negotiate::PROBLEM,
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name(ProblemDocument::name())))
                .example(example)
                .build(),
        )
        .build()
}

/// Completes every operation of a path: security where it needs the token, and the problems that any may have.
pub fn complete(item: &mut PathItem, needs_token: bool) {
    let operations = [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
    ];
    for operation in operations.into_iter().flatten() {
        refer(operation, 406, "NotAcceptable");
        refer(operation, 500, "Internal");
        refer(operation, 503, "Unavailable");
        if needs_token {
            operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>(
                "bearer",
                [],
            )]);
            refer(operation, 400, "BadRequest");
            refer(operation, 401, "Unauthenticated");
            refer(operation, 403, "Forbidden");
        }
        if operation.request_body.is_some() {
            refer(operation, 413, "BodyTooLarge");
            refer(operation, 415, "UnsupportedMediaType");
        }
    }
}

fn refer(operation: &mut Operation, status: u16, name: &str) {
    operation
        .responses
        .responses
        .entry(status.to_string())
        .or_insert_with(|| RefOr::Ref(Ref::from_response_name(name)));
}
