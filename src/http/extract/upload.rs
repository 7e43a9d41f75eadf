//! The forms a certificate may be uploaded in: as it is, in JSON, or in a form.

use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use serde::Deserialize;

use super::body::{content_type, read};
use super::json::decode;
use super::tree::escape;
use crate::http::problem::{Problem, ProblemKind};

/// The largest body of a certificate upload; the certificate itself has a limit of its own.
const MAX_UPLOAD_BYTES: usize = 64 * 1024;

/// A certificate upload's bytes, whichever form they came in; the dress they wear is told later by their content.
///
/// Has no Debug: a private key may be in it.
pub struct Upload(pub Vec<u8>);

/// The JSON form.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadDocument {
    /// One certificate: DER in base64, PEM text, or `0x…` as SQL Server shows it.
    #[schema(example = "MIIC…")]
    certificate: String,
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media = content_type(request.headers())?;
        match media.as_deref() {
            Some(
                "application/pkix-cert"
                | "application/x-x509-ca-cert"
                | "application/x-x509-user-cert"
                | "application/pem-certificate-chain"
                | "application/octet-stream"
                | "application/x-pem-file"
                | "text/plain"
                // Read to be called by their names.
                | "application/pkcs10"
                | "application/pkcs7-mime"
                | "application/x-pkcs7-certificates"
                | "application/x-pkcs12",
            ) => Ok(Self(read(request, MAX_UPLOAD_BYTES).await?.to_vec())),
            Some("application/json") => from_json(&read(request, MAX_UPLOAD_BYTES).await?),
            Some("multipart/form-data") => from_form(request, state).await,
            _ => Err(Problem::new(
                ProblemKind::UnsupportedMediaType,
                "a certificate is taken as application/pkix-cert, application/octet-stream, application/x-pem-file, application/json or multipart/form-data; with curl: -H 'Content-Type: application/pkix-cert' --data-binary @HOST_A.cer",
            )),
        }
    }
}

fn from_json(bytes: &[u8]) -> Result<Upload, Problem> {
    let document: UploadDocument = decode(bytes)?;
    if could_be_dressed(&document.certificate) {
        return Ok(Upload(document.certificate.into_bytes()));
    }
    Err(Problem::at(
        ProblemKind::InvalidBody,
        "/certificate",
        "invalid_value",
        "wanted is DER in base64, PEM, or the 0x… that SQL Server shows",
    ))
}

/// What has a line of PEM or a tag in it, or nothing but what base64 and hexadecimal are made of. What it then is is told by
/// reading it.
fn could_be_dressed(text: &str) -> bool {
    let is_plain = |c: char| {
        c.is_ascii_alphanumeric()
            || c.is_whitespace()
            || matches!(
                c,
                '+' | '/' | '=' | '-' | '_' | ':' | ';' | ',' | '\\' | '\u{feff}' | '"' | '\''
            )
    };
    text.contains("-----") || text.contains('<') || text.chars().all(is_plain)
}

async fn from_form<S: Send + Sync>(request: Request, state: &S) -> Result<Upload, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = read(Request::from_parts(parts.clone(), body), MAX_UPLOAD_BYTES).await?;
    let malformed = || {
        Problem::new(
            ProblemKind::InvalidBody,
            "the body is not multipart/form-data with the boundary of its Content-Type",
        )
    };
    let mut form = Multipart::from_request(Request::from_parts(parts, Body::from(bytes)), state)
        .await
        .map_err(|_| malformed())?;
    let mut certificate = None;
    while let Some(field) = form.next_field().await.map_err(|_| malformed())? {
        let name = field.name().unwrap_or_default().to_owned();
        let content = field.bytes().await.map_err(|_| malformed())?;
        let code = match (name.as_str(), &certificate) {
            ("certificate", None) => {
                certificate = Some(content.to_vec());
                continue;
            }
            ("certificate", Some(_)) => "duplicate_member",
            _ => "unknown_member",
        };
        return Err(form_fault(&name, code));
    }
    certificate
        .map(Upload)
        .ok_or_else(|| form_fault("certificate", "missing_member"))
}

fn form_fault(name: &str, code: &'static str) -> Problem {
    let detail = "the form has exactly one field, named certificate, with the file";
    Problem::at(
        ProblemKind::InvalidBody,
        format!("/{}", escape(name)),
        code,
        detail,
    )
}
