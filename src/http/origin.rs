//! Browsers as unwitting helpers: a page from elsewhere must not make a DBA's browser send requests here.
//!
//! Some changes (a multipart upload) need no preflight, and a service without a token trusts whoever reaches it.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, Method, header};

use super::problem::{Problem, ProblemKind};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Checks where a request comes from, as far as the browser tells; what no browser sent passes.
///
/// # Errors
/// `foreign_origin` for a change asked for by a page of another site, and, without a token, for a host name that is not
/// this machine's own (a rebound DNS name).
pub fn check(method: &Method, headers: &HeaderMap, has_token: bool) -> Result<(), Problem> {
    let host = text(headers, header::HOST);
    if !has_token && host.is_some_and(|host| !is_loopback(host)) {
        return Err(Problem::new(
            ProblemKind::ForeignOrigin,
            "without a token the service answers to localhost, 127.0.0.1 and [::1] only; configure a token to serve other names",
        ));
    }
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let foreign = match (text(headers, SEC_FETCH_SITE), text(headers, header::ORIGIN)) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.split_once("://").map(|(_, authority)| authority) != host,
        (None, None) => false,
    };
    if foreign {
        return Err(Problem::new(
            ProblemKind::ForeignOrigin,
            "the request was made by a browser page of another site",
        ));
    }
    Ok(())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether the authority in `Host` names this machine itself.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(method: Method, headers: &[(&str, &str)], has_token: bool) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        check(&method, &map, has_token).is_ok()
    }

    #[test]
    fn pages_from_elsewhere_change_nothing() {
        let host = ("host", "127.0.0.1:8080");
        assert!(allowed(Method::POST, &[host], false));
        assert!(allowed(
            Method::POST,
            &[host, ("origin", "http://127.0.0.1:8080")],
            false
        ));
        assert!(!allowed(
            Method::POST,
            &[host, ("origin", "https://evil.example")],
            false
        ));
        assert!(!allowed(Method::POST, &[host, ("origin", "null")], true));
        assert!(!allowed(
            Method::PUT,
            &[host, ("sec-fetch-site", "cross-site")],
            true
        ));
        assert!(allowed(
            Method::PUT,
            &[host, ("sec-fetch-site", "same-origin")],
            true
        ));
        assert!(allowed(
            Method::GET,
            &[host, ("sec-fetch-site", "cross-site")],
            true
        ));
    }

    #[test]
    fn without_a_token_only_this_machines_names_are_answered() {
        for good in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1",
            "127.1.2.3:1",
            "[::1]:8080",
        ] {
            assert!(allowed(Method::GET, &[("host", good)], false), "{good}");
        }
        for bad in [
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1:80",
            "[fe80::1]",
        ] {
            assert!(!allowed(Method::GET, &[("host", bad)], false), "{bad}");
            assert!(allowed(Method::GET, &[("host", bad)], true), "{bad}");
        }
    }
}
