//! The router: every resource's operations behind their policies, and around all of them the layers.

use axum::Router;
use axum::http::Method;
use axum::http::Uri;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::api::Api;
use super::policy::Guarded;
use super::problem::{Kind, Problem};
use super::v1::{certificates, credentials, instances, jobs, pairs};
use super::{layers, openapi as document, service};

/// The whole HTTP side.
pub fn router(api: Api) -> Router {
    let routes = everything()
        .into_iter()
        .fold(OpenApiRouter::new(), |router, guarded| {
            guarded.join(router, &api)
        });
    let (router, _) = routes.split_for_parts();
    let router = router
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed);
    layers::around(router, &api).with_state(api)
}

/// The OpenAPI document of what [`router`] serves.
#[must_use]
pub fn openapi() -> OpenApi {
    everything()
        .into_iter()
        .fold(
            OpenApiRouter::with_openapi(document::base()),
            |router, guarded| guarded.describe(router),
        )
        .into_openapi()
}

fn everything() -> Vec<Guarded> {
    [
        credentials::routes(),
        instances::routes(),
        certificates::routes(),
        pairs::routes(),
        jobs::routes(),
        service::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn no_such_route(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(
        Kind::NoSuchRoute,
        format!("there is nothing at {path}; /docs shows what there is"),
    )
}

async fn method_not_allowed(method: Method) -> Problem {
    let method: String = method.as_str().chars().take(20).collect();
    Problem::new(
        Kind::MethodNotAllowed,
        format!("{method} is not taken here; the header Allow says what is"),
    )
}
