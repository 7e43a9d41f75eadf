//! Whom a request is for: exactly one host, however it is written. Two of them are two opinions, a proxy's and ours.

use axum::extract::Request;
use axum::http::{HeaderMap, Uri, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::problem::{Problem, ProblemKind};

pub async fn check(request: Request, next: Next) -> Response {
    match refused(request.version(), request.uri(), request.headers()) {
        Some(detail) => Problem::new(ProblemKind::InvalidHeader, detail).into_response(),
        None => next.run(request).await,
    }
}

fn refused(version: Version, uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => Some("the header Host is there twice"),
        // HTTP/1.0 does not know it.
        (None, _) if version < Version::HTTP_11 => None,
        (None, _) => Some("the header Host is missing"),
        (Some(host), None) => {
            let named = uri
                .authority()
                .map(|authority| authority.as_str().as_bytes());
            named
                .is_some_and(|named| !named.eq_ignore_ascii_case(host.as_bytes()))
                .then_some("the header Host and the request's address name different hosts")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(version: Version, uri: &str, hosts: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        refused(version, &uri.parse().unwrap(), &headers).is_none()
    }

    #[test]
    fn a_request_is_for_one_host() {
        let one = Version::HTTP_11;
        assert!(is_taken(one, "/v1/pairs", &["a:80"]));
        assert!(is_taken(one, "http://A:80/v1/pairs", &["a:80"]));
        assert!(is_taken(Version::HTTP_10, "/v1/pairs", &[]));
        for (uri, hosts) in [
            ("/v1/pairs", &[][..]),
            ("/v1/pairs", &["a", "b"]),
            ("/v1/pairs", &["a", "a"]),
            ("http://b/v1/pairs", &["a"]),
        ] {
            assert!(!is_taken(one, uri, hosts), "{uri} {hosts:?}");
        }
        assert!(!is_taken(Version::HTTP_10, "/v1/pairs", &["a", "b"]));
    }
}
