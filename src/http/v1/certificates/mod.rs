//! `/v1/instances/{name}/certificates`: public certificates of an instance's mirroring endpoint.

pub mod upload;
mod view;
mod warnings;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use self::view::CertificateView;
use crate::domain::instance::InstanceSpec;
use crate::domain::name::RegistrationName;
use crate::http::api::Api;
use crate::http::etag::{Conditions, ETag};
use crate::http::extract::{
    CertificatePath, NamePath, Named, NamedCertificate, NoParameters, Parameters,
};
use crate::http::negotiate::{self, JsonOnly};
use crate::http::page::{ListOf, Listing, Paging};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::{self, Answer, Deleted};
use crate::http::v1::registration::find;
use crate::store::certificates::{self, StoredCertificate};
use crate::store::list::Page;

/// List an instance's certificates
///
/// Uploaded ones and those obtained from its endpoint, latest first.
#[utoipa::path(
    get, path = "/v1/instances/{name}/certificates", operation_id = "list_certificates", tag = "certificates",
    params(NamePath, Paging),
    responses(
        (status = 200, description = "A page, latest first.", headers(("Link" = Option<String>, description = "`rel=\"next\"`")), content(
            (ListOf<CertificateView> = "application/json", example = json!({"items": [example()], "next_cursor": null})),
            (String = "text/plain"),
        )),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
pub async fn list_certificates(
    State(api): State<Api>,
    Named(name): Named,
    asked: Listing,
) -> Answer {
    let mut conn = api.store.acquire().await?;
    let instance = find::<InstanceSpec>(&mut conn, &name).await?;
    let scope = format!("certificates {}", instance.id);
    let after: Option<(DateTime<Utc>, String)> = asked.after(&scope)?;
    let mut all = certificates::list(&mut conn, instance.id).await?;
    // An instance has a handful; they are paged here so that every list reads alike.
    let key = |c: &StoredCertificate| {
        (
            c.uploaded_at.unwrap_or(c.created_at),
            c.certificate.sha256.to_string(),
        )
    };
    all.sort_by_key(|c| std::cmp::Reverse(key(c)));
    all.retain(|c| after.as_ref().is_none_or(|after| key(c) < *after));
    let page = Page::of(all, asked.limit(), key);
    asked.answer(&scope, page.map(|c| CertificateView::of(&c)))
}

/// Read a certificate
///
/// As JSON, or itself as DER or PEM, by `Accept`.
#[utoipa::path(
    get, path = "/v1/instances/{name}/certificates/{sha256}", operation_id = "get_certificate", tag = "certificates",
    params(CertificatePath, crate::http::etag::OfReads),
    responses(
        (status = 200, description = "The certificate.", content(
            (CertificateView = "application/json", example = json!(example())),
            (String = "application/pkix-cert"),
            (String = "application/x-pem-file"),
        )),
        (status = 304, description = "Unchanged since the tag in `If-None-Match`."),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
pub async fn get_certificate(
    State(api): State<Api>,
    NamedCertificate(name, sha256): NamedCertificate,
    _: Parameters<NoParameters>,
    conditions: Conditions,
    headers: HeaderMap,
) -> Answer {
    let media = negotiate::choose(&headers, &[negotiate::JSON, negotiate::DER, negotiate::PEM])?;
    let mut conn = api.store.acquire().await?;
    let instance = find::<InstanceSpec>(&mut conn, &name).await?;
    let stored = certificates::get(&mut conn, instance.id, &sha256)
        .await?
        .ok_or_else(|| no_such(&name))?;
    let view = CertificateView::of(&stored);
    let tag = tag(&stored);
    let (tag, extension) = match media {
        negotiate::DER => (tag.with_suffix(".der"), "cer"),
        negotiate::PEM => (tag.with_suffix(".pem"), "pem"),
        _ => (tag, ""),
    };
    if let Some(answer) = reply::not_modified(&conditions, &tag) {
        return Ok(answer);
    }
    let body = match media {
        negotiate::DER => stored.certificate.der.clone(),
        negotiate::PEM => stored.certificate.to_pem().into_bytes(),
        _ => return reply::json(StatusCode::OK, &view).map(|r| reply::tagged(r, &tag)),
    };
    let mut response = reply::tagged(reply::bytes(StatusCode::OK, media, body), &tag);
    let file = format!(
        "attachment; filename=\"{}.{extension}\"",
        file_stem(&instance.name, &stored)
    );
    if let Ok(file) = file.parse() {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, file);
    }
    Ok(response)
}

/// `HOST_A_9f21a7c4_until_2027-03-01`: whose it is, which one, and how long it lasts; one file for each.
fn file_stem(instance: &RegistrationName, stored: &StoredCertificate) -> String {
    let certificate = &stored.certificate;
    format!(
        "{instance}_{}_until_{}",
        certificate.thumbprint.short(),
        certificate.not_after.format("%Y-%m-%d")
    )
}

/// A certificate never changes; what is said about it moves with its last upload, and with another one becoming the pin.
fn tag(stored: &StoredCertificate) -> ETag {
    let mut id = [0; 16];
    id.copy_from_slice(&stored.certificate.sha256.as_bytes()[..16]);
    ETag::new(
        Uuid::from_bytes(id),
        stored.uploaded_seq.unwrap_or_default(),
        i64::from(stored.pinned),
    )
}

/// Forget a certificate
///
/// If it was the pin, the instance has none until another is uploaded: no earlier upload counts again by itself. Nothing is
/// changed on any SQL Server.
#[utoipa::path(
    delete, path = "/v1/instances/{name}/certificates/{sha256}", operation_id = "delete_certificate", tag = "certificates",
    params(CertificatePath),
    responses(
        (status = 200, description = "Forgotten.", body = Deleted),
        (status = 404, response = crate::http::openapi::NotFound),
    )
)]
pub async fn delete_certificate(
    State(api): State<Api>,
    NamedCertificate(name, sha256): NamedCertificate,
    _: Parameters<NoParameters>,
    _: JsonOnly,
) -> Answer {
    let mut tx = api.store.begin().await?;
    let instance = find::<InstanceSpec>(&mut tx, &name).await?;
    if !certificates::mark_deleted(&mut tx, instance.id, &sha256, api.clock.now()).await? {
        return Err(no_such(&name));
    }
    tx.commit().await?;
    reply::deleted(sha256)
}

fn no_such(name: &RegistrationName) -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        format!("instance {name} has no such certificate"),
    )
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "sha256": "3f0a9e1f6c1d0f5f4f0e5a9f8f5f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b",
        "thumbprint": "9F21A7C44E0B5D1188A0C7B2E3F4051627384950",
        "subject": "CN=HOST_A mirroring", "issuer": "CN=HOST_A mirroring", "serial": "1f0a",
        "not_before": "2026-03-01T00:00:00Z", "not_after": "2027-03-01T00:00:00Z", "key_bits": 2048,
        "signature_algorithm": "1.2.840.113549.1.1.11", "purpose": "current", "source": "uploaded", "pinned": true,
        "created_at": "2026-11-22T20:11:00Z", "uploaded_at": "2026-11-22T20:11:00Z"
    })
}
