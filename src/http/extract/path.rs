//! What stands in paths: registration names, job ids, certificate hashes.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use uuid::Uuid;

use crate::domain::hash::Sha256;
use crate::domain::name::RegistrationName;
use crate::http::problem::{Problem, ProblemKind};

/// The `{name}` of a registration.
#[derive(Debug)]
pub struct Named(pub RegistrationName);

/// The `{name}` of an instance with the `{sha256}` of one of its certificates.
#[derive(Debug)]
pub struct NamedCertificate(pub RegistrationName, pub Sha256);

/// The `{id}` of a job.
#[derive(Debug)]
pub struct JobId(pub Uuid);

/// How the document shows [`Named`].
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the document only")]
pub struct NamePath {
    /// The registration's name; case makes no difference.
    #[param(pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", example = "HOST_A")]
    name: String,
}

/// How the document shows [`NamedCertificate`].
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the document only")]
pub struct CertificatePath {
    /// The instance's name; case makes no difference.
    #[param(pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", example = "HOST_A")]
    name: String,
    /// SHA-256 over the certificate's DER.
    #[param(pattern = "^[0-9A-Fa-f]{64}$")]
    sha256: String,
}

/// How the document shows [`JobId`].
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "read by the document only")]
pub struct JobPath {
    /// The job's id.
    id: Uuid,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        name(parts, state).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for NamedCertificate {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name = name(parts, state).await?;
        let text = segment(parts, state, "sha256").await?;
        let sha256 = Sha256::parse(&text).map_err(|e| refused("sha256", e.to_string()))?;
        Ok(Self(name, sha256))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for JobId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = segment(parts, state, "id").await?;
        // Only the hyphenated form: one job has one address.
        let id = Uuid::try_parse(&text).ok().filter(|_| text.len() == 36);
        id.map(Self)
            .ok_or_else(|| refused("id", "wanted is a UUID".to_owned()))
    }
}

async fn name<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RegistrationName, Problem> {
    let text = segment(parts, state, "name").await?;
    RegistrationName::parse(&text).map_err(|e| refused("name", e.to_string()))
}

async fn segment<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    wanted: &str,
) -> Result<String, Problem> {
    let all = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| refused(wanted, "the path is not percent-encoded UTF-8".to_owned()))?;
    all.iter()
        .find(|(key, _)| *key == wanted)
        .map(|(_, value)| value.to_owned())
        .ok_or_else(|| refused(wanted, "the path does not have it".to_owned()))
}

fn refused(parameter: &str, detail: String) -> Problem {
    Problem::at(
        ProblemKind::InvalidParameter,
        format!("/{parameter}"),
        "invalid_value",
        detail,
    )
}
