//! Who may ask for what. No operation exists without a policy: the router is made of [`Guarded`] routes and nothing else.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt};

use super::api::Api;
use super::layers::Asking;
use super::problem::{Problem, ProblemKind};
use super::{openapi, origin};

/// Who may use an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Anybody who can reach the service.
    Public,
    /// Whoever has the bearer token, when one is configured.
    Caller,
}

/// Who is asking, as far as anybody can tell: keys of requests belong to one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerName(pub &'static str);

/// Operations of one path with the policy they are under.
pub struct Guarded {
    policy: Policy,
    what: What,
}

enum What {
    Documented(Box<UtoipaMethodRouter<Api>>),
    /// Files of the documentation page; no operations.
    Files(&'static str, Box<MethodRouter<Api>>),
}

impl Policy {
    /// Puts the operations of one path under this policy.
    #[must_use]
    pub fn guards(self, routes: UtoipaMethodRouter<Api>) -> Guarded {
        Guarded {
            policy: self,
            what: What::Documented(Box::new(routes)),
        }
    }

    /// Puts undocumented files under this policy.
    #[must_use]
    pub fn guards_files(self, path: &'static str, routes: MethodRouter<Api>) -> Guarded {
        Guarded {
            policy: self,
            what: What::Files(path, Box::new(routes)),
        }
    }
}

impl Guarded {
    /// Adds the operations to `router`, behind the guard.
    #[must_use]
    pub fn join(self, router: OpenApiRouter<Api>, api: &Api) -> OpenApiRouter<Api> {
        let guard = from_fn_with_state(api.clone(), admit);
        match (self.policy, self.what) {
            (Policy::Public, What::Documented(routes)) => router.routes(*routes),
            (Policy::Public, What::Files(path, routes)) => router.route(path, *routes),
            (Policy::Caller, What::Documented(routes)) => router.routes((*routes).layer(guard)),
            (Policy::Caller, What::Files(path, routes)) => {
                router.route(path, (*routes).layer(guard))
            }
        }
    }

    /// Adds the operations to the document only.
    #[must_use]
    pub fn describe(self, router: OpenApiRouter<Api>) -> OpenApiRouter<Api> {
        match self.what {
            What::Files(..) => router,
            What::Documented(routes) => {
                let (schemas, mut paths, methods) = *routes;
                for item in paths.paths.values_mut() {
                    openapi::complete(item, self.policy == Policy::Caller);
                }
                router.routes((schemas, paths, methods))
            }
        }
    }
}

async fn admit(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let token = api.settings.token.as_ref();
    if let Err(problem) = origin::check(request.method(), request.headers(), token.is_some()) {
        return problem.into_response();
    }
    match token {
        Some(token) if !bearer(request.headers()).is_some_and(|t| token.admits(t)) => Problem::new(
            ProblemKind::Unauthenticated,
            "send the service's token in the header Authorization: Bearer …",
        )
        .header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"mirrorgate\""),
        )
        .into_response(),
        _ => {
            // One token is one caller, also after it was exchanged.
            let caller = token.map_or("anybody", |_| "token");
            if let Some(asking) = request.extensions().get::<Asking>() {
                asking.is(caller);
            }
            request.extensions_mut().insert(CallerName(caller));
            next.run(request).await
        }
    }
}

/// The token of the one `Authorization` header; two of them are none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
