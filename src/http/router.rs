//! The router: the one list of operations, each behind its policy, and around all of them the layers.

use axum::Router;
use axum::http::{Method, Uri};
use axum::routing;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::api::Api;
use super::policy::{Guarded, Policy};
use super::problem::{Problem, ProblemKind};
use super::v1::jobs::{cancel, create, events, get, inspections, list};
use super::v1::{certificates, credentials, instances, pairs};
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

/// Every operation there is, with its policy; operations of one path stand together.
fn everything() -> Vec<Guarded> {
    use Policy::{Caller, Public};
    vec![
        Caller.guards(routes!(
            credentials::put_credential,
            credentials::get_credential,
            credentials::delete_credential
        )),
        Caller.guards(routes!(credentials::list_credentials)),
        Caller.guards(routes!(
            instances::put_instance,
            instances::get_instance,
            instances::delete_instance
        )),
        Caller.guards(routes!(instances::list_instances)),
        Caller.guards(routes!(instances::next::get_next)),
        Caller.guards(routes!(
            certificates::upload::upload_certificate,
            certificates::list_certificates
        )),
        Caller.guards(routes!(
            certificates::get_certificate,
            certificates::delete_certificate
        )),
        Caller.guards(routes!(
            pairs::put_pair,
            pairs::get_pair,
            pairs::delete_pair
        )),
        Caller.guards(routes!(pairs::list_pairs)),
        Caller.guards(routes!(create::ask_for_pair_job, list::list_pair_jobs)),
        Caller.guards(routes!(
            create::ask_for_instance_job,
            list::list_instance_jobs
        )),
        Caller.guards(routes!(inspections::ask_for_inspections)),
        Caller.guards(routes!(list::list_jobs)),
        Caller.guards(routes!(get::get_job)),
        Caller.guards(routes!(list::list_job_steps)),
        Caller.guards(routes!(get::get_job_script)),
        Caller.guards(routes!(get::get_job_result)),
        Caller.guards(routes!(events::stream_job_events)),
        Caller.guards(routes!(cancel::cancel_job)),
        Public.guards(routes!(service::get_health)),
        Public.guards(routes!(service::get_readiness)),
        Public.guards(routes!(service::get_version)),
        Public.guards(routes!(service::get_openapi)),
        Public.guards_files("/docs", routing::get(service::docs_page)),
        Public.guards_files("/docs/", routing::get(service::docs_index)),
        Public.guards_files("/docs/{*file}", routing::get(service::docs_file)),
    ]
}

async fn no_such_route(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(
        ProblemKind::NoSuchRoute,
        format!("there is nothing at {path}; /docs shows what there is"),
    )
}

async fn method_not_allowed(method: Method) -> Problem {
    let method: String = method.as_str().chars().take(20).collect();
    Problem::new(
        ProblemKind::MethodNotAllowed,
        format!("{method} is not taken here; the header Allow says what is"),
    )
}
